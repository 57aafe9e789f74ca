#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/outcome.hpp"
#include "traces/foresight.hpp"
#include "traces/history.hpp"
#include "traces/records.hpp"
#include "traces/suppressions.hpp"
#include "traces/zct.hpp"

namespace zcv {

struct ReplayOptions {
    std::string profile;  // "" chooses from the trace's kernel release
    std::vector<Suppression> suppressions = {};
    Foresight foresight = {};
    // Whether ReplayReport::history is wanted. Without it what is known of a send goes when the
    // send is over.
    bool keep_history = true;
};

// The first record that no step explains.
struct Divergence {
    std::uint64_t record = 0;          // index in the trace, from 0
    std::string what;                  // the record in words, and why no step fits
    std::string previous;              // the last explained record of the same send, in words
    std::vector<std::string> changed;  // what that one changed: "notif 0 refs 1 -> 2"
    std::vector<std::string> around;   // model state of the objects it names, one object a line
    std::vector<std::string> instead;  // what could have happened there
};

struct ReplayReport {
    Verdict verdict = Verdict::inconclusive;
    std::vector<std::string> reasons;  // why it is not CLEAN, or what the verdict does not cover
    std::string profile;
    std::uint64_t records = 0;
    std::uint64_t matched = 0;
    std::uint64_t blind_spells = 0;  // as the trace's totals have them
    std::uint64_t lost = 0;
    std::uint64_t sends = 0;  // zero-copy sends submitted
    std::uint64_t completed = 0;
    std::uint64_t released = 0;  // last reference seen or inferred to go
    std::uint64_t notified = 0;
    std::uint64_t copied = 0;  // as the kernel reports it; see Payload
    std::uint64_t payloads_copied = 0;
    std::uint64_t payloads_zero_copied = 0;
    std::uint64_t inferred_releases = 0;  // known only from the count at the notification
    bool ambiguous = false;  // some records fit several sends, so a divergence proves nothing
    std::optional<Divergence> divergence;
    std::vector<Violation> violations;  // errors
    std::vector<Violation> notes;       // warnings, and what is worth knowing; never the verdict
    std::vector<Violation> suppressed;  // known: neither a finding nor part of the verdict
    std::vector<Suppression> suppressions;  // as given, with how often each was used
    std::vector<std::uint64_t> steps;       // how often each was taken; binding.hpp has their names
    std::vector<SendHistory> history;       // one entry a send, in order of submission; or of those
                                            // alone that findings are about
    std::uint32_t histories = 0;            // how many there were
    std::uint64_t start_ns = 0;             // when the first was submitted
};

// Whether every record is there that the kernel could have given.
bool is_whole(const Trace& trace);

// Throws what replay() would throw for this profile, "" for the kernel's own, and this kernel
// release: so that it is known before anything is captured.
void check_profile(const std::string& profile, const std::string& kernel_release);

// Walks the trace through the model of its kernel. Never throws for what a trace says: a strange
// trace is a report. Throws Refusal(usage) for an unknown profile.
ReplayReport replay(const Trace& trace, const ReplayOptions& options);

// The same of a trace that stays in its file. One whose records are stored far from their order in
// time is read as a whole.
ReplayReport replay(TraceFile& file, const ReplayOptions& options);

}  // namespace zcv
