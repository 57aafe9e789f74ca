#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/checker/limits.hpp"

namespace zcv {

// What a scenario promises: the property it breaks ("" when everything holds) and exact numbers.
// Zero means the number is not declared (a family member with parameters nobody counted before).
struct Expectation {
    std::string broken{};
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;  // of the search; of the counterexample when something is broken
    bool declared = true;     // false: nothing is promised, whatever comes out is news
};

// A small named world: bounds, application policy, kernel profile, one question, the answer.
struct Scenario {
    std::string name{};
    std::string asks{};
    std::string profile{};
    std::string app{};
    std::string subject{};  // what it is about: scenarios are listed together that share it
    Expectation expect{};
    bool in_all = true;  // false: takes minutes; named explicitly, not part of --all
    std::function<checker::Outcome(const checker::Limits&)> explore{};
    // The same world under another profile and application, by name; an empty optional keeps its
    // own. Throws Refusal(usage) naming what exists.
    std::function<Scenario(const std::optional<std::string>&, const std::optional<std::string>&)>
        under{};
    // The same world with more or less of something: "skbs", 4. Throws Refusal(usage) naming what
    // there is, or how far it goes.
    std::function<Scenario(const std::string&, std::uint64_t)> bounded{};
};

// Whether an outcome is the declared one, number for number as far as numbers are declared. Of a
// reduced search the verdict is, and what is broken.
bool as_declared(const Expectation& expect, const checker::Outcome& outcome);

// Every scenario with a fixed name, in the order `zcv check --list` shows them.
const std::vector<Scenario>& scenarios();

// The scenarios of the kernel model, defined beside it.
std::vector<Scenario> kernel_scenarios();

// Also finds members of families that are not in the list: reference-B-R-K-Q within its limits.
// Throws Refusal(usage) with the reason for a family member out of range.
std::optional<Scenario> find_scenario(const std::string& name);

// The same world under another kernel profile or application policy. Its expectation is dropped.
// Throws Refusal(usage) naming what exists.
Scenario with(const Scenario& scenario, const std::optional<std::string>& profile,
              const std::optional<std::string>& app);

}  // namespace zcv
