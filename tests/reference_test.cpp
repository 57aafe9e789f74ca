#include "model/reference.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

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

// Every reachable state, a broken one included.
template <class S, class Use>
void each_state(const S& system, Use&& use) {
    std::set<std::vector<std::uint64_t>> met;
    std::vector<typename S::State> open;
    const auto meet = [&](const typename S::State& state) {
        std::vector<std::uint64_t> words(system.words());
        system.pack(state, words.data());
        if (met.insert(words).second) open.push_back(state);
    };
    meet(system.initial());
    while (!open.empty()) {
        const typename S::State state = open.back();
        open.pop_back();
        use(state);
        system.for_each_next(state, [&](checker::Taken, const auto& after) { meet(after); });
    }
}

// The least state that renaming buffers and requests makes of this one, by trying all names.
template <class S>
std::vector<std::uint64_t> least_of_orbit(const S& system,
                                          const std::vector<std::uint64_t>& words) {
    using namespace reference;
    auto state = system.initial();
    system.unpack(words.data(), state);
    const Shape& shape = state.shape();
    std::vector<unsigned> requests(shape.requests);
    std::vector<unsigned> buffers(shape.buffers);
    std::iota(requests.begin(), requests.end(), 0);
    std::vector<std::uint64_t> least = words;
    const auto id = [](unsigned r) { return RequestId{static_cast<std::uint8_t>(r)}; };
    do {
        std::iota(buffers.begin(), buffers.end(), 0);
        do {
            auto other = system.initial();
            for (unsigned b = 0; b < shape.buffers; ++b) other.set_buf(buffers[b], state.buf(b));
            for (unsigned r = 0; r < shape.requests; ++r) {
                const RequestId to = id(requests[r]);
                const unsigned rb = state.rb(id(r));
                other.set_pc(to, state.pc(id(r)));
                other.set_got(to, state.got(id(r)));
                other.set_rb(to, rb == 0 ? 0 : buffers[rb - 1] + 1);
                other.set_ref(to, state.ref(id(r)));
                other.set_nskb(to, state.nskb(id(r)));
                for (unsigned k = 0; k < shape.skbs; ++k) {
                    const SkbId skb{static_cast<std::uint8_t>(k)};
                    other.set_skb(to, skb, state.skb(id(r), skb));
                }
            }
            for (unsigned i = 0; i < shape.entries && state.entry(i) != 0; ++i)
                other.push(state.kind_of(state.entry(i)),
                           id(requests[number(state.request_of(state.entry(i)))]));
            std::vector<std::uint64_t> packed(words.size());
            system.pack(other, packed.data());
            least = std::min(least, packed);
        } while (std::next_permutation(buffers.begin(), buffers.end()));
    } while (std::next_permutation(requests.begin(), requests.end()));
    return least;
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

TEST_CASE("steps on the packed word are the steps of the definition", "[reference][packed]") {
    for (const reference::Shape shape :
         {reference::Shape{2, 2, 1, 2}, reference::Shape{1, 1, 4, 6}, reference::Shape{1, 2, 2, 2},
          reference::Shape{3, 2, 1, 1}, reference::Shape{2, 2, 1, 2, true}}) {
        const reference::System<1> system(shape);
        const auto always_hold = [&](const reference::State<1>& state) {
            return std::ranges::all_of(system.properties(), [&](const auto& property) {
                return property.must != checker::Must::always || property.holds(state);
            });
        };
        each_state(system, [&](const reference::State<1>& state) {
            using Next = std::pair<unsigned, std::uint64_t>;
            std::vector<Next> expected;
            std::vector<Next> found;
            system.for_each_next(state, [&](checker::Taken taken, const auto& after) {
                expected.emplace_back(taken.step, after.words[0]);
            });
            const auto group = checker::Group::of(state.words[0]);
            system.for_each_of_group(group, [&](std::uint8_t step, checker::Group after) {
                after.each([&](std::uint64_t word) { found.emplace_back(step, word); });
            });
            std::ranges::sort(expected);
            std::ranges::sort(found);
            REQUIRE(found == expected);
            REQUIRE(system.surely_hold(group) == always_hold(state));
        });
    }
}

TEST_CASE("what a group does is what its states do", "[reference][packed]") {
    const reference::System<1> system({2, 2, 2, 2});
    std::map<std::uint64_t, std::uint64_t> members;
    each_state(system, [&](const reference::State<1>& state) {
        const auto own = checker::Group::of(state.words[0]);
        members[own.word] |= own.members;
    });
    std::mt19937_64 random(4);
    std::uint64_t together = 0;
    for (const auto& [word, all] : members) {
        // Some of those that there are, as they are found on one level.
        const checker::Group group{word, all & random()};
        std::map<std::pair<unsigned, std::uint64_t>, unsigned> expected;
        std::map<std::pair<unsigned, std::uint64_t>, unsigned> found;
        const auto into = [](auto& counts) {
            return [&counts](std::uint8_t step, checker::Group after) {
                after.each([&](std::uint64_t state) { ++counts[{step, state}]; });
            };
        };
        group.each([&](std::uint64_t state) {
            system.for_each_of_group(checker::Group::of(state), into(expected));
        });
        system.for_each_of_group(group, into(found));
        REQUIRE(found == expected);
        together += group.size() > 1;
    }
    CHECK(together > 1000);
}

TEST_CASE("symmetry counts orbits, as an exhaustive count of them does", "[reference][symmetry]") {
    for (const reference::Shape shape :
         {reference::Shape{2, 2, 1, 2}, reference::Shape{3, 2, 1, 1}, reference::Shape{1, 3, 1, 1},
          reference::Shape{2, 2, 1, 2, true}, reference::Shape{1, 2, 2, 2}}) {
        on_system_of(shape, [&](const auto& system) {
            // Orbits of the whole state space: states that some renaming turns into each other.
            std::set<std::vector<std::uint64_t>> representatives;
            each_state(system, [&](const auto& state) {
                std::vector<std::uint64_t> words(system.words());
                system.pack(state, words.data());
                const std::vector<std::uint64_t> orbit = least_of_orbit(system, words);
                representatives.insert(orbit);
                // All of an orbit have one representative, and it is one of them.
                std::vector<std::uint64_t> canonical = words;
                system.canonical(canonical.data(), false);
                REQUIRE(least_of_orbit(system, canonical) == orbit);
                std::vector<std::uint64_t> again = orbit;
                system.canonical(again.data(), false);
                REQUIRE(again == canonical);
            });
            if (shape.first_cqe) return;
            checker::Limits limits;
            limits.symmetry = checker::Symmetry::on;
            limits.threads = 2;
            CHECK(checker::explore(system, limits).states == representatives.size());
        });
    }
}

TEST_CASE("the orbits of 3-3-1-3 are as many as other checkers count", "[reference][symmetry]") {
    checker::Limits limits;
    limits.threads = 2;
    limits.symmetry = checker::Symmetry::on;
    const checker::Outcome outcome = find_scenario("reference-3-3-1-3")->explore(limits);
    CHECK(outcome.verdict == Verdict::clean);
    CHECK(outcome.states == 34'214);
    CHECK(outcome.transitions == 220'505);
    CHECK(outcome.depth == 39);
}

TEST_CASE("steps that are taken before all others commute with them", "[reference][reduction]") {
    for (const reference::Shape shape :
         {reference::Shape{2, 2, 1, 2}, reference::Shape{1, 2, 2, 2}, reference::Shape{1, 1, 3, 2},
          reference::Shape{1, 3, 1, 1}, reference::Shape{2, 2, 1, 2, true}}) {
        on_system_of(shape, [](const auto& system) {
            each_state(system, [&](const auto& state) {
                REQUIRE(checker::broken_promise(system, state) == "");
            });
        });
    }
}

TEST_CASE("every reduction agrees with the whole search", "[reference][reduction]") {
    for (const bool first_cqe : {false, true})
        for (const reference::Shape shape :
             {reference::Shape{1, 1, 1, 1, first_cqe}, reference::Shape{2, 2, 1, 2, first_cqe},
              reference::Shape{1, 2, 2, 2, first_cqe}, reference::Shape{2, 2, 2, 3, first_cqe},
              reference::Shape{3, 3, 1, 1, first_cqe}, reference::Shape{3, 3, 3, 3, true}}) {
            on_system_of(shape, [](const auto& system) {
                const checker::Outcome whole = checker::explore(system, {});
                for (const auto symmetry :
                     {checker::Symmetry::off, checker::Symmetry::on, checker::Symmetry::deep})
                    for (const bool reduction : {false, true}) {
                        checker::Limits limits;
                        limits.threads = 2;
                        limits.symmetry = symmetry;
                        limits.reduction = reduction;
                        const checker::Outcome less = checker::explore(system, limits);
                        CHECK(less.verdict == whole.verdict);
                        CHECK(less.broken == whole.broken);
                        if (whole.broken.empty()) CHECK(less.states <= whole.states);
                        CHECK(less.counterexample.size() == less.depth * !whole.broken.empty());
                        // Names change no length; orders may.
                        if (!reduction) CHECK(less.depth == whole.depth);
                        if (!whole.broken.empty()) CHECK(less.depth >= whole.depth);
                    }
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
