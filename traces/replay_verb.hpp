#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv replay`.
void add_replay_verb(CLI::App& app, Status& status);
}  // namespace zcv
