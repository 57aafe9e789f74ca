#include "realimpl/capture.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_set>

#include "model/outcome.hpp"
#include "realimpl/capture_command.hpp"
#include "realimpl/capture_process.hpp"
#include "realimpl/capture_stacks.hpp"
#include "traces/event_sets.hpp"
#include "traces/file_words.hpp"
#include "traces/sequence_gaps.hpp"

namespace zcv {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds attach_time_max{30000};
constexpr milliseconds totals_time_max{10000};  // without a word from zcv-capture
constexpr milliseconds exit_record_time_max{200};
constexpr milliseconds settle{20};  // a head's free may be recorded later than the notification
constexpr __u32 cqe_notif = 1u << 3;

// Signals arrive as reads while this lives; the processes started meanwhile get the old mask.
class Signals {
  public:
    Signals() {
        sigset_t wanted;
        sigemptyset(&wanted);
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&wanted, number);
        sigprocmask(SIG_BLOCK, &wanted, &before_);
        fd_ = Fd{signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (fd_.get() < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    int fd() const { return fd_.get(); }
    const sigset_t& before() const { return before_; }
    std::optional<signalfd_siginfo> next() const {
        signalfd_siginfo info;
        if (read(fd_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info)))
            return std::nullopt;
        return info;
    }

  private:
    sigset_t before_;
    Fd fd_;
};

std::string first_line(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

// The words of a running process's command line.
std::vector<std::string> command_of(std::uint32_t pid) {
    std::ifstream file{fmt::format("/proc/{}/cmdline", pid)};
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
    return words;
}

// Traces go to other machines, where it does not matter which zcv of this one it was.
std::vector<std::string> without_own_path(std::vector<std::string> words) {
    std::error_code error;
    if (!words.empty() && std::filesystem::equivalent(words.front(), "/proc/self/exe", error))
        words.front() = "zcv";
    return words;
}

TraceInfo describe(const CaptureOptions& options, std::uint32_t watched) {
    utsname system{};
    uname(&system);
    TraceInfo info;
    info.tool = "zcv " ZCV_VERSION;
    info.kernel_release = system.release;
    info.boot_id = first_line("/proc/sys/kernel/random/boot_id");
    info.clock = "CLOCK_MONOTONIC";
    info.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    info.hash = options.hash;
    info.events = options.events;
    info.command =
        without_own_path(options.command.empty() ? command_of(watched) : options.command);
    info.watched = {watched};
    return info;
}

void check_process(std::uint32_t pid) {
    std::ifstream status{fmt::format("/proc/{}/status", pid)};
    if (!status) throw Refusal(Status::usage, fmt::format("--pid {}: no such process", pid));
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("Tgid:")) continue;
        const unsigned long group = std::stoul(line.substr(5));
        if (group != pid)
            throw Refusal(
                Status::usage,
                fmt::format("--pid {0}: is a thread of process {1}: use --pid {1}", pid, group));
    }
}

// Which sends still await their notification.
class Outstanding {
  public:
    void see(const zcv_event& event) {
        const bool call = event.kind == ZCV_CALL && event.zc_flags != 0;
        if (event.kind == ZCV_SUBMIT || call) sends_++;
        if (event.ubuf != 0 && (event.kind == ZCV_SUBMIT || event.kind == ZCV_PREP_FAILED))
            open_.insert(event.generation);
        const bool overflowed = event.kind == ZCV_CQE_OVERFLOW && (event.cqe_flags & cqe_notif);
        if (overflowed && event.generation == 0) nameless_++;
        if (overflowed || event.kind == ZCV_NOTIF) open_.erase(event.generation);
    }
    std::uint64_t sends() const { return sends_; }
    std::uint64_t count() const { return open_.size() - std::min(nameless_, open_.size()); }

  private:
    std::unordered_set<std::uint32_t> open_;
    std::size_t nameless_ = 0;  // overflowed, and several sends had that name
    std::uint64_t sends_ = 0;
};

class Session {
  public:
    Session(const CaptureOptions& options, const OnEvents& on_events)
        : options_(options), on_events_(on_events) {}

    CaptureResult run();

