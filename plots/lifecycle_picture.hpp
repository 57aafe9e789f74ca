#pragma once

#include "plots/lifecycle_layout.hpp"

namespace zcv {

// The sends of a trace as one figure: a row each or, where they are many, by density; very few with
// the steps and references of each. Returns how many were drawn. Throws what lay_out_lifecycle()
// throws.
std::size_t draw_sends(Gnuplot& gp, const Trace& trace, const ReplayReport& report,
                       LifecycleView view);

}  // namespace zcv
