#include <fmt/format.h>

#include "plots/lifecycle.hpp"

namespace zcv {
namespace {

class Drawing {
  public:
    Drawing(Gnuplot& gp, const LifecycleFigure& figure)
        : gp_(gp), figure_(figure), size_(figure.details_size), theme_(*figure.theme) {
        const int px = figure.width_px - figure.margin_left_px - figure.margin_right_px;
        units_per_px_ = (figure.to - figure.from + figure.gutter) / px;
    }

    void draw(const SendDetails& one) {
        row_ = static_cast<double>(one.row);
        floor_ = size_.curve_top + size_.reference * size_.most;
        scale();
        curve(one);
        for (const StepNote& note : one.notes) {
            const double top = size_.notes_top + note.top_px;
            line(note.x_px, floor_ + 2, note.x_px, top + note_line_px, theme_.frame, 1);
            for (std::size_t i = 0; i < note.lines.size(); ++i)
                text(note.x_px + 4, top + note_line_px * (static_cast<double>(i) + 0.5),
                     note.lines[i], "left");
        }
    }

  private:
    std::string at(double x_px, double y_px) const {
        return fmt::format("first {:.9g},{:.6g}", figure_.from + x_px * units_per_px_,
                           row_ + y_px / figure_.row_px);
    }
    void line(double x, double y, double to_x, double to_y, const char* colour, double width) {
        gp_ << fmt::format("set arrow from {} to {} nohead back lw {} lc rgb '{}'\n", at(x, y),
                           at(to_x, to_y), width, colour);
    }
    void text(double x, double y, const std::string& words, const char* align) {
        gp_ << fmt::format("set label {} at {} {} font ',{}' tc rgb '{}' front\n",
                           gnuplot_quoted(words), at(x, y), align, note_points, theme_.text);
    }
    double height(std::uint32_t refs) const { return floor_ - size_.reference * refs; }

    // Its numbers stand left of the axis, where the labels of rows are.
    void scale() {
        const double left = -figure_.gutter / units_per_px_ - 8;
        text(left, floor_, "0", "right");
        text(left, height(size_.most),
             fmt::format("{} ref{}", size_.most, size_.most == 1 ? "" : "s"), "right");
    }

    void curve(const SendDetails& one) {
        double y = floor_;
        for (std::size_t i = 0; i < one.counts.size(); ++i) {
            const double x = one.counts[i].x_px;
            const double to = i + 1 < one.counts.size() ? one.counts[i + 1].x_px : one.end_px;
            const double next = height(one.counts[i].refs);
            if (to > x && next < floor_)
                gp_ << fmt::format(
                    "set object rectangle from {} to {} back fs solid noborder fc rgb '{}'\n",
                    at(x, floor_), at(to, next), theme_.grid);
            line(x, y, x, next, theme_.ink, 1.6);
            line(x, next, std::max(x, to), next, theme_.ink, 1.6);
            y = next;
        }
    }

    Gnuplot& gp_;
    const LifecycleFigure& figure_;
    const DetailsSize& size_;
    const Theme& theme_;
    double units_per_px_ = 1;
    double row_ = 0;
    double floor_ = 0;
};

}  // namespace

void write_details(Gnuplot& gp, const LifecycleFigure& figure) {
    for (const SendDetails& one : figure.details) Drawing(gp, figure).draw(one);
}

}  // namespace zcv
