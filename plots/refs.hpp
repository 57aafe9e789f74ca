#pragma once

#include <string>
#include <vector>

#include "plots/picture.hpp"
#include "traces/ref_history.hpp"

namespace zcv {

struct RefsView {
    std::string file;
    std::string kernel;
    PictureKind kind = PictureKind::png;
    const Theme* theme = &light_theme();
};

// The count of a ubuf over time as a step curve, and below it a bar for each reference, with its
// holder's name; of stacked notifications all, the head first, on one axis.
void draw_refs(Gnuplot& gp, const std::vector<RefLife>& family, const RefsView& view);

}  // namespace zcv
