// zcv-capture, the one privileged program: puts the observer into the kernel, hands its records on
// as frames, and takes it out again. It ends when the control descriptor is closed or written to,
// or when nobody takes its output any more.
#include <fcntl.h>
#include <fmt/format.h>
#include <getopt.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "realimpl/capture_observer.hpp"
#include "realimpl/capture_stream.h"
#include "realimpl/page_tracking.hpp"
#include "realimpl/raw_stacks.hpp"
#include "realimpl/write_watch.hpp"

namespace {

using zcv::CaptureFailed;

constexpr int poll_ms = 10;
// Watchpoints must be on a buffer soon after it was submitted.
constexpr int poll_watching_ms = 1;
// As much as both sides have in their caches while they copy it.
constexpr std::size_t batch_events = 2048;
constexpr int drain_turns = 20;
constexpr std::size_t stacks_waiting_max = 65536;

struct Arguments {
    zcv::ObserverOptions observer;
    bool write_watch = false;
    int output_fd = -1;
    int control_fd = -1;
};

// The command line is wrong: this program is started by zcv, so it is said on stderr.
struct Misused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Nobody reads any more.
struct OutputGone : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <typename Number>
Number number(const char* option, const char* text) {
    Number value{};
    const char* end = text + std::strlen(text);
    const auto [rest, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || rest != end)
        throw Misused{fmt::format("--{}: '{}' is not a number", option, text)};
    return value;
}

std::uint32_t hash_mode(const std::string& name) {
    if (name == "none") return ZCV_HASH_NONE;
    if (name == "sampled") return ZCV_HASH_SAMPLED;
    if (name == "full") return ZCV_HASH_FULL;
    throw Misused{fmt::format("--hash: '{}' is none of none, sampled, full", name)};
}

Arguments parse(int argc, char** argv) {
    enum { pid = 1, hash, buffer, kinds, output, control, writes, stacks, kernel_stacks };
    const std::array<option, 10> options{{{"pid", required_argument, nullptr, pid},
                                          {"hash", required_argument, nullptr, hash},
                                          {"buffer", required_argument, nullptr, buffer},
                                          {"kinds", required_argument, nullptr, kinds},
                                          {"output-fd", required_argument, nullptr, output},
                                          {"control-fd", required_argument, nullptr, control},
                                          {"write-watch", no_argument, nullptr, writes},
                                          {"stacks", no_argument, nullptr, stacks},
                                          {"kernel-stacks", no_argument, nullptr, kernel_stacks},
                                          {nullptr, 0, nullptr, 0}}};
    Arguments arguments;
    for (int got; (got = getopt_long(argc, argv, "", options.data(), nullptr)) != -1;) {
        switch (got) {
            case pid:
                arguments.observer.pids.push_back(number<std::uint32_t>("pid", optarg));
                break;
            case hash:
                arguments.observer.hash_mode = hash_mode(optarg);
                break;
            case buffer:
                arguments.observer.buffer_bytes = number<std::uint64_t>("buffer", optarg);
                break;
            case kinds:
                arguments.observer.kinds = number<std::uint64_t>("kinds", optarg);
                break;
            case output:
                arguments.output_fd = number<int>("output-fd", optarg);
                break;
            case control:
                arguments.control_fd = number<int>("control-fd", optarg);
                break;
            case writes:
                arguments.write_watch = true;
                break;
            case stacks:
                arguments.observer.stacks = true;
                break;
            case kernel_stacks:
                arguments.observer.kernel_stacks = true;
                break;
            default:
                throw Misused{"zcv capture and zcv run start this program; start those"};
        }
    }
    const std::uint64_t bytes = arguments.observer.buffer_bytes;
    if (bytes < 4096 || bytes > (1u << 30) || (bytes & (bytes - 1)) != 0)
        throw Misused{"--buffer: not a power of two from 4096 to 1073741824"};
    if (fcntl(arguments.output_fd, F_GETFD) < 0 || fcntl(arguments.control_fd, F_GETFD) < 0)
        throw Misused{"zcv capture and zcv run start this program with pipes; start those"};
    if (arguments.observer.pids.empty()) throw Misused{"--pid: whom to watch?"};
    return arguments;
}

class Output {
  public:
    explicit Output(int fd) : fd_(fd) {}

