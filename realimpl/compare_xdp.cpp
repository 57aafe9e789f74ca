#include "realimpl/compare_xdp.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>

#include "model/outcome.hpp"
#include "realimpl/compare_datagram.hpp"
#include "realimpl/uapi.hpp"

namespace zcv::compare {

namespace {

using drive::throw_errno;

constexpr std::uint32_t frame_bytes = 4096;
constexpr int socket_buffer_bytes = 64 << 20;

std::uint32_t frames_of(std::size_t payload_bytes) {
    return static_cast<std::uint32_t>((header_bytes + payload_bytes + frame_bytes - 1) /
                                      frame_bytes);
}

void set_option(const drive::Socket& socket, int name, const auto& value, const char* what) {
    if (::setsockopt(socket.fd(), SOL_XDP, name, &value, sizeof value) != 0) throw_errno(what);
}

[[noreturn]] void undisciplined(const std::string& what) {
    throw Refusal(Status::internal, "af_xdp: " + what);
}

}  // namespace

Mapping::Mapping(int fd, std::uint64_t offset, std::size_t bytes) : bytes_(bytes) {
    const int own = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, own | MAP_POPULATE, fd,
                                static_cast<off_t>(offset));
    if (memory == MAP_FAILED) throw_errno("map memory of AF_XDP");
    memory_ = static_cast<std::byte*>(memory);
}

Mapping::~Mapping() {
    ::munmap(memory_, bytes_);
}

Frames::Frames(const std::string& device, std::uint16_t port, std::uint64_t buffers,
               std::uint32_t bytes_max)
    : port_(port),
      frames_per_buffer_(frames_of(bytes_max)),
      socket_(AF_XDP, SOCK_RAW),
      umem_(-1, 0, buffers * frames_per_buffer_ * frame_bytes),
      buffers_(buffers),
      frame_out_(buffers * frames_per_buffer_) {
    std::fill_n(umem_.at(0), umem_.bytes(), std::byte{1});
    xdp_umem_reg umem{};
    umem.addr = reinterpret_cast<std::uintptr_t>(umem_.at(0));
    umem.len = umem_.bytes();
    umem.chunk_size = frame_bytes;
    set_option(socket_, XDP_UMEM_REG, umem, "register frames");
    const auto entries = static_cast<std::uint32_t>(std::bit_ceil(frame_out_.size()));
    // Nothing is received, but without a ring to fill no memory can be bound.
    set_option(socket_, XDP_UMEM_FILL_RING, 1, "make a fill ring");
    set_option(socket_, XDP_UMEM_COMPLETION_RING, entries, "make a completion ring");
    set_option(socket_, XDP_TX_RING, entries, "make a transmit ring");
    xdp_mmap_offsets at{};
    socklen_t size = sizeof at;
    if (::getsockopt(socket_.fd(), SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) != 0)
        throw_errno("ask where the rings are");
    transmit_.emplace(socket_.fd(), XDP_PGOFF_TX_RING, at.tx, entries);
    completion_.emplace(socket_.fd(), XDP_UMEM_PGOFF_COMPLETION_RING, at.cr, entries);
    socket_.grow_buffer(SO_SNDBUFFORCE, SO_SNDBUF, socket_buffer_bytes);
    // So many descriptors a call; older kernels take 32, and are called again.
    ::setsockopt(socket_.fd(), SOL_XDP, uapi::xdp_max_tx_skb_budget, &entries, sizeof entries);
    sockaddr_xdp to{};
    to.sxdp_family = AF_XDP;
    to.sxdp_flags = XDP_COPY;
    if (frames_per_buffer_ > 1) to.sxdp_flags |= uapi::xdp_use_sg;
    to.sxdp_ifindex = ::if_nametoindex(device.c_str());
    if (::bind(socket_.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        throw_errno(frames_per_buffer_ > 1
                        ? "bind a socket for packets of several frames (Linux 6.6)"
                        : "bind a socket");
}

void Frames::queue(const drive::Send& send) {
    Buffer& buffer = buffers_.at(send.buffer);
    if (buffer.frames_out != 0)
        undisciplined(fmt::format("buffer {} is sent again before {} of its frames are completed",
                                  send.buffer, buffer.frames_out));
    buffer.send = send;
    buffer.frames_out = frames_of(send.bytes.size());
    const std::uint64_t first = send.buffer * frames_per_buffer_;
    write_headers(umem_.at(first * frame_bytes), port_,
                  static_cast<std::uint32_t>(send.bytes.size()));
    std::size_t left = header_bytes + send.bytes.size();
    for (std::uint32_t i = 0; i < buffer.frames_out; ++i) {
        const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(left, frame_bytes));
        left -= bytes;
        frame_out_[first + i] = true;
        transmit_->at(queued_++) = {(first + i) * frame_bytes, bytes,
                                    left > 0 ? uapi::xdp_pkt_contd : 0};
    }
}

void Frames::kick(std::chrono::microseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (transmit_->consumed() != queued_ && std::chrono::steady_clock::now() < end) {
        ++system_calls_;
        if (::sendto(socket_.fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) continue;
        // No more for now: what is left waits on the ring.
        if (errno != EAGAIN && errno != EBUSY && errno != ENOBUFS) throw_errno("send frames");
        read_completions();
    }
}

void Frames::read_completions() {
    const std::uint32_t until = completion_->produced();
    for (std::uint32_t at = completion_->consumed(); at != until; ++at) {
        const std::uint64_t frame = completion_->at(at) / frame_bytes;
        if (frame >= frame_out_.size() || !frame_out_[frame])
            undisciplined(
                fmt::format("frame {} is completed, which the kernel does not have", frame));
        frame_out_[frame] = false;
        Buffer& buffer = buffers_[frame / frames_per_buffer_];
        if (--buffer.frames_out > 0) continue;
        drive::Said said;
        said.name = buffer.send.name;
        said.result = static_cast<int>(buffer.send.bytes.size());
        said_.push_back(said);
    }
    completion_->consume(until);
}

bool Frames::submit_and_wait(std::chrono::microseconds patience) {
    transmit_->produce(queued_);
    kick(patience);
    read_completions();
    // Nothing tells of a completion: who waits for one looks again.
    constexpr useconds_t pause_us = 20;
    for (std::int64_t waited = 0; said_.empty() && waited < patience.count(); waited += pause_us) {
        ::usleep(pause_us);
        read_completions();
    }
    return !said_.empty();
}

void Frames::take(std::vector<drive::Said>& said) {
    said.insert(said.end(), said_.begin(), said_.end());
    said_.clear();
}

}  // namespace zcv::compare
