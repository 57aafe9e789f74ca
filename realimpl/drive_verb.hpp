#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv drive`: real workloads in network namespaces of their own.
void add_drive_verb(CLI::App& app, Status& status);
}  // namespace zcv
