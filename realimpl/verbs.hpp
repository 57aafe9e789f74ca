#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv capture`, `zcv run` and `zcv drive`.
void add_realimpl_verbs(CLI::App& app, Status& status);
}  // namespace zcv
