#include "realimpl/compare_primitives.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"
#include "realimpl/uapi.hpp"

namespace zcv::compare {

namespace {

using Clock = std::chrono::steady_clock;
using drive::throw_errno;

constexpr unsigned batch = 8;
constexpr unsigned stamps = 32;  // in the error queue at once
constexpr std::uint16_t discard_port = 9;
constexpr std::size_t longest_datagram = 65507;
constexpr int longest_segment = 65000;

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Pipe {
  public:
    Pipe() : null_(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {
        if (null_ < 0 || ::pipe2(ends_.data(), O_CLOEXEC) != 0) throw_errno("open a pipe");
        // A page takes a slot each.
        ::fcntl(ends_[1], F_SETPIPE_SZ, 1 << 20);
    }
    ~Pipe() {
        for (const int fd : {ends_[0], ends_[1], null_}) ::close(fd);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void carry(std::byte* from, std::uint32_t bytes) const {
        const iovec part{from, bytes};
        if (::vmsplice(ends_[1], &part, 1, 0) != static_cast<ssize_t>(bytes))
            throw_errno("vmsplice");
        if (::splice(ends_[0], nullptr, null_, nullptr, bytes, 0) != static_cast<ssize_t>(bytes))
            throw_errno("splice");
    }

  private:
    std::array<int, 2> ends_{-1, -1};
    int null_;
};

class NopRing {
  public:
    NopRing() {
        const int rc = ::io_uring_queue_init(
            4 * batch, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
        if (rc < 0) throw_errno("open an io_uring", -rc);
    }
    ~NopRing() { ::io_uring_queue_exit(&ring_); }
    NopRing(const NopRing&) = delete;
    NopRing& operator=(const NopRing&) = delete;

    void run(Primitive primitive) {
        const bool waits = primitive < Primitive::nop_submitted;
        const unsigned count = primitive == Primitive::nop_alone ? 1 : batch;
        for (unsigned i = 0; i < count; ++i) {
            io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
            ::io_uring_prep_nop(sqe);
            if (primitive == Primitive::nop_skipped && i + 1 < batch)
                sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
            if (primitive == Primitive::nop_worker) sqe->flags |= IOSQE_ASYNC;
            if (primitive == Primitive::nop_task_work) sqe->rw_flags = uapi::nop_task_work;
        }
        const unsigned cqes = primitive == Primitive::nop_skipped ? 1 : batch;
        const int rc = waits ? ::io_uring_submit_and_wait(&ring_, cqes) : ::io_uring_submit(&ring_);
        if (rc < 0) throw_errno("submit NOPs", -rc);
        unsigned head = 0;
        unsigned taken = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            if (cqe->res < 0) throw_errno("run this kind of NOP", -cqe->res);
            ++taken;
        }
        ::io_uring_cq_advance(&ring_, taken);
    }

  private:
    io_uring ring_{};
};

drive::Socket datagrams_to(const Place& place) {
    drive::Socket socket(AF_INET, SOCK_DGRAM);
    const drive::Plan plan = plan_of(place);
    const sockaddr_storage peer = drive::address_of(plan, discard_port);
    if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&peer),
                  drive::address_size(plan)) != 0)
        throw_errno("connect to nobody");
    return socket;
}

}  // namespace

