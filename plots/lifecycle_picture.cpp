#include "plots/lifecycle_picture.hpp"

#include "plots/density.hpp"
#include "plots/lifecycle.hpp"

namespace zcv {

std::size_t draw_sends(Gnuplot& gp, const Trace& trace, const ReplayReport& report,
                       LifecycleView view) {
    const std::size_t sends = sends_shown(report, view).size();
    if (sends >= density_sends_min) {
        draw_density(gp, lay_out_density(report, view));
        return sends;
    }
    if (sends <= detailed_sends_max) view.steps = steps_of(trace, report);
    const LifecycleFigure figure = lay_out_lifecycle(report, view);
    draw_lifecycle(gp, figure);
    return figure.rows;
}

}  // namespace zcv
