#pragma once

#include <string>
#include <string_view>

// How messages name files and their errors, so that each stays one line.
namespace zcv {

// A path as a message may show it: control characters, a line break above all, become \xNN.
std::string printable(std::string_view path);

// "no such file or directory" for ENOENT.
std::string error_words(int error);

}  // namespace zcv
