#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/checker/liveness.hpp"
#include "model/fixed_store.hpp"

// What must happen in the end, and who is obliged to what so that it can.
namespace zcv {

struct KernelEventually {
    std::string_view name;  // "L1-release"
    std::string_view breaks;
    std::string_view noun;  // what is pending
    std::uint32_t (*objects)(const World&);
    bool (*pending)(const FixedStore&, std::uint32_t object);
    std::string_view premise;  // when it is pending, in words
};

const std::vector<KernelEventually>& kernel_eventually();

// A step that is done at some time when it can be done all the time: weak fairness. Steps of one
// duty with the same first object are one: doing any of them is enough. What is not listed may
// happen or not: failures, drops, splits, taps, and the application's writing and submitting.
struct Duty {
    std::string_view step;
    std::string_view duty;  // "" when it is a duty of its own, with all its objects
    std::string_view who;
};

const std::vector<Duty>& kernel_duties();

// Which duty a transition of the kernel model does; 0 for none.
std::uint64_t kernel_duty(checker::Taken taken);

// Those whose names begin with one of `names`, for the objects of a world.
std::vector<checker::Eventually<FixedStore>> eventually_in(const World& world,
                                                           const std::vector<std::string>& names);

}  // namespace zcv
