#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv doctor`: what can be captured here, and why not more.
void add_doctor_verb(CLI::App& app, Status& status);
}  // namespace zcv
