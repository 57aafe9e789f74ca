#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv capture`, `zcv run`, `zcv drive` and `zcv guest`.
void add_realimpl_verbs(CLI::App& app, Status& status);
}  // namespace zcv
