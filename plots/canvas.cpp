#include "plots/canvas.hpp"

#include <fmt/format.h>

namespace zcv {

Canvas::Canvas(Gnuplot& gp, PictureKind kind, double width_px, double height_px, const Theme& theme)
    : gp_(gp), width_(width_px), height_(height_px) {
    gp_ << "set encoding utf8\n"
        << terminal_of(kind, static_cast<int>(width_px), static_cast<int>(height_px), theme)
        << "set lmargin 0\nset rmargin 0\nset tmargin 0\nset bmargin 0\n"
        << "unset key\nunset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\n";
}

std::string Canvas::at(double x, double y) const {
    return fmt::format("screen {:.5f},{:.5f}", x / width_, 1 - y / height_);
}

void Canvas::box(double x, double y, double width, double height, std::string_view fill,
                 std::string_view border) {
    gp_ << fmt::format(
        "set object rectangle from {} to {} front fs solid border lc rgb '{}' fc rgb '{}' lw 1.2\n",
        at(x, y), at(x + width, y + height), border, fill);
}

void Canvas::line(double x, double y, double to_x, double to_y, std::string_view colour,
                  std::string_view style) {
    gp_ << fmt::format("set arrow from {} to {} nohead back {} lc rgb '{}'\n", at(x, y),
                       at(to_x, to_y), style, colour);
}

void Canvas::arrow(double x, double y, double to_x, double to_y, std::string_view colour,
                   double width) {
    gp_ << fmt::format(
        "set arrow from {} to {} front filled size screen {:.5f},18 lw {} lc rgb '{}'\n", at(x, y),
        at(to_x, to_y), 9 / width_, width, colour);
}

void Canvas::text(double x, double y, const std::string& words, double points,
                  std::string_view colour, Align align, bool bold) {
    const char* const side = align == Align::left     ? "left"
                             : align == Align::center ? "center"
                                                      : "right";
    gp_ << fmt::format("set label {} at {} {} front font 'DejaVu Sans{},{}' tc rgb '{}'\n",
                       gnuplot_quoted(words), at(x, y), side, bold ? ":Bold" : "", points, colour);
}

void Canvas::finish() {
    gp_ << "plot NaN\n";
}

}  // namespace zcv
