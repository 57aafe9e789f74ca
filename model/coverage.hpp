#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/checker/search.hpp"
#include "model/scenarios.hpp"

// Whether everything that the model has is put to use by some scenario: what no scenario needs is
// not known to be right.
namespace zcv {

struct Covered {
    std::string kind;  // "step", "premise", "switch", "application", "part", "bug"
    std::string name;
    std::size_t times = 0;  // in how many scenarios
    std::string where;      // one of them, the smallest
    std::string unseen;     // why there can be none; "" when there should be one

    bool is_missing() const { return times == 0 && unseen.empty(); }
};

using Explore = std::function<checker::Outcome(const Scenario&)>;

// Explores every kernel scenario that is part of --all, and some again with a switch flipped.
std::vector<Covered> coverage(const Explore& explore);

}  // namespace zcv