  private:
    void start();
    void await_ready();
    void observe();
    void collect_totals();
    void close_file();
    void await_command();
    void take_signals();
    void take_frames();
    void handle(const Frame& frame);
    void store(std::vector<zcv_event> events);
    void store(Stack stack);
    void poll_for(milliseconds time, bool with_process);
    bool over() const;

    const CaptureOptions& options_;
    const OnEvents& on_events_;
    Signals signals_;
    std::optional<Command> command_;
    Fd target_;
    std::optional<CaptureProcess> process_;
    std::unique_ptr<TraceWriter> writer_;
    CaptureResult result_;
    Outstanding outstanding_;
    SequenceGaps gaps_;
    CapturedStacks stacks_;
    std::optional<Refusal> disk_;
    std::uint32_t watched_ = 0;
    bool ready_ = false;
    bool stream_ended_ = false;
    bool totals_seen_ = false;
    bool interrupted_ = false;
    bool exit_seen_ = false;
    Clock::time_point started_at_;
    std::optional<Clock::time_point> ended_at_;
};

CaptureResult Session::run() {
    start();
    await_ready();
    if (!options_.output.empty())
        writer_ = std::make_unique<TraceWriter>(options_.output, result_.info);
    try {
        if (command_) command_->release();
    } catch (const Refusal&) {
        // Nothing ran, so there is nothing to keep.
        writer_.reset();
        if (!options_.output.empty()) std::remove((options_.output + ".part").c_str());
        throw;
    }
    started_at_ = Clock::now();
    observe();
    collect_totals();
    await_command();
    result_.sends = outstanding_.sends();
    result_.unnotified = outstanding_.count();
    result_.sequence_gaps = gaps_.missing();
    if (disk_ && on_events_)
        result_.unwritten = disk_->what();
    else if (disk_)
        throw Refusal(disk_->status(),
                      fmt::format("{}; the command ran on unobserved, {}.part holds the beginning",
                                  disk_->what(), printable(options_.output)));
    if (writer_ && !disk_ && !result_.cut_off) close_file();
    return result_;
}

// The last blocks are written here, and may find the disk full as any other.
void Session::close_file() {
    try {
        writer_->close(result_.totals);
    } catch (const Refusal& refused) {
        if (!on_events_) throw;
        result_.unwritten = refused.what();
    }
}

void Session::start() {
    if (options_.command.empty()) {
        check_process(options_.pid);
        watched_ = options_.pid;
        target_ = open_pidfd(static_cast<int>(options_.pid));
    } else {
        check_runnable(options_.command.front());
        command_.emplace(options_.command, signals_.before());
        watched_ = static_cast<std::uint32_t>(command_->pid());
    }
    result_.info = describe(options_, watched_);
    process_.emplace(watched_,
                     Watched{options_.hash, options_.buffer_bytes, event_set(options_.events),
                             options_.write_watch, options_.stacks, options_.kernel_stacks},
                     signals_.before());
}

void Session::await_ready() {
    const auto deadline = Clock::now() + attach_time_max;
    while (!ready_) {
        poll_for(milliseconds{100}, false);
        take_signals();
        take_frames();
        if (ready_) return;
        if (interrupted_) throw Refusal(Status::inconclusive, "interrupted before anything ran");
        if (stream_ended_)
            throw Refusal(Status::unable, fmt::format("zcv-capture {} before it captured anything",
                                                      process_->how_it_ended()));
        if (Clock::now() > deadline)
            throw Refusal(Status::unable,
                          "the observer was not attached within 30 s: try again when this "
                          "machine has less to do");
    }
}

// Sleeps until there is something to do.
void Session::poll_for(milliseconds time, bool with_process) {
    const int process = command_ ? command_->pidfd() : target_.get();
    std::array<pollfd, 3> watched{{{signals_.fd(), POLLIN, 0},
                                   {stream_ended_ ? -1 : process_->fd(), POLLIN, 0},
                                   {with_process ? process : -1, POLLIN, 0}}};
    poll(watched.data(), watched.size(), static_cast<int>(time.count()));
    if (watched[2].revents != 0 && !ended_at_) ended_at_ = Clock::now();
}

// A terminal sends Ctrl-C to the command as well, so only what was sent to us alone is passed on.
void Session::take_signals() {
    while (const auto info = signals_.next()) {
        const bool from_terminal = info->ssi_code == SI_KERNEL;
        if (!command_ || !ready_ || ended_at_)
            interrupted_ = true;
        else if (!from_terminal)
            command_->signal(static_cast<int>(info->ssi_signo));
    }
}

void Session::take_frames() {
    if (stream_ended_) return;
    stream_ended_ = !process_->fill();
    while (const auto frame = process_->next()) handle(*frame);
}

void Session::handle(const Frame& frame) {
    switch (frame.kind) {
        case ZCV_FRAME_READY:
            read_ready(frame, result_.info);
            ready_ = true;
            break;
        case ZCV_FRAME_EVENTS:
            store(events_of(frame));
            break;
        case ZCV_FRAME_MAPS:
        case ZCV_FRAME_SAMPLE:
        case ZCV_FRAME_STACK:
            if (const auto stack = stacks_.take(frame)) store(*stack);
            break;
        case ZCV_FRAME_TOTALS:
            result_.totals = totals_of(frame);
            read_missing_later(frame, result_.info);
            totals_seen_ = true;
            break;
        case ZCV_FRAME_FAILED:
            throw Refusal(Status::unable, {frame.payload.begin(), frame.payload.end()});
    }
}

void Session::store(std::vector<zcv_event> events) {
    stacks_.number(events);
    for (const zcv_event& event : events) {
        outstanding_.see(event);
        gaps_.see(event.cpu, event.seq);
        if (event.kind == ZCV_EXIT && event.pid == watched_) exit_seen_ = true;
    }
    result_.records += events.size();
    if (on_events_) on_events_(events);
    try {
        if (writer_ && !disk_) writer_->append(events);
    } catch (const Refusal& refused) {
        disk_ = refused;
    }
}

void Session::store(Stack stack) {
    try {
        if (writer_ && !disk_) writer_->append(stack);
    } catch (const Refusal& refused) {
        disk_ = refused;
    }
    result_.stacks.push_back(std::move(stack));
}

// The end of the process is not the end of its sends. The exit's own record tells that all records
// from before it have arrived.
bool Session::over() const {
    const auto now = Clock::now();
    if (stream_ended_ || interrupted_ || (disk_ && !on_events_)) return true;
    if (options_.time_max_s > 0 &&
        now - started_at_ >= std::chrono::duration<double>(options_.time_max_s))
        return true;
    if (!ended_at_) return false;
    if (now - *ended_at_ >= std::chrono::duration<double>(options_.grace_s)) return true;
    const bool all_in = exit_seen_ || now - *ended_at_ >= exit_record_time_max;
    return all_in && outstanding_.count() == 0;
}

void Session::observe() {
    while (!over()) {
        poll_for(ended_at_ ? milliseconds{10} : milliseconds{200}, !ended_at_);
        take_signals();
        take_frames();
    }
    if (stream_ended_) return;
    const auto settled = Clock::now() + settle;
    while (!stream_ended_ && Clock::now() < settled) {
        poll_for(milliseconds{5}, false);
        take_frames();
    }
}

void Session::collect_totals() {
    process_->stop();
    auto deadline = Clock::now() + totals_time_max;
    while (!stream_ended_ && !totals_seen_ && Clock::now() < deadline) {
        const std::uint64_t before = result_.records;
        poll_for(milliseconds{100}, false);
        take_frames();
        if (result_.records != before) deadline = Clock::now() + totals_time_max;
    }
    if (totals_seen_) return;
    result_.cut_off = true;
    result_.cut_reason = stream_ended_ ? fmt::format("zcv-capture {}", process_->how_it_ended())
                                       : std::string{"zcv-capture went silent before its totals"};
}

// It may outlive its capture, when that broke; it is still the user's command and runs to its end.
void Session::await_command() {
    process_.reset();
    if (!command_) return;
    stream_ended_ = true;
    while (!ended_at_) {
        poll_for(milliseconds{1000}, true);
        take_signals();
    }
    result_.command_status = command_->wait();
}

}  // namespace

CaptureResult capture(const CaptureOptions& options, const OnEvents& on_events) {
    return Session{options, on_events}.run();
}

}  // namespace zcv
