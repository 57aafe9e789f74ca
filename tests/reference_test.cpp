#include "model/reference.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "model/checker/search.hpp"
#include "model/scenarios.hpp"
#include "tests/naive.hpp"

using namespace zcv;

namespace {

template <class Use>
void on_system_of(const reference::Shape& shape, Use&& use) {
    switch (reference::Layout(shape).words) {
        case 1:
            return use(reference::System<1>(shape));
        case 2:
            return use(reference::System<2>(shape));
        default:
            return use(reference::System<3>(shape));
    }
}

void agrees_with_naive(const reference::Shape& shape) {
    on_system_of(shape, [](const auto& system) {
        const checker::Outcome outcome = checker::explore(system, {});
        const naive::Counts counts = naive::explore(system);
        CHECK(outcome.states == counts.states);
        CHECK(outcome.transitions == counts.transitions);
        CHECK(outcome.broken == counts.broken);
        CHECK(outcome.depth == (counts.broken.empty() ? counts.depth : counts.broken_depth));
        CHECK(outcome.counterexample.size() == counts.broken_depth * !counts.broken.empty());
    });
}

void is_as_declared(const std::string& name) {
    const auto scenario = find_scenario(name);
    REQUIRE(scenario.has_value());
    REQUIRE(scenario->expect.states != 0);
    const checker::Outcome outcome = scenario->explore({});
    CHECK(outcome.states == scenario->expect.states);
    CHECK(outcome.transitions == scenario->expect.transitions);
    if (scenario->expect.depth != 0) CHECK(outcome.depth == scenario->expect.depth);
    CHECK(outcome.broken == scenario->expect.broken);
    CHECK(as_declared(scenario->expect, outcome));
}

}  // namespace

TEST_CASE("every listed member of the reference family counts as published", "[reference]") {
    for (const Scenario& scenario : scenarios()) {
        if (scenario.profile != "reference" || !scenario.in_all) continue;
        DYNAMIC_SECTION(scenario.name) {
            is_as_declared(scenario.name);
        }
    }
}

TEST_CASE("the larger members count as published", "[.][reference][large]") {
    const std::string name = GENERATE("reference-2-3-2-2", "reference-2-2-3-2");
    DYNAMIC_SECTION(name) {
        is_as_declared(name);
    }
}

TEST_CASE("small members count what a naive explorer counts", "[reference]") {
    const auto [b, r, k, q] =
        GENERATE(table<unsigned, unsigned, unsigned, unsigned>({{1, 1, 1, 1},
                                                                {1, 1, 1, 2},
                                                                {1, 1, 4, 6},
                                                                {1, 4, 1, 1},
                                                                {4, 1, 1, 2},
                                                                {4, 2, 1, 1},
                                                                {2, 2, 1, 2},
                                                                {1, 2, 2, 2},
                                                                {2, 1, 3, 3}}));
    const bool first_cqe = GENERATE(false, true);
    DYNAMIC_SECTION(b << '-' << r << '-' << k << '-' << q << (first_cqe ? " bug" : "")) {
        agrees_with_naive({b, r, k, q, first_cqe});
    }
}

TEST_CASE("the layout takes one word for 3-3-2-2 and at most three for any member", "[reference]") {
    CHECK(reference::Layout({3, 3, 2, 2}).words == 1);
    CHECK(reference::Layout({4, 4, 4, 6}).words == 3);
    for (unsigned b = 1; b <= 4; ++b)
        for (unsigned r = 1; r <= 4; ++r)
            for (unsigned k = 1; k <= 4; ++k)
                for (unsigned q = 1; q <= 6; ++q) {
                    const unsigned words = reference::Layout({b, r, k, q}).words;
                    REQUIRE(words >= 1);
                    REQUIRE(words <= 3);
                }
}

