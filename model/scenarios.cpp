#include "model/scenarios.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "model/checker/search.hpp"
#include "model/outcome.hpp"
#include "model/reference.hpp"

namespace zcv {
namespace {

using reference::Shape;

constexpr std::string_view family = "reference-";
constexpr std::string_view buggy_family = "reference-bug-";

std::string name_of(const Shape& shape) {
    std::string name{shape.first_cqe ? buggy_family : family};
    name += std::to_string(shape.buffers) + "-" + std::to_string(shape.requests) + "-" +
            std::to_string(shape.skbs) + "-" + std::to_string(shape.entries);
    return name;
}

std::string counted(unsigned count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

template <std::size_t Words>
checker::Outcome explore_reference(const Shape& shape, const checker::Limits& limits) {
    const reference::System<Words> system(shape);
    return checker::explore(system, limits);
}

checker::Outcome explore_reference(const Shape& shape, const checker::Limits& limits) {
    switch (reference::Layout(shape).words) {
        case 1:
            return explore_reference<1>(shape, limits);
        case 2:
            return explore_reference<2>(shape, limits);
        default:
            return explore_reference<3>(shape, limits);
    }
}

Scenario reference_scenario(const Shape& shape, const Expectation& expect, bool in_all);

// The reference model is no kernel: it exists in one version, with two applications.
Scenario reference_under(const Shape& shape, const std::optional<std::string>& profile,
                         const std::optional<std::string>& app) {
    const std::string name = name_of(shape);
    if (profile && *profile != "reference")
        throw Refusal(Status::usage, "check " + name + ": profile " + *profile +
                                         " is not for it: its only profile is reference");
    if (app && *app != "conforming" && *app != "first-cqe")
        throw Refusal(Status::usage, "check " + name + ": application " + *app +
                                         " is not for it: choose conforming or first-cqe");
    Shape changed = shape;
    if (app) changed.first_cqe = *app == "first-cqe";
    Expectation none;
    none.declared = false;
    return reference_scenario(changed, none, false);
}

Scenario reference_scenario(const Shape& shape, const Expectation& expect, bool in_all) {
    Scenario scenario;
    scenario.name = name_of(shape);
    const std::string world =
        counted(shape.buffers, "buffer") + ", " + counted(shape.requests, "request") + ", " +
        counted(shape.skbs, "skb") + " a request, a queue of " + std::to_string(shape.entries);
    scenario.asks = shape.first_cqe
                        ? "Is it noticed that the first CQE does not give the buffer back? " + world
                        : "Does every buffer stay in flight while an skb reads it? " + world;
    scenario.profile = "reference";
    scenario.app = shape.first_cqe ? "first-cqe" : "conforming";
    scenario.subject = "reference model";
    scenario.expect = expect;
    scenario.in_all = in_all;
    scenario.explore = [shape](const checker::Limits& limits) {
        return explore_reference(shape, limits);
    };
    scenario.under = [shape](const auto& profile, const auto& app) {
        return reference_under(shape, profile, app);
    };
    return scenario;
}

// Counts found equal by other model checkers; the shallow depths and the deepest are our own.
std::vector<Scenario> reference_scenarios() {
    const auto holds = [](Shape shape, std::uint64_t states, std::uint64_t transitions,
                          std::uint64_t depth, bool in_all) {
        return reference_scenario(shape, {"", states, transitions, depth, true}, in_all);
    };
    return {
        holds({1, 1, 1, 2}, 50, 118, 13, true),
        holds({2, 2, 1, 2}, 5'546, 25'076, 26, true),
        holds({2, 2, 2, 3}, 201'242, 1'536'244, 30, true),
        holds({3, 2, 2, 3}, 1'179'836, 9'656'806, 31, true),
        holds({3, 3, 1, 3}, 1'200'112, 7'725'144, 39, true),
        holds({2, 3, 2, 2}, 2'294'008, 20'019'016, 42, false),
        holds({2, 2, 3, 2}, 8'608'202, 94'266'476, 34, false),
        holds({3, 3, 2, 2}, 178'911'830, 2'000'575'962, 44, false),
        reference_scenario({2, 2, 1, 2, true}, {"no-app-owned", 172, 284, 6, true}, true),
    };
}

// The four numbers of a family member's name, or nothing when it is not written like one.
std::optional<std::array<unsigned, 4>> numbers_in(std::string_view text) {
    std::array<unsigned, 4> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0) {
            if (text.empty() || text.front() != '-') return std::nullopt;
            text.remove_prefix(1);
        }
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, numbers[i]);
        const bool strange = error != std::errc{} || (text.front() == '0' && numbers[i] != 0);
        if (strange) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    }
    if (!text.empty()) return std::nullopt;
    return numbers;
}

std::optional<Scenario> reference_member(const std::string& name) {
    const bool buggy = name.rfind(buggy_family, 0) == 0;
    const std::string_view prefix = buggy ? buggy_family : family;
    if (name.rfind(prefix, 0) != 0) return std::nullopt;
    const auto numbers = numbers_in(std::string_view(name).substr(prefix.size()));
    if (!numbers) return std::nullopt;
    const auto [buffers, requests, skbs, entries] = *numbers;
    const auto within = [](unsigned value, unsigned most) { return value >= 1 && value <= most; };
    if (!within(buffers, 4) || !within(requests, 4) || !within(skbs, 4) || !within(entries, 6))
        throw Refusal(Status::usage, "check " + name + ": out of range: in " + std::string(prefix) +
                                         "B-R-K-Q, B, R and K go from 1 to 4 and Q from 1 to 6");
    Expectation expect;
    if (buggy) expect = {"no-app-owned", 0, 0, 6, true};
    return reference_scenario({buffers, requests, skbs, entries, buggy}, expect, false);
}

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = [] {
        std::vector<Scenario> list = reference_scenarios();
        for (Scenario& scenario : kernel_scenarios()) list.push_back(std::move(scenario));
        return list;
    }();
    return all;
}

std::optional<Scenario> find_scenario(const std::string& name) {
    const auto& all = scenarios();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Scenario& scenario) { return scenario.name == name; });
    if (found != all.end()) return *found;
    return reference_member(name);
}

Scenario with(const Scenario& scenario, const std::optional<std::string>& profile,
              const std::optional<std::string>& app) {
    const bool same = profile.value_or(scenario.profile) == scenario.profile &&
                      app.value_or(scenario.app) == scenario.app;
    if (same) return scenario;
    if (!scenario.under)
        throw Refusal(Status::usage, "check " + scenario.name +
                                         ": exists under one profile and application only: leave "
                                         "out --profile and --app");
    return scenario.under(profile, app);
}

bool as_declared(const Expectation& expect, const checker::Outcome& outcome) {
    const auto same = [](std::uint64_t declared, std::uint64_t found) {
        return declared == 0 || declared == found;
    };
    const Verdict verdict = expect.broken.empty() ? Verdict::clean : Verdict::violation;
    if (outcome.verdict != verdict || outcome.broken != expect.broken) return false;
    // Counts are declared of all states, one by one.
    if (outcome.is_reduced()) return true;
    return same(expect.states, outcome.states) && same(expect.transitions, outcome.transitions) &&
           same(expect.depth, outcome.depth);
}

}  // namespace zcv
