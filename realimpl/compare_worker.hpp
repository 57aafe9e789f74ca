#pragma once

#include <cstdint>
#include <vector>

#include "realimpl/compare_places.hpp"
#include "realimpl/compare_primitives.hpp"
#include "realimpl/drive_children.hpp"

namespace zcv::compare {

// What the measuring process asks of a place's sender: for so long, that way, of that size.
struct Order {
    std::uint32_t path = 0;   // an index
    std::uint32_t bytes = 0;  // more than datagram_max: every send is to be refused
    std::int64_t nanoseconds = 0;
    Primitive primitive = Primitive::none;  // instead of a path
};

// UDP looks at nothing else of a datagram that is longer.
inline constexpr std::uint32_t datagram_max = 65535;
inline constexpr std::uint32_t refused_bytes = 70000;

// ... and what it gets.
struct Slice {
    std::uint64_t requests = 0;  // that the kernel took, and whose buffers came back
    std::uint64_t bytes = 0;
    std::uint64_t notified = 0;
    std::uint64_t copied = 0;  // of those, that say so
    std::uint64_t system_calls = 0;
    std::uint64_t failed = 0;    // refused for want of memory or room, and sent again
    std::uint64_t received = 0;  // datagrams by the peer
    double seconds = 0;
    double processor = 0;       // seconds of the sender
    double peer_processor = 0;  // ... and of the receiver
};

struct Bench {
    Place place;
    std::vector<clock::DataPath> paths;
    std::uint32_t bytes_max = 65435;
};

// Buffers that a sender has: it waits when all are with the kernel.
std::uint64_t buffers_of(const Bench& bench);

// The body of a place's process: makes its world, then answers orders on `channel` until it ends.
// One empty Slice says that it is ready.
void serve(const Bench& bench, drive::Board& board, const drive::SignalsHeld& signals, int channel);

}  // namespace zcv::compare
