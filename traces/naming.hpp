#pragma once

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
        app.see(event);
        notes.see(event);
        payloads.see(event);
    }

    AppView app;
    Notes notes;
    Payloads payloads;
};

// Gives every finding of the report its rule: the most exact one that fits what was seen. Of one
// program's early writes that which explains all of them is preferred, for a program has one belief
// rather than several. What turns out to be no error (A14, A15) goes to the notes, where what is
// worth knowing of the trace as a whole is added; where that is not sure the report gets a reason
// for being INCONCLUSIVE.
void name_findings(Witness& witness, ReplayReport& report);

}  // namespace zcv
