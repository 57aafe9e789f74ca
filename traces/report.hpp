#pragma once

#include <iosfwd>
#include <string>

#include "traces/replay.hpp"

namespace zcv {

// Writes the verdict and what led to it. `file` is how the report names the trace; format is "text"
// or "json".
void print_report(std::ostream& out, const ReplayReport& report, const Trace& trace,
                  const std::string& file, const std::string& format);

}  // namespace zcv
