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
    std::string_view premise;   // when it is pending, in words
    std::string_view rests_on;  // what it leaves to whom outside the kernel
    // Its application never tires of sending: what is otherwise its choice is a duty as well.
    bool goes_on_sending = false;
};

const std::vector<KernelEventually>& kernel_eventually();

// A step that is done at some time when it can be done all the time: weak fairness. Steps of one
// duty with the same first object are one: doing any of them is enough.
struct Duty {
    std::string_view step;
    std::string_view duty;  // "" when it is a duty of its own, with all its objects
    std::string_view who;   // whose it is, and what; "" when as in the row before
};

const std::vector<Duty>& kernel_duties();

// All other steps: they may happen or not, and why nobody is obliged to them.
enum class Freedom { application, chance };
struct FreeStep {
    std::string_view step;
    Freedom freedom;
    std::string_view why;
};

const std::vector<FreeStep>& kernel_free_steps();

// Those of the application's free steps that one that goes on sending is obliged to.
bool is_sending(std::string_view step);

// One sentence on whether a step must happen, for whoever asks.
std::string fairness_of(std::string_view step);

// Which duty a transition of the kernel model does; 0 for none.
std::uint64_t kernel_duty(checker::Taken taken);
std::uint64_t kernel_duty_going_on_sending(checker::Taken taken);

// Those whose names begin with one of `names`, for the objects of a world.
std::vector<checker::Eventually<FixedStore>> eventually_in(const World& world,
                                                           const std::vector<std::string>& names);

}  // namespace zcv
