#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv references`.
void add_references_verb(CLI::App& app, Status& status);
}  // namespace zcv
