#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv capture`, `zcv run`, `zcv drive`, `zcv guest` and `zcv doctor`.
void add_realimpl_verbs(CLI::App& app, Status& status);
}  // namespace zcv
