#pragma once

#include "plots/lifecycle_layout.hpp"

namespace zcv {

// One row a request, time to the right: who holds the buffer, and whether it was written again
// before the kernel said so. Writes the terminal line too, because the size follows from the rows;
// where the picture goes is the caller's.
void draw_lifecycle(Gnuplot& gp, const LifecycleFigure& figure);

// Under the bars of few sends: their references and the functions that were seen at work. Between
// the axes and the plot command.
void write_details(Gnuplot& gp, const LifecycleFigure& figure);

}  // namespace zcv
