#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv capture` and `zcv run`.
void add_capture_verbs(CLI::App& app, Status& status);
}  // namespace zcv
