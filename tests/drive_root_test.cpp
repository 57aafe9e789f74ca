// Real sends on this machine: needs root, io_uring with SEND_ZC, veth and ifb. Skips (77)
// otherwise.
#include "drive_root.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "processes.hpp"

using drive_test::check_conforming;
using drive_test::Child;
using drive_test::children_of;
using drive_test::drive;
using drive_test::driven;
using drive_test::execute;
using drive_test::is_running;
using drive_test::need_this_machine;
using drive_test::network_of;
using drive_test::Ran;
using drive_test::run_zcv;
using drive_test::somebody_is_in;
using drive_test::soon;
using drive_test::started;
using nlohmann::json;

namespace {

std::string said(const std::string& command) {
    return started([&] { execute("/bin/sh", {"-c", command}); }).wait().out;
}

bool has_ring(pid_t pid) {
    const std::filesystem::path files = "/proc/" + std::to_string(pid) + "/fd";
    std::error_code gone;
    for (const auto& file : std::filesystem::directory_iterator(files, gone)) {
        const auto target = std::filesystem::read_symlink(file.path(), gone);
        if (target == "anon_inode:[io_uring]") return true;
    }
    return false;
}

// A long run, once launcher, sender and receiver are all there and data flows.
struct LongRun {
    Child launcher;
    pid_t sender = 0;
    pid_t receiver = 0;
};

LongRun long_run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "drive");
    arguments.insert(arguments.end(), {"--sends", "1000000"});
    LongRun run;
    run.launcher = started([&] { execute(ZCV_PROGRAM, arguments); });
    REQUIRE(soon([&] {
        const auto senders = children_of(run.launcher.pid);
        const auto receivers = senders.empty() ? senders : children_of(senders.front());
        if (!receivers.empty()) run = {run.launcher, senders.front(), receivers.front()};
        return run.receiver != 0;
    }));
    // The sender opens its ring when the network is complete and the receiver listens.
    REQUIRE(soon([&] { return has_ring(run.sender); }));
    // Behind it may stand what an event has forked.
    REQUIRE_FALSE(children_of(run.sender).empty());
    REQUIRE(children_of(run.sender).front() == run.receiver);
    ::usleep(300'000);
    return run;
}

// Lets every later call of one system call fail, as a container's filter would.
void forbid(int call, int error) {
    sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<__u32>(call)},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<__u32>(error)},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog program{4, code};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(121);
}

Ran drive_without(int call, int error, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "drive");
    return started([&] {
               forbid(call, error);
               execute(ZCV_PROGRAM, arguments);
           })
        .wait();
}

// The build folder may be closed to other users, so they get a copy.
struct ProgramForAll {
    std::filesystem::path folder = "/tmp/zcv_drive_test." + std::to_string(::getpid());
    std::string path = folder / "zcv";

    ProgramForAll() {
        std::filesystem::create_directory(folder);
        std::filesystem::copy_file(ZCV_PROGRAM, path);
        ::chmod(folder.c_str(), 0755);
        ::chmod(path.c_str(), 0755);
    }
    ~ProgramForAll() { std::filesystem::remove_all(folder); }
};

void check_one_line(const Ran& ran, const std::string& text) {
    INFO(ran.err);
    CHECK(ran.out.empty());
    CHECK(std::ranges::count(ran.err, '\n') == 1);
    CHECK_THAT(ran.err, Catch::StartsWith("zcv: ") && Catch::Contains(text));
}

}  // namespace

TEST_CASE("10,000 conforming sends: every one notified, every message right", "[drive][root]") {
    need_this_machine();
    for (const std::string protocol : {"udp", "tcp"})
        for (const std::string device : {"lo", "veth", "ifb", "ifb-peer"})
            DYNAMIC_SECTION(protocol << " over " << device) {
                const json report = driven({protocol, "--device", device, "--sends", "10000"});
                check_conforming(report, 10000);
                CHECK(report["data_arrived"] == !(protocol == "udp" && device == "ifb"));
                if (device == "lo")
                    CHECK(report["zero_copied"] == 0);
                else
                    CHECK(report["zero_copied"] > 0);
                // Datagrams are never stacked, so their notifications tell the truth.
                if (device != "lo" && protocol == "udp") CHECK(report["copied"] == 0);
            }
}

