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
#include "tests/naive_liveness.hpp"

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
    look_for_lassos(system, asked, {}, outcome);
    const checker::Explored all = explored(system, asked, {});
    std::string first;
    for (std::size_t p = 0; p < asked.size(); ++p) {
        const Duties duties = duties_in(all.transitions, asked[p].duty_of);
        for (const auto& pending : all.pending[p])
            if (first.empty() && !fixpoint_is_empty(all.transitions, pending, duties))
                first = asked[p].name;
    }
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

TEST_CASE("a naive exploration and its parts agree on every verdict about what must end",
          "[liveness][scenarios]") {
    std::size_t asked = 0, broken = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        if (row.eventually.empty()) continue;
        ++asked;
        if (!row.expect.broken.empty()) ++broken;
        DYNAMIC_SECTION(row.name) {
            const World world = world_of(row);
            const std::string verdict =
                naive::first_broken(AnyKernel(world, row.unasked), world, row.eventually);
            CHECK(verdict == row.expect.broken);
            CHECK(verdict == find_scenario(row.name)->explore({}).broken);
        }
    }
    CHECK(asked >= 50);
    CHECK(broken >= 20);
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

namespace {

// A scenario in which all ends, what is changed for the worse, and what then does not.
struct Change {
    std::string scenario;
    std::string what;
    std::string breaks;
    std::function<void(World&)> change;
    AnyKernel::Mutate mutate = {};
};

std::function<void(World&)> flipped(bool Profile::*member) {
    return [member](World& world) { world.profile.*member = !(world.profile.*member); };
}

std::function<void(World&)> by(App app) {
    return [app](World& world) { world.app = app; };
}

void as_it_is(World&) {}

std::vector<Change> worse_peers() {
    const auto nobody_gives_up = [](World& world) { world.hazards.gives_up = false; };
    std::vector<Change> all;
    for (const auto& [scenario, breaks] : std::vector<std::pair<const char*, const char*>>{
             {"copy-send-end", "L2-told"},
             {"msgzc-end", "L1-release"},
             {"tcp-dead-peer", "L1-release"},
             {"given-ubuf-end", "L1-release"},
             {"ring-close-end", "L3-ring-freed"},
             {"exit-end", "L3-ring-freed"},
             {"exec-end", "L3-exec-returns"},
             {"unregister-end", "L3-unregister-returns"},
             {"unpin-end", "L3-unpinned"},
             {"slots-unregister-end", "L3-slots-released"},
             {"slots-close-end", "L3-ring-freed"},
             {"memlock-given-up", "L4-memory-returns"}})
        all.push_back({scenario, "nobody gives up the connection", breaks, nobody_gives_up});
    const auto no_resets = [](World& world) { world.hazards.resets = false; };
    all.push_back({"streams-end-6.1", "the peer resets nothing", "L1-release", no_resets});
    return all;
}

std::vector<Change> worse_applications() {
    const auto flushes_nothing = [](World& world) { world.apis = {Api::notif_slot}; };
    return {
        {"deferred-end", "nobody enters the ring", "L1-release", by(App::peek_only)},
        {"ring-entered", "nobody enters the ring", "L4-buffer-returns", by(App::peek_only)},
        {"xdp-frame-returned", "nobody reads the ring", "L2-told", by(App::never_reaps)},
        {"xdp-frames-end", "nobody reads the ring", "L2-told", by(App::never_reaps)},
        {"xdp-frames-return", "nobody reads the ring", "L4-buffer-returns", by(App::never_reaps)},
        {"msgzc-read", "nobody reads the queue", "L2-told", by(App::errqueue_unread)},
        {"msgzc-omem-read", "nobody reads the queue", "L4-memory-returns",
         by(App::errqueue_unread)},
        {"slot-flushed-by-last", "no send flushes", "L4-buffer-returns", flushes_nothing},
        {"slot-task-work", "no send flushes", "L2-told", flushes_nothing},
    };
}

// Only the thread that is in execve could run it, and does not.
bool idles_in_exec(const FixedStore& before, FixedStore&, std::string_view step, const Taken&) {
    return step != "io_notif_tw_complete" || before[the_task].life != TaskState::execing;
}

// A member of a chain that is done forgets the head's reference.
bool forgets_head(const FixedStore& before, FixedStore& after, std::string_view step,
                  const Taken& taken) {
    if (step != "io_notif_flush") return true;
    const UbufId n = before[RequestId{taken.ids[0]}].ubuf;
    const UbufId head = before[n].head;
    if (head != n && after[n].refs == 0 && after[head].tw == TaskWork::none) ++after[head].refs;
    return true;
}

std::vector<Change> worse_kernels() {
    return {
        {"drained-send-end-intended", "a drained send waits for its own notification", "L2-told",
         flipped(&Profile::drain_counts_notifs)},
        {"unregister-woken", "nobody wakes who unregisters", "L3-unregister-returns",
         flipped(&Profile::unregister_sleeps)},
        {"unregister-deferred", "nobody wakes who unregisters", "L3-unregister-returns",
         flipped(&Profile::unregister_sleeps)},
        {"slot-quiesce-end", "a generation holds the ring", "L3-quiesce-returns",
         flipped(&Profile::notifiers_pin_ring)},
        {"slots-unregister-end", "the task is forgotten", "L3-slots-released",
         flipped(&Profile::completion_forgets_task)},
        {"tx-ctx-end", "the task is forgotten", "L1-release",
         flipped(&Profile::completion_forgets_task)},
        {"exec-deferred", "exec runs no task work", "L3-exec-returns", as_it_is, idles_in_exec},
        {"chain-end", "a member forgets its head", "L1-release", as_it_is, forgets_head},
        {"close-conforming", "no acknowledgement is heard", "L1-release", as_it_is,
         without("tcp_clean_rtx_queue")},
        {"datagrams-end", "no task work runs", "L1-release", as_it_is,
         without("io_notif_tw_complete")},
    };
}

}  // namespace

