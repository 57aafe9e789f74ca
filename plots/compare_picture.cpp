// The figure of `zcv plot compare`: panels of horizontal bars.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "plots/canvas.hpp"
#include "plots/compare.hpp"

namespace zcv {
namespace {

constexpr double margin_px = 28;
constexpr double between_px = 40;  // panels beside each other
constexpr double head_px = 92;
constexpr double title_px = 30;  // of a panel
constexpr double row_px = 23;
constexpr double bar_px = 16;
constexpr double axis_px = 46;
constexpr double value_px = 64;  // behind the longest bar
constexpr double label_points = 9.5;

using Align = Canvas::Align;

// By SpentOn. Okabe and Ito's, the dark blue lighter on a dark ground.
std::array<const char*, spent_on_count> colours_of(const Theme& theme) {
    return {theme.phase[2], theme.phase[1], theme.phase[0], "#D55E00",
            "#E69F00",      theme.good,     "#CC79A7"};
}
constexpr std::array<std::string_view, spent_on_count> spent_on_names{
    "system calls", "requests and CQEs", "packet and device", "copying",
    "pages",        "notifications",     "error queue"};

// 1, 2 or 5 times a power of ten, so that about five fit.
double tick_of(double most) {
    const double rough = most / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double step : {1.0, 2.0, 5.0})
        if (rough <= step * power) return step * power;
    return 10 * power;
}

// What is past the sockets may be longer than its axis.
double axis_of(const ComparePanel& panel) {
    double most = 0;
    for (const CompareBar& bar : panel.bars)
        if (!bar.bypass) most = std::max({most, bar.value, bar.high, bar.other});
    const double ordinary = most;
    for (const CompareBar& bar : panel.bars) most = std::max(most, bar.high);
    if (ordinary <= 0) return most > 0 ? most : 1;
    constexpr double visibly_more = 1.12;
    return std::min(most, ordinary * visibly_more);
}

class Drawing {
  public:
    Drawing(Canvas& canvas, const CompareFigure& figure, const Theme& theme, double panel_px)
        : canvas_(canvas), figure_(figure), theme_(theme), panel_px_(panel_px) {
        for (const ComparePanel& panel : figure.panels)
            for (const CompareBar& bar : panel.bars)
                label_px_ = std::max(label_px_, text_width_px(bar.label, label_points));
    }

    void head(double width_px) {
        canvas_.text(margin_px, 30, figure_.title, 15, theme_.ink, Align::left, true);
        double x = margin_px;
        const auto key = [&](std::string_view colour, std::string_view means) {
            const std::string words(means);
            canvas_.box(x, 54, 15, 15, colour, colour);
            canvas_.text(x + 22, 61, words, 10, theme_.text);
            x += 22 + text_width_px(words, 10) + 26;
        };
        if (figure_.is_stacked) {
            for (std::size_t i = 0; i < spent_on_count; ++i)
                if (is_used(static_cast<SpentOn>(i))) key(colours_of(theme_)[i], spent_on_names[i]);
            return canvas_.text(width_px - margin_px, 61, "nanoseconds a request", 10, theme_.text,
                                Align::right);
        }
        key(theme_.phase[1], figure_.bar_means);
        if (std::ranges::any_of(figure_.panels, [](const ComparePanel& panel) {
                return std::ranges::any_of(panel.bars, &CompareBar::bypass);
            }))
            key(theme_.phase[0], "past the sockets: a bound");
        if (!figure_.other_means.empty()) key(theme_.bad, figure_.other_means);
        canvas_.text(width_px - margin_px, 61, "ratio of the rates", 10, theme_.text, Align::right);
    }

    void panel(const ComparePanel& panel, double left, double top) {
        canvas_.text(left, top + 12, panel.title, 11.5, theme_.ink, Align::left, true);
        left_ = left + label_px_ + 10;
        right_ = left + panel_px_ - value_px;
        most_ = axis_of(panel);
        const double first = top + title_px;
        const double below = first + row_px * static_cast<double>(panel.bars.size());
        grid(first, below);
        for (std::size_t i = 0; i < panel.bars.size(); ++i)
            bar(panel.bars[i], left, first + row_px * (static_cast<double>(i) + 0.5));
    }

  private:
    bool is_used(SpentOn on) const {
        for (const ComparePanel& panel : figure_.panels)
            for (const CompareBar& bar : panel.bars)
                if (std::ranges::find(bar.parts, on, &ComparePart::on) != bar.parts.end())
                    return true;
        return false;
    }
    double x(double value) const { return left_ + std::min(1.0, value / most_) * (right_ - left_); }

