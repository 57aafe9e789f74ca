#include "realimpl/compare_worker.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "realimpl/compare_xdp.hpp"
#include "realimpl/drive_calls.hpp"
#include "realimpl/drive_receiver.hpp"
#include "realimpl/drive_ring.hpp"
#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"
#include "realimpl/netns.hpp"

namespace zcv::compare {

namespace {

using Clock = std::chrono::steady_clock;
using drive::throw_errno;

constexpr int socket_buffer_bytes = 32 << 20;
constexpr std::uint16_t discard_port = 9;
constexpr std::chrono::microseconds patience{20'000};
// Nothing comes back for so long: the buffers are lost, and the slice with them.
constexpr auto hung = std::chrono::seconds(5);

double seconds_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// The receiving process: reads whatever comes, and looks at nothing.
void swallow(const drive::Plan& plan, drive::Board& board) {
    stay_on_processor(1);
    const drive::Socket socket = drive::open_receiver(plan, board);
    if (plan.peer_drops)
        for (;;) ::pause();
    const bool stream = plan.stream();
    const drive::Socket connection(stream ? ::accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC)
                                          : ::dup(socket.fd()));
    if (connection.fd() < 0) throw_errno("accept");
    std::vector<std::byte> into(1 << 20);
    std::uint64_t received = 0;
    for (;;) {
        const ssize_t n = ::recv(connection.fd(), into.data(), into.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno("receive");
        if (n == 0 && stream) return;
        board.received = ++received;
        if (!stream) continue;
        // A notification waits for the acknowledgement, which the kernel would delay by 40 ms.
        const int now = 1;
        ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    }
}

// All ways to send over one socket of one place.
class Loop {
  public:
    Loop(const Bench& bench, const drive::Plan& plan, drive::Board& board)
        : bench_(bench),
          board_(board),
          buffers_(buffers_of(bench)),
          drops_(plan.peer_drops),
          socket_(AF_INET, plan.stream() ? SOCK_STREAM : SOCK_DGRAM) {
        connect(plan);
        stride_ = (std::uint64_t{bench.bytes_max} + 4095) / 4096 * 4096;
        void* const memory = ::mmap(nullptr, stride_ * buffers_, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED) throw_errno("get memory for the buffers");
        memory_ = static_cast<std::byte*>(memory);
        std::fill_n(memory_, stride_ * buffers_, std::byte{1});
        for (std::uint64_t i = buffers_; i-- > 0;) free_.push_back(i);
        plans_.reserve(bench.paths.size());
        for (const clock::DataPath& path : bench.paths) open(path);
        const bool has_peer = board.receiver != 0;
        if (!has_peer || ::clock_getcpuclockid(board.receiver, &peer_clock_) != 0)
            peer_clock_ = CLOCK_PROCESS_CPUTIME_ID;
        has_peer_ = has_peer;
    }

    // What this place has to do without, and why.
    const std::string& remark() const { return remark_; }

    Slice run(const Order& order) {
        if (order.primitive != Primitive::none) return run_primitive(order);
        if (!transports_.at(order.path)) return {};
        drive::Transport& transport = *transports_.at(order.path);
        const auto length = std::chrono::nanoseconds(order.nanoseconds);
        send_for(transport, order, length / 8);  // the caches are somebody else's
        await_peer();
        slice_ = {};
        const std::uint64_t calls = transport.system_calls();
        const std::uint64_t arrived_before = arrived();
        const double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        const double peer = seconds_of(peer_clock_);
        const Clock::time_point began = Clock::now();
        send_for(transport, order, length);
        slice_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
        slice_.processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
        slice_.peer_processor = has_peer_ ? seconds_of(peer_clock_) - peer : 0;
        await_peer();
        slice_.arrived = arrived() - arrived_before;
        slice_.system_calls = transport.system_calls() - calls;
        return slice_;
    }

  private:
    Slice run_primitive(const Order& order) {
        try {
            return timed(order);
        } catch (const Refusal&) {
            // This kernel has no such thing, or this user may not: nothing was timed.
            return {};
        }
    }
    Slice timed(const Order& order) {
        if (!primitives_) primitives_.emplace(bench_.place, memory_, stride_, buffers_);
        primitives_->run(order.primitive, order.bytes, order.nanoseconds / 8);
        const Timed whole = primitives_->run(order.primitive, order.bytes, order.nanoseconds);
        Slice slice;
        slice.requests = whole.times;
        slice.processor = whole.processor;
        slice.seconds = whole.seconds;
        return slice;
    }

    void connect(const drive::Plan& plan) {
        if (!plan.stream()) socket_.grow_buffer(SO_SNDBUFFORCE, SO_SNDBUF, socket_buffer_bytes);
        const std::uint16_t port = plan.has_receiver() ? board_.port.load() : discard_port;
        const sockaddr_storage peer = drive::address_of(plan, port);
        if (::connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&peer),
                      drive::address_size(plan)) != 0)
            throw_errno("connect to the receiver");
        const int on = 1;
        if (plan.stream()) ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    void open_frames(const drive::Plan& plan) {
        const std::uint16_t port =
            plan.has_receiver() && !drops_ ? board_.port.load() : discard_port;
        try {
            transports_.push_back(
                std::make_shared<Frames>(drive::near_device, port, buffers_, bench_.bytes_max));
        } catch (const Refusal& refusal) {
            transports_.push_back(nullptr);
            remark_ = std::string("af_xdp: ") + refusal.what();
        }
    }

    void open(const clock::DataPath& path) {
        plans_.push_back(plan_of(bench_.place, path, bench_.bytes_max, buffers_));
        // The kernel numbers a socket's calls, so whoever makes them must make them all.
        for (std::size_t i = 0; i + 1 < plans_.size() && !clock::is_ring(path.way); ++i)
            if (bench_.paths[i].way == path.way) return transports_.push_back(transports_[i]);
        if (!goes(path, bench_.place)) return transports_.push_back(nullptr);
        if (path.way == clock::Way::af_xdp) return open_frames(plans_.back());
        if (!clock::is_ring(path.way)) {
            transports_.push_back(std::make_shared<drive::Calls>(plans_.back(), socket_.fd(), -1));
            return;
        }
        std::vector<iovec> all;
        for (std::uint64_t i = 0; i < buffers_; ++i)
            all.push_back({memory_ + i * stride_, stride_});
        transports_.push_back(std::make_shared<drive::Ring>(plans_.back(), counts_,
                                                            drive::RingSockets{socket_.fd(), -1},
                                                            std::move(all), 2 * buffers_));
    }

    // Packets at the other end: read by the receiver, or counted by a device that drops them.
    std::uint64_t arrived() const {
        if (!has_peer_) return netns::packets_given(::getpid(), drive::near_device);
        return drops_ ? netns::packets_given(board_.receiver, drive::far_device)
                      : board_.received.load();
    }
    // What has not arrived yet is neither lost nor somebody else's.
    void await_peer() const {
        if (!has_peer_) return;
        const Clock::time_point end = Clock::now() + hung;
        std::uint64_t seen = ~std::uint64_t{0};
        while ((seen != arrived() || !netns::udp_is_read(board_.receiver, board_.port)) &&
               Clock::now() < end) {
            seen = arrived();
            ::usleep(500);
        }
    }

    // Until the time is over and every buffer is back.
    void send_for(drive::Transport& transport, const Order& order,
                  std::chrono::nanoseconds length) {
        const Clock::time_point end = Clock::now() + length;
        const unsigned batch = bench_.paths.at(order.path).batch;
        const int flags = bench_.place.stream ? MSG_WAITALL : 0;
        heard_ = Clock::now();
        while (Clock::now() < end) {
            for (unsigned i = 0; i < batch && free_.size() >= 1; ++i) {
                const std::uint64_t buffer = free_.back();
                free_.pop_back();
                drive::Send send;
                send.name = buffer;
                send.buffer = buffer;
                send.bytes = {memory_ + buffer * stride_, order.bytes};
                send.flags = flags;
                transport.queue(send);
            }
            take(transport, order);
        }
        while (free_.size() < buffers_) take(transport, order);
    }

    void take(drive::Transport& transport, const Order& order) {
        transport.submit_and_wait(patience);
        said_.clear();
        transport.take(said_);
        for (const drive::Said& said : said_) on(said, order);
        if (!said_.empty())
            heard_ = Clock::now();
        else if (Clock::now() - heard_ > hung)
            throw Refusal(Status::unable,
                          fmt::format("compare: {} of {} buffers sent by {} did "
                                      "not come back in {} s",
                                      buffers_ - free_.size(), buffers_,
                                      text_of(bench_.paths.at(order.path)), hung.count()));
    }

    void on(const drive::Said& said, const Order& order) {
        if (said.what == drive::Said::What::notification) {
            ++slice_.notified;
            slice_.copied += said.copied ? 1 : 0;
            free_.push_back(said.name);
            return;
        }
        if (said.result < 0) {
            const int error = -said.result;
            if (order.bytes > datagram_max && error == EMSGSIZE) {
                ++slice_.requests;
                if (!said.more) free_.push_back(said.name);
                return;
            }
            if (error != EAGAIN && error != ENOBUFS && error != ENOMEM)
                throw_errno(text_of(bench_.paths.at(order.path)), error);
            ++slice_.failed;
        } else {
            ++slice_.requests;
            slice_.bytes += static_cast<std::uint64_t>(said.result);
        }
        if (!said.more) free_.push_back(said.name);
    }

    const Bench& bench_;
    drive::Board& board_;
    const std::uint64_t buffers_;
    const bool drops_;
    std::string remark_;
    drive::Socket socket_;
    drive::SenderCounts counts_;
    std::uint64_t stride_ = 0;
    std::byte* memory_ = nullptr;
    std::vector<std::uint64_t> free_;
    std::vector<drive::Plan> plans_;  // transports refer to theirs
    std::vector<std::shared_ptr<drive::Transport>> transports_;
    std::vector<drive::Said> said_;
    Slice slice_;
    std::optional<Primitives> primitives_;
    Clock::time_point heard_;
    clockid_t peer_clock_ = CLOCK_PROCESS_CPUTIME_ID;
    bool has_peer_ = false;
};

}  // namespace

void stay_on_processor(int which) {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed) || which-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ::sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

std::uint64_t buffers_of(const Bench& bench) {
    unsigned batch = 1;
    for (const clock::DataPath& path : bench.paths) batch = std::max(batch, path.batch);
    return std::max(16U, 2 * batch);
}

void serve(const Bench& bench, drive::Board& board, const drive::SignalsHeld& signals,
           int channel) {
    const drive::Plan plan = plan_of(bench.place);
    drive::make_world(plan, board, signals, [&] { swallow(plan, board); });
    stay_on_processor(0);
    const bool needs_program = bench.place.device == "veth" || plan.peer_drops;
    if (needs_program && !board.xdp)
        throw Refusal(Status::unable, std::string("compare: ") + board.note);
    Loop loop(bench, plan, board);
    Answer answer;
    loop.remark().copy(answer.remark, sizeof answer.remark - 1);
    Order order;
    while (::write(channel, &answer, sizeof answer) == sizeof answer &&
           ::read(channel, &order, sizeof order) == sizeof order)
        answer = {loop.run(order)};
}

}  // namespace zcv::compare
