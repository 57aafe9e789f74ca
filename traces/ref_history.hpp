#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "traces/replay.hpp"

namespace zcv {

// One reference of a ubuf, from where function probes saw it taken to where they saw it dropped.
struct Hold {
    std::string holder;  // "issuer", "skb 0xffff...", "send #4" (stacked on this one)
    std::uint64_t from_ns = 0;
    std::optional<std::uint64_t> to_ns;  // not dropped in the trace
};

// A ubuf from its allocation to where it is used again.
struct RefLife {
    struct Count {
        std::uint64_t time_ns;
        std::uint32_t refs;  // the kernel's own count, with this change
    };
    std::uint64_t ubuf = 0;
    std::uint32_t send = 0;  // SendHistory::number; 0: no submission names it
    std::vector<Count> counts;
    std::vector<Hold> holds;  // in the order they were taken
};

// The ubuf of a send, and of those stacked on the same one: the head first. Without a number, those
// of the longest chain, or else of the ubuf with most changes. Empty where no function probe saw
// any. Throws Refusal(usage) for a send that is not in the trace.
std::vector<RefLife> family_of(const Trace& trace, const ReplayReport& report,
                               std::optional<std::uint32_t> send);

}  // namespace zcv
