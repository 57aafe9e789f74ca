#pragma once

#include <string>
#include <vector>

namespace zcv {

// One thing that a capture, or zero copy itself, needs of this machine.
struct Ailment {
    enum class State { good, limited, missing };
    std::string name;  // "btf", "watchpoints", "interface eth0"
    State state = State::good;
    std::string what;    // as it is here
    std::string remedy;  // one line; "" when it is good, or nothing helps
};

// Looks at this machine and tries what can be tried: the observer is loaded, attached to a command
// that does nothing, and taken out again. In the order in which one thing needs the other.
std::vector<Ailment> examine();

// Whether zcv can capture here at all.
bool can_capture(const std::vector<Ailment>& all);

const char* name_of(Ailment::State state);

}  // namespace zcv
