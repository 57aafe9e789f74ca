#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "plots/picture.hpp"

namespace CLI {
class App;
}

namespace zcv {

// What every figure can be asked for.
struct PictureOptions {
    std::string output;
    std::string theme = "light";
    std::string csv;  // "" none
    bool open = false;

    const Theme& colours() const { return theme_named(theme); }
};

// -o/--output with `kinds` in its help (".png, .svg or .pdf"), --theme, --csv and --open.
void add_picture_options(CLI::App& verb, PictureOptions& options, const std::string& kinds);

// Writes the data of a figure as CSV to where --csv says, if it does. Throws Refusal naming the
// file.
void write_csv(const PictureOptions& options, const std::function<void(std::ostream&)>& rows);

// A value of a CSV line: quoted where it has to be.
std::string csv_value(const std::string& text);

// With --open, shows the finished picture. Throws Refusal(unable) where nothing can show it.
void show_if_asked(const PictureOptions& options);

}  // namespace zcv
