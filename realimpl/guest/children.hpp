#pragma once

#include <string>
#include <vector>

namespace zcv::guest {

// In a child: runs a program in its place, or ends with 127 as a shell would.
[[noreturn]] void become(const std::vector<std::string>& words);

// What a program prints, its complaints left out; empty when there is no such program.
std::string output_of(const std::vector<std::string>& words);

// Runs a program in a folder, its words going to stderr. Its exit status, 127 when there is none.
int run_in(const std::string& folder, const std::vector<std::string>& words);

}  // namespace zcv::guest
