// Partial order in the kernel's worlds: what is declared to commute does, in every state; whoever
// looks at one order only comes to the same verdict.
#include "model/checker/reduction.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "model/checker/limits.hpp"
#include "model/scenarios.hpp"
#include "tests/any_kernel.hpp"
#include "tests/reachable.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr std::uint64_t small_states = 60'000;

// Whether all that is broken, and every premise that is reached, is so still.
bool shows_all_of(const KernelSystem& system, const FixedStore& before, const FixedStore& after) {
    return std::ranges::all_of(system.properties(), [&](const auto& property) {
        const bool always = property.must == checker::Must::always;
        return property.holds(before) == always || property.holds(after) != always;
    });
}

// The third promise of reduction.hpp: some step of each named set hides nothing.
bool some_step_hides_nothing(const KernelSystem& system, const FixedStore& state) {
    const KernelSystem::AnyVisit nothing = [](checker::Taken, const FixedStore&) {};
    bool all = true;
    for (unsigned which = 0;; ++which) {
        bool some = false;
        const KernelSystem::AnyVisit look = [&](checker::Taken, const FixedStore& after) {
            some = some || shows_all_of(system, state, after);
        };
        if (!system.for_each_alone(state, look, which)) return all;
        all = all && some;
    }
}

struct Found {
    std::string broken;
    std::uint64_t named = 0;  // sets
};

// Goes through a world's states, one of each orbit, and asks in each for what is promised.
Found promises_in(const KernelSystem& system, std::uint64_t most) {
    Found found;
    FixedStore state = system.initial();
    for (const Words& words : representatives(system, most)) {
        if (!found.broken.empty()) break;
        system.unpack(words.data(), state);
        const std::size_t named = checker::named_in(system, state).size();
        if (named == 0) continue;
        found.named += named;
        found.broken = checker::broken_promise(system, state);
        if (!some_step_hides_nothing(system, state)) found.broken = "a step hides something";
    }
    return found;
}

checker::Outcome explored(const Scenario& scenario, bool reduction, checker::Symmetry symmetry) {
    checker::Limits limits;
    limits.threads = 2;
    limits.reduction = reduction;
    limits.symmetry = symmetry;
    return scenario.explore(limits);
}

}  // namespace

TEST_CASE("steps of a kernel that may go before all others commute with them", "[reduction]") {
    std::uint64_t named = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        if (row.expect.states > small_states) continue;
        const World world = world_of(row);
        const KernelSystem system(world, row.unasked);
        const Found found = promises_in(system, std::min<std::uint64_t>(row.expect.states, 8000));
        INFO(row.name);
        CHECK(found.broken == "");
        CHECK((found.named == 0 || system.names_alone()));
        named += found.named;
    }
    CHECK(named > 10'000);
}

TEST_CASE("steps that are wrongly declared to commute are noticed", "[reduction][mutation]") {
    // In a world without taps an skb is declared to do nothing but move on; this one has taps.
    class Tapped {
      public:
        using State = FixedStore;
        using Visit = KernelSystem::AnyVisit;
        explicit Tapped(const World& world, const World& declared)
            : system_(world), declared_(declared) {}
        State initial() const { return system_.initial(); }
        std::size_t words() const { return system_.words(); }
        void pack(const State& state, std::uint64_t* words) const { system_.pack(state, words); }
        void unpack(const std::uint64_t* words, State& state) const {
            system_.unpack(words, state);
        }
        void for_each_next(const State& state, const Visit& visit) const {
            system_.for_each_next<const Visit&>(state, visit);
        }
        bool for_each_alone(const State& state, const Visit& visit, unsigned which) const {
            Words words(system_.words());
            system_.pack(state, words.data());
            State other = declared_.initial();
            declared_.unpack(words.data(), other);
            return declared_.for_each_alone(other, visit, which);
        }
        std::span<const checker::StepInfo> steps() const { return system_.steps(); }
        std::string params(checker::Taken taken) const { return system_.params(taken); }
        std::vector<checker::Field> fields(const State& s) const { return system_.fields(s); }
        std::span<const checker::Property<State>> properties() const {
            return system_.properties();
        }

      private:
        KernelSystem system_;
        KernelSystem declared_;
    };
    World declared = world_of(kernel_scenario("udp-nic"));
    declared.bounds.skbs = 2;
    declared.bounds.shinfos = 2;
    World tapped = declared;
    tapped.socks.front().tapped = true;
    const Tapped wrong(tapped, declared);
    std::string broken;
    FixedStore state = wrong.initial();
    for (const Words& words : reachable(wrong, 5000)) {
        if (!broken.empty()) break;
        wrong.unpack(words.data(), state);
        broken = checker::broken_promise(wrong, state);
    }
    CHECK(broken != "");
}

TEST_CASE("every scenario ends by reduction as it does without", "[reduction][all]") {
    for (const Scenario& scenario : scenarios()) {
        if (!scenario.in_all) continue;
        DYNAMIC_SECTION(scenario.name) {
            for (const auto symmetry : {checker::Symmetry::off, checker::Symmetry::on}) {
                const checker::Outcome outcome = explored(scenario, true, symmetry);
                CHECK(outcome.broken == scenario.expect.broken);
                CHECK(as_declared(scenario.expect, outcome));
                // What is broken may be broken later by the one order that is looked at.
                if (outcome.broken.empty())
                    CHECK(outcome.states <= scenario.expect.states);
                else
                    CHECK(outcome.depth >= scenario.expect.depth);
            }
        }
    }
}
