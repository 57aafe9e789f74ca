#pragma once

#include "traces/convert.hpp"

namespace zcv {

// Perfetto's own format, TrackEvent protobuf, for ui.perfetto.dev and trace_processor. Below each
// process, on the trace's clock:
//   socket 0x...            a slice a send, from its submission to its own CQE or return
//   buffer 0x...            a slice a send, from its submission to its notification, cut into the
//                           phases of its life; findings are instants on it
//   notifications of ...    an instant a notification; a flow leads there from the submission
//   bytes lent              a counter: what the kernel holds
// Sends that overlap on one buffer or socket go to further tracks of it, "(2)", "(3)": slices of a
// track never overlap.
void write_perfetto(const Trace& trace, const Sink& sink);

}  // namespace zcv
