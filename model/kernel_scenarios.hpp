#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/scenarios.hpp"
#include "model/world/world.hpp"

namespace zcv {

// A scenario on the kernel's own steps, as data: the world, and what it is asked.
struct KernelScenario {
    std::string name;
    std::string asks;
    std::string profile;
    App app = App::conforming;
    World world = {};                       // its profile and app are filled in from the two above
    std::vector<std::string> unasked = {};  // properties that this world cannot put to the test
    std::vector<std::string> eventually = {};  // eventually-properties it is asked: they cost more
    Expectation expect = {};
    std::string_view subject = {};  // filled in: of its table
};

const std::vector<KernelScenario>& kernel_scenario_table();

// A row under another profile, which need not have a name. It expects what the row expects.
Scenario under_profile(const KernelScenario& row, const Profile& kernel);

// The table as scenarios the checker can run.
std::vector<Scenario> kernel_scenarios();

}  // namespace zcv
