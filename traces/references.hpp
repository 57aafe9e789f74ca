#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "traces/replay.hpp"

// How good inference is: a trace with function probes says each reference that was taken or
// dropped; a replay infers the same from its other records, which any kernel has. Both are
// compared, send by send.
namespace zcv {

// Of one way to take or drop a reference, or of all.
struct RefCounts {
    std::uint64_t seen = 0;      // by function probes
    std::uint64_t inferred = 0;  // by the steps of a replay
    std::uint64_t same = 0;      // of one send, and by the same holder: issuer, skb, member ...
    std::uint64_t same_way = 0;  // ... that came to it, or gave it up, the same way
};

// A send of which the two differ.
struct RefDifference {
    std::uint32_t send = 0;  // SendHistory::number
    zcv_ref way = ZCV_REF_NONE;
    RefCounts counts;
};

struct References {
    std::string file;
    std::string kernel;
    std::string profile;
    std::string why_none;  // no function probes; "" when there are
    std::uint64_t probes = 0;
    RefCounts all;
    std::array<RefCounts, ZCV_REF_COUNT> by_way{};  // any sendmsg's skb is ZCV_REF_STREAM
    std::vector<RefDifference> differences;
    // What the probes did not see, an interrupt having come while one ran: the kernel runs none
    // within itself.
    std::uint64_t missed = 0;
    std::uint64_t unnamed = 0;   // changes of notifications that no submission names
    std::uint64_t of_calls = 0;  // changes of MSG_ZEROCOPY ubufs: not compared
    // The probes themselves: ubufs, calls' included, whose changes add up to nothing; records in
    // which the kernel's count is the sum of all changes before.
    std::uint64_t ubufs = 0;
    std::uint64_t balanced = 0;
    std::uint64_t records = 0;
    std::uint64_t exact = 0;
};

// Throws what replay() throws.
References compare_references(const std::string& file, const Trace& trace,
                              const ReplayOptions& options);

// "text", "json" (one object a trace) or "markdown" (one table).
void print_references(std::ostream& out, const std::vector<References>& all,
                      const std::string& format);

}  // namespace zcv
