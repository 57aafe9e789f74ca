#pragma once

#include <string_view>

#include "model/world/world.hpp"

// What an application policy believes, and what really happens.
namespace zcv {

struct PolicyStory {
    std::string_view name;  // as in app_names
    std::string_view id;    // which misuse it is
    std::string_view believes;
    std::string_view really;
};

// nullptr when nothing is told of it.
const PolicyStory* find_policy(std::string_view name);

}  // namespace zcv
