#pragma once

#include "traces/replay.hpp"
#include "traces/zct.hpp"

namespace zcv {

// Whether the payload of each send was copied on its way, told from what became of its packets, and
// not from what the kernel says: that is wrong for members of a chain (B25) and where ranges of the
// error queue were joined (B30). A packet was copied when its shared info has lost the user's
// pages, or when it was received here and never seen with them again. Fills SendHistory::payload
// and the report's counts, and adds notes of calls that the kernel says something else of.
void tell_payloads(const Trace& trace, ReplayReport& report);

}  // namespace zcv
