#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv plot graph` and `zcv plot counterexample`: figures of explored scenarios.
void add_scenario_plots(CLI::App& plot, Status& status);
}  // namespace zcv
