#include "traces/replay.hpp"

#include "traces/report.hpp"

namespace zcv {
ReplayReport replay(const Trace&, const ReplayOptions&) { return {}; }
void print_report(std::ostream&, const ReplayReport&, const Trace&, const std::string&,
                  const std::string&) {}
}  // namespace zcv
