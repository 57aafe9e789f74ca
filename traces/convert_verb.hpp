#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv convert`.
void add_convert_verb(CLI::App& app, Status& status);
}  // namespace zcv
