#include "realimpl/guest/machine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <sstream>
#include <vector>

#include "model/outcome.hpp"
#include "realimpl/capture_pipe.hpp"
#include "realimpl/guest/children.hpp"
#include "realimpl/guest/init.h"

namespace zcv::guest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* qemu = "qemu-system-x86_64";
constexpr double up_by_kvm_s = 6;  // a machine that works is up in two
constexpr int console_lines = 12;

// Up to 8.0 a processor may go on with code that another one was just writing over, which a kernel
// does whenever a tracepoint is switched on: there the emulated processors take turns.
const char* emulation() {
    const std::string said = output_of({qemu, "--version"});  // QEMU emulator version 7.2.22 (...)
    const std::size_t at = said.find("version ");
    unsigned major = 0;
    unsigned minor = 0;
    const bool known =
        at != std::string::npos && std::sscanf(&said[at], "version %u.%u", &major, &minor) == 2;
    const bool safe = known && (major > 8 || (major == 8 && minor >= 1));
    return safe ? "tcg,thread=multi" : "tcg,thread=single";
}

// Two cards on one hub, which leads nowhere else. Their addresses are those drive looks for.
void add_cards(std::vector<std::string>& words, const std::string& kind) {
    if (kind == "none") return;
    for (const char* end : {"1", "2"})
        words.insert(words.end(),
                     {"-netdev", fmt::format("hubport,id=net{},hubid=0", end), "-device",
                      fmt::format("{},netdev=net{},mac=02:5a:43:00:00:0{},romfile=",
                                  kind == "virtio-net" ? "virtio-net-pci" : kind, end, end)});
}

std::vector<std::string> qemu_words(const MachineOptions& options, const std::string& accel) {
    std::vector<std::string> words{
        qemu, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35",
        "-accel", accel == "tcg" ? emulation() : accel, "-cpu", "max,la57=off", "-smp",
        std::to_string(options.processors), "-m", std::to_string(options.memory_mib), "-kernel",
        options.image, "-initrd", options.initramfs, "-append",
        // What slows an emulated machine down and protects nobody here is off.
        "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on "
        "audit=0 selinux=0 apparmor=0",
        "-chardev", "file,id=console,path=" + options.folder + "/console.log", "-serial",
        "chardev:console", "-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng",
        "-device", "virtio-serial-pci"};
    const auto port = [&](const std::string& id, const std::string& backend, const char* name) {
        words.insert(words.end(), {"-chardev", backend + ",id=" + id, "-device",
                                   "virtserialport,chardev=" + id + ",name=" + name});
    };
    port("text", "stdio,signal=off", ZCV_GUEST_TEXT_PORT);
    port("trace", "file,path=" + options.folder + "/trace.zct", ZCV_GUEST_TRACE_PORT);
    port("status", "file,path=" + options.folder + "/status", ZCV_GUEST_STATUS_PORT);
    add_cards(words, options.nic);
    return words;
}

// Takes the signals that would end this process, for as long as a machine runs.
class Signals {
  public:
    Signals() {
        sigemptyset(&set_);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, number);
        sigprocmask(SIG_BLOCK, &set_, &before_);
    }
    ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // The next of them, or 0 when none came in a tenth of a second.
    int next() const {
        const timespec tenth{0, 100'000'000};
        const int number = sigtimedwait(&set_, nullptr, &tenth);
        return number < 0 ? 0 : number;
    }
    const sigset_t& before() const { return before_; }

  private:
    sigset_t set_{};
    sigset_t before_{};
};

// `in` never says anything and never ends: an end would hang up the port that shares it. `quiet`:
// there is a second way if this one fails.
pid_t start(const std::vector<std::string>& words, const Signals& signals, const Fd& in,
            bool quiet) {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0) return child;
    // The machine never outlives what it was started for; Ctrl-C is for zcv to answer.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setpgid(0, 0);
    dup2(in.get(), STDIN_FILENO);
    if (quiet) dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    sigprocmask(SIG_SETMASK, &signals.before(), nullptr);
    become(words);
}

std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool says_of_crash(const std::string& line) {
    for (const char* word : {"BUG:", "Oops", "Kernel panic"})
        if (line.find(word) != std::string::npos) return true;
    return false;
}

bool is_up(const MachineOptions& options) {
    return !lines_of(options.folder + "/status").empty();
}

enum class End { own, clock, signal, not_up };

struct Ended {
    End how;
    int status = 0;  // qemu's
};

