#pragma once

#include <string>
#include <string_view>
#include <vector>

// What goes wrong in applications that send without copying, each with a number: A buffers reused
// too early, B io_uring's notifications, C the error queue of MSG_ZEROCOPY, D zero copy that does
// not happen, E other data paths, F the kernel's own mistakes. Those that are a belief about when a
// buffer is free again are application policies of the model (policies.cpp); of the others it is
// written here why they are none.
namespace zcv {

struct Misuse {
    std::string_view id;       // "A3"
    std::string_view name;     // "released-on-close"
    std::string_view says;     // what happens, in a sentence
    std::string_view why_not;  // why it is no policy; "" when it is one
    std::string_view shown;    // if no policy: the scenario or bug that shows it, "" if none does
};

const std::vector<Misuse>& misuses();

// The policies that are this misuse.
std::vector<std::string> policies_of(std::string_view id);

}  // namespace zcv
