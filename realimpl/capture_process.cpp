#include "realimpl/capture_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "model/outcome.hpp"
#include "realimpl/helper_programs.hpp"
#include "traces/zct_json.hpp"

namespace zcv {
namespace {

constexpr std::size_t frame_bytes_max = 256u << 20;
constexpr std::size_t fill_bytes = 512u << 10;  // read at a time, at least
constexpr int end_wait_ms = 5000;

std::string find_capture_program() {
    const std::string program = find_helper_or_none("zcv-capture", "ZCV_CAPTURE");
    const std::string why = ZCV_OBSERVER_MISSING;
    if (program.empty() && !why.empty())
        throw Refusal(Status::unable,
                      fmt::format("built without the observer ({}), so nothing can be captured: "
                                  "build again after that",
                                  why));
    return program.empty() ? find_helper("zcv-capture", "ZCV_CAPTURE") : program;
}

[[noreturn]] void exec_capture(const std::vector<std::string>& words, int output, int control,
                               const sigset_t& signals) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    fcntl(output, F_SETFD, 0);
    fcntl(control, F_SETFD, 0);
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    execv(argv.front(), argv.data());
    _exit(127);
}

nlohmann::json json_of(const Frame& frame) {
    return nlohmann::json::parse(frame.payload.begin(), frame.payload.end());
}

}  // namespace

std::vector<zcv_event> events_of(const Frame& frame) {
    std::vector<zcv_event> events(frame.payload.size() / sizeof(zcv_event));
    if (!events.empty())
        std::memcpy(events.data(), frame.payload.data(), events.size() * sizeof(zcv_event));
    return events;
}

Totals totals_of(const Frame& frame) {
    const nlohmann::json json = json_of(frame);
    Totals totals;
    totals.records = json.at("records");
    totals.lost = json.at("lost");
    totals.recursion_misses = json.at("recursion_misses");
    totals.map_failures = json.at("map_failures");
    totals.blind_spells = json.at("blind_spells");
    for (const auto& [kind, count] : json.at("by_kind").items())
        totals.by_kind[name_of(static_cast<zcv_event_kind>(std::stoul(kind)))] = count;
    for (const auto& [kind, count] : json.at("lost_by_kind").items())
        totals.lost_by_kind[name_of(static_cast<zcv_event_kind>(std::stoul(kind)))] = count;
    return totals;
}

std::optional<Stack> stack_of(const Frame& frame) {
    return zct::stack_of({frame.payload.data(), frame.payload.size()});
}

void read_missing_later(const Frame& frame, TraceInfo& info) {
    info.missing.merge(json_of(frame).at("missing").get<std::map<std::string, std::string>>());
}

void read_ready(const Frame& frame, TraceInfo& info) {
    const nlohmann::json json = json_of(frame);
    info.probes = json.at("probes").get<std::vector<std::string>>();
    info.missing = json.at("missing").get<std::map<std::string, std::string>>();
}

CaptureProcess::CaptureProcess(std::uint32_t pid, const Watched& watched, const sigset_t& signals)
    : frames_(make_pipe()), control_(make_pipe()) {
    const int output = frames_.write_end.get();
    const int control = control_.read_end.get();
    std::vector<std::string> words{find_capture_program(),
                                   "--pid",
                                   std::to_string(pid),
                                   "--hash",
                                   watched.hash,
                                   "--buffer",
                                   std::to_string(watched.buffer_bytes),
                                   "--kinds",
                                   std::to_string(watched.kinds),
                                   "--output-fd",
                                   std::to_string(output),
                                   "--control-fd",
                                   std::to_string(control)};
    if (watched.write_watch) words.emplace_back("--write-watch");
    if (watched.stacks) words.emplace_back("--stacks");
    if (watched.kernel_stacks) words.emplace_back("--kernel-stacks");
    // A larger pipe means fewer turns of both sides; the default also works.
    fcntl(output, F_SETPIPE_SZ, 1 << 20);
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) exec_capture(words, output, control, signals);
    frames_.write_end.close();
    control_.read_end.close();
    fcntl(fd(), F_SETFL, O_NONBLOCK);
}

CaptureProcess::~CaptureProcess() {
    stop();
    frames_.read_end.close();
    how_it_ended();
}

bool CaptureProcess::fill() {
    if (consumed_ > 0) std::memmove(bytes_.data(), bytes_.data() + consumed_, filled_ - consumed_);
    filled_ -= consumed_;
    consumed_ = 0;
    // Bounded, so that a fast stream cannot keep the caller from its other descriptors.
    for (int turn = 0; turn < 8; turn++) {
        if (bytes_.size() - filled_ < fill_bytes) bytes_.resize(filled_ + 2 * fill_bytes);
        const ssize_t got = read(fd(), bytes_.data() + filled_, bytes_.size() - filled_);
        if (got == 0) return false;
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        filled_ += static_cast<std::size_t>(got);
    }
    return true;
}

std::optional<Frame> CaptureProcess::next() {
    zcv_frame header;
    if (filled_ - consumed_ < sizeof(header)) return std::nullopt;
    std::memcpy(&header, bytes_.data() + consumed_, sizeof(header));
    const bool whole_events =
        header.kind != ZCV_FRAME_EVENTS || header.bytes % sizeof(zcv_event) == 0;
    if (header.kind < ZCV_FRAME_READY || header.kind > ZCV_FRAME_SAMPLE || !whole_events ||
        header.bytes > frame_bytes_max)
        throw Refusal(Status::internal,
                      "zcv-capture speaks another language: is it as new as zcv?");
    if (filled_ - consumed_ - sizeof(header) < header.bytes) return std::nullopt;
    const std::span payload(bytes_.data() + consumed_ + sizeof(header), header.bytes);
    consumed_ += sizeof(header) + header.bytes;
    return Frame{static_cast<zcv_frame_kind>(header.kind), payload};
}

std::string CaptureProcess::how_it_ended() {
    if (pid_ > 0) {
        // It ends by itself once its pipes are closed; should it not, nothing may hang for it.
        const Fd pidfd = open_pidfd(pid_);
        pollfd ended{pidfd.get(), POLLIN, 0};
        if (poll(&ended, 1, end_wait_ms) == 0) kill(pid_, SIGKILL);
        while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
    if (WIFSIGNALED(status_)) return fmt::format("was killed by signal {}", WTERMSIG(status_));
    return fmt::format("exited with status {}", WEXITSTATUS(status_));
}

}  // namespace zcv
