#pragma once

#include "traces/replay.hpp"

namespace zcv {

// Gives every finding of the report its rule: the most exact one that fits what was seen. Of one
// program's early writes that which explains all of them is preferred, for a program has one belief
// rather than several. What turns out to be no error (A14, A15) goes to the notes, where what is
// worth knowing of the trace as a whole is added; where that is not sure the report gets a reason
// for being INCONCLUSIVE.
void name_findings(const Trace& trace, ReplayReport& report);

}  // namespace zcv
