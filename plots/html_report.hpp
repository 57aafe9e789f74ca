#pragma once

#include <string>

#include "traces/replay.hpp"

namespace zcv {

// What a report is made of. `picture` is the SVG of the trace's lifecycle on light ground and
// `dark_picture` the same on dark.
struct HtmlReport {
    const ReplayReport& report;
    const Trace& trace;
    std::string file;
    std::string picture;
    std::string dark_picture;
};

// One HTML document that needs nothing beside it: no script, no font, no address. It follows the
// reader's choice of light or dark, and prints in light.
std::string html_of(const HtmlReport& of);

}  // namespace zcv
