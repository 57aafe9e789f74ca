#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv plot lifecycle` and `zcv plot compare`.
void add_plot_verbs(CLI::App& app, Status& status);
}  // namespace zcv