TEST_CASE("whatever ends in a scenario does not with a worse kernel, peer or application",
          "[liveness][mutation]") {
    std::set<std::string> changed;
    for (const auto& group : {worse_peers(), worse_applications(), worse_kernels()})
        for (const Change& each : group) {
            changed.insert(each.scenario);
            DYNAMIC_SECTION(each.scenario << ", " << each.what) {
                const KernelScenario& row = kernel_scenario(each.scenario);
                World world = world_of(row);
                CHECK(broken_in(world, row.eventually).empty());
                each.change(world);
                CHECK(broken_in(world, row.eventually, each.mutate) == each.breaks);
            }
        }
    for (const KernelScenario& row : kernel_scenario_table()) {
        if (row.eventually.empty() || !row.expect.broken.empty()) continue;
        if (row.expect.states > 60'000) continue;  // the same as a smaller one
        INFO(row.name);
        CHECK(changed.contains(row.name));
    }
}

TEST_CASE("what was never pending was asked in vain", "[liveness]") {
    const World datagram = world_of(kernel_scenario("datagrams-end"));
    const AnyKernel idle(datagram, {"S", "R"}, without("app_submit"));
    checker::Outcome outcome;
    outcome.verdict = Verdict::clean;
    look_for_lassos(idle, eventually_in(datagram, {"L1"}), {}, outcome);
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
    look_for_lassos(system, eventually_in(world_of(row), row.eventually), limits, outcome);
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.limit.starts_with("memory: "));
}

TEST_CASE("of every step it is said who must do it, or why nobody must", "[liveness][fairness]") {
    std::map<std::string_view, unsigned> rows;
    for (const auto& step : AnyKernel(World{}).steps()) rows[step.name] = 0;
    const std::size_t steps = rows.size();
    std::string_view who;
    for (const Duty& duty : kernel_duties()) {
        if (!duty.who.empty()) who = duty.who;
        CHECK(!who.empty());
        ++rows[duty.step];
    }
    for (const FreeStep& each : kernel_free_steps()) {
        CHECK(!each.why.empty());
        ++rows[each.step];
    }
    CHECK(rows.size() == steps);
    for (const auto& [step, times] : rows) {
        INFO(step);
        CHECK(times == 1);
        CHECK(fairness_of(step) != "nobody has said");
    }
}

TEST_CASE(
    "an application's choice is a step of the application or a call of its, and a duty of a "
    "peer or device is none of them",
    "[liveness][fairness]") {
    std::map<std::string_view, std::string_view> context;
    for (const auto& step : AnyKernel(World{}).steps()) context[step.name] = step.context;
    for (const FreeStep& each : kernel_free_steps()) {
        if (each.freedom != Freedom::application) continue;
        INFO(each.step);
        const std::string_view where = context.at(each.step);
        CHECK((where == "application" || where == "syscall" || where == "exit"));
    }
    for (const char* step : {"app_write", "app_submit", "app_sendmsg", "app_fill_tx_ring"}) {
        CHECK(is_sending(step));
        CHECK(fairness_of(step).starts_with("no, it is the application's choice"));
    }
    CHECK_FALSE(is_sending("app_reap"));
    CHECK(fairness_of("kfree_skb_reason").starts_with("no, it is a matter of chance"));
    CHECK(fairness_of("device_dma") ==
          "yes, when it could happen all the time: a device is done with what it was given");
}

TEST_CASE("no name of an eventually-property stands for two", "[liveness]") {
    for (const KernelEventually& each : kernel_eventually()) {
        INFO(each.name);
        CHECK(eventually_in(World{}, {std::string(each.name)}).size() == 1);
        CHECK(!each.rests_on.empty());
        const bool is_asked = std::ranges::any_of(kernel_scenario_table(), [&](const auto& row) {
            return row.expect.broken == each.name;
        });
        CHECK(is_asked);
    }
}