TEST_CASE("rewriting after the first CQE changes what arrives", "[drive][root]") {
    need_this_machine();
    for (const std::string protocol : {"udp", "tcp"})
        for (const std::string device : {"lo", "veth", "ifb", "ifb-peer"})
            DYNAMIC_SECTION(protocol << " over " << device) {
                const json report = driven({protocol, "--device", device, "--misuse", "first-cqe"});
                INFO(report.dump(2));
                CHECK(report["notified"] == report["requests"]);
                CHECK(report["rewrites_early"] > 100);
                if (protocol == "udp" && device == "ifb") continue;
                CHECK(report["receiver"]["wrong"] > 100);
                CHECK(report["receiver"]["wrong_bytes"] > 100 * 2048);
                CHECK(report["receiver"]["lost"] == 0);
            }
}

TEST_CASE("the same shaping without the misuse changes nothing", "[drive][root]") {
    need_this_machine();
    for (const std::string protocol : {"udp", "tcp"})
        for (const std::string device : {"lo", "veth", "ifb-peer"})
            DYNAMIC_SECTION(protocol << " over " << device)
    check_conforming(driven({protocol, "--device", device, "--rate", "200mbit"}), 1000);
}

TEST_CASE("a message larger than the send buffer arrives whole", "[drive][root]") {
    need_this_machine();
    check_conforming(driven({"tcp", "--size", "3000001", "--sends", "40", "--buffers", "8"}), 40);
}

TEST_CASE("an overflowing completion ring loses nothing", "[drive][root]") {
    need_this_machine();
    for (const std::string protocol : {"udp", "tcp"}) {
        const json report =
            driven({protocol, "--cq-entries", "8", "--buffers", "128", "--rate", "400mbit"});
        check_conforming(report, 1000);
        CHECK(report["cq_overflows"] > 0);
    }
}

TEST_CASE("a run leaves no device, name or process behind", "[drive][root]") {
    need_this_machine();
    // Others may come and go in the machine's namespace, so this looks from one of its own.
    const int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    const char* const world = "ip -d link; ip addr; tc qdisc; ip netns list | grep zcv";
    const std::string before = said(world);
    REQUIRE_THAT(before, Catch::Contains("lo:"));
    driven({"udp"});
    driven({"tcp", "--device", "ifb", "--rate", "100mbit"});
    driven({"udp", "--device", "ifb"});
    driven({"udp", "--device", "lo"});
    driven({"udp", "--device", "tap"});
    for (const char* event : {"fork", "exit", "exec"}) driven({"tcp", "--event", event});
    CHECK(children_of(::getpid()).empty());
    CHECK(said(world) == before);
    REQUIRE(::setns(home, CLONE_NEWNET) == 0);
    ::close(home);
}

TEST_CASE("a signal at any moment ends the whole run and its namespaces", "[drive][root]") {
    need_this_machine();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
        const LongRun run = long_run({"tcp", "--device", "ifb", "--rate", "1mbit"});
        const std::string sender_world = network_of(run.sender);
        const std::string receiver_world = network_of(run.receiver);
        CHECK(sender_world != network_of(::getpid()));
        CHECK(receiver_world != sender_world);
        CHECK(somebody_is_in(receiver_world));
        ::kill(run.launcher.pid, signal);
        CHECK(run.launcher.wait().status == 128 + signal);
        CHECK(soon([&] { return !is_running(run.sender) && !is_running(run.receiver); }));
        CHECK(soon([&] { return !somebody_is_in(sender_world); }));
        CHECK(soon([&] { return !somebody_is_in(receiver_world); }));
    }
    for (const std::string device : {"tap", "veth"}) {
        const LongRun run = long_run(
            {"udp", "--device", device, "--event", "fork", "--event-at", "1", "--rate", "1mbit"});
        const std::string receiver_world = network_of(run.receiver);
        ::kill(run.launcher.pid, SIGKILL);
        CHECK(run.launcher.wait().status == 128 + SIGKILL);
        CHECK(soon([&] { return !somebody_is_in(receiver_world); }));
        CHECK(soon([&] { return !is_running(run.sender) && !is_running(run.receiver); }));
    }
    // While the devices are being made there is the most to leave behind.
    for (int delay_us = 0; delay_us < 40'000; delay_us += 2'000) {
        const Child launcher = started([] {
            execute(ZCV_PROGRAM, {"drive", "udp", "--sends", "1000000"});
        });
        ::usleep(static_cast<unsigned>(delay_us));
        ::kill(launcher.pid, SIGTERM);
        CHECK(launcher.wait().status == 128 + SIGTERM);
        CHECK(children_of(::getpid()).empty());
    }
}

