// What must happen in the end: the checker's lassos against two other ways to the same answer, on
// random graphs and on the kernel model, also with its kernel changed for the worse.
#include "model/checker/liveness.hpp"

#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "model/progress.hpp"
#include "tests/any_kernel.hpp"

using namespace zcv;
using namespace zcv::test;
using checker::Duties;
using checker::fair_lasso;
using checker::Taken;
using checker::Transitions;

namespace {

// A graph of at most six states, with up to three duties.
struct Small {
    Transitions graph;
    Duties duties;
    std::vector<bool> pending;
};

Small any_small() {
    Small small;
    const auto states = *rc::gen::inRange(1u, 7u);
    // A first transition to the next state, so that all are reached.
    for (std::uint32_t s = 0; s < states; ++s) {
        std::vector<std::uint32_t> to;
        if (s + 1 < states) to.push_back(s + 1);
        for (auto more = *rc::gen::inRange(0, 4); more > 0; --more)
            to.push_back(*rc::gen::inRange(0u, states));
        for (const std::uint32_t each : to) {
            small.graph.to.push_back(each);
            small.graph.taken.push_back({});
            small.duties.push_back(*rc::gen::inRange<std::uint16_t>(0, 4));
        }
        small.graph.first.push_back(static_cast<std::uint32_t>(small.graph.to.size()));
        small.pending.push_back(*rc::gen::inRange(0, 4) != 0);
    }
    return small;
}

template <class F>
void each_transition(const Transitions& graph, std::uint32_t s, F&& f) {
    for (std::uint32_t e = graph.first[s]; e < graph.first[s + 1]; ++e) f(e, graph.to[e]);
}

bool could(const Small& small, std::uint32_t s, std::uint16_t duty) {
    bool result = false;
    each_transition(small.graph, s,
                    [&](auto e, auto) { result = result || small.duties[e] == duty; });
    return result;
}

// Whether a run can stay in exactly the states of `set` for ever and neglect nothing there.
bool stays_in(const Small& small, std::uint32_t set) {
    const auto in = [&](std::uint32_t s) { return (set >> s & 1) != 0; };
    const auto count = static_cast<std::uint32_t>(small.pending.size());
    std::set<std::uint16_t> neglected{1, 2, 3};
    for (std::uint32_t s = 0; s < count; ++s) {
        if (!in(s)) continue;
        if (!small.pending[s]) return false;
        std::uint32_t reach = 1u << s;
        for (std::uint32_t round = 0; round < count; ++round)
            for (std::uint32_t from = 0; from < count; ++from)
                if ((reach >> from & 1) != 0)
                    each_transition(small.graph, from,
                                    [&](auto, auto to) { reach |= in(to) ? 1u << to : 0u; });
        if (reach != set) return false;
        for (std::uint16_t duty = 1; duty <= 3; ++duty)
            if (!could(small, s, duty)) neglected.erase(duty);
        each_transition(small.graph, s, [&](auto e, auto to) {
            if (in(to)) neglected.erase(small.duties[e]);
        });
    }
    return neglected.empty();
}

bool some_set_holds_a_run(const Small& small) {
    for (std::uint32_t set = 1; set < 1u << small.pending.size(); ++set)
        if (stays_in(small, set)) return true;
    return false;
}

// What a lasso claims: a way from the start, and a round of pending states that neglects nothing.
bool is_true(const Small& small, const checker::Lasso& lasso) {
    const auto& to = small.graph.to;
    const auto from = [&](std::uint32_t e) {
        std::uint32_t s = 0;
        while (small.graph.first[s + 1] <= e) ++s;
        return s;
    };
    std::uint32_t at = 0;
    for (const std::uint32_t e : lasso.stem) {
        if (from(e) != at) return false;
        at = to[e];
    }
    const std::uint32_t begin = at;
    std::set<std::uint16_t> neglected{1, 2, 3};
    const auto visit = [&](std::uint32_t s) {
        for (std::uint16_t duty = 1; duty <= 3; ++duty)
            if (!could(small, s, duty)) neglected.erase(duty);
        return small.pending[s];
    };
    if (!visit(at)) return false;
    for (const std::uint32_t e : lasso.round) {
        neglected.erase(small.duties[e]);
        if (from(e) != at || !visit(at = to[e])) return false;
    }
    return at == begin && neglected.empty();
}

// Emerson and Lei's fixpoint: throw out states until from each left every duty can be met without
// leaving. What is left, if anything, holds a fair run.
bool fixpoint_is_empty(const Transitions& graph, std::vector<bool> left, const Duties& duties) {
    const std::set<std::uint16_t> all(duties.begin(), duties.end());
    for (bool again = true; again;) {
        again = false;
        for (const std::uint16_t duty : all) {
            if (duty == 0) continue;
            std::vector<bool> meets(left.size());
            for (std::uint32_t s = 0; s < left.size(); ++s) {
                bool able = false, done = false;
                each_transition(graph, s, [&](auto e, auto to) {
                    able = able || duties[e] == duty;
                    done = done || (duties[e] == duty && left[to]);
                });
                meets[s] = left[s] && (!able || done);
            }
            for (bool grows = true; grows;) {
                grows = false;
                for (std::uint32_t s = static_cast<std::uint32_t>(left.size()); s-- > 0;)
                    each_transition(graph, s, [&](auto, auto to) {
                        if (!left[s] || meets[s] || !meets[to]) return;
                        meets[s] = true;
                        grows = true;
                    });
            }
            again = again || meets != left;
            left = meets;
        }
    }
    return std::ranges::none_of(left, [](bool each) { return each; });
}

AnyKernel::Mutate without(const std::string& gone) {
    return [=](const FixedStore&, FixedStore&, std::string_view step, const Taken&) {
        return step != gone;
    };
}

// The verdict of both ways: "" or the property that is broken.
std::string broken_in(const World& world, const std::vector<std::string>& names,
                      const AnyKernel::Mutate& mutate = {}) {
    const AnyKernel system(world, {"S", "R"}, mutate);
    checker::Outcome outcome;
    outcome.verdict = Verdict::clean;
    const auto asked = eventually_in(world, names);
    look_for_lassos(system, asked, kernel_duty, {}, outcome);
    const checker::Explored all = explored(system, asked, kernel_duty, {});
    std::string first;
    for (std::size_t p = 0; p < asked.size(); ++p)
        for (const auto& pending : all.pending[p])
            if (first.empty() && !fixpoint_is_empty(all.transitions, pending, all.duties))
                first = asked[p].name;
    CHECK(outcome.broken == first);
    return outcome.broken;
}

}  // namespace

