// A search in all its ways of going about it: with more threads, from disk, killed and resumed, cut
// short. Whatever the way, the answer is the same or says that it is none.
#include "model/checker/search.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "model/scenarios.hpp"

using namespace zcv;
using namespace zcv::checker;

namespace {

std::string temp_path(const std::string& what) {
    return (std::filesystem::temp_directory_path() /
            ("zcv-" + what + "-" + std::to_string(std::random_device{}())))
        .string();
}

void same(const Outcome& a, const Outcome& b) {
    CHECK(a.verdict == b.verdict);
    CHECK(a.broken == b.broken);
    CHECK(a.states == b.states);
    CHECK(a.transitions == b.transitions);
    CHECK(a.depth == b.depth);
    CHECK(a.unreached == b.unreached);
    REQUIRE(a.taken.size() == b.taken.size());
    for (std::size_t i = 0; i < a.taken.size(); ++i) CHECK(a.taken[i].times == b.taken[i].times);
    CHECK(text_of(a.counterexample) == text_of(b.counterexample));
}

std::vector<std::string> small_scenarios() {
    std::vector<std::string> names{"reference-bug-2-2-2-3", "reference-bug-3-3-3-3",
                                   "reference-3-1-2-3"};
    for (const Scenario& scenario : scenarios())
        if (scenario.in_all && scenario.expect.states < 300'000) names.push_back(scenario.name);
    return names;
}

Outcome explored(const std::string& name, const Limits& limits) {
    return find_scenario(name)->explore(limits);
}

}  // namespace

TEST_CASE("any number of threads counts the same and finds the same counterexample",
          "[search][threads]") {
    for (const std::string& name : small_scenarios()) {
        DYNAMIC_SECTION(name) {
            const Outcome alone = explored(name, {});
            for (const unsigned threads : {2U, 8U}) {
                Limits limits;
                limits.threads = threads;
                same(explored(name, limits), alone);
            }
        }
    }
}

TEST_CASE("a frontier on disk changes nothing", "[search][frontier]") {
    for (const char* const name : {"reference-2-2-2-3", "reference-bug-2-2-2-3", "udp-nic"}) {
        DYNAMIC_SECTION(name) {
            Limits limits;
            limits.threads = 2;
            limits.frontier_folder = std::filesystem::temp_directory_path().string();
            same(explored(name, limits), explored(name, {}));
        }
    }
}

TEST_CASE("a search that was cut short goes on where its checkpoint ends", "[search][checkpoint]") {
    for (const char* const name :
         {"reference-2-2-2-3", "reference-bug-2-2-2-3", "udp-nic", "link-cancel"}) {
        DYNAMIC_SECTION(name) {
            const Outcome whole = explored(name, {});
            for (const std::uint64_t cut :
                 {std::uint64_t{1}, whole.states / 3, whole.states - 1, whole.states}) {
                Limits limits;
                limits.threads = 2;
                limits.checkpoint_file = temp_path("checkpoint");
                limits.states_max = cut;
                explored(name, limits);
                limits.states_max = 0;
                limits.resume = true;
                same(explored(name, limits), whole);
                // Once more from its end.
                same(explored(name, limits), whole);
                std::filesystem::remove(limits.checkpoint_file);
            }
        }
    }
}

TEST_CASE("a fingerprint is as good as the state, a bit is nearly", "[search][visited]") {
    for (const char* const name : {"udp-nic", "first-cqe-wire", "link-cancel"}) {
        DYNAMIC_SECTION(name) {
            const Outcome exact = explored(name, {});
            Limits limits;
            limits.threads = 2;
            limits.visited = Visited::fingerprint;
            const Outcome prints = explored(name, limits);
            same(prints, exact);
            CHECK(prints.miss_probability > 0);
            CHECK(prints.miss_probability < 1e-6);
            CHECK(exact.miss_probability == 0);

            limits.visited = Visited::bitstate;
            limits.memory_max = std::uint64_t{64} << 20;
            const Outcome bits = explored(name, limits);
            CHECK(bits.miss_probability > 0);
            CHECK(bits.states <= exact.states);
            CHECK(bits.states > exact.states / 2);
            if (exact.verdict == Verdict::violation) {
                CHECK(text_of(bits.counterexample) == text_of(exact.counterexample));
            } else {
                CHECK(bits.verdict == Verdict::inconclusive);
                CHECK(bits.limit.find("bitstate") == 0);
            }
        }
    }
}

TEST_CASE("a bound ends all threads and leaves the verdict open", "[search][threads]") {
    Limits limits;
    limits.threads = 4;
    limits.states_max = 50'000;
    const Outcome cut = explored("reference-2-2-2-3", limits);
    CHECK(cut.verdict == Verdict::inconclusive);
    CHECK(cut.states == 50'000);
    CHECK(cut.depth < 30);

    limits.states_max = 0;
    limits.memory_max = 1 << 19;
    const Outcome tight = explored("reference-2-2-2-3", limits);
    CHECK(tight.verdict == Verdict::inconclusive);
    CHECK(tight.limit.find("memory") == 0);
    CHECK(tight.states > 10'000);

    limits.memory_max = 0;
    const std::atomic<bool> stop{true};
    limits.stop = &stop;
    const Outcome stopped = explored("reference-2-2-2-3", limits);
    CHECK(stopped.verdict == Verdict::inconclusive);
    CHECK(stopped.limit == "interrupted");
    CHECK(stopped.states >= 1);
}
