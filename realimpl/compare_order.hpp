#pragma once

#include <cstdint>

// What is said between the measuring process and those that send. zcv-dpdk, which links nothing
// else of ours, speaks it too.
namespace zcv::compare {

enum class Primitive : std::uint32_t;

// What the measuring process asks of a place's sender: for so long, that way, of that size.
struct Order {
    std::uint32_t path = 0;   // an index
    std::uint32_t bytes = 0;  // more than datagram_max: every send is to be refused
    std::int64_t nanoseconds = 0;
    Primitive primitive{};    // instead of a path
    std::uint32_t batch = 0;  // the path's
};

// ... and what it gets.
struct Slice {
    std::uint64_t requests = 0;  // that the kernel took, and whose buffers came back
    std::uint64_t bytes = 0;
    std::uint64_t notified = 0;
    std::uint64_t copied = 0;  // of those, that say so
    std::uint64_t system_calls = 0;
    std::uint64_t failed = 0;   // refused for want of memory or room, and sent again
    std::uint64_t arrived = 0;  // datagrams that the peer read, or that a device counted
    double seconds = 0;
    double processor = 0;       // seconds of the sender
    double peer_processor = 0;  // ... and of the receiver
};

// One message. The first, without an order, says that the sender is ready.
struct Answer {
    Slice slice;
    bool failed = false;    // it ends now, and the remark says why
    char remark[511] = {};  // what this place has to do without; "" nothing
};

}  // namespace zcv::compare