    void frame(zcv_frame_kind kind, const void* payload, std::size_t bytes) {
        const zcv_frame header{kind, static_cast<__u32>(bytes)};
        all(&header, sizeof(header));
        all(payload, bytes);
    }
    void text(zcv_frame_kind kind, const std::string& payload) {
        frame(kind, payload.data(), payload.size());
    }

  private:
    void all(const void* data, std::size_t bytes) {
        const char* at = static_cast<const char*>(data);
        while (bytes > 0) {
            const ssize_t done = write(fd_, at, bytes);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) throw OutputGone{std::strerror(errno)};
            at += done;
            bytes -= static_cast<std::size_t>(done);
        }
    }
    int fd_;
};

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", c);
        else
            out += c;
    }
    return out + '"';
}

std::uint64_t effective_capabilities() {
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:")) return std::stoull(line.substr(7), nullptr, 16);
    return 0;
}

bool capable(int capability) {
    return (effective_capabilities() >> capability & 1) != 0;
}

std::string own_path() {
    std::error_code unknown;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", unknown);
    return unknown ? "zcv-capture" : path.string();
}

// Everything that can be known to be missing before the kernel is asked.
void check_machine() {
    constexpr int sys_admin = 21, perfmon = 38, bpf = 39;
    if (!capable(sys_admin) && !(capable(bpf) && capable(perfmon)))
        throw CaptureFailed{
            fmt::format("capturing needs CAP_BPF and CAP_PERFMON: run as root, or once, as root "
                        "(apt-get install "
                        "libcap2-bin): setcap cap_bpf,cap_perfmon+ep {}",
                        own_path())};
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
        throw CaptureFailed{fmt::format(
            "this kernel offers no type information at /sys/kernel/btf/vmlinux ({}): use a kernel "
            "built with CONFIG_DEBUG_INFO_BTF",
            std::strerror(errno))};
    // The inode of the first process namespace is part of the kernel's interface.
    constexpr ino_t first_namespace = 0xEFFFFFFC;
    struct stat space {};
    if (stat("/proc/self/ns/pid", &space) == 0 && space.st_ino != first_namespace)
        throw CaptureFailed{
            "inside a process namespace the kernel counts processes differently than the observer: "
            "run zcv outside the container, with --pid"};
}

// Addresses and timings of another user's process are not ours to show.
void check_pid(std::uint32_t pid) {
    constexpr int sys_ptrace = 19;
    struct stat entry {};
    if (stat(fmt::format("/proc/{}", pid).c_str(), &entry) != 0)
        throw CaptureFailed{fmt::format("no process {}: {}", pid, std::strerror(errno))};
    if (entry.st_uid == getuid() || getuid() == 0 || capable(sys_ptrace)) return;
    throw CaptureFailed{fmt::format(
        "process {} belongs to another user: run as root, or with CAP_SYS_PTRACE", pid)};
}

std::string json_of(const std::map<std::string, std::string>& texts) {
    std::string all;
    for (const auto& [name, text] : texts)
        all += fmt::format("{}{}:{}", all.empty() ? "" : ",", quoted(name), quoted(text));
    return "{" + all + "}";
}

// What looks at the program's memory from outside the kernel, where it was asked for and the
// machine has it.
struct Watchers {
    std::optional<zcv::WriteWatch> words;
    std::optional<zcv::PageTracking> pages;
    std::map<std::string, std::string> why_not;

    Watchers(const Arguments& arguments, zcv::RawStacks& stacks) {
        if (arguments.write_watch && is_here("write-watch", zcv::WriteWatch::why_not()))
            words.emplace(stacks);
        const bool page_writes = (arguments.observer.kinds >> ZCV_PAGE_WRITE & 1) != 0;
        if (page_writes && is_here("page-write", zcv::PageTracking::why_not())) pages.emplace();
    }
    void see(const zcv_event& event) {
        if (words) words->see(event);
        if (pages) pages->see(event);
    }
    // What was written since the last turn.
    void turn(std::vector<zcv_event>& writes) {
        if (words) words->turn(writes);
        if (pages) pages->turn(writes);
    }
    std::uint64_t lost() const { return words ? words->lost() : 0; }

  private:
    bool is_here(const char* name, const std::string& reason) {
        if (!reason.empty()) why_not.emplace(name, reason);
        return reason.empty();
    }
};

