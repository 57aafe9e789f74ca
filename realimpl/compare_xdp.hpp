#pragma once

#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_transport.hpp"

namespace zcv::compare {

// Memory that is shared with the kernel for as long as this lives.
class Mapping {
  public:
    // Of our own when there is no descriptor (-1).
    Mapping(int fd, std::uint64_t offset, std::size_t bytes);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::byte* at(std::uint64_t offset) const { return memory_ + offset; }
    std::size_t bytes() const { return bytes_; }

  private:
    const std::size_t bytes_;
    std::byte* memory_;
};

// One of an AF_XDP socket's rings, which the kernel shares with us.
template <class Entry>
class FrameRing {
  public:
    FrameRing(int fd, std::uint64_t offset, const xdp_ring_offset& at, std::uint32_t entries)
        : memory_(fd, offset, at.desc + entries * sizeof(Entry)),
          producer_(reinterpret_cast<std::uint32_t*>(memory_.at(at.producer))),
          consumer_(reinterpret_cast<std::uint32_t*>(memory_.at(at.consumer))),
          entries_(reinterpret_cast<Entry*>(memory_.at(at.desc))),
          mask_(entries - 1) {}

    Entry& at(std::uint32_t index) { return entries_[index & mask_]; }
    // Where the other side has got to, and where we have.
    std::uint32_t produced() const { return __atomic_load_n(producer_, __ATOMIC_ACQUIRE); }
    std::uint32_t consumed() const { return __atomic_load_n(consumer_, __ATOMIC_ACQUIRE); }
    void produce(std::uint32_t until) { __atomic_store_n(producer_, until, __ATOMIC_RELEASE); }
    void consume(std::uint32_t until) { __atomic_store_n(consumer_, until, __ATOMIC_RELEASE); }

  private:
    Mapping memory_;
    std::uint32_t* producer_;
    std::uint32_t* consumer_;
    Entry* entries_;
    std::uint32_t mask_;
};

// Transmits past the socket layer: frames of memory that is registered once (UMEM) go on a transmit
// ring, a system call a batch has them sent, and the completion ring gives them back. In copy mode,
// the only one that a veth or an ifb has: the kernel copies each frame, so of a bypass this is the
// discipline of the rings and no zero copy.
class Frames final : public drive::Transport {
  public:
    // To this port of the far end, from so many buffers of up to so many bytes of payload. Throws
    // Refusal(unable) where this kernel or user cannot.
    Frames(const std::string& device, std::uint16_t port, std::uint64_t buffers,
           std::uint32_t bytes_max);

    // Of a Send only the name, the buffer and the length count: what is sent lies in the UMEM, and
    // only its headers are written anew. Throws Refusal(internal) when the kernel has not completed
    // every frame of the buffer yet, or completes one that it does not have.
    void queue(const drive::Send& send) override;
    bool submit_and_wait(std::chrono::microseconds patience) override;
    void take(std::vector<drive::Said>& said) override;

  private:
    struct Buffer {
        drive::Send send;
        std::uint32_t frames_out = 0;  // with the kernel
    };
    // The kernel's part until it has taken what is on the transmit ring.
    void kick(std::chrono::microseconds patience);
    void read_completions();

    const std::uint16_t port_;
    const std::uint32_t frames_per_buffer_;
    drive::Socket socket_;
    Mapping umem_;
    std::vector<Buffer> buffers_;
    std::vector<bool> frame_out_;
    std::optional<FrameRing<xdp_desc>> transmit_;
    std::optional<FrameRing<std::uint64_t>> completion_;
    std::uint32_t queued_ = 0;  // our end of the transmit ring
    std::vector<drive::Said> said_;
};

}  // namespace zcv::compare