TEST_CASE("a lasso is found exactly when some set of states holds a fair run", "[liveness]") {
    rc::prop("random graphs", [] {
        for (int graphs = 0; graphs < 30; ++graphs) {
            const Small small = any_small();
            const auto lasso = fair_lasso(small.graph, small.pending, small.duties);
            const bool expected = some_set_holds_a_run(small);
            RC_ASSERT(lasso.has_value() == expected);
            RC_ASSERT(fixpoint_is_empty(small.graph, small.pending, small.duties) == !expected);
            if (lasso) RC_ASSERT(is_true(small, *lasso));
        }
    });
}

TEST_CASE("every scenario that asks what must end is answered alike by a fixpoint",
          "[liveness][scenarios]") {
    std::size_t asked = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        if (row.eventually.empty() || row.expect.states > 60'000) continue;
        ++asked;
        DYNAMIC_SECTION(row.name) {
            CHECK(broken_in(world_of(row), row.eventually) == row.expect.broken);
        }
    }
    CHECK(asked >= 3);
}

TEST_CASE("a kernel that stops doing something is found out", "[liveness][mutation]") {
    const World datagram = world_of(kernel_scenario("datagrams-end"));
    const World stream = world_of(kernel_scenario("streams-end-6.1"));
    const std::vector<std::string> both{"L1", "L2"};
    for (const char* step : {"io_notif_tw_complete", "io_submit_flush_completions", "consume_skb",
                             "device_dma", "dev_queue_xmit"}) {
        INFO(step);
        CHECK(broken_in(datagram, both, without(step)) == "L1-release");
    }
    for (const char* step : {"app_reap", "io_notif_flush", "io_send_zc_success"}) {
        INFO(step);
        CHECK(broken_in(datagram, both, without(step)) == "L2-told");
    }
    CHECK(broken_in(stream, {"L1"}, without("io_notif_tw_complete")) == "L1-release");
    // Who gives up in the end needs no acknowledgement, and the other way round not if packets get
    // lost: then nothing is left that ends it.
    CHECK(broken_in(stream, {"L1"}, without("tcp_clean_rtx_queue")).empty());
    CHECK(broken_in(stream, {"L1"}, without("tcp_write_queue_purge")) == "L1-release");
}

TEST_CASE("what was never pending was asked in vain", "[liveness]") {
    const World datagram = world_of(kernel_scenario("datagrams-end"));
    const AnyKernel idle(datagram, {"S", "R"}, without("app_submit"));
    checker::Outcome outcome;
    outcome.verdict = Verdict::clean;
    look_for_lassos(idle, eventually_in(datagram, {"L1"}), kernel_duty, {}, outcome);
    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.broken == "L1-release-reached");
}

TEST_CASE("a graph that does not fit is inconclusive and says so", "[liveness]") {
    const KernelScenario& row = kernel_scenario("streams-end-6.1");
    checker::Limits limits;
    limits.memory_max = 20'000;
    checker::Outcome outcome;
    outcome.verdict = Verdict::clean;
    const AnyKernel system(world_of(row));
    look_for_lassos(system, eventually_in(world_of(row), row.eventually), kernel_duty, limits,
                    outcome);
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.limit.starts_with("memory: "));
}

TEST_CASE("every duty is a step, and the application owes nobody a send", "[liveness]") {
    std::set<std::string_view> steps, duties;
    for (const auto& step : AnyKernel(World{}).steps()) steps.insert(step.name);
    for (const Duty& duty : kernel_duties()) {
        INFO(duty.step);
        CHECK(steps.contains(duty.step));
        CHECK(duties.insert(duty.step).second);
    }
    CHECK_FALSE(duties.contains("app_write"));
    CHECK_FALSE(duties.contains("app_submit"));
    CHECK_FALSE(duties.contains("kfree_skb_reason"));
}
