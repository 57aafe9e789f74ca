#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plots/picture.hpp"
#include "traces/history.hpp"

namespace zcv {

// A duration as one reads it: "0.41 us", "12.3 ms".
std::string duration_text(std::uint64_t ns);
// The same on an axis that goes to `longest_ns`, all of it in one unit.
std::string duration_text(std::uint64_t ns, std::uint64_t longest_ns);

// How long the kernel held the buffers: from submission to notification.
struct LatencyFigure {
    struct Bin {
        double from_ns;
        double to_ns;
        std::uint64_t sends;
        std::uint64_t misused;  // of them
    };
    std::vector<Bin> bins;  // each as much longer than the one before by the same factor
    std::uint64_t notified = 0;
    std::uint64_t p50_ns = 0;
    std::uint64_t p99_ns = 0;
    std::uint64_t most_ns = 0;
};

// A distribution of fewer is no distribution.
inline constexpr std::uint64_t latency_sends_min = 5;

// Round numbers for a logarithmic axis, at least two: 1, 2 and 5 of each power of ten, on a short
// one equal steps, on a long one the powers. Left to itself gnuplot labels the powers only, and
// there may be none.
std::vector<double> log_ticks(double from, double to);

LatencyFigure lay_out_latency(const std::vector<const SendHistory*>& sends);

// A panel of a picture, in pixels from its top left, as the next plot of a multiplot.
struct Panel {
    double left;
    double top;
    double width;
    double height;
    double picture_width;
    double picture_height;
};

void draw_latency(Gnuplot& gp, const LatencyFigure& figure, const Panel& panel, const Theme& theme);

}  // namespace zcv