Ended wait_for(pid_t child, const MachineOptions& options, const Signals& signals,
               bool kvm_may_fail) {
    const Clock::time_point began = Clock::now();
    End how = End::own;
    for (;;) {
        const int number = signals.next();
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child)
            return {how, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
        if (how != End::own) continue;
        const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
        if (number != 0 && number != SIGCHLD) how = End::signal;
        if (seconds > options.time_max_s) how = End::clock;
        if (kvm_may_fail && seconds > up_by_kvm_s && !is_up(options)) how = End::not_up;
        if (how != End::own) kill(child, SIGKILL);
    }
}

// The command's exit status out of "ended STATUS".
int status_said(const MachineOptions& options) {
    const std::vector<std::string> lines = lines_of(options.folder + "/status");
    std::string word;
    int status = -1;
    if (!lines.empty()) std::istringstream(lines.back()) >> word >> status;
    if (word == "ended" && status >= 0) return status;
    throw Refusal(Status::unable, fmt::format("guest: the machine {}: its console ends with\n{}",
                                              lines.empty()    ? "did not come up"
                                              : word == "lost" ? "could not hand over its trace"
                                                               : "ended before its command did",
                                              last_of_console(options.folder)));
}

// Before its command had ended.
bool kernel_died(const MachineOptions& options) {
    const std::vector<std::string> status = lines_of(options.folder + "/status");
    if (!status.empty() && status.back().rfind("ended", 0) == 0) return false;
    for (const std::string& line : lines_of(options.folder + "/console.log"))
        if (line.find("Kernel panic") != std::string::npos) return true;
    return false;
}

// By KVM where it works. An emulated machine crashes now and then, and for the emulator's reasons:
// it gets a second chance.
std::vector<std::string> ways_to_run(const MachineOptions& options) {
    const bool has_kvm = access("/dev/kvm", R_OK | W_OK) == 0;
    if (options.accel == "kvm" && !has_kvm)
        throw Refusal(Status::unable,
                      "guest: --accel kvm: /dev/kvm cannot be used here: take --accel tcg");
    if (options.accel == "kvm") return {"kvm"};
    if (options.accel == "auto" && has_kvm) return {"kvm", "tcg", "tcg"};
    return {"tcg", "tcg"};
}

void refuse_other_ends(const Ended& ended, const MachineOptions& options) {
    if (ended.how == End::own && ended.status == 127)
        throw Refusal(
            Status::unable,
            fmt::format("guest: no program '{}': install the package qemu-system-x86", qemu));
    if (ended.how == End::signal)
        throw Refusal(Status::inconclusive, "guest: interrupted: the machine was ended");
    if (ended.how == End::clock)
        throw Refusal(Status::inconclusive,
                      fmt::format("guest: the command had not ended after {} s: give it longer "
                                  "with --time-max; the console ends with\n{}",
                                  options.time_max_s, last_of_console(options.folder)));
}

}  // namespace

std::string last_of_console(const std::string& folder) {
    std::vector<std::string> lines = lines_of(folder + "/console.log");
    std::string text;
    if (lines.size() > console_lines) {
        // Of a crash the first line says why, and the last ones only where.
        const auto last = lines.end() - console_lines;
        const auto why = std::find_if(lines.begin(), last, says_of_crash);
        if (why != last) text = "  " + *why + "\n  ...\n";
        lines.erase(lines.begin(), last);
    }
    for (const std::string& line : lines) text += "  " + line + "\n";
    return text.empty() ? "  (nothing)" : text.substr(0, text.size() - 1);
}

int run_machine(const MachineOptions& options) {
    const Signals signals;
    const Pipe in = make_pipe();
    const std::vector<std::string> ways = ways_to_run(options);
    for (std::size_t i = 0; i < ways.size(); ++i) {
        const bool by_kvm = ways[i] == "kvm" && i + 1 < ways.size();
        const pid_t machine = start(qemu_words(options, ways[i]), signals, in.read_end, by_kvm);
        const Ended ended = wait_for(machine, options, signals, by_kvm);
        refuse_other_ends(ended, options);
        const bool over = is_up(options) && (ways[i] == "kvm" || !kernel_died(options));
        if (over || i + 1 == ways.size()) break;
        fmt::print(stderr, "zcv: {}\n",
                   by_kvm ? "no machine by KVM here: emulating one" : "the machine crashed: again");
    }
    return status_said(options);
}

}  // namespace zcv::guest