TEST_CASE("states of several words hold every field apart", "[reference]") {
    const reference::Shape shape{4, 4, 4, 6};
    const reference::System<3> system(shape);
    checker::Limits limits;
    limits.states_max = 20'000;
    const checker::Outcome outcome = checker::explore(system, limits);
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.states == 20'000);
    CHECK(outcome.broken.empty());

    // The same search on the two-word neighbour finds the same shortest counterexample.
    for (const reference::Shape buggy :
         {reference::Shape{4, 4, 4, 6, true}, reference::Shape{3, 3, 3, 3, true}}) {
        on_system_of(buggy, [](const auto& wide) {
            const checker::Outcome broken = checker::explore(wide, {});
            CHECK(broken.broken == "no-app-owned");
            CHECK(broken.depth == 6);
            CHECK(broken.counterexample.size() == 6);
        });
    }
}

TEST_CASE("taking the first CQE for the release is caught in six steps", "[reference]") {
    const reference::System<1> system({2, 2, 1, 2, true});
    const checker::Outcome outcome = checker::explore(system, {});
    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.broken == "no-app-owned");
    std::string path;
    for (const auto& step : outcome.counterexample) path += step.step + " ";
    CHECK(path == "Write Submit Issue Attach Post ConsumeMore ");
}

TEST_CASE("a queue gives its entries back in order, whatever their number", "[reference]") {
    const reference::System<1> system({1, 3, 1, 4});
    auto state = system.initial();
    const auto id = [](unsigned r) { return reference::RequestId{static_cast<std::uint8_t>(r)}; };
    CHECK(state.head() == reference::Cqe::none);
    state.push(reference::Cqe::notif, id(2));
    state.push(reference::Cqe::err, id(0));
    state.push(reference::Cqe::more, id(1));
    CHECK_FALSE(state.cq_full());
    state.push(reference::Cqe::notif, id(0));
    CHECK(state.cq_full());

    CHECK(state.head() == reference::Cqe::notif);
    CHECK(state.head_request() == id(2));
    state.pop();
    CHECK(state.head() == reference::Cqe::err);
    CHECK(state.head_request() == id(0));
    state.pop();
    CHECK(state.head() == reference::Cqe::more);
    CHECK(state.head_request() == id(1));
    state.pop();
    state.pop();
    CHECK(state.head() == reference::Cqe::none);
    CHECK(state == system.initial());
}

TEST_CASE("scenario names are found exactly, in range, and refused out of it", "[scenarios]") {
    CHECK(find_scenario("reference-1-1-1-1")->expect.states == 0);
    CHECK(find_scenario("reference-2-2-1-2")->expect.states == 5546);
    CHECK(find_scenario("reference-bug-1-1-1-1")->expect.broken == "no-app-owned");
    for (const char* name :
         {"", "reference-", "reference-1-1-1", "reference-1-1-1-1-1", "reference-01-1-1-1",
          "reference--1-1-1-1", "reference-1-1-1-x", "reference-1-1-1-1 ", "reference-bug-"}) {
        INFO(name);
        CHECK_FALSE(find_scenario(name).has_value());
    }
    for (const char* name :
         {"reference-5-1-1-1", "reference-1-0-1-1", "reference-1-1-1-7", "reference-bug-1-1-9-1"}) {
        INFO(name);
        CHECK_THROWS_AS(find_scenario(name), Refusal);
    }
    CHECK(find_scenario("reference-1-1-1-99999999999999999999") == std::nullopt);
}

TEST_CASE("another application is another world, another profile is refused", "[scenarios]") {
    const Scenario conforming = *find_scenario("reference-2-2-1-2");
    const Scenario changed = with(conforming, std::nullopt, "first-cqe");
    CHECK(changed.app == "first-cqe");
    CHECK_FALSE(changed.expect.declared);
    CHECK(changed.explore({}).depth == 6);
    CHECK(with(conforming, "reference", "conforming").expect.states == 5546);
    CHECK_THROWS_AS(with(conforming, "6.1", std::nullopt), Refusal);
    CHECK_THROWS_AS(with(conforming, std::nullopt, "close"), Refusal);
}
