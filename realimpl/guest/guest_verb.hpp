#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv guest`.
void add_guest_verb(CLI::App& app, Status& status);
}  // namespace zcv
