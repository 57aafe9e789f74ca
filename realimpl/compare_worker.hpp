#pragma once

#include <cstdint>
#include <vector>

#include "realimpl/compare_order.hpp"
#include "realimpl/compare_places.hpp"
#include "realimpl/compare_primitives.hpp"
#include "realimpl/drive_children.hpp"

namespace zcv::compare {

// UDP looks at nothing else of a datagram that is longer.
inline constexpr std::uint32_t datagram_max = 65535;
inline constexpr std::uint32_t refused_bytes = 70000;

struct Bench {
    Place place;
    std::vector<clock::DataPath> paths;
    std::uint32_t bytes_max = 65435;
};

// Buffers that a sender has: it waits when all are with the kernel.
std::uint64_t buffers_of(const Bench& bench);

// Sender and receiver on a processor each, where there are two: a scheduler that moves them about
// would be measured too.
void stay_on_processor(int which);

// The body of a place's process: makes its world, then answers orders on `channel` until it ends.
void serve(const Bench& bench, drive::Board& board, const drive::SignalsHeld& signals, int channel);

}  // namespace zcv::compare
