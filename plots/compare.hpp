#pragma once

#include <string>
#include <vector>

#include "plots/picture.hpp"

namespace zcv {

// A group of bars beside each other, one a way to send: stacked from parts when there are any.
struct CompareBar {
    std::string label;
    double height = 0;  // ratio to MSG_ZEROCOPY
    double low = 0;     // the interval of a measurement; equal to height when there is none
    double high = 0;
    double other = 0;  // a prediction beside a measurement, a reproduction beside a publication
};

struct ComparePanel {
    std::string title;
    std::vector<CompareBar> bars;
};

struct CompareFigure {
    std::string title;
    std::string bar_means;    // "published"
    std::string other_means;  // "" when no bar has one
    std::vector<ComparePanel> panels;
};

// What `zcv compare --format json` printed: measured, simulated, explained or published, the first
// of these that is there. Throws Refusal(usage), naming the file, when it is none.
CompareFigure read_comparison(const std::string& path);

// A panel below the other, a bar a way to send. Writes the terminal line too.
void draw_comparison(Gnuplot& gp, const CompareFigure& figure, PictureKind kind, int width_px);

}  // namespace zcv
