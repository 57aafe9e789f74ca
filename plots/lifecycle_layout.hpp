#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "plots/latency.hpp"
#include "plots/lifecycle_details.hpp"
#include "plots/picture.hpp"
#include "traces/ref_history.hpp"
#include "traces/replay.hpp"

namespace zcv {

// One long run of short requests is a thin diagonal against the trace's time. Such a figure starts
// every row at its own submission, and says at the right when that was.
enum class Since { first_submission, own_submission };

// What the user asked to see, and what only the trace's header knows.
struct LifecycleView {
    std::string file;
    std::string kernel;
    PictureKind kind = PictureKind::png;
    int width_px = 1600;
    std::optional<double> from_ms;  // since the first submission
    std::optional<double> to_ms;
    std::optional<Since> since;            // default: by how short the requests are
    std::optional<std::uint64_t> request;  // only sends of this user_data, or calls of this id
    std::optional<std::uint64_t> socket;   // only sends on the socket of this address
    const Theme* theme = &light_theme();
    // Of the sends shown, when they are few: see detailed_sends_max.
    std::vector<SendSteps> steps = {};
};

// A stretch of a row, in the unit of the figure's axis.
struct Span {
    std::size_t row;
    double from;
    double to;
};

// A moment in a row.
struct Mark {
    std::size_t row;
    double at;
};

struct RowLabel {
    std::size_t row;
    std::string text;
};

// The note on the worst misuse: a box with an arrow to the moment it is about. x in the axis' unit,
// y in rows: the middle of the box, half its size, and where the arrow leaves it.
struct Callout {
    std::string text;
    Mark target{};
    double x = 0;
    double y = 0;
    double half_width = 0;
    double half_height = 0;
    double arrow_x = 0;
    double arrow_y = 0;
};

// Everything the figure shows, already placed. Drawing adds colours and nothing else.
struct LifecycleFigure {
    PictureKind kind = PictureKind::png;
    const Theme* theme = &light_theme();
    int width_px = 0;
    int plot_height_px = 0;
    int margin_left_px = 0;
    int margin_right_px = 36;
    double row_px = 0;
    double top = -0.5;  // the upper edge, in rows
    Since since = Since::first_submission;
    std::size_t rows = 0;
    std::string unit;  // "us", "ms" or "s"
    double from = 0;   // ends of the axis; the gutter left of `from` holds the misuse flags
    double to = 0;
    double gutter = 0;
    std::string title;
    Verdict verdict = Verdict::inconclusive;
    std::vector<std::string> facts;
    std::vector<std::string> notes;  // what is not in the figure, or not certain
    std::vector<RowLabel> labels;
    std::vector<RowLabel> submitted_at;  // at the right, when rows start at their own submission
    std::array<std::vector<Span>, phase_count> phases;
    std::vector<Span> copied;
    std::vector<Span> misused;         // from the reuse to the notification
    std::vector<Span> misused_unsure;  // the reuse lies somewhere in here
    std::vector<Mark> misuse_marks;    // the reuse, at the latest
    std::vector<Mark> misuse_flags;    // one a misused row, in the gutter
    std::vector<Mark> completed;
    std::vector<Mark> reused;      // as it should be: after the notification
    std::vector<Mark> unnotified;  // no notification in the trace
    std::vector<Mark> cut;         // the bar goes on past the right edge
    std::optional<Callout> worst;
    std::vector<SendDetails> details;  // of few sends: then row_px is details_size.row
    DetailsSize details_size;
    LatencyFigure latency;  // of all sends in the window, drawn or not
};

// Throws Refusal(inconclusive) when there is nothing to draw: no send at all, or none in the
// window.
// The sends that a figure is about, in the order of the trace.
std::vector<const SendHistory*> sends_shown(const ReplayReport& report, const LifecycleView& view);

LifecycleFigure lay_out_lifecycle(const ReplayReport& report, const LifecycleView& view);

}  // namespace zcv
