#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "traces/history.hpp"
#include "traces/zct.hpp"

// Findings that are known and not to be told as such: a file names them, with a reason and a day
// until which that is good. One a line; a line that begins with # is a comment:
//
//   RULE WHERE UNTIL REASON...
//   ZC-A1    function:*pool_reuse*  2027-01-31  issue 7: the pool gives buffers back too early
//   mutable  function:ram_save*     never       guest memory: a page written meanwhile is sent
//   again
namespace zcv {

struct Suppression {
    std::string file;  // of the suppressions
    std::uint32_t line = 0;
    // A rule's id; or "mutable": every rule about a buffer that was written too early, because its
    // content may change by design.
    std::string rule;
    // "*"; "function:GLOB" or "file:GLOB" of any frame of the finding's stack, never one without
    // a stack; "command:GLOB" of the words that were captured, joined by spaces.
    std::string where;
    std::string until;  // the last day on which it applies, YYYY-MM-DD, or "never": no such day
    std::string reason;
    bool expired = false;
    std::uint64_t used = 0;  // findings that it took out of the report
};

// UTC, "2026-11-26".
std::string today();

// Throws Refusal(usage) with file and line for what cannot be read or is no suppression.
std::vector<Suppression> read_suppressions(const std::string& file, std::string_view today);

// The first that applies to this finding, or nullptr.
Suppression* suppression_of(const Violation& finding, const Trace& trace,
                            std::vector<Suppression>& all);

// "used 3 times", "unused", "expired: it was good until 2026-01-31".
std::string use_of(const Suppression& suppression);

// "known.txt:3".
std::string place_of(const Suppression& suppression);

}  // namespace zcv
