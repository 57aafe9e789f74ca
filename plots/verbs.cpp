#include "plots/verbs.hpp"

#include <CLI/CLI.hpp>

namespace zcv {
void add_plot_verbs(CLI::App&, Status&) {}
}  // namespace zcv
