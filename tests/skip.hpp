#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace zcv::test {

// Ends the test program: 77 tells CTest that this machine cannot, and the line why. Nothing is
// destroyed on the way out, so it is called before there is a directory to leave behind.
[[noreturn]] inline void skip(const std::string& why) {
    std::printf("skipped: %s\n", why.c_str());
    std::fflush(nullptr);
    std::_Exit(77);
}

}  // namespace zcv::test
