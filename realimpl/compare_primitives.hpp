#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "realimpl/compare_places.hpp"

namespace zcv::compare {

// Things that take time by themselves, none of them a way to send that is predicted.
enum class Primitive : std::uint32_t {
    none,           // 0
    nop,            // io_uring, eight a system call
    nop_skipped,    // ... of which seven post no CQE
    nop_task_work,  // ... that complete by task work
    nop_worker,     // ... that a worker runs
    nop_submitted,  // ... in a call that does not wait
    nop_alone,      // ... and carries one
    poll,           // poll(2) for room in a UDP socket
    // A datagram of that size built (MSG_MORE) and thrown away, for what follows is too long:
    build,         // by send(2), from eight buffers in turn
    build_warm,    // ... from one
    build_pinned,  // by MSG_ZEROCOPY
    build_read,    // ... and the range in the error queue is read
    build_ring,    // by a SEND on a ring, one a call
    build_zc,      // by a SEND_ZC, one a call
    build_fixed,   // ... from a registered buffer
    raw,           // a raw packet of that size to the place's device
    frames,        // ... of single pages: by AF_XDP
};

struct Timed {
    std::uint64_t times = 0;
    double processor = 0;  // seconds of this process
    double seconds = 0;
};

class Primitives {
  public:
    // `memory`: so many buffers, `stride` bytes apart, that payloads are taken from in turn.
    Primitives(const Place& place, std::byte* memory, std::uint64_t stride, std::uint64_t buffers);
    ~Primitives();

    // For about so long. Throws Refusal(unable) where this kernel or user cannot.
    Timed run(Primitive primitive, std::uint32_t bytes, std::int64_t nanoseconds);

  private:
    struct Kit;
    std::unique_ptr<Kit> kit_;
};

}  // namespace zcv::compare
