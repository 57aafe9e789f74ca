#include "plots/lifecycle_details.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plots/picture.hpp"

namespace zcv {
namespace {

constexpr double same_moment_px = 9;
constexpr double words_apart_px = 14;
constexpr double curve_px = 56;  // of all references, at most

double width_of(const StepNote& note) {
    double widest = 0;
    for (const std::string& line : note.lines)
        widest = std::max(widest, text_width_px(line, note_points));
    return widest;
}

double height_of(const StepNote& note) {
    return note_line_px * static_cast<double>(note.lines.size());
}

// Ten segments that are freed one after the other are one line.
void add_line(std::vector<std::string>& names, std::vector<std::size_t>& times,
              std::string_view function) {
    const auto known = std::ranges::find(names, function);
    if (known != names.end()) {
        ++times[static_cast<std::size_t>(known - names.begin())];
        return;
    }
    names.emplace_back(function);
    times.push_back(1);
}

std::vector<StepNote> notes_within(const std::vector<StepAt>& steps, double together_px) {
    std::vector<StepNote> notes;
    for (std::size_t begin = 0; begin < steps.size();) {
        StepNote note;
        note.x_px = steps[begin].x_px;
        std::vector<std::size_t> times;
        std::size_t end = begin;
        while (end < steps.size() && steps[end].x_px - note.x_px < together_px)
            add_line(note.lines, times, steps[end++].function);
        for (std::size_t i = 0; i < times.size(); ++i)
            if (times[i] > 1) note.lines[i] += fmt::format(" x{}", times[i]);
        notes.push_back(std::move(note));
        begin = end;
    }
    for (std::size_t i = notes.size(); i-- > 0;) {
        const double right = notes[i].x_px + width_of(notes[i]) + words_apart_px;
        for (std::size_t k = i + 1; k < notes.size() && notes[k].x_px < right; ++k)
            notes[i].top_px = std::max(notes[i].top_px, notes[k].top_px + height_of(notes[k]) + 3);
    }
    return notes;
}

}  // namespace

std::vector<StepNote> lay_out_notes(const std::vector<StepAt>& steps) {
    double together_px = same_moment_px;
    std::vector<StepNote> notes = notes_within(steps, together_px);
    while (notes.size() > 1 && depth_of(notes) > notes_depth_max_px)
        notes = notes_within(steps, together_px *= 1.5);
    return notes;
}

double depth_of(const std::vector<StepNote>& notes) {
    double depth = 0;
    for (const StepNote& note : notes) depth = std::max(depth, note.top_px + height_of(note));
    return depth;
}

double reach_of(const std::vector<StepNote>& notes) {
    double reach = 0;
    for (const StepNote& note : notes) reach = std::max(reach, note.x_px + width_of(note) + 6);
    return reach;
}

DetailsSize size_of(const std::vector<SendDetails>& all) {
    DetailsSize size;
    double depth = 0;
    for (const SendDetails& one : all) {
        for (const SendDetails::Count& count : one.counts)
            size.most = std::max(size.most, count.refs);
        depth = std::max(depth, depth_of(one.notes));
    }
    size.reference = std::min(14.0, curve_px / size.most);
    size.notes_top = size.curve_top + size.reference * size.most + 12;
    size.row = size.notes_top + depth + 34;
    return size;
}

}  // namespace zcv
