#include "realimpl/compare_primitives.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <liburing.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <vector>

#include "realimpl/compare_xdp.hpp"
#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"
#include "realimpl/uapi.hpp"

namespace zcv::compare {

namespace {

using Clock = std::chrono::steady_clock;
using drive::throw_errno;

constexpr unsigned batch = 8;
constexpr std::uint16_t discard_port = 9;
constexpr std::size_t longest_datagram = 65507;
constexpr int longest_segment = 65000;
constexpr std::uint32_t longest_payload = 65435;

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

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

// Datagrams that nobody will get, by a ring.
class BuildRing {
  public:
    BuildRing(int fd, std::byte* memory, std::uint64_t stride, std::uint64_t buffers) : fd_(fd) {
        int rc = ::io_uring_queue_init(4 * batch, &ring_,
                                       IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
        if (rc < 0) throw_errno("open an io_uring", -rc);
        std::vector<iovec> all;
        for (std::uint64_t i = 0; i < buffers; ++i) all.push_back({memory + i * stride, stride});
        rc = ::io_uring_register_buffers(&ring_, all.data(), static_cast<unsigned>(all.size()));
        if (rc < 0) throw_errno("register buffers", -rc);
    }
    ~BuildRing() { ::io_uring_queue_exit(&ring_); }
    BuildRing(const BuildRing&) = delete;
    BuildRing& operator=(const BuildRing&) = delete;

    void build(Primitive by, unsigned index, const std::byte* from, std::uint32_t bytes) {
        io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
        if (by == Primitive::build_fixed)
            ::io_uring_prep_send_zc_fixed(sqe, fd_, from, bytes, MSG_MORE, 0, index);
        else if (by == Primitive::build_zc)
            ::io_uring_prep_send_zc(sqe, fd_, from, bytes, MSG_MORE, 0);
        else
            ::io_uring_prep_send(sqe, fd_, from, bytes, MSG_MORE);
        const int rc = ::io_uring_submit_and_wait(&ring_, 1);
        if (rc < 0) throw_errno("submit a SEND", -rc);
        unsigned head = 0;
        unsigned taken = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            const bool told = (cqe->flags & IORING_CQE_F_NOTIF) != 0;
            if (!told && cqe->res != static_cast<int>(bytes))
                throw_errno("build a datagram by a ring", cqe->res < 0 ? -cqe->res : EIO);
            ++taken;
        }
        ::io_uring_cq_advance(&ring_, taken);
    }

  private:
    const int fd_;
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
          building(datagrams_to(where)) {
        const int on = 1;
        // Kept back without it, a datagram is summed up in software while it is copied, and none
        // is built by reference.
        const int segment = longest_segment;
        if (::setsockopt(building.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0)
            throw_errno("ask for segmentation");
        if (::setsockopt(building.fd(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0)
            throw_errno("set SO_ZEROCOPY");
    }

    // As many as are in turn when eight requests are handed in at once: it matters to the caches.
    unsigned next_index() {
        return static_cast<unsigned>(turn++ % std::min<std::uint64_t>(buffers, batch));
    }
    std::byte* next_buffer() { return memory + next_index() * stride; }

    // Nothing of it is ever handed to the device.
    void throw_away() {
        if (::send(building.fd(), memory, longest_datagram, MSG_MORE) >= 0 || errno != EMSGSIZE)
            throw_errno("throw a datagram away");
    }
    void build(const std::byte* from, std::uint32_t bytes, int flags = 0) {
        if (::send(building.fd(), from, bytes, MSG_MORE | flags) != static_cast<ssize_t>(bytes))
            throw_errno("build a datagram");
        throw_away();
    }
    void build_by_ring(Primitive by, std::uint32_t bytes) {
        if (!ring) ring.emplace(building.fd(), memory, stride, buffers);
        const unsigned index = next_index();
        ring->build(by, index, memory + index * stride, bytes);
        throw_away();
    }
    // False when there is none.
    bool read_error_queue() {
        alignas(cmsghdr) char control[256];
        msghdr header{};
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        return ::recvmsg(building.fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0;
    }
    void read_range() {
        if (!read_error_queue()) throw_errno("read a range from the error queue");
    }
    void empty_error_queue() {
        constexpr int most = 1000;  // unread ranges join, so there are few
        for (int i = 0; i < most && read_error_queue(); ++i) {
        }
    }
    void send_raw(std::uint32_t bytes) {
        if (!raw) open_raw();
        if (::sendto(raw->fd(), next_buffer(), bytes, 0, reinterpret_cast<sockaddr*>(&raw_to),
                     sizeof raw_to) < 0 &&
            errno != ENOBUFS)
            throw_errno("send a raw packet");
    }
    void send_frames(std::uint32_t bytes) {
        if (!frames) frames.emplace(drive::near_device, discard_port, batch, longest_payload);
        drive::Send send;
        send.buffer = next_index();
        send.bytes = {memory, bytes};
        frames->queue(send);
        said.clear();
        if (!frames->submit_and_wait(std::chrono::milliseconds(20)))
            throw Refusal(Status::unable, "a packet of frames is not completed");
        frames->take(said);
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
    void once(Primitive primitive, std::uint32_t bytes) {
        switch (primitive) {
            case Primitive::poll: {
                pollfd room{plain.fd(), POLLOUT, 0};
                if (::poll(&room, 1, 500) != 1) throw_errno("poll a socket");
                return;
            }
            case Primitive::build:
                return build(next_buffer(), bytes);
            case Primitive::build_warm:
                return build(memory, bytes);
            case Primitive::build_pinned:
                return build(next_buffer(), bytes, MSG_ZEROCOPY);
            case Primitive::build_read:
                build(next_buffer(), bytes, MSG_ZEROCOPY);
                return read_range();
            case Primitive::build_ring:
            case Primitive::build_zc:
            case Primitive::build_fixed:
                return build_by_ring(primitive, bytes);
            case Primitive::raw:
                return send_raw(bytes);
            case Primitive::frames:
                return send_frames(bytes);
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
    drive::Socket plain;
    drive::Socket building;
    std::optional<BuildRing> ring;
    std::optional<drive::Socket> raw;
    std::optional<Frames> frames;
    std::vector<drive::Said> said;
    sockaddr_ll raw_to{};
};

Primitives::Primitives(const Place& place, std::byte* memory, std::uint64_t stride,
                       std::uint64_t buffers)
    : kit_(std::make_unique<Kit>(place, memory, stride, buffers)) {}

Primitives::~Primitives() = default;

Timed Primitives::run(Primitive primitive, std::uint32_t bytes, std::int64_t nanoseconds) {
    const bool nops = primitive >= Primitive::nop && primitive <= Primitive::nop_submitted;
    Timed timed;
    // Ranges that nobody read are no part of what is timed now.
    if (primitive == Primitive::build_read) kit_->empty_error_queue();
    const Clock::time_point began = Clock::now();
    const Clock::time_point end = began + std::chrono::nanoseconds(nanoseconds);
    const double mark = processor_seconds();
    while (Clock::now() < end) {
        for (unsigned i = 0; i < batch; ++i) kit_->once(primitive, bytes);
        timed.times += nops ? batch * batch : batch;
    }
    timed.processor = processor_seconds() - mark;
    timed.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return timed;
}

}  // namespace zcv::compare
