#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zcv {

// Up to three of `names` that `wanted` was probably meant to be, nearest first: by edit distance,
// or because one begins the other. Empty when nothing is near.
std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& names);

// "did you mean a, b or c?", or `otherwise` when nothing is near.
std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& names,
                         const std::string& otherwise);

// A name as a message shows it: an empty one would not be seen.
std::string shown(const std::string& name);

}  // namespace zcv
