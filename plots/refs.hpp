#pragma once

#include <string>
#include <vector>

#include "plots/picture.hpp"
#include "traces/ref_history.hpp"

namespace zcv {

struct RefsView {
    std::string file;
    std::string kernel;
    bool inferred = false;  // by a replay; else function probes saw it
    PictureKind kind = PictureKind::png;
    const Theme* theme = &light_theme();
};

// The count of a ubuf over time as a step curve, and below it a bar for each reference, with its
// holder's name; of stacked notifications all, the head first, on one axis. Where
// it is inferred, squares show the counts that records read.
void draw_refs(Gnuplot& gp, const std::vector<RefLife>& family, const RefsView& view);

}  // namespace zcv