struct Primitives::Kit {
    Kit(const Place& where, std::byte* at, std::uint64_t apart, std::uint64_t count)
        : place(where),
          memory(at),
          stride(apart),
          buffers(count),
          plain(datagrams_to(where)),
          building(datagrams_to(where)),
          stamping(datagrams_to(where)),
          unconnected(AF_INET, SOCK_STREAM) {
        const int on = 1;
        const int stamp =
            SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_SOFTWARE;
        if (::setsockopt(stamping.fd(), SOL_SOCKET, SO_TIMESTAMPING, &stamp, sizeof stamp) != 0)
            throw_errno("ask for time stamps");
        // Kept back without it, a datagram is summed up in software while it is copied.
        const int segment = longest_segment;
        if (::setsockopt(building.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0)
            throw_errno("ask for segmentation");
        if (::setsockopt(unconnected.fd(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0)
            throw_errno("set SO_ZEROCOPY");
    }

    // As many as are in turn when eight requests are handed in at once: it matters to the caches.
    std::byte* next_buffer() {
        return memory + (turn++ % std::min<std::uint64_t>(buffers, batch)) * stride;
    }

    void send_to_nobody(int flags) {
        if (::send(unconnected.fd(), next_buffer(), 4096, flags | MSG_NOSIGNAL) >= 0 ||
            errno != EPIPE)
            throw_errno("be refused by a socket that is not connected");
    }
    // Nothing of it is ever handed to the device.
    void build(std::uint32_t bytes) {
        if (::send(building.fd(), next_buffer(), bytes, MSG_MORE) != static_cast<ssize_t>(bytes))
            throw_errno("build a datagram");
        if (::send(building.fd(), memory, longest_datagram, MSG_MORE) >= 0 || errno != EMSGSIZE)
            throw_errno("throw a datagram away");
    }
    void send_raw(std::uint32_t bytes) {
        if (!raw) open_raw();
        if (::sendto(raw->fd(), next_buffer(), bytes, 0, reinterpret_cast<sockaddr*>(&raw_to),
                     sizeof raw_to) < 0 &&
            errno != ENOBUFS)
            throw_errno("send a raw packet");
    }
    void open_raw() {
        raw.emplace(AF_PACKET, SOCK_DGRAM);
        raw_to.sll_family = AF_PACKET;
        raw_to.sll_protocol = htons(ETH_P_IP);
        raw_to.sll_ifindex = static_cast<int>(::if_nametoindex(drive::near_device));
        raw_to.sll_halen = 6;
        raw_to.sll_addr[0] = 2;
        raw->grow_buffer(SO_SNDBUFFORCE, SO_SNDBUF, 4 << 20);
    }
    void send_byte(const drive::Socket& socket) {
        if (::send(socket.fd(), next_buffer(), 1, 0) < 0 && errno != ECONNREFUSED)
            throw_errno("send a byte");
    }
    // False when there is none.
    bool read_stamp() {
        alignas(cmsghdr) char control[256];
        msghdr header{};
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        return ::recvmsg(stamping.fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0;
    }

    void once(Primitive primitive, std::uint32_t bytes) {
        switch (primitive) {
            case Primitive::ubuf:
                return send_to_nobody(MSG_ZEROCOPY);
            case Primitive::no_ubuf:
                return send_to_nobody(0);
            case Primitive::poll: {
                pollfd room{plain.fd(), POLLOUT, 0};
                if (::poll(&room, 1, 500) != 1) throw_errno("poll a socket");
                return;
            }
            case Primitive::build:
                return build(bytes);
            case Primitive::splice:
                return pipe.carry(next_buffer(), bytes);
            case Primitive::unstamped:
                return send_byte(plain);
            case Primitive::raw:
                return send_raw(bytes);
            default:
                return nops.run(primitive);
        }
    }

    const Place place;
    std::byte* const memory;
    const std::uint64_t stride;
    const std::uint64_t buffers;
    std::uint64_t turn = 0;
    NopRing nops;
    Pipe pipe;
    drive::Socket plain;
    drive::Socket building;
    drive::Socket stamping;
    drive::Socket unconnected;
    std::optional<drive::Socket> raw;
    sockaddr_ll raw_to{};
};

Primitives::Primitives(const Place& place, std::byte* memory, std::uint64_t stride,
                       std::uint64_t buffers)
    : kit_(std::make_unique<Kit>(place, memory, stride, buffers)) {}

Primitives::~Primitives() = default;

Timed Primitives::run(Primitive primitive, std::uint32_t bytes, std::int64_t nanoseconds) {
    const bool stamps_too = primitive == Primitive::stamped || primitive == Primitive::stamp_read;
    const bool nops = primitive >= Primitive::nop && primitive <= Primitive::nop_submitted;
    Timed timed;
    const Clock::time_point began = Clock::now();
    const Clock::time_point end = began + std::chrono::nanoseconds(nanoseconds);
    double mark = processor_seconds();
    while (Clock::now() < end) {
        if (!stamps_too) {
            for (unsigned i = 0; i < batch; ++i) kit_->once(primitive, bytes);
            timed.times += nops ? batch * batch : batch;
            continue;
        }
        mark = processor_seconds();
        for (unsigned i = 0; i < stamps; ++i) kit_->send_byte(kit_->stamping);
        const double sent = processor_seconds();
        std::uint64_t read = 0;
        while (read < stamps && kit_->read_stamp()) ++read;
        if (read < stamps) throw Refusal(Status::unable, "a time stamp of a send did not come");
        timed.times += stamps;
        timed.processor +=
            primitive == Primitive::stamped ? sent - mark : processor_seconds() - sent;
    }
    if (!stamps_too) timed.processor = processor_seconds() - mark;
    timed.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return timed;
}

}  // namespace zcv::compare