void announce(Output& output, const zcv::Observer& observer, const Watchers& watchers) {
    std::vector<std::string> attached = observer.probes();
    std::map<std::string, std::string> absent = observer.missing();
    absent.insert(watchers.why_not.begin(), watchers.why_not.end());
    if (watchers.words) attached.emplace_back("write-watch");
    if (watchers.pages) attached.emplace_back("page-write");
    std::string probes;
    for (const std::string& name : attached)
        probes += fmt::format("{}{}", probes.empty() ? "" : ",", quoted(name));
    output.text(ZCV_FRAME_READY,
                fmt::format("{{\"probes\":[{}],\"missing\":{}}}", probes, json_of(absent)));
}

using ByKind = std::array<std::uint64_t, ZCV_COUNTED_KINDS>;

std::string counted(const auto& by_kind) {
    std::string kinds;
    for (std::size_t kind = 0; kind < ZCV_COUNTED_KINDS; kind++)
        if (by_kind[kind] > 0)
            kinds += fmt::format("{}\"{}\":{}", kinds.empty() ? "" : ",", kind, by_kind[kind]);
    return kinds;
}

void send_totals(Output& output, const zcv::ObserverTotals& totals, const ByKind& by_kind,
                 const std::map<std::string, std::string>& missing_later) {
    output.text(
        ZCV_FRAME_TOTALS,
        fmt::format(
            "{{\"records\":{},\"lost\":{},\"recursion_misses\":{},"
            "\"map_failures\":{},\"blind_spells\":{},\"by_kind\":{{{}}},\"lost_by_kind\":{{{}}},"
            "\"missing\":{}}}",
            totals.records, totals.counters.lost, totals.recursion_misses,
            totals.counters.map_failures, totals.counters.blind_spells, counted(by_kind),
            counted(totals.counters.lost_by_kind), json_of(missing_later)));
}

class Relay {
  public:
    Relay(zcv::Observer& observer, Watchers& watchers, zcv::RawStacks& stacks, Output& output)
        : observer_(observer), watchers_(watchers), stacks_(stacks), output_(output) {}

    // Hands on what waits, in frames of a bounded size.
    void turn() {
        batch_.clear();
        if (observer_.take(batch_)) {
            relayed_ += batch_.size();
            for (const zcv_event& event : batch_) {
                watchers_.see(event);
                observer_.follow(event);
            }
            number_records();
            send_batch();
        }
        batch_.clear();
        watchers_.turn(batch_);
        if (batch_.empty()) return;
        writes_ += batch_.size();
        send_batch();
    }
    std::uint64_t relayed() const { return relayed_; }
    std::uint64_t writes() const { return writes_; }
    const ByKind& by_kind() const { return by_kind_; }

  private:
    // A sample is there before its record is.
    void number_records() {
        observer_.take_stacks([&](const zcv_stack_sample& sample) {
            stack_of_[sample.generation] = stacks_.number_of(sample);
        });
        for (zcv_event& event : batch_) {
            if (event.kind != ZCV_SUBMIT && event.kind != ZCV_CALL && event.kind != ZCV_FREE)
                continue;
            if (const auto found = stack_of_.find(event.generation); found != stack_of_.end()) {
                event.res = static_cast<std::int32_t>(found->second);
                stack_of_.erase(found);
            }
            if (event.kind == ZCV_FREE) event.generation = 0;  // it was no send's
        }
        // What is left over belongs to records that were lost, or are still to come.
        if (stack_of_.size() > stacks_waiting_max) stack_of_.clear();
    }
    void send_batch() {
        for (const zcv::RawStack& stack : stacks_.take_new()) send(stack);
        if (zcv::KernelStacks* const kernel = observer_.kernel_stacks())
            for (const zcv_event& event : batch_)
                if (event.kernel_stack != 0)
                    if (const auto frames = kernel->take(event.kernel_stack))
                        send(ZCV_KERNEL_STACKS | event.kernel_stack, *frames);
        for (const zcv_event& event : batch_) by_kind_[event.kind % ZCV_COUNTED_KINDS]++;
        for (std::size_t at = 0; at < batch_.size(); at += batch_events) {
            const std::size_t count = std::min(batch_events, batch_.size() - at);
            output_.frame(ZCV_FRAME_EVENTS, &batch_[at], count * sizeof(zcv_event));
        }
    }
    void send(const zcv::RawStack& stack) {
        if (!stack.maps.empty()) output_.text(ZCV_FRAME_MAPS, maps_of(stack));
        if (!stack.memory.empty()) {
            const auto* const registers = reinterpret_cast<const char*>(&stack.sample);
            const auto* const memory = reinterpret_cast<const char*>(stack.memory.data());
            std::string sample{registers, sizeof stack.sample};
            output_.text(ZCV_FRAME_SAMPLE, sample.append(memory, stack.memory.size() * 8));
        }
        output_.text(ZCV_FRAME_STACK, json_of(stack));
    }
    void send(std::uint32_t number, const std::vector<std::string>& functions) {
        std::string frames;
        for (const std::string& function : functions)
            frames += fmt::format(R"({}{{"ip":0,"offset":0,"line":0,"function":{}}})",
                                  frames.empty() ? "" : ",", quoted(function));
        output_.text(ZCV_FRAME_STACK,
                     fmt::format(R"({{"number":{},"frames":[{}]}})", number, frames));
    }
    static std::string maps_of(const zcv::RawStack& stack) {
        std::string maps;
        for (const zcv::RawMapping& mapping : stack.maps)
            maps += fmt::format(R"({}{{"begin":{},"end":{},"offset":{},"module":{}}})",
                                maps.empty() ? "" : ",", mapping.begin, mapping.end, mapping.offset,
                                quoted(mapping.module));
        return fmt::format(R"({{"tgid":{},"maps":[{}]}})", stack.sample.tgid, maps);
    }
    static std::string json_of(const zcv::RawStack& stack) {
        std::string frames;
        for (const zcv::RawFrame& frame : stack.frames)
            frames += fmt::format(R"({}{{"ip":{},"module":{},"offset":{},"line":0}})",
                                  frames.empty() ? "" : ",", frame.ip, quoted(frame.module),
                                  frame.offset);
        return fmt::format(R"({{"number":{},"frames":[{}]}})", stack.number, frames);
    }

