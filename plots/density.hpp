#pragma once

#include "plots/lifecycle_layout.hpp"

namespace zcv {

// From so many sends on a row a send says nothing any more.
inline constexpr std::size_t density_sends_min = 5000;

// Many sends at once: those submitted one after the other share a row, and the colour says how many
// of them the kernel still holds after a time.
struct DensityFigure {
    struct Cell {
        std::size_t row;
        std::size_t column;
        double held;    // part of the row's sends, 0 to 1
        double reused;  // ... of those that the application had written by then
    };
    PictureKind kind = PictureKind::png;
    const Theme* theme = &light_theme();
    int width_px = 0;
    std::string title;
    Verdict verdict = Verdict::inconclusive;
    std::vector<std::string> facts;
    std::vector<Cell> cells;  // where anything is held
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::string unit;            // of the time since submission
    double column_units = 0;     // length of a column in it
    std::vector<RowLabel> when;  // when the sends of a row were submitted
    std::size_t sends_a_row = 0;
    std::uint64_t past_edge = 0;  // sends held longer than the axis is long
    LatencyFigure latency;
};

DensityFigure lay_out_density(const ReplayReport& report, const LifecycleView& view);
void draw_density(Gnuplot& gp, const DensityFigure& figure);

}  // namespace zcv