    void grid(double top, double below) {
        const double step = tick_of(most_);
        for (double at = 0; at <= most_ * 1.0001; at += step) {
            canvas_.line(x(at), top, x(at), below, theme_.grid);
            canvas_.text(x(at), below + 11, fmt::format("{:.6g}", at), 9, theme_.text,
                         Align::center);
        }
        // Everything is a ratio to this.
        if (!figure_.is_stacked) canvas_.line(x(1), top, x(1), below, theme_.frame, "lw 1.5 dt 2");
    }

    void bar(const CompareBar& bar, double left, double middle) {
        canvas_.text(left + label_px_, middle, bar.label, label_points, theme_.text, Align::right);
        const double top = middle - bar_px / 2;
        if (figure_.is_stacked) {
            stack(bar, top);
            return canvas_.text(x(bar.value) + 7, middle, fmt::format("{:.0f}", bar.value), 9.5,
                                theme_.text);
        }
        const char* const colour = bar.bypass ? theme_.phase[0] : theme_.phase[1];
        canvas_.box(left_, top, x(bar.value) - left_, bar_px, colour, colour);
        if (bar.value > most_) broken(top);
        if (bar.high > bar.low && bar.high <= most_) whisker(bar, middle);
        if (bar.other > 0)
            canvas_.box(x(bar.other) - 1.5, top - 2, 3, bar_px + 4, theme_.bad, theme_.bad);
        canvas_.text(std::max({x(bar.value), x(bar.high), x(bar.other)}) + 7, middle,
                     fmt::format("{:.2f}", bar.value), 9.5, theme_.text);
    }

    // It goes on further than there is room.
    void broken(double top) {
        for (const double at : {22.0, 15.0})
            canvas_.box(right_ - at, top - 1, 3, bar_px + 2, theme_.ground, theme_.ground);
    }

    void whisker(const CompareBar& bar, double middle) {
        canvas_.box(x(bar.low), middle - 0.5, x(bar.high) - x(bar.low), 1, theme_.ink, theme_.ink);
        for (const double end : {bar.low, bar.high})
            canvas_.box(x(end) - 0.5, middle - 3.5, 1, 7, theme_.ink, theme_.ink);
    }

    void stack(const CompareBar& bar, double top) {
        double so_far = 0;
        for (const ComparePart& part : bar.parts) {
            const double from = x(so_far);
            so_far += part.ns;
            const double width = x(so_far) - from;
            // The ground between two parts keeps those of one colour apart.
            canvas_.box(from, top, width, bar_px,
                        colours_of(theme_)[static_cast<std::size_t>(part.on)], theme_.ground);
            constexpr double points = 7.5;
            if (text_width_px(part.cost, points) + 4 < width)
                canvas_.text(from + width / 2, top + bar_px / 2, part.cost, points,
                             part.on == SpentOn::calls ? "#FFFFFF" : "#000000", Align::center);
        }
    }

    Canvas& canvas_;
    const CompareFigure& figure_;
    const Theme& theme_;
    const double panel_px_;
    double label_px_ = 0;
    // Of the panel that is being drawn.
    double left_ = 0;
    double right_ = 0;
    double most_ = 1;
};

}  // namespace

void draw_comparison(Gnuplot& gp, const CompareFigure& figure, PictureKind kind, int width_px,
                     const Theme& theme) {
    const std::size_t columns = figure.panels.size() > 1 ? 2 : 1;
    std::vector<double> tops{head_px};
    for (std::size_t i = 0; i < figure.panels.size(); i += columns) {
        std::size_t bars = 0;
        for (std::size_t j = i; j < std::min(i + columns, figure.panels.size()); ++j)
            bars = std::max(bars, figure.panels[j].bars.size());
        tops.push_back(tops.back() + title_px + row_px * static_cast<double>(bars) + axis_px);
    }
    const double panel_px =
        (width_px - 2 * margin_px - between_px * static_cast<double>(columns - 1)) /
        static_cast<double>(columns);
    Canvas canvas(gp, kind, width_px, tops.back(), theme);
    Drawing drawing(canvas, figure, theme, panel_px);
    drawing.head(width_px);
    for (std::size_t i = 0; i < figure.panels.size(); ++i)
        drawing.panel(figure.panels[i],
                      margin_px + static_cast<double>(i % columns) * (panel_px + between_px),
                      tops[i / columns]);
    canvas.finish();
}

}  // namespace zcv