    zcv::Observer& observer_;
    Watchers& watchers_;
    zcv::RawStacks& stacks_;
    Output& output_;
    std::vector<zcv_event> batch_;
    std::unordered_map<std::uint32_t, std::uint32_t> stack_of_;  // by the record's generation
    std::uint64_t relayed_ = 0;
    std::uint64_t writes_ = 0;
    ByKind by_kind_{};
};

// A program that was running while it was detached may still submit a record, so the counters
// decide when the buffer is empty.
void drain(zcv::Observer& observer, Relay& relay) {
    observer.detach();
    for (int i = 0; i < drain_turns; i++) {
        relay.turn();
        if (i > 1 && relay.relayed() == observer.totals().records) break;
        usleep(poll_ms * 1000);
    }
}

void capture(const Arguments& arguments, Output& output) {
    check_machine();
    for (const std::uint32_t pid : arguments.observer.pids) check_pid(pid);
    zcv::Observer observer{arguments.observer};
    zcv::RawStacks stacks;
    Watchers watchers{arguments, stacks};
    announce(output, observer, watchers);
    Relay relay{observer, watchers, stacks, output};
    std::array<pollfd, 3> watched{{{arguments.control_fd, POLLIN, 0},
                                   {observer.wakeup_fd(), POLLIN, 0},
                                   {arguments.output_fd, 0, 0}}};
    while (true) {
        poll(watched.data(), watched.size(), watchers.words ? poll_watching_ms : poll_ms);
        relay.turn();
        if (watched[2].revents & (POLLERR | POLLHUP)) throw OutputGone{"nobody reads"};
        if (watched[0].revents != 0) break;
    }
    drain(observer, relay);
    zcv::ObserverTotals totals = observer.totals();
    totals.records += relay.writes();
    totals.counters.lost += watchers.lost();
    send_totals(output, totals, relay.by_kind(), observer.missing_later());
}

int capture_and_say_why_not(const Arguments& arguments) {
    Output output{arguments.output_fd};
    try {
        capture(arguments, output);
        return 0;
    } catch (const OutputGone&) {
        return 1;
    } catch (const CaptureFailed& failed) {
        output.text(ZCV_FRAME_FAILED, failed.what());
        return 4;
    }
}

}  // namespace

int main(int argc, char** argv) {
    // Ctrl-C goes to the whole group of processes, the end of a service to all of them; the end of
    // a capture is zcv's to order, and that of zcv closes the pipes.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
    try {
        return capture_and_say_why_not(parse(argc, argv));
    } catch (const Misused& misused) {
        std::fprintf(stderr, "zcv-capture: %s\n", misused.what());
        return 2;
    } catch (const OutputGone&) {
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "zcv-capture: internal error: %s\n", error.what());
        return 5;
    }
}
