#include "plots/refs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plots/canvas.hpp"
#include "plots/latency.hpp"

namespace zcv {
namespace {

constexpr double width_px = 1300;
constexpr double left_px = 260;
constexpr double right_px = 40;
constexpr double head_px = 84;
constexpr double title_px = 38;
constexpr double step_px = 20;  // one reference, in the curve
constexpr double bar_px = 24;
constexpr double between_px = 26;
constexpr double below_px = 66;

struct Axis {
    std::uint64_t from = 0;
    std::uint64_t to = 1;

    double x(std::uint64_t ns) const {
        const double part =
            static_cast<double>(std::clamp(ns, from, to) - from) / static_cast<double>(to - from);
        return left_px + part * (width_px - left_px - right_px);
    }
};

Axis axis_of(const std::vector<RefLife>& family) {
    Axis axis{family.front().counts.front().time_ns, 0};
    for (const RefLife& life : family) {
        axis.from = std::min(axis.from, life.counts.front().time_ns);
        axis.to = std::max(axis.to, life.counts.back().time_ns);
    }
    axis.to = std::max(axis.to + (axis.to - axis.from) / 25, axis.from + 1000);
    return axis;
}

std::uint32_t most_of(const RefLife& life) {
    std::uint32_t most = 1;
    for (const RefLife::Count& count : life.counts)
        if (count.refs != ZCV_REFS_UNKNOWN) most = std::max(most, count.refs);
    for (const RefLife::Count& count : life.read) most = std::max(most, count.refs);
    return most;
}

constexpr std::size_t small_family = 8;

// One of many that was stacked before anybody else held it: a row says all there is to say, and a
// chain of thirty is seen at once.
bool is_row(const std::vector<RefLife>& family, const RefLife& life) {
    return family.size() > small_family && &life != &family.front() && life.holds.size() == 1 &&
           life.holds.front().holder == "issuer" && most_of(life) == 1;
}

double height_of(const std::vector<RefLife>& family, const RefLife& life) {
    if (is_row(family, life)) return bar_px;
    return title_px + step_px * most_of(life) + 14 +
           bar_px * static_cast<double>(life.holds.size()) + between_px;
}

void draw_curve(Canvas& canvas, const RefLife& life, const Axis& axis, double top,
                const Theme& theme) {
    const double floor = top + step_px * most_of(life);
    for (std::uint32_t refs = 0; refs <= most_of(life); ++refs) {
        const double y = floor - step_px * refs;
        canvas.line(left_px, y, width_px - right_px, y, theme.grid);
        canvas.text(left_px - 10, y, fmt::format("{}", refs), 9, theme.text, Canvas::Align::right);
    }
    double y = floor;
    double x = axis.x(life.counts.front().time_ns);
    for (const RefLife::Count& count : life.counts) {
        if (count.refs == ZCV_REFS_UNKNOWN) continue;
        const double next_x = axis.x(count.time_ns);
        const double next_y = floor - step_px * count.refs;
        canvas.line(x, y, next_x, y, theme.ink, "lw 2.2");
        canvas.line(next_x, y, next_x, next_y, theme.ink, "lw 2.2");
        x = next_x;
        y = next_y;
    }
    canvas.line(x, y, width_px - right_px, y, theme.ink, "lw 2.2");
    constexpr double half_px = 4;
    for (const RefLife::Count& count : life.read)
        canvas.box(axis.x(count.time_ns) - half_px, floor - step_px * count.refs - half_px,
                   2 * half_px, 2 * half_px, theme.ground, theme.ink);
}

const char* colour_of(const Hold& hold, const Theme& theme) {
    return hold.holder == "issuer"          ? theme.phase[0]
           : hold.holder.starts_with("skb") ? theme.phase[2]
                                            : theme.phase[3];
}

void draw_hold(Canvas& canvas, const Hold& hold, const std::string& label, const Axis& axis,
               double y, const Theme& theme) {
    const double from = axis.x(hold.from_ns);
    const double to = axis.x(hold.to_ns.value_or(axis.to));
    canvas.box(from, y + 3, std::max(2.0, to - from), bar_px - 6, colour_of(hold, theme),
               hold.to_ns ? colour_of(hold, theme) : theme.bad);
    canvas.text(left_px - 10, y + bar_px / 2, label, 9.5, theme.text, Canvas::Align::right);
}

std::string name_of(const RefLife& life) {
    return life.send == 0 ? fmt::format("ubuf {:#x}", life.ubuf)
                          : fmt::format("send #{}", life.send);
}

void draw_life(Canvas& canvas, const RefLife& life, const Axis& axis, double top, bool head,
               const Theme& theme) {
    std::string title = name_of(life);
    if (life.send != 0) title += fmt::format(", ubuf {:#x}", life.ubuf);
    if (!head) title += ", stacked on the first";
    canvas.text(left_px, top + 14, title, 11, theme.ink, Canvas::Align::left, true);
    canvas.text(left_px - 34, top + title_px + step_px * most_of(life) / 2, "references", 9.5,
                theme.text, Canvas::Align::right);
    draw_curve(canvas, life, axis, top + title_px, theme);
    double y = top + title_px + step_px * most_of(life) + 14;
    for (const Hold& hold : life.holds) {
        draw_hold(canvas, hold, hold.holder, axis, y, theme);
        y += bar_px;
    }
}

// Five to ten moments at round numbers.
void draw_axis(Canvas& canvas, const Axis& axis, double y, const Theme& theme) {
    const std::uint64_t length = axis.to - axis.from;
    std::uint64_t step = 1;
    while (step * 50 <= length) step *= 10;
    for (const unsigned halves : {4U, 5U, 4U})
        if (length > 10 * step) step = step * halves / 2;
    canvas.line(left_px, y, width_px - right_px, y, theme.frame);
    for (std::uint64_t at = 0; at <= length; at += step) {
        const double x = axis.x(axis.from + at);
        canvas.line(x, y, x, y + 6, theme.frame);
        canvas.text(x, y + 18, at == 0 ? "0" : duration_text(at, length), 9.5, theme.text,
                    Canvas::Align::center);
    }
    canvas.text((left_px + width_px - right_px) / 2, y + 42, "time since the first allocation",
                10.5, theme.text, Canvas::Align::center);
}

}  // namespace

void draw_refs(Gnuplot& gp, const std::vector<RefLife>& family, const RefsView& view) {
    const Theme& theme = *view.theme;
    double height = head_px + below_px + 20;
    for (const RefLife& life : family) height += height_of(family, life);
    const Axis axis = axis_of(family);
    Canvas canvas(gp, view.kind, width_px, height, theme);
    canvas.text(28, 28, view.file, 16, theme.ink, Canvas::Align::left, true);
    const std::string stacked =
        family.size() > 1 ? fmt::format("; {} notifications in one chain", family.size()) : "";
    const char* const how = view.inferred
                                ? "as a replay infers it; squares: the kernel's own count "
                                  "where a record read it"
                                : "as function probes saw it";
    canvas.text(28, 56, fmt::format("kernel {}, {}{}", view.kernel, how, stacked), 11, theme.text);
    double y = head_px;
    for (const RefLife& life : family) {
        if (is_row(family, life))
            draw_hold(canvas, life.holds.front(), name_of(life) + ", stacked: issuer", axis, y,
                      theme);
        else
            draw_life(canvas, life, axis, y, &life == &family.front(), theme);
        y += height_of(family, life);
    }
    draw_axis(canvas, axis, y + 6, theme);
    canvas.finish();
}

}  // namespace zcv
