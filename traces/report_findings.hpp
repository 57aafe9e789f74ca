#pragma once

#include <string>
#include <vector>

#include "traces/replay.hpp"

// What the forms of a report share: findings that are one and the same, told once.
namespace zcv {

// Findings of one rule by the same code: the same stack; those of which none was seen are one.
struct Finding {
    const Violation* first = nullptr;  // the one to tell
    std::vector<std::uint32_t> sends;  // SendHistory::number of each, in order
    std::string fingerprint;           // of rule and stack, the same in every run: 16 hex digits
};

// In the order of their first, those with a stack before those without.
std::vector<Finding> fold(const std::vector<Violation>& violations, const Trace& trace);

// The frames of who wrote, innermost first; empty when that was not seen.
const std::vector<StackFrame>& frames_of(const Violation& violation, const Trace& trace);

// The send it is about, or nullptr.
const SendHistory* send_of(const Violation& violation, const ReplayReport& report);

// A send's life as one line of so many columns: "s-w--c---X======R--N".
std::string timeline(const SendHistory& send, std::size_t columns);
extern const char* const timeline_legend;

// "content hash".
const char* name_of(Evidence evidence);

// "SEND_ZC", "SENDMSG_ZC", "MSG_ZEROCOPY call".
const char* kind_of(const SendHistory& send);

}  // namespace zcv
