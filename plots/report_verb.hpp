#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv report`: all that is to be said of a trace as one HTML file.
void add_report_verb(CLI::App& app, Status& status);
}  // namespace zcv
