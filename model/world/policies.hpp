#pragma once

#include <string_view>
#include <vector>

#include "model/world/world.hpp"

// What an application policy believes, and what really happens.
namespace zcv {

struct PolicyStory {
    std::string_view name;  // as in app_names
    std::string_view id;    // which misuses it is, by their numbers in misuses.hpp
    std::string_view believes;
    std::string_view really;
};

const std::vector<PolicyStory>& policy_stories();

// nullptr when nothing is told of it.
const PolicyStory* find_policy(std::string_view name);

}  // namespace zcv