TEST_CASE("a dead or stopped process of the run ends it with one line", "[drive][root]") {
    need_this_machine();
    for (const std::string protocol : {"udp", "tcp"}) {
        DYNAMIC_SECTION("receiver killed, " << protocol) {
            const LongRun run = long_run({protocol, "--rate", "2mbit"});
            ::kill(run.receiver, SIGKILL);
            const Ran ran = run.launcher.wait();
            CHECK(ran.status == 5);
            check_one_line(ran, "receiver died");
        }
        DYNAMIC_SECTION("sender killed, " << protocol) {
            const LongRun run = long_run({protocol, "--rate", "2mbit"});
            ::kill(run.sender, SIGKILL);
            const Ran ran = run.launcher.wait();
            CHECK(ran.status == 5);
            check_one_line(ran, "sender");
        }
    }
    SECTION("receiver stopped, tcp") {
        const LongRun run = long_run({"tcp", "--size", "65536", "--stall-ms", "1000"});
        ::kill(run.receiver, SIGSTOP);
        const Ran ran = run.launcher.wait();
        CHECK(ran.status == 4);
        check_one_line(ran, "nothing moved for 1000 ms");
    }
    SECTION("receiver stopped, udp") {
        const LongRun run = long_run({"udp"});
        ::kill(run.receiver, SIGSTOP);
        const Ran ran = run.launcher.wait();
        CHECK(ran.status == 4);
        check_one_line(ran, "no longer arrive");
    }
    CHECK(children_of(::getpid()).empty());
}

TEST_CASE("loopback needs no privilege at all", "[drive][root]") {
    need_this_machine();
    const ProgramForAll program;
    for (const bool namespaces : {true, false}) {
        const Ran ran = started([&] {
                            constexpr unsigned nobody = 65534;
                            if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(122);
                            if (!namespaces) forbid(SYS_unshare, EPERM);
                            execute(program.path, {"drive", "udp", "--device", "lo", "--sends",
                                                   "10000", "--format", "json"});
                        }).wait();
        INFO(ran.err);
        REQUIRE(ran.status == 0);
        const json report = json::parse(ran.out);
        check_conforming(report, 10000);
        if (!namespaces) {
            CHECK_FALSE(report["isolated"].get<bool>());
            CHECK_THAT(ran.err, Catch::Contains("using the loopback of this namespace"));
        }
    }
}

TEST_CASE("what this machine lacks is one line with status 4", "[drive][root]") {
    need_this_machine();
    SECTION("io_uring forbidden") {
        const Ran ran = drive_without(SYS_io_uring_setup, EPERM, {"udp"});
        CHECK(ran.status == 4);
        check_one_line(ran, "kernel.io_uring_disabled=0");
    }
    SECTION("no io_uring") {
        const Ran ran = drive_without(SYS_io_uring_setup, ENOSYS, {"udp"});
        CHECK(ran.status == 4);
        check_one_line(ran, "no io_uring in this kernel");
    }
    SECTION("no probe of opcodes, so no SEND_ZC") {
        const Ran ran = drive_without(SYS_io_uring_register, EINVAL, {"udp", "--sendmsg"});
        CHECK(ran.status == 4);
        check_one_line(ran, "no SENDMSG_ZC");
    }
    SECTION("no namespaces, and a device that needs one") {
        const Ran ran = drive_without(SYS_unshare, EPERM, {"udp"});
        CHECK(ran.status == 4);
        check_one_line(ran, "run as root, or use --device lo");
    }
    SECTION("no way to make devices") {
        const Ran ran = drive_without(SYS_sendmsg, EPERM, {"udp"});
        CHECK(ran.status == 4);
        check_one_line(ran, "ip cannot set up the network");
    }
}

TEST_CASE("without an XDP program the veth peer copies, and the run says so", "[drive][root]") {
    need_this_machine();
    const Ran ran = drive_without(SYS_bpf, EPERM, {"udp", "--format", "json"});
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    const json report = json::parse(ran.out);
    check_conforming(report, 1000);
    CHECK(report["peer_xdp"] == false);
    CHECK(report["zero_copied"] == 0);
    CHECK_THAT(ran.err, Catch::Contains("no XDP_PASS program on the peer"));
}

TEST_CASE("a report that cannot be written is an error", "[drive][root]") {
    need_this_machine();
    const Ran ran = started([] {
                        const int full = ::open("/dev/full", O_WRONLY);
                        ::dup2(full, 1);
                        execute(ZCV_PROGRAM, {"drive", "udp", "--sends", "10"});
                    }).wait();
    CHECK(ran.status == 4);
    check_one_line(ran, "cannot be written");
}
