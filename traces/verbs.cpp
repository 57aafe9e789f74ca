#include "traces/verbs.hpp"

#include <CLI/CLI.hpp>

namespace zcv {
void add_trace_verbs(CLI::App&, Status&) {}
}  // namespace zcv
