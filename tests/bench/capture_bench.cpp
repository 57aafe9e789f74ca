// What watching costs: a busy loop of SEND_ZC, watched by zcv capture and left alone in turns. A
// table on stdout, every pair of windows in OUT/pairs.csv. A pair is a watched window between two
// unwatched ones of the same running program; its ratio is the watched rate over the mean of those
// two, and a cell is the median of the rounds' ratios. The loop touches no byte, so nothing hides
// what the observer costs:
//   ifb        nothing is redirected to it: it drops what it is given, at once
//   veth-drop  a veth whose peer drops at its ingress (tcx, since 6.6)
//   udp, tcp   a veth whose peer runs XDP_PASS in native mode, and a receiver that reads all of it
// A rate is per second of the processor time of sender and receiver, which is what a busy machine
// leaves of it; rates per elapsed second are in pairs.csv. What zcv itself uses is on top, on
// another core. Everything happens in network namespaces of its own. Needs root.
#include <arpa/inet.h>
#include <liburing.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <new>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "model/outcome.hpp"
#include "realimpl/netns.hpp"

namespace {

using Clock = std::chrono::steady_clock;
namespace netns = zcv::netns;

[[noreturn]] void fail(const std::string& why) {
    std::cerr << "capture_bench: " << why << '\n';
    std::exit(4);
}

void check(bool good, const char* what) {
    if (!good) fail(std::string(what) + ": " + std::strerror(errno));
}

struct Work {
    std::string path;  // ifb, veth-drop, udp or tcp
    std::uint32_t bytes;
    unsigned batch;  // requests a system call
};

bool drops(const std::string& path) {
    return path == "ifb" || path == "veth-drop";
}

// What the two sides of the benchmark know of each other.
struct Board {
    std::atomic<std::uint64_t> notified{0};
    std::atomic<pid_t> peer{0};  // once it is ready
};

// --- the busy program ----------------------------------------------------------------------------

constexpr unsigned slots = 16;

sockaddr_in address_of(const char* host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

int socket_of(const std::string& path) {
    const int fd = socket(AF_INET, path == "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0);
    check(fd >= 0, "socket");
    const int room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    return fd;
}

// Each request's buffer is its own, and free again when the notification has come.
class Loop {
  public:
    Loop(const Work& work, int fd, Board& board) : work_(work), fd_(fd), board_(board) {
        const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
        const int error = io_uring_queue_init(64, &ring_, flags);
        if (error < 0) fail(std::string("io_uring_setup: ") + std::strerror(-error));
        const std::size_t bytes = std::size_t{slots} * stride;
        memory_ = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
        check(memory_ != MAP_FAILED, "mmap");
        std::memset(memory_, 1, bytes);
        for (unsigned slot = 0; slot < slots; ++slot) free_.push_back(slot);
    }

    [[noreturn]] void run() {
        for (;;) {
            fill();
            if (free_.empty())
                io_uring_submit_and_wait(&ring_, 1);
            else
                io_uring_submit_and_get_events(&ring_);
            reap();
        }
    }

  private:
    static constexpr std::size_t stride = 65536;

    void fill() {
        for (unsigned i = 0; i < work_.batch && !free_.empty(); ++i) {
            const unsigned slot = free_.back();
            free_.pop_back();
            io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
            const int flags = work_.path == "tcp" ? MSG_WAITALL : 0;
            io_uring_prep_send_zc(sqe, fd_, memory_ + slot * stride, work_.bytes, flags, 0);
            sqe->user_data = slot;
        }
    }

    void reap() {
        std::array<io_uring_cqe*, 64> cqes{};
        const unsigned count = io_uring_peek_batch_cqe(&ring_, cqes.data(), cqes.size());
        for (unsigned i = 0; i < count; ++i) {
            if (cqes[i]->res < 0 && !(cqes[i]->flags & IORING_CQE_F_NOTIF))
                fail(std::string("send: ") + std::strerror(-cqes[i]->res));
            if (cqes[i]->flags & IORING_CQE_F_MORE) continue;
            free_.push_back(static_cast<unsigned>(cqes[i]->user_data));
            board_.notified.fetch_add(1, std::memory_order_relaxed);
        }
        io_uring_cq_advance(&ring_, count);
    }

    const Work& work_;
    int fd_;
    Board& board_;
    io_uring ring_{};
    char* memory_ = nullptr;
    std::vector<unsigned> free_;
};

// What comes in is dropped before anything looks at it.
void drop_at_ingress(const char* device) {
    // Older headers do not have them.
    constexpr int tcx_drop = 2;
    constexpr __u32 tcx_ingress = 46;
    bpf_insn drop[2]{};
    drop[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    drop[0].imm = tcx_drop;
    drop[1].code = BPF_JMP | BPF_EXIT;
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attributes.insns = reinterpret_cast<std::uintptr_t>(drop);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<std::uintptr_t>("MIT");
    const long program = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    check(program >= 0, "loading the program that drops");
    attributes = {};
    attributes.link_create.prog_fd = static_cast<__u32>(program);
    attributes.link_create.target_ifindex = if_nametoindex(device);
    attributes.link_create.attach_type = tcx_ingress;
    check(syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof attributes) >= 0,
          "attaching the program that drops");
}

[[noreturn]] void receive(const Work& work, Board& board, pid_t sender) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    netns::isolate_again();
    netns::configure("ip",
                     {"link add zcb0 mtu 65535 netns " + std::to_string(sender) +
                      " type veth peer name zcb1 mtu 65535"},
                     "load the veth module (modprobe veth)");
    if (work.path == "veth-drop") {
        drop_at_ingress("zcb1");
    } else {
        const int link = netns::attach_xdp_pass("zcb1");
        if (link < 0) fail(std::string("no XDP_PASS program on veth: ") + std::strerror(-link));
    }
    netns::configure("ip", {"link set zcb1 up", "addr add 10.201.0.2/30 dev zcb1"}, "");
    int fd = socket_of(work.path);
    sockaddr_in address = address_of("10.201.0.2", 7000);
    check(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    if (work.path == "tcp") check(listen(fd, 1) == 0, "listen");
    board.peer = getpid();
    if (work.path == "tcp") fd = accept(fd, nullptr, nullptr);
    std::vector<char> into(1 << 20);
    while (recv(fd, into.data(), into.size(), 0) > 0) {
    }
    std::exit(0);
}

[[noreturn]] void send_busily(const Work& work, Board& board) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string why = netns::isolate();
    if (!why.empty()) fail(why + ": run as root");
    const pid_t self = getpid();
    if (work.path == "ifb") {
        netns::configure("ip",
                         {"link add zcb0 type ifb", "link set zcb0 mtu 65535 txqueuelen 1000 up"},
                         "load the ifb module (modprobe ifb)");
    } else {
        const pid_t peer = fork();
        check(peer >= 0, "fork");
        if (peer == 0) receive(work, board, self);
        while (board.peer == 0) {
            check(waitpid(peer, nullptr, WNOHANG) == 0, "the receiver ended");
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        netns::configure("ip", {"link set zcb0 up"}, "");
    }
    netns::configure("ip", {"addr add 10.201.0.1/30 dev zcb0"}, "");
    if (drops(work.path))
        netns::configure(
            "ip", {"neigh replace 10.201.0.2 lladdr 02:5a:43:00:00:02 dev zcb0 nud permanent"}, "");
    if (work.path != "ifb") netns::await_ready("zcb0", false);
    const int fd = socket_of(work.path);
    const sockaddr_in address = address_of("10.201.0.2", 7000);
    check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
    Loop{work, fd, board}.run();
}

struct Rate {
    double elapsed = 0;    // sends a second
    double processor = 0;  // sends a second of processor time
};

class Busy {
  public:
    explicit Busy(const Work& work) {
        void* at =
            mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(at != MAP_FAILED, "mmap");
        board_ = new (at) Board;
        pid_ = fork();
        check(pid_ >= 0, "fork");
        if (pid_ == 0) try {
                send_busily(work, *board_);
            } catch (const zcv::Refusal& refused) {
                fail(refused.what());
            }
        for (int turn = 0; board_->notified < 1000 && turn < 5000; ++turn) {
            if (waitpid(pid_, nullptr, WNOHANG) != 0) fail("the sender ended");
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (board_->notified < 1000) fail("the sender does not come to speed");
    }
    ~Busy() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        munmap(board_, sizeof(Board));
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

    pid_t pid() const { return pid_; }
    // Over a window of so many seconds.
    Rate rate(double seconds) const {
        const auto began = Clock::now();
        const double cpu_before = processor_seconds();
        const std::uint64_t before = board_->notified;
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        const auto sends = static_cast<double>(board_->notified - before);
        const double cpu = processor_seconds() - cpu_before;
        return {sends / std::chrono::duration<double>(Clock::now() - began).count(), sends / cpu};
    }

  private:
    double processor_seconds() const {
        double all = 0;
        for (const pid_t pid : {pid_, board_->peer.load()}) {
            double nanoseconds = 0;
            std::ifstream("/proc/" + std::to_string(pid) + "/schedstat") >> nanoseconds;
            all += nanoseconds / 1e9;
        }
        return all;
    }

    Board* board_;
    pid_t pid_ = -1;
};

// --- zcv capture, attached and detached ----------------------------------------------------------

struct Mode {
    std::string name;
    std::string events;
    std::string hash;
    bool other = false;  // another process is watched: what the loop pays for being near
};

struct Watching {
    Rate rate;
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
};

struct Options {
    std::string out = "capture-bench";
    int rounds = 5;
    double seconds = 0.5;
    std::string buffer = "128M";
    std::string zcv = ZCV_PROGRAM;
    std::vector<std::string> paths{"ifb", "veth-drop", "udp", "tcp"};
    std::vector<std::string> modes{"minimal", "default", "default+sampled", "all", "default+other"};
    std::string rows;  // only those whose "path:bytes:batch" contains this
    bool kinds = false;
};

// The trace's .part appears when the observer is attached.
bool await_attached(const std::string& part, pid_t capture) {
    for (int turn = 0; turn < 10000; ++turn) {
        if (std::filesystem::exists(part)) return true;
        if (waitpid(capture, nullptr, WNOHANG) != 0) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

Watching watched(const Options& options, const Busy& busy, const Mode& mode) {
    const std::string trace = options.out + "/trace.zct";
    const std::string said = options.out + "/capture.log";
    std::filesystem::remove(trace + ".part");
    const pid_t capture = fork();
    check(capture >= 0, "fork");
    if (capture == 0) {
        prctl(PR_SET_PDEATHSIG, SIGINT);
        if (!std::freopen(said.c_str(), "w", stderr)) _exit(127);
        const std::string pid = std::to_string(mode.other ? getppid() : busy.pid());
        execl(options.zcv.c_str(), "zcv", "capture", "-o", trace.c_str(), "--pid", pid.c_str(),
              "--events", mode.events.c_str(), "--hash", mode.hash.c_str(), "--buffer",
              options.buffer.c_str(), nullptr);
        _exit(127);
    }
    const bool attached = await_attached(trace + ".part", capture);
    if (!attached) fail("zcv capture did not attach: see " + said);
    busy.rate(options.seconds / 4);  // its start is not what is measured
    Watching result;
    result.rate = busy.rate(options.seconds);
    kill(capture, SIGINT);
    waitpid(capture, nullptr, 0);
    std::ostringstream text;
    text << std::ifstream(said).rdbuf();
    std::smatch found;
    const std::string words = text.str();
    if (!std::regex_search(words, found, std::regex(R"((\d+) records, (\d+) lost)")))
        fail("zcv capture: " + words);
    result.records = std::stoull(found[1]);
    result.lost = std::stoull(found[2]);
    return result;
}

// --- rounds and table ----------------------------------------------------------------------------

struct Cell {
    std::vector<double> ratios;
    std::vector<double> costs;  // ns a send
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
};

struct Row {
    Work work;
    std::vector<double> alone = {};
    std::map<std::string, Cell> cells = {};
};

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

Mode mode_named(const std::string& name) {
    const std::size_t plus = name.find('+');
    if (plus == std::string::npos) return {name, name, "none"};
    const bool other = name.substr(plus + 1) == "other";
    return {name, name.substr(0, plus), other ? "none" : name.substr(plus + 1), other};
}

std::vector<Row> rows_of(const Options& options) {
    std::vector<Row> rows;
    for (const std::string& path : options.paths) {
        std::vector<std::uint32_t> sizes{path == "tcp" ? 65536U : 65435U};
        if (drops(path) && !options.kinds) sizes.insert(sizes.begin(), 4096);
        for (const std::uint32_t bytes : sizes)
            for (const unsigned batch : {1U, 8U}) {
                const std::string name =
                    path + ':' + std::to_string(bytes) + ':' + std::to_string(batch);
                if (options.kinds && batch == 1) continue;
                if (name.find(options.rows) != std::string::npos)
                    rows.push_back({{path, bytes, batch}});
            }
    }
    return rows;
}

void run_round(const Options& options, int round, Row& row, std::ostream& csv) {
    const Busy busy(row.work);
    Rate before = busy.rate(options.seconds);
    for (const std::string& name : options.modes) {
        const Watching with = watched(options, busy, mode_named(name));
        const Rate after = busy.rate(options.seconds);
        if (!(before.processor > 0) || !(after.processor > 0) || !(with.rate.processor > 0)) {
            std::cerr << "capture_bench: a window in which nothing was sent is left out\n";
            before = after;
            continue;
        }
        const Rate alone{(before.elapsed + after.elapsed) / 2,
                         (before.processor + after.processor) / 2};
        const double elapsed = with.rate.elapsed / alone.elapsed;
        const double processor = with.rate.processor / alone.processor;
        Cell& cell = row.cells[name];
        cell.ratios.push_back(processor);
        cell.records += with.records;
        cell.lost += with.lost;
        row.alone.push_back(alone.processor);
        cell.costs.push_back(1e9 / with.rate.processor - 1e9 / alone.processor);
        std::array<char, 256> line{};
        std::snprintf(line.data(), line.size(),
                      "%d,%s,%u,%u,%s,%.0f,%.0f,%.3f,%.0f,%.0f,%.3f,%.1f,%llu,%llu\n", round,
                      row.work.path.c_str(), row.work.bytes, row.work.batch, name.c_str(),
                      alone.elapsed, with.rate.elapsed, elapsed, alone.processor,
                      with.rate.processor, processor,
                      1e9 / with.rate.processor - 1e9 / alone.processor,
                      static_cast<unsigned long long>(with.records),
                      static_cast<unsigned long long>(with.lost));
        csv << line.data() << std::flush;
        before = after;
    }
}

std::string text_of(const Cell& cell) {
    if (cell.ratios.empty()) return "nothing was sent";
    const auto [least, most] = std::minmax_element(cell.ratios.begin(), cell.ratios.end());
    std::array<char, 96> text{};
    const double lost = 100 * static_cast<double>(cell.lost) /
                        static_cast<double>(std::max<std::uint64_t>(cell.records + cell.lost, 1));
    const int used = std::snprintf(text.data(), text.size(), "%.2f (%.2f-%.2f) %.0f ns",
                                   median(cell.ratios), *least, *most, median(cell.costs));
    if (cell.lost > 0)
        std::snprintf(text.data() + used, text.size() - static_cast<std::size_t>(used),
                      ", %.0f %% lost", lost);
    return text.data();
}

void print_table(const Options& options, const std::vector<Row>& rows) {
    std::cout << "| path | bytes | batch | unwatched, ns a send |";
    for (const std::string& mode : options.modes) std::cout << ' ' << mode << " |";
    std::cout << "\n|---|---|---|---|";
    for (std::size_t i = 0; i < options.modes.size(); ++i) std::cout << "---|";
    for (const Row& row : rows) {
        std::cout << "\n| " << row.work.path << " | " << row.work.bytes << " | " << row.work.batch
                  << " | " << static_cast<std::uint64_t>(1e9 / median(row.alone)) << " |";
        for (const std::string& mode : options.modes)
            std::cout << ' ' << text_of(row.cells.at(mode)) << " |";
    }
    std::cout << std::endl;
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::istringstream list(text);
    for (std::string word; std::getline(list, word, ',');) words.push_back(word);
    return words;
}

constexpr const char* usage =
    "usage: capture_bench [--rounds N] [--seconds S] [--out FOLDER] [--buffer BYTES]\n"
    "                     [--paths ifb,veth-drop,udp,tcp] [--modes "
    "minimal,default,default+sampled,all,default+other]\n"
    "                     +other: another process is watched, not the loop\n"
    "                     [--zcv PROGRAM] another build than this one's\n"
    "                     [--rows TEXT]  only rows whose path:bytes:batch contains it\n"
    "                     [--kinds]   what each kind of record adds to minimal\n";

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&]() -> std::string {
            if (i + 1 < argc) return argv[++i];
            std::cerr << usage;
            std::exit(2);
        };
        if (word == "--rounds")
            options.rounds = std::stoi(value());
        else if (word == "--seconds")
            options.seconds = std::stod(value());
        else if (word == "--out")
            options.out = value();
        else if (word == "--buffer")
            options.buffer = value();
        else if (word == "--paths")
            options.paths = words_of(value());
        else if (word == "--modes")
            options.modes = words_of(value());
        else if (word == "--zcv")
            options.zcv = value();
        else if (word == "--rows")
            options.rows = value();
        else if (word == "--kinds")
            options.kinds = true;
        else {
            std::cerr << usage;
            std::exit(word == "--help" ? 0 : 2);
        }
    }
    if (options.kinds)
        options.modes = {"minimal",  "tcp-append", "retransmit", "ack",     "sock-state",
                         "errqueue", "task-work",  "unmap",      "default", "all"};
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    std::filesystem::create_directories(options.out);
    std::ofstream csv(options.out + "/pairs.csv");
    csv << "round,path,bytes,batch,mode,alone_per_s,watched_per_s,ratio,alone_per_cpu_s,"
           "watched_per_cpu_s,cpu_ratio,cpu_ns_per_send,records,lost\n";
    std::vector<Row> rows = rows_of(options);
    for (int round = 0; round < options.rounds; ++round)
        for (Row& row : rows) run_round(options, round, row, csv);
    std::filesystem::remove(options.out + "/trace.zct");
    print_table(options, rows);
    return 0;
}
