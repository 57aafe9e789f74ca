#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv check`: explores scenarios and reports. The only part of model/ that prints.
void add_check_verb(CLI::App& app, Status& status);
}  // namespace zcv
