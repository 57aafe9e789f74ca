// Symmetry of the kernel model: that objects are interchangeable is looked at, not believed.
#include "model/symmetry.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "model/checker/search.hpp"
#include "model/kernel_scenarios.hpp"
#include "model/kernel_system.hpp"
#include "model/scenarios.hpp"
#include "tests/any_kernel.hpp"

using namespace zcv;

namespace {

using Packed = std::vector<std::uint64_t>;
using Successors = std::set<std::pair<unsigned, Packed>>;

Packed representative(const KernelSystem& system, const FixedStore& state) {
    Packed words(system.words());
    system.pack(state, words.data());
    system.canonical(words.data(), false);
    return words;
}

// What can be reached in one step, whatever the names.
Successors successors(const KernelSystem& system, const FixedStore& state) {
    Successors all;
    const KernelSystem::AnyVisit add = [&](checker::Taken taken, const FixedStore& after) {
        all.emplace(taken.step, representative(system, after));
    };
    system.for_each_next<const KernelSystem::AnyVisit&>(state, add);
    return all;
}

}  // namespace

TEST_CASE("a state and its representative can do the same, and break the same", "[symmetry]") {
    std::size_t walked = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        if (row.expect.states == 0 || row.expect.states > 30'000) continue;
        ++walked;
        DYNAMIC_SECTION(row.name) {
            const KernelSystem system(test::world_of(row), row.unasked);
            std::set<Packed> met;
            std::set<Packed> representatives;
            std::vector<FixedStore> open{system.initial()};
            while (!open.empty()) {
                const FixedStore state = open.back();
                open.pop_back();
                const Packed canonical = representative(system, state);
                FixedStore same = state;
                system.unpack(canonical.data(), same);
                REQUIRE(representative(system, same) == canonical);
                if (representatives.insert(canonical).second || met.size() % 16 == 0)
                    REQUIRE(successors(system, state) == successors(system, same));
                for (const auto& property : system.properties())
                    REQUIRE(property.holds(state) == property.holds(same));
                const KernelSystem::AnyVisit meet = [&](checker::Taken, const FixedStore& after) {
                    Packed words(system.words());
                    system.pack(after, words.data());
                    if (met.insert(words).second) open.push_back(after);
                };
                system.for_each_next<const KernelSystem::AnyVisit&>(state, meet);
            }
            if (!row.expect.broken.empty()) return;
            checker::Limits limits;
            limits.symmetry = checker::Symmetry::on;
            limits.threads = 2;
            CHECK(checker::explore(system, limits).states == representatives.size());
        }
    }
    CHECK(walked >= 8);
}

TEST_CASE("symmetry agrees with the whole search on every scenario", "[symmetry]") {
    for (const Scenario& scenario : scenarios()) {
        if (!scenario.in_all || scenario.expect.states > 120'000) continue;
        DYNAMIC_SECTION(scenario.name) {
            checker::Limits limits;
            limits.threads = 2;
            limits.symmetry = checker::Symmetry::on;
            limits.reduction = true;
            const checker::Outcome less = scenario.explore(limits);
            CHECK(less.broken == scenario.expect.broken);
            CHECK(less.verdict ==
                  (scenario.expect.broken.empty() ? Verdict::clean : Verdict::violation));
            CHECK(less.states > 0);
            if (less.verdict == Verdict::clean) CHECK(less.states <= scenario.expect.states);
            if (!less.reduction) CHECK(less.depth == scenario.expect.depth);
        }
    }
}
