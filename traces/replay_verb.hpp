#pragma once

#include <string>
#include <vector>

#include "model/outcome.hpp"
#include "traces/suppressions.hpp"

namespace CLI {
class App;
}

namespace zcv {
// `zcv replay`.
void add_replay_verb(CLI::App& app, Status& status);
// `zcv coverage`.
void add_coverage_verb(CLI::App& app, Status& status);
// `zcv kernels`.
void add_kernels_verb(CLI::App& app, Status& status);

// --suppressions, as every verb that judges has it.
void add_suppressions_option(CLI::App& verb, std::string& file);
// Those of the file, today; none for "". Throws Refusal(usage).
std::vector<Suppression> suppressions_in(const std::string& file);
}  // namespace zcv
