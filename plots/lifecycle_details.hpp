#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcv {

// Of this many sends at most, the row has room for what happened in it.
inline constexpr std::size_t detailed_sends_max = 6;

// Functions of the kernel that were seen at one moment, one a line, below the end of a line that
// leads down from that moment.
struct StepNote {
    double x_px = 0;
    double top_px = 0;  // below the curve
    std::vector<std::string> lines;
};

// A row's references as a step curve under its bar, and under that what took and dropped them.
struct SendDetails {
    struct Count {
        double x_px;  // from the left end of the axis
        std::uint32_t refs;
    };
    std::size_t row = 0;
    std::vector<Count> counts;
    double end_px = 0;
    std::vector<StepNote> notes;
};

// Heights of the parts of a row, in pixels; all rows have the same.
struct DetailsSize {
    double bar_half = 13;
    double curve_top = 26;  // from the middle of the bar
    double reference = 0;   // of one
    std::uint32_t most = 1;
    double notes_top = 0;
    double row = 0;
};

constexpr double note_points = 8.5;
constexpr double note_line_px = 13;
constexpr double notes_depth_max_px = 170;  // unless one note is longer

struct StepAt {
    double x_px;
    std::string_view function;
};

// Steps that lie close together are one note, and the more steps there are the wider is close;
// notes to the right are above those to the left, so that no line crosses words. `steps` by time.
std::vector<StepNote> lay_out_notes(const std::vector<StepAt>& steps);
// How far the notes reach: below the curve, and to the right.
double depth_of(const std::vector<StepNote>& notes);
double reach_of(const std::vector<StepNote>& notes);
DetailsSize size_of(const std::vector<SendDetails>& all);

}  // namespace zcv
