// Random ways through the model, far longer than any shortest path: an invariant that exploration
// says holds must hold on them too. A way never looks at the checker's visited set, its packing or
// its order of states, so it is a second opinion on what that search found.
#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <map>

#include "tests/any_kernel.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr std::uint64_t steps_a_design = 1'000'000;
constexpr std::uint64_t ways_a_property = 100;  // how often rapidcheck asks

// A design: the calls its requests go through, on one kernel.
std::string design_of(const KernelScenario& row) {
    std::string name = row.profile;
    for (const Api api : row.world.apis) name += " " + std::to_string(static_cast<int>(api));
    return name;
}

std::map<std::string, std::vector<const KernelScenario*>> designs_that_hold() {
    std::map<std::string, std::vector<const KernelScenario*>> designs;
    for (const KernelScenario& row : kernel_scenario_table())
        if (row.expect.broken.empty()) designs[design_of(row)].push_back(&row);
    return designs;
}

// What broke on a way of so many steps from the start, "" when nothing did. At a dead end the way
// begins again.
std::string broken_on_a_way(const AnyKernel& system, std::uint64_t steps) {
    FixedStore state = system.initial();
    std::vector<FixedStore> next;
    auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto pick = [&](std::size_t among) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::size_t>((seed >> 33) % among);
    };
    for (std::uint64_t step = 0; step < steps; ++step) {
        next.clear();
        system.for_each_next(
            state, [&](checker::Taken, const FixedStore& after) { next.push_back(after); });
        state = next.empty() ? system.initial() : next[pick(next.size())];
        for (const auto& property : system.properties())
            if (property.must == checker::Must::always && !property.holds(state))
                return std::string(property.name);
    }
    return "";
}

}  // namespace

TEST_CASE("a million random steps a design break nothing that exploration says holds", "[walks]") {
    for (const auto& [design, rows] : designs_that_hold()) {
        const std::uint64_t ways = ways_a_property * rows.size();
        const std::uint64_t steps = (steps_a_design + ways - 1) / ways;
        for (const KernelScenario* row : rows) {
            DYNAMIC_SECTION(row->name) {
                const AnyKernel system(world_of(*row), row->unasked);
                rc::prop(design, [&] { RC_ASSERT(broken_on_a_way(system, steps) == ""); });
            }
        }
    }
}
