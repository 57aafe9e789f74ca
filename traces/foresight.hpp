#pragma once

#include <cstdint>

namespace zcv {

// Two CPUs write records of one moment: what happened first may be recorded last. By no more than
// this, nanoseconds.
inline constexpr std::uint64_t skew_ns = 1'000'000;

// How far is looked.
struct Foresight {
    // At least so many records and nanoseconds, for what comes late...
    std::uint64_t records_min = 4096;
    std::uint64_t ns_min = 10 * skew_ns;
    // ... and as many as it takes until all sends that were submitted have their end, but no more
    // than this, which is what a send that never ends costs.
    std::uint64_t records_max = 1U << 19U;
    // What is known of a send that is over is kept for so many records: late ones may name it.
    std::uint64_t lag = 16384;
};

}  // namespace zcv
