#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv explain`: what a rule, bug, scenario, step, profile, switch or policy means.
void add_explain_verb(CLI::App& app, Status& status);
}  // namespace zcv
