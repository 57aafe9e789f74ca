#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv compare`.
void add_compare_verb(CLI::App& app, Status& status);
}  // namespace zcv
