#pragma once

#include <array>
#include <iosfwd>
#include <string>
#include <vector>

#include "plots/picture.hpp"

namespace zcv {

// What a step's time is spent on; the order in which a bar is stacked.
enum class SpentOn { calls, requests, packet, copy, pages, notifications, error_queue };
inline constexpr std::size_t spent_on_count = 7;

// A step's share of a bar.
struct ComparePart {
    std::string step;
    std::string cost;
    SpentOn on = SpentOn::calls;
    double ns = 0;
};

// A way to send.
struct CompareBar {
    std::string label;
    double value = 0;  // ratio to the baseline; of a bar that is stacked nanoseconds a request
    double low = 0;    // the interval of a measurement; equal to value when there is none
    double high = 0;
    double other = 0;     // a prediction beside a measurement, a reproduction beside a publication
    bool bypass = false;  // past the sockets: a bound, which does not stretch the axis
    std::vector<ComparePart> parts = {};
};

struct ComparePanel {
    std::string title;
    std::vector<CompareBar> bars;
};

struct CompareFigure {
    std::string title;
    std::string bar_means;    // "published"
    std::string other_means;  // "" when no bar has one
    bool is_stacked = false;
    std::vector<ComparePanel> panels;
};

// What `zcv compare --format json` printed: measured, simulated, explained or published, the first
// of these that is there. `by_step`: where the time of what is simulated or explained goes, instead
// of ratios. Throws Refusal(usage), naming the file, when it is none, or has no steps.
CompareFigure read_comparison(const std::string& path, bool by_step);

// A panel for each place and payload, a bar for each way to send. Writes the terminal line too.
void draw_comparison(Gnuplot& gp, const CompareFigure& figure, PictureKind kind, int width_px,
                     const Theme& theme);

// A line for each bar, or for each part of a stacked one.
void write_comparison_csv(std::ostream& out, const CompareFigure& figure);

}  // namespace zcv
