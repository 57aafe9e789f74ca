#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "realimpl/compare_places.hpp"

namespace zcv::compare {

// Things that take time by themselves, none of them a way to send that is compared.
enum class Primitive : std::uint32_t {
    none,           // 0
    nop,            // io_uring, eight a system call
    nop_skipped,    // ... of which seven post no CQE
    nop_task_work,  // ... that complete by task work
    nop_worker,     // ... that a worker runs
    nop_submitted,  // ... in a call that does not wait
    nop_alone,      // ... and carries one
    poll,           // poll(2) for room in a UDP socket
    ubuf,           // MSG_ZEROCOPY on a TCP socket that is not connected: ends with EPIPE
    no_ubuf,        // ... without the flag
    build,    // a datagram of that size built (MSG_MORE), and thrown away: what follows is too long
    splice,   // vmsplice of that many bytes into a pipe, and on to /dev/null
    stamped,  // send of one byte whose time stamp goes to the error queue
    unstamped,   // ... without
    stamp_read,  // such a time stamp is read
    raw,         // a raw packet of that size to the place's device
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
