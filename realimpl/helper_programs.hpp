#pragma once

#include <string>

namespace zcv {

// Where execvp would find a program, and after that in `further` folders ("/usr/sbin:/sbin"); empty
// when it is nowhere.
std::string find_program(const std::string& name, const std::string& further = "");

// A program of this project that nobody starts by hand: named in the environment `variable`, beside
// zcv, where an installation puts it, or in PATH; empty when it is nowhere. Throws Refusal(unable)
// when the environment names none that runs.
std::string find_helper_or_none(const std::string& name, const std::string& variable);

// The same; throws Refusal(unable) when it is nowhere.
std::string find_helper(const std::string& name, const std::string& variable);

}  // namespace zcv
