#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv replay` and `zcv convert`.
void add_trace_verbs(CLI::App& app, Status& status);
}  // namespace zcv
