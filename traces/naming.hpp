#pragma once

#include <cstddef>
#include <vector>

#include "traces/replay.hpp"

namespace zcv {

// Gives every finding of the report its rule: the most exact one that fits what was seen. Of one
// program's early writes that which explains all of them is preferred, for a program has one belief
// rather than several. What turns out to be no error (A14, A15) goes to the notes, where what is
// worth knowing of the trace as a whole is added; where that is not sure the report gets a reason
// for being INCONCLUSIVE. `order` is that of the records by time.
void name_findings(const Trace& trace, const std::vector<std::size_t>& order, ReplayReport& report);

}  // namespace zcv
