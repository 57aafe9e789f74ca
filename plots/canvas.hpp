#pragma once

#include <string>
#include <string_view>

#include "plots/picture.hpp"

namespace zcv {

// Boxes, lines and words by pixels from the top left, drawn by gnuplot: for figures that are no
// curve. Lines lie behind boxes, boxes behind words, and words behind arrows.
class Canvas {
  public:
    enum class Align { left, center, right };

    // Writes the terminal line too.
    Canvas(Gnuplot& gp, PictureKind kind, double width_px, double height_px, const Theme& theme);

    void box(double x, double y, double width, double height, std::string_view fill,
             std::string_view border);
    void line(double x, double y, double to_x, double to_y, std::string_view colour,
              std::string_view style = "lw 1");
    void arrow(double x, double y, double to_x, double to_y, std::string_view colour, double width);
    // y is the middle of the line.
    void text(double x, double y, const std::string& words, double points, std::string_view colour,
              Align align = Align::left, bool bold = false);
    // The last call when there is no curve beside it.
    void finish();

  private:
    std::string at(double x, double y) const;

    Gnuplot& gp_;
    double width_;
    double height_;
};

}  // namespace zcv
