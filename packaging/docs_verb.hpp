#pragma once

#include "model/outcome.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv docs`: manual pages and completions of the verbs that `app` has when it runs.
void add_docs_verb(CLI::App& app, Status& status);
}  // namespace zcv
