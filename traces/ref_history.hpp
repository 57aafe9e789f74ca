#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/replay.hpp"

namespace zcv {

// One reference of a ubuf, from where it was taken to where it was dropped.
struct Hold {
    std::string holder;  // "issuer", "skb 0xffff...", "send #4" (stacked on this one)
    std::uint64_t from_ns = 0;
    std::optional<std::uint64_t> to_ns;  // not dropped in the trace
};

// A ubuf from its allocation to where it is used again.
struct RefLife {
    struct Count {
        std::uint64_t time_ns;
        std::uint32_t refs;  // with this change
    };
    std::uint64_t ubuf = 0;
    std::uint32_t send = 0;     // SendHistory::number; 0: no submission names it
    std::vector<Count> counts;  // the kernel's own where probes saw it, else the model's
    std::vector<Count> read;    // of inferred lives: the kernel's, as other records read it
    std::vector<Hold> holds;    // in the order they were taken
};

// As function probes saw it: the ubuf of a send, and of those stacked on the same one: the head
// first. Without a number, those of the longest chain, or else of the ubuf with most changes. Empty
// where no function probe saw any. Throws Refusal(usage) for a send that is not in the trace.
std::vector<RefLife> family_of(const Trace& trace, const ReplayReport& report,
                               std::optional<std::uint32_t> send);

// The same as a replay infers it, of any trace: by the moment of the record that shows a change at
// the latest. Empty where nothing is to be inferred: MSG_ZEROCOPY calls, skbs not followed.
std::vector<RefLife> inferred_family_of(const Trace& trace, const ReplayReport& report,
                                        std::optional<std::uint32_t> send);

// What a replay takes a send through: the kernel's functions, and the references.
struct SendSteps {
    struct Step {
        std::uint64_t time_ns;  // of the record that shows it
        std::string_view function;
    };
    std::vector<Step> steps;
    RefLife refs;
};

// Of each send of io_uring, in the order of submission.
std::vector<SendSteps> steps_of(const Trace& trace, const ReplayReport& report);

}  // namespace zcv
