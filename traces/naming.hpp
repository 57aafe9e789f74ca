#pragma once

#include <utility>

#include "traces/app_view.hpp"
#include "traces/payloads.hpp"
#include "traces/replay.hpp"
#include "traces/trace_notes.hpp"

namespace zcv {

// What names are given by, besides the findings themselves: all that records say of the application
// and of packets. Taken in while a trace is walked, for a long one does not fit in any cache.
class Witness {
  public:
    Witness(const Trace& trace, const ReplayReport& report) : app(report), payloads(trace) {}

    // The next record in order of time.
    void see(const zcv_event& event) {
        app.see_time(event.time_ns);
        // Half of all records are of these kinds, and say nothing that any of them asks.
        if (event.kind == ZCV_COMPLETE || event.kind == ZCV_LINK || event.kind == ZCV_TCP_APPEND ||
            event.kind == ZCV_HEAD_FREE)
            return;
        app.see(event);
        notes.see(event);
        payloads.see(event);
    }

    // A send that is over, or that the trace ends with: what the trace as a whole is told by. Once
    // each. `last` is the number of the newest send.
    void count(SendHistory& send, std::uint32_t last, const OtherSends& others) {
        if (std::exchange(send.counted, true)) return;
        notes.count(send, last, app, others);
        streams.count(send, others);
        payloads.count(send, others);
    }

    AppView app;
    Notes notes;
    StreamWarnings streams;
    Payloads payloads;
};

// Of an early write: who believed what is told by all sends of its program.
bool is_early_write(const Violation& finding);

// The send that a finding is about, if it is one of the report's history; else null.
SendHistory* send_named(ReplayReport& report, std::uint32_t number);

// Counts what is left in the report's history, which is in the order of numbers, and gives every
// finding its rule: the most exact one that fits what was seen. Of one
// program's early writes that which explains all of them is preferred, for a program has one belief
// rather than several. What turns out to be no error (A14, A15) goes to the notes, where what is
// worth knowing of the trace as a whole is added; where that is not sure the report gets a reason
// for being INCONCLUSIVE.
void name_findings(Witness& witness, ReplayReport& report);

}  // namespace zcv
