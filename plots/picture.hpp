#pragma once

#include <functional>
#include <string>

#include "plots/gnuplot.hpp"

namespace zcv {

enum class PictureKind { png, svg, pdf };

// By the file's ending, in either case. Throws Refusal(usage) naming the endings there are.
PictureKind picture_kind(const std::string& path);

// The gnuplot line that selects the terminal for a picture of this size on a screen; SVG and PDF
// get the same proportions.
std::string terminal_of(PictureKind kind, int width_px, int height_px);

// Text as a gnuplot string: quoted, one line, and nothing in it that gnuplot would interpret.
std::string gnuplot_quoted(const std::string& text);

// A picture that is either whole or absent. The constructor takes the place beside `path`, so that
// an unwritable output is refused before anything is drawn; draw() runs gnuplot and only a picture
// that gnuplot finished gets the name. Throws Refusal naming the path, or the package when there is
// no gnuplot.
class Picture {
  public:
    explicit Picture(const std::string& path);
    ~Picture();
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;

    PictureKind kind() const { return kind_; }
    void draw(const std::function<void(Gnuplot&)>& figure);

  private:
    std::string path_;    // as the user wrote it
    std::string target_;  // with symbolic links followed, so that the link survives the rename
    std::string draft_;   // "" once it has become the target
    PictureKind kind_;
    int output_ = -1;
};

}  // namespace zcv
