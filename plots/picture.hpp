#pragma once

#include <array>
#include <functional>
#include <string>

#include "plots/gnuplot.hpp"

namespace zcv {

enum class PictureKind { png, svg, pdf };

// By the file's ending, in either case. Throws Refusal(usage) naming the endings there are, and
// `more` that the caller takes besides (", .dot").
PictureKind picture_kind(const std::string& path, const std::string& more = "");

// Colours of a figure. Those that carry meaning are Okabe and Ito's, which stay apart with every
// common colour blindness; the phases of a send go from light to dark and then to yellow, so that
// grey print keeps their order too. On a dark ground the two darkest are lighter.
struct Theme {
    const char* ground;
    const char* ink;    // titles and marks
    const char* text;   // everything else one reads
    const char* frame;  // axes, borders
    const char* grid;
    const char* panel;                 // the ground of a box that stands on the ground
    std::array<const char*, 4> phase;  // by SendPhase
    const char* bad = "#D55E00";
    const char* unsure = "#E69F00";
    const char* good;
    const char* unknown;  // neither good nor bad
};

// "light" or "dark". Throws Refusal(usage) for another name.
const Theme& theme_named(const std::string& name);
const Theme& light_theme();

// The gnuplot line that selects the terminal for a picture of this size on a screen; SVG and PDF
// get the same proportions.
std::string terminal_of(PictureKind kind, int width_px, int height_px,
                        const Theme& theme = light_theme());

// Generous width of a text in DejaVu Sans, in pixels; gnuplot does not tell before it draws.
double text_width_px(const std::string& text, double points);

// Text as a gnuplot string: quoted, one line, and nothing in it that gnuplot would interpret.
std::string gnuplot_quoted(const std::string& text);

// A figure as the text of an SVG file. Throws what Picture::draw() throws.
std::string svg_of(const std::function<void(Gnuplot&)>& figure);

// A picture that is either whole or absent. The constructor takes the place beside `path`, so that
// an unwritable output is refused before anything is drawn; draw() runs gnuplot and only a picture
// that gnuplot finished gets the name. Throws Refusal naming the path, or the package when there is
// no gnuplot.
class Picture {
  public:
    explicit Picture(const std::string& path, const std::string& more_endings = "");
    ~Picture();
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;

    PictureKind kind() const { return kind_; }
    void draw(const std::function<void(Gnuplot&)>& figure);
    // A graph in Graphviz' language instead, which dot lays out and draws.
    void draw_graph(const std::string& dot);

  private:
    void keep(const char* program);

    std::string path_;    // as the user wrote it
    std::string target_;  // with symbolic links followed, so that the link survives the rename
    std::string draft_;   // "" once it has become the target
    PictureKind kind_;
    int output_ = -1;
};

}  // namespace zcv
