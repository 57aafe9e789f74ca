#include "model/checker/check_verb.hpp"

#include <CLI/CLI.hpp>

namespace zcv {
void add_check_verb(CLI::App&, Status&) {}
}  // namespace zcv
