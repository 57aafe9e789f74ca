// What a real capture holds. Needs root and BPF: without them it exits with 77 and says why. The
// programs that send are this program again, started with --client.
#define CATCH_CONFIG_RUNNER
#include <arpa/inet.h>
#include <fmt/format.h>
#include <liburing.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace {

// The client ------------------------------------------------------------------------------------

constexpr unsigned notif_flag = 1u << 3;
constexpr unsigned more_flag = 1u << 1;

[[noreturn]] void fail(const char* what, int error) {
    std::fprintf(stderr, "client: %s: %s\n", what, std::strerror(error));
    std::_Exit(9);
}

void must(const char* what, bool right) {
    if (!right) fail(what, errno);
}

// A network namespace of its own, gone with the process, whose loopback is up.
void enter_namespace() {
    must("unshare", unshare(CLONE_NEWNET) == 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    must("SIOCGIFFLAGS", ioctl(fd, SIOCGIFFLAGS, &request) == 0);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    must("SIOCSIFFLAGS", ioctl(fd, SIOCSIFFLAGS, &request) == 0);
    close(fd);
}

int connected_socket() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
    must("bind", bind(receiver, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    socklen_t length = sizeof(address);
    must("getsockname", getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    must("connect", connect(sender, reinterpret_cast<sockaddr*>(&address), length) == 0);
    return sender;
}

// Notifications of such a ring are posted only when it is asked for events, so between submit and
// wait a write is always before the notification.
io_uring late_ring(unsigned cq_entries, unsigned flags) {
    io_uring ring{};
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_CQSIZE;
    params.cq_entries = cq_entries;
    const int error = io_uring_queue_init_params(4, &ring, &params);
    if (error != 0) fail("io_uring_queue_init", -error);
    return ring;
}

constexpr unsigned late = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

// Takes in completions until `notifications` of them came. Returns the first result.
int reap(io_uring& ring, int notifications) {
    int first = 0;
    for (bool seen = false; notifications > 0; seen = true) {
        io_uring_cqe* cqe = nullptr;
        const int error = io_uring_wait_cqe(&ring, &cqe);
        if (error != 0) fail("io_uring_wait_cqe", -error);
        if (!seen) first = cqe->res;
        if ((cqe->flags & (notif_flag | more_flag)) != more_flag) notifications--;
        io_uring_cqe_seen(&ring, cqe);
    }
    return first;
}

struct Client {
    std::string mode;
    int sends;
    int touch;  // which byte is changed before every second notification, -1 none
};

void send_one(io_uring& ring, int fd, std::vector<char>& buffer, int number, const Client& client) {
    std::array<iovec, 3> vectors{{{buffer.data(), 100},
                                  {buffer.data() + 100, 0},
                                  {buffer.data() + 100, buffer.size() - 100}}};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = vectors.size();
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (client.mode == "sendmsg")
        io_uring_prep_sendmsg_zc(sqe, fd, &message, 0);
    else if (client.mode == "plain")
        io_uring_prep_send(sqe, fd, buffer.data(), buffer.size(), 0);
    else
        io_uring_prep_send_zc(sqe, fd, buffer.data(), buffer.size(), 0, 0);
    if (client.mode == "refused") sqe->ioprio = 1u << 15;
    if (client.mode == "async") io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    io_uring_sqe_set_data64(sqe, static_cast<__u64>(number));
    must("io_uring_submit", io_uring_submit(&ring) == 1);
    if (client.touch >= 0 && number % 2 == 0) buffer[static_cast<std::size_t>(client.touch)] ^= 1;
    const int res = reap(ring, 1);
    const int right = client.mode == "refused" ? -EINVAL : static_cast<int>(buffer.size());
    if (res != right) fail("the send", res < 0 ? -res : EIO);
}

void send_all(const Client& client) {
    const int fd = connected_socket();
    io_uring ring = late_ring(64, late);
    std::vector<char> buffer(4096, 'z');
    for (int number = 1; number <= client.sends; number++)
        send_one(ring, fd, buffer, number, client);
    io_uring_queue_exit(&ring);
}

// Nobody reads the completions until all are in, and there is room for four.
void overflow(const Client& client) {
    const int fd = connected_socket();
    io_uring ring = late_ring(4, 0);
    std::vector<char> buffer(1000, 'z');
    for (int number = 1; number <= client.sends; number++) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        io_uring_prep_send_zc(sqe, fd, buffer.data(), buffer.size(), 0, 0);
        io_uring_sqe_set_data64(sqe, static_cast<__u64>(number));
        must("io_uring_submit", io_uring_submit(&ring) == 1);
        usleep(1000);
    }
    reap(ring, client.sends);
    io_uring_queue_exit(&ring);
}

int be_client(const Client& client) {
    enter_namespace();
    if (client.mode == "fork") {
        for (int child = 0; child < 2; child++)
            if (fork() == 0) {
                send_all(client);
                std::_Exit(0);
            }
        int status = 0;
        while (wait(&status) > 0) must("the child", status == 0);
    } else if (client.mode == "overflow") {
        overflow(client);
    } else {
        send_all(client);
    }
    return 0;
}

// The tests -------------------------------------------------------------------------------------

std::string own_path() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

class Directory {
  public:
    Directory() {
        std::string name = "/tmp/zcv-capture-test-XXXXXX";
        if (!mkdtemp(name.data())) throw std::runtime_error(std::strerror(errno));
        path_ = name;
        std::filesystem::permissions(path_, std::filesystem::perms::all);
    }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::string operator/(const char* name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

struct Ended {
    int status;
    std::string out;
    std::string err;
};

std::string contents(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

Ended shell(const Directory& directory, const std::string& line) {
    const std::string out = directory / "out", err = directory / "err";
    const int status = std::system(fmt::format("{} >{} 2>{}", line, out, err).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, contents(out), contents(err)};
}

// Captures one run of the client.
zcv::Trace captured(const std::string& client, const std::string& options = "--hash full") {
    const Directory directory;
    const std::string file = directory / "trace.zct";
    const Ended ended =
        shell(directory, fmt::format("{} capture -o {} {} -- {} --client {}", ZCV_PROGRAM, file,
                                     options, own_path(), client));
    INFO(ended.err);
    REQUIRE(ended.status == 0);
    REQUIRE(ended.err.find("ended with status") == std::string::npos);
    return zcv::read_trace(file);
}

std::vector<zcv_event> of_kind(const zcv::Trace& trace, zcv_event_kind kind) {
    std::vector<zcv_event> found;
    std::ranges::copy_if(trace.events, std::back_inserter(found),
                         [&](const zcv_event& event) { return event.kind == kind; });
    return found;
}

// How many notifications found another payload than the submission of the same send.
int changed(const zcv::Trace& trace) {
    int count = 0;
    for (const zcv_event& submit : of_kind(trace, ZCV_SUBMIT))
        for (const zcv_event& notif : of_kind(trace, ZCV_NOTIF))
            if (notif.generation == submit.generation) {
                REQUIRE(submit.hash != 0);
                REQUIRE(notif.hash != 0);
                count += notif.hash != submit.hash;
            }
    return count;
}

TEST_CASE("every send has one submission, one completion and one notification", "[root]") {
    const zcv::Trace trace = captured("send 50");
    const auto submits = of_kind(trace, ZCV_SUBMIT);
    CHECK(submits.size() == 50);
    CHECK(of_kind(trace, ZCV_COMPLETE).size() == 50);
    CHECK(of_kind(trace, ZCV_NOTIF).size() == 50);
    CHECK(trace.totals.lost == 0);
    CHECK(trace.totals.records == trace.events.size());
    CHECK(trace.sequence_gaps == 0);
    std::set<std::uint32_t> generations;
    for (const zcv_event& submit : submits) {
        generations.insert(submit.generation);
        CHECK(submit.len == 4096);
        CHECK(submit.opcode == 47);
        CHECK(submit.sock != 0);
        CHECK(submit.protocol == IPPROTO_UDP);
        CHECK(submit.refs == 1);
        CHECK(submit.context == ZCV_CONTEXT_TASK);
    }
    CHECK(generations.size() == 50);
    CHECK_FALSE(generations.contains(0));
}

TEST_CASE("nobody refers to a buffer any more when its notification is posted", "[root]") {
    const zcv::Trace trace = captured("send 20");
    for (const zcv_event& notif : of_kind(trace, ZCV_NOTIF)) {
        CHECK(notif.refs == 0);
        CHECK((notif.cqe_flags & notif_flag) != 0);
        const auto frees = of_kind(trace, ZCV_HEAD_FREE);
        const auto queued = of_kind(trace, ZCV_DEV_QUEUE);
        CHECK(std::ranges::any_of(queued, [&](const zcv_event& event) {
            return event.ubuf == notif.ubuf && event.generation == notif.generation;
        }));
        CHECK(frees.size() <= queued.size());
    }
}

TEST_CASE("a conforming program's buffers keep their hash", "[root]") {
    CHECK(changed(captured("send 20", "--hash full")) == 0);
    CHECK(changed(captured("send 20", "--hash sampled")) == 0);
    CHECK(changed(captured("sendmsg 20", "--hash full")) == 0);
}

TEST_CASE("a buffer written before its notification changes its hash, and no other does",
          "[root]") {
    CHECK(changed(captured("send 20 0")) == 10);
    CHECK(changed(captured("send 20 4095")) == 10);
    CHECK(changed(captured("send 20 0", "--hash sampled")) == 10);
    CHECK(changed(captured("send 20 4095", "--hash sampled")) == 10);
}

TEST_CASE("a full hash sees every byte, a sampled one only those it samples", "[root]") {
    CHECK(changed(captured("send 20 2000", "--hash full")) == 10);
    CHECK(changed(captured("send 20 2000", "--hash sampled")) == 0);
}

TEST_CASE("every part of a SENDMSG_ZC payload is hashed", "[root]") {
    const zcv::Trace trace = captured("sendmsg 20 50");
    CHECK(changed(trace) == 10);
    CHECK(changed(captured("sendmsg 20 3000")) == 10);
    for (const zcv_event& submit : of_kind(trace, ZCV_SUBMIT)) {
        CHECK(submit.opcode == 48);
        CHECK(submit.len == 4096);
        CHECK(submit.addr != 0);
    }
}

TEST_CASE("without a hash mode no hash is taken", "[root]") {
    const zcv::Trace trace = captured("send 5", "");
    CHECK(std::ranges::all_of(trace.events, [](const zcv_event& event) { return !event.hash; }));
    CHECK(trace.info.hash == "none");
}

TEST_CASE("two captures hash the same payload differently", "[root]") {
    const auto first = of_kind(captured("send 1"), ZCV_SUBMIT);
    const auto second = of_kind(captured("send 1"), ZCV_SUBMIT);
    CHECK(first.at(0).hash != second.at(0).hash);
}

TEST_CASE("a program without a zero-copy send leaves no send in the trace", "[root]") {
    const zcv::Trace trace = captured("plain 10");
    CHECK(of_kind(trace, ZCV_SUBMIT).empty());
    CHECK(of_kind(trace, ZCV_COMPLETE).empty());
    CHECK(of_kind(trace, ZCV_NOTIF).empty());
    CHECK(of_kind(trace, ZCV_DEV_QUEUE).empty());
    CHECK(of_kind(trace, ZCV_RING_CREATE).size() == 1);
    CHECK(of_kind(trace, ZCV_EXIT).size() == 1);
}

TEST_CASE("children are followed", "[root]") {
    const zcv::Trace trace = captured("fork 15");
    const auto forks = of_kind(trace, ZCV_FORK);
    REQUIRE(forks.size() == 2);
    for (const zcv_event& fork : forks) {
        const auto submits = of_kind(trace, ZCV_SUBMIT);
        CHECK(std::ranges::count(submits, fork.addr, &zcv_event::tgid) == 15);
    }
    CHECK(of_kind(trace, ZCV_NOTIF).size() == 30);
    CHECK(of_kind(trace, ZCV_EXIT).size() == 3);
}

TEST_CASE("a send refused at preparation is followed to its notification", "[root]") {
    const zcv::Trace trace = captured("refused 3");
    CHECK(of_kind(trace, ZCV_SUBMIT).empty());
    const auto refused = of_kind(trace, ZCV_PREP_FAILED);
    const auto notifs = of_kind(trace, ZCV_NOTIF);
    const auto completes = of_kind(trace, ZCV_COMPLETE);
    REQUIRE(refused.size() == 3);
    REQUIRE(notifs.size() == 3);
    REQUIRE(completes.size() == 3);
    for (std::size_t i = 0; i < 3; i++) {
        CHECK(refused[i].generation == i + 1);
        CHECK(notifs[i].generation == i + 1);
        CHECK(completes[i].res == -EINVAL);
        CHECK((completes[i].cqe_flags & more_flag) != 0);
    }
}

TEST_CASE("a send handed to a worker says so", "[root]") {
    const zcv::Trace trace = captured("async 5");
    CHECK(of_kind(trace, ZCV_ASYNC).size() == 5);
    CHECK(of_kind(trace, ZCV_NOTIF).size() == 5);
}

TEST_CASE("an overflown completion is recorded in the place of the posted one", "[root]") {
    const zcv::Trace trace = captured("overflow 8");
    const auto overflows = of_kind(trace, ZCV_CQE_OVERFLOW);
    const auto late_notifs = std::ranges::count_if(
        overflows, [](const zcv_event& event) { return (event.cqe_flags & notif_flag) != 0; });
    CHECK(overflows.size() == 12);
    CHECK(of_kind(trace, ZCV_NOTIF).size() + static_cast<std::size_t>(late_notifs) == 8);
    CHECK(of_kind(trace, ZCV_COMPLETE).size() + of_kind(trace, ZCV_NOTIF).size() == 4);
    for (const zcv_event& event : overflows) {
        CHECK(event.ubuf != 0);  // every user_data is used once, so each is known
        CHECK(event.generation == event.user_data);
    }
}

TEST_CASE("a full ring buffer is counted, never hidden", "[root]") {
    const Directory directory;
    const std::string file = directory / "trace.zct";
    // On one processor nobody reads the records while the kernel works off a batch of sends.
    const Ended ended =
        shell(directory, fmt::format("taskset -c 0 {} capture -o {} --buffer 4096 -- {} --client "
                                     "send 400",
                                     ZCV_PROGRAM, file, own_path()));
    REQUIRE(ended.status == 0);
    const zcv::Trace trace = zcv::read_trace(file);
    CHECK(trace.totals.lost > 0);
    CHECK(trace.totals.records == trace.events.size());
    CHECK(trace.sequence_gaps > 0);
    CHECK(trace.sequence_gaps <= trace.totals.lost);
}

TEST_CASE("a command that cannot be run leaves nothing behind", "[root]") {
    const Directory directory;
    const std::string file = directory / "none.zct";
    const Ended ended =
        shell(directory, fmt::format("{} capture -o {} -- /no/such/program", ZCV_PROGRAM, file));
    CHECK(ended.status == 2);
    CHECK(ended.err == "zcv: cannot run /no/such/program: No such file or directory\n");
    CHECK_FALSE(std::filesystem::exists(file));
    CHECK_FALSE(std::filesystem::exists(file + ".part"));
}

TEST_CASE("an unwritable output is refused before the command starts", "[root]") {
    const Directory directory;
    const std::string mark = directory / "started";
    const Ended ended = shell(
        directory, fmt::format("{} capture -o {}/no/x.zct -- touch {}", ZCV_PROGRAM, mark, mark));
    CHECK(ended.status == 2);
    CHECK(std::ranges::count(ended.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(mark));
}

// The programs where any user can reach them: the build folder may be closed to others.
std::string reachable_program(const Directory& directory) {
    for (const char* name : {"zcv", "zcv-capture"}) {
        const auto built = std::filesystem::path(ZCV_PROGRAM).parent_path() / name;
        std::filesystem::copy_file(built, directory / name);
    }
    return directory / "zcv";
}

TEST_CASE("without the capability one line says what is missing", "[root]") {
    const Directory directory;
    const std::string mark = directory / "started";
    const Ended ended =
        shell(directory,
              fmt::format(
                  "setpriv --reuid=65534 --regid=65534 --clear-groups {} capture -o {} -- touch {}",
                  reachable_program(directory), directory / "x.zct", mark));
    CHECK(ended.status == 4);
    CHECK(ended.err.starts_with("zcv: capturing needs CAP_BPF and CAP_PERFMON"));
    CHECK(std::ranges::count(ended.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("another user's process is not watched without the right to trace it", "[root]") {
    const Directory directory;
    const Ended ended = shell(
        directory, fmt::format("setpriv --reuid=65534 --regid=65534 --clear-groups "
                               "--inh-caps=+bpf,+perfmon --ambient-caps=+bpf,+perfmon {} capture "
                               "-o {} --pid {}",
                               reachable_program(directory), directory / "x.zct", getpid()));
    CHECK(ended.status == 4);
    CHECK(ended.err == fmt::format("zcv: process {} belongs to another user: run as root, or with "
                                   "CAP_SYS_PTRACE\n",
                                   getpid()));
}

TEST_CASE("a capture that is killed keeps what it has and says so", "[root]") {
    const Directory directory;
    const std::string file = directory / "cut.zct";
    const Ended ended =
        shell(directory, fmt::format("ZCV_CAPTURE={0} {1} capture -o {2} -- sleep 1",
                                     directory / "dies", ZCV_PROGRAM, file));
    CHECK(ended.status == 4);
    CHECK(ended.err.find("ZCV_CAPTURE") != std::string::npos);

    std::ofstream{directory / "dies"}
        << "#!/bin/sh\n"
        << fmt::format(
               "{}/zcv-capture \"$@\" & for i in $(seq 200); do "
               "[ -e {} ] && break; sleep 0.05; done; kill -9 $!; wait\n",
               std::filesystem::path{ZCV_PROGRAM}.parent_path().string(), directory / "started");
    std::filesystem::permissions(directory / "dies", std::filesystem::perms::all);
    const Ended cut =
        shell(directory,
              fmt::format("ZCV_CAPTURE={0} {1} capture -o {2} -- sh -c 'touch {3}; sleep 1; echo "
                          "done'",
                          directory / "dies", ZCV_PROGRAM, file, directory / "started"));
    CHECK(cut.status == 3);
    CHECK(cut.out == "done\n");  // the command is the user's, and runs to its end
    CHECK(cut.err.find("the capture ended early") != std::string::npos);
    CHECK(zcv::read_trace(file + ".part").cut_off);
}

// 77 tells CTest that this machine cannot.
int why_not() {
    const Directory directory;
    const Ended ended = shell(
        directory, fmt::format("{} capture -o {} -- true", ZCV_PROGRAM, directory / "try.zct"));
    if (ended.status == 0 && unshare(CLONE_NEWNET) == 0) return 0;
    std::fprintf(stderr, "skipped: %s",
                 ended.status == 0 ? "no network namespaces here\n" : ended.err.c_str());
    return 77;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc >= 4 && std::string{argv[1]} == "--client")
        // What a sanitizer would do at the end, with a process of its own, is not the client's.
        std::_Exit(be_client({argv[2], std::atoi(argv[3]), argc > 4 ? std::atoi(argv[4]) : -1}));
    if (const int skip = why_not()) return skip;
    return Catch::Session().run(argc, argv);
}
