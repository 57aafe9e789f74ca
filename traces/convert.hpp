#pragma once

#include <functional>
#include <string_view>

#include "traces/zct.hpp"

namespace zcv {

// Takes the next piece of output; throws when it cannot.
using Sink = std::function<void(std::string_view)>;

// JSON, one object a line. Every line has a "type":
//   info    schema_version and the fields of TraceInfo; always the first line
//   stack   number, which records name (`res` of a write or a submission), and its frames,
//   innermost
//           first: ip, module, offset, function, file, line
//   record  index (from 0), kind (name_of), the fields every record has, and those its kind fills
//           (zcv_event.h says which), named as in zcv_event; generation where there is one
//   totals  cut_off, sequence_gaps, unknown_kinds, events, then the fields of Totals or, when cut
//           off, cut_reason; always the last line
// Addresses, user_data and hash take all 64 bits and are strings, "0x...": many JSON readers round
// numbers past 2^53. A reference count that could not be read is null.
void write_jsonl(const Trace& trace, const Sink& sink);

}  // namespace zcv
