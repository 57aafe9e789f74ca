#pragma once

#include <string_view>
#include <vector>

// The known bugs of the zero-copy transmit protocol, as they are numbered in the literature of this
// project: each is a scenario that breaks, and a twin of it that holds.
namespace zcv {

struct Bug {
    std::string_view id;        // "B24"
    std::string_view title;     // what the kernel does wrong, in a few words
    std::string_view story;     // what breaks for a user
    std::string_view source;    // commit, CVE, report; "found by ..." when it was found here
    std::string_view scenario;  // breaks; "" when it cannot be expressed
    std::string_view twin;      // the same world and a kernel without the bug; holds
    std::string_view left_out;  // why there is no scenario, "" when there is one
};

// In the order of their numbers.
const std::vector<Bug>& gallery();

}  // namespace zcv
