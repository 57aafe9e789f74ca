#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "model/checker/search.hpp"
#include "model/nearest.hpp"
#include "tests/naive.hpp"

using namespace zcv;
using namespace zcv::checker;

namespace {

// Two counters and three steps; small enough to know every answer by hand. `wide` packs the same
// state into three words, so that the other store is used.
class TwoCounters {
  public:
    struct State {
        std::uint32_t x = 0;
        std::uint32_t y = 0;
    };
    static constexpr std::uint32_t most = 9;

    TwoCounters(bool wide, std::vector<Property<State>> properties)
        : wide_(wide), properties_(std::move(properties)) {}

    State initial() const { return {}; }
    std::size_t words() const { return wide_ ? 3 : 1; }
    void pack(const State& state, std::uint64_t* words) const {
        words[0] = state.x | std::uint64_t{state.y} << 32;
        if (!wide_) return;
        words[0] = 7;
        words[1] = state.x;
        words[2] = state.y;
    }
    void unpack(const std::uint64_t* words, State& into) const {
        into.x = static_cast<std::uint32_t>(wide_ ? words[1] : words[0]);
        into.y = static_cast<std::uint32_t>(wide_ ? words[2] : words[0] >> 32);
    }
    template <class Visitor>
    void for_each_next(const State& s, Visitor&& visit) const {
        if (s.x < most) visit(Taken{0, {1}}, State{s.x + 1, s.y});
        if (s.x < most) visit(Taken{0, {2}}, State{std::min(s.x + 2, most), s.y});
        if (s.y < s.x) visit(Taken{1, {}}, State{s.x, s.y + 1});
        if (s.x == most && s.y == most) visit(Taken{2, {}}, State{});
    }
    std::span<const StepInfo> steps() const {
        static const std::array<StepInfo, 4> infos{{{"add", "adder.c", "do_add", "syscall"},
                                                    {"follow", "", "", "softirq"},
                                                    {"reset", "", "", "device"},
                                                    {"fly", "", "", "device"}}};
        return infos;
    }
    std::string params(Taken taken) const {
        return taken.step == 0 ? "by " + std::to_string(taken.ids[0]) : "";
    }
    std::vector<Field> fields(const State& s) const {
        std::vector<Field> fields{{"counter x", "value", std::to_string(s.x)}};
        if (s.y > 0) fields.push_back({"counter y", "value", std::to_string(s.y)});
        return fields;
    }
    std::span<const Property<State>> properties() const { return properties_; }

  private:
    bool wide_;
    std::vector<Property<State>> properties_;
};

using Counters = TwoCounters::State;
const Property<Counters> y_behind{Must::always, "y-behind",
                                  [](const Counters& s) { return s.y <= s.x; }, "y overtakes"};
const Property<Counters> not_5_and_2{Must::always, "not-5-and-2",
                                     [](const Counters& s) { return s.x != 5 || s.y != 2; },
                                     "five and two meet"};
const Property<Counters> starts_elsewhere{Must::always, "starts-elsewhere",
                                          [](const Counters& s) { return s.x + s.y > 0; }, "zero"};
const Property<Counters> both_full{Must::sometimes, "both-full",
                                   [](const Counters& s) { return s.x == 9 && s.y == 9; }, ""};
const Property<Counters> never{Must::sometimes, "never",
                               [](const Counters& s) { return s.y > s.x; }, ""};

// One state after the other, broken at the last.
struct Line {
    using State = std::uint64_t;
    static constexpr State last = 30'000;

    State initial() const { return 0; }
    std::size_t words() const { return 1; }
    void pack(const State& state, std::uint64_t* words) const { *words = state; }
    void unpack(const std::uint64_t* words, State& into) const { into = *words; }
    template <class Visitor>
    void for_each_next(const State& state, Visitor&& visit) const {
        visit(Taken{}, state + 1);
    }
    std::span<const StepInfo> steps() const {
        static const std::array<StepInfo, 1> infos{{{"go", "", "", ""}}};
        return infos;
    }
    std::string params(Taken) const { return ""; }
    std::vector<Field> fields(const State& state) const {
        return {{"place", "x", std::to_string(state)}};
    }
    std::span<const Property<State>> properties() const {
        static const std::array<Property<State>, 1> table{
            {{Must::always, "goes-on", [](const State& state) { return state != last; }, ""}}};
        return table;
    }
};

std::string text_in(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a deep counterexample is rebuilt, or said not to fit", "[checker]") {
    const Outcome roomy = explore(Line{}, {});
    CHECK(roomy.depth == Line::last);
    REQUIRE(roomy.counterexample.size() == Line::last);
    CHECK(roomy.counterexample.back().changes.front().after == "30000");

    // Enough to find it, not enough to keep the levels on the way.
    Limits limits;
    limits.memory_max = 480'000;
    const Outcome tight = explore(Line{}, limits);
    CHECK(tight.verdict == Verdict::violation);
    CHECK(tight.broken == "goes-on");
    CHECK(tight.depth == Line::last);
    CHECK(tight.counterexample.empty());
    CHECK(tight.limit.find("did not fit") != std::string::npos);
}

TEST_CASE("the counterexample is a shortest one, step by step", "[checker]") {
    const bool wide = GENERATE(false, true);
    const TwoCounters system(wide, {y_behind, not_5_and_2, both_full});
    const Outcome outcome = explore(system, {});

    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.broken == "not-5-and-2");
    CHECK(outcome.breaks == "five and two meet");
    // Five takes three additions, two takes two more steps.
    CHECK(outcome.depth == 5);
    REQUIRE(outcome.counterexample.size() == 5);

    TwoCounters::State state;
    for (const CounterexampleStep& step : outcome.counterexample) {
        bool enabled = false;
        TwoCounters::State next;
        system.for_each_next(state, [&](Taken taken, const TwoCounters::State& after) {
            if (taken != step.taken) return;
            enabled = true;
            next = after;
        });
        REQUIRE(enabled);
        CHECK(step.changes == changes_between(system.fields(state), system.fields(next)));
        state = next;
    }
    CHECK(state.x == 5);
    CHECK(state.y == 2);
}

TEST_CASE("a full exploration counts what a naive one counts", "[checker]") {
    const bool wide = GENERATE(false, true);
    const TwoCounters system(wide, {y_behind, both_full});
    const Outcome outcome = explore(system, {});
    const naive::Counts counts = naive::explore(system);

    CHECK(outcome.verdict == Verdict::clean);
    CHECK(outcome.states == 55);  // 0 <= y <= x <= 9
    CHECK(outcome.states == counts.states);
    CHECK(outcome.transitions == counts.transitions);
    CHECK(outcome.depth == counts.depth);
    CHECK(outcome.limit.empty());
    CHECK(outcome.unreached.empty());
    REQUIRE(outcome.taken.size() == 4);
    CHECK(outcome.taken[2].times == 1);
    CHECK(outcome.taken[3].times == 0);
}

TEST_CASE("a sometimes property that is never true is a violation", "[checker]") {
    const Outcome outcome = explore(TwoCounters(false, {y_behind, never, both_full}), {});
    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.broken == "never");
    CHECK(outcome.breaks.find("vacuous") != std::string::npos);
    CHECK(outcome.unreached == std::vector<std::string>{"never"});
    CHECK(outcome.counterexample.empty());
    CHECK(outcome.states == 55);
}

TEST_CASE("a property can be broken from the start", "[checker]") {
    const Outcome outcome = explore(TwoCounters(false, {starts_elsewhere}), {});
    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.states == 1);
    CHECK(outcome.transitions == 0);
    CHECK(outcome.depth == 0);
    CHECK(outcome.counterexample.empty());
}

TEST_CASE("a bound makes the result inconclusive, one that is not hit does not", "[checker]") {
    const bool wide = GENERATE(false, true);
    const TwoCounters system(wide, {y_behind, both_full});
    Limits limits;

    limits.states_max = 54;
    const Outcome cut = explore(system, limits);
    CHECK(cut.verdict == Verdict::inconclusive);
    CHECK(cut.states == 54);
    CHECK(cut.limit.rfind("states", 0) == 0);

    limits.states_max = 55;
    CHECK(explore(system, limits).verdict == Verdict::clean);

    limits.states_max = 0;
    limits.memory_max = 100;
    const Outcome tight = explore(system, limits);
    CHECK(tight.verdict == Verdict::inconclusive);
    CHECK(tight.limit.rfind("memory", 0) == 0);

    limits.memory_max = 0;
    limits.time_max_s = 1e-12;
    const Outcome late = explore(system, limits);
    CHECK(late.verdict == Verdict::inconclusive);
    CHECK(late.limit.rfind("time", 0) == 0);
}

TEST_CASE("a violation found before a bound stays a violation", "[checker]") {
    const TwoCounters system(false, {not_5_and_2});
    Limits limits;
    limits.states_max = explore(system, {}).states - 1;
    const Outcome outcome = explore(system, limits);
    CHECK(outcome.verdict == Verdict::violation);
    CHECK(outcome.depth == 5);
    CHECK(outcome.counterexample.size() == 5);
}

TEST_CASE("changes say what appeared, moved and went", "[checker][counterexample]") {
    const std::vector<Field> before{{"a", "n", "1"}, {"b", "n", "1"}, {"a", "m", "5"}};
    const std::vector<Field> after{{"a", "n", "2"}, {"c", "n", "1"}, {"a", "m", "5"}};
    const std::vector<Change> expected{
        {"a", "n", "1", "2"}, {"c", "n", "", "1"}, {"b", "n", "1", ""}};
    CHECK(changes_between(before, after) == expected);
    CHECK(changes_between(before, before).empty());
}

TEST_CASE("a counterexample says who did what, where to read it, and what changed",
          "[checker][counterexample]") {
    const Outcome outcome = explore(TwoCounters(false, {not_5_and_2}), {});
    const std::string text = text_of(outcome.counterexample);
    CHECK(text.find("1  syscall  add(by ") == 0);
    CHECK(text.find("  counter x value 0 -> ") != std::string::npos);
    CHECK(text.find("\n            adder.c do_add\n") != std::string::npos);
    CHECK(text.find("  softirq  follow()        counter y new, value 1\n") != std::string::npos);
    CHECK(text.find(" \n") == std::string::npos);

    std::vector<CounterexampleStep> steps = outcome.counterexample;
    steps.insert(steps.end(), outcome.counterexample.begin(), outcome.counterexample.end());
    steps.resize(10);
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i].number = i + 1;
    CHECK(text_of(steps).rfind(" 1  syscall  add(", 0) == 0);
    CHECK(text_of(steps).find("\n10  ") != std::string::npos);
}

TEST_CASE("many changes go below each other, one object a line, and stay on the page",
          "[checker][counterexample]") {
    CounterexampleStep step;
    step.number = 1;
    step.step = "act";
    step.context = "syscall";
    step.file = "a.c";
    step.function = "__act";
    step.tag = "v6.12";
    for (int i = 0; i < 40; ++i)
        step.changes.push_back({"ring 0", "field" + std::to_string(i), "0", "1"});
    step.changes.push_back({"skb 0", "loc", "dev", ""});
    const std::string text = text_of({step});
    CHECK(text.find("\n            v6.12:a.c __act  ") != std::string::npos);
    CHECK(text.find(" field0 0 -> 1, field1 0 -> 1,") != std::string::npos);
    CHECK(text.find("  skb 0 gone\n") != std::string::npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 160);
}

TEST_CASE("the graph has every state and transition and marks the path", "[checker][graph]") {
    const TwoCounters system(false, {y_behind, both_full});
    const Outcome outcome = explore(system, {});
    const Graph graph = graph_of(system, outcome.states, outcome.depth + 1);
    CHECK(boost::num_vertices(graph) == outcome.states);
    CHECK(boost::num_edges(graph) == outcome.transitions);

    const std::string file = "checker_test_graph.dot";
    Limits limits;
    limits.graph = [&](const GraphView& explored) {
        write_dot(explored.graph, file, "a \"title\"");
    };
    const Outcome broken = explore(TwoCounters(false, {not_5_and_2}), limits);
    const std::string dot = text_in(file);
    std::remove(file.c_str());
    std::size_t marked = 0;
    for (std::size_t at = 0; (at = dot.find("penwidth", at)) != std::string::npos; ++at) ++marked;
    CHECK(dot.rfind("digraph", 0) == 0);
    CHECK(marked == broken.depth);
    CHECK(dot.find("fillcolor=red") == dot.rfind("fillcolor=red"));
    CHECK(dot.find("fillcolor=red") != std::string::npos);
}

TEST_CASE("a graph file that cannot be written is refused in one line", "[checker][graph]") {
    Limits limits;
    limits.graph = [](const GraphView& explored) {
        write_dot(explored.graph, "/no/such/folder/x.dot", "");
    };
    try {
        explore(TwoCounters(false, {y_behind}), limits);
        FAIL("not refused");
    } catch (const Refusal& refusal) {
        CHECK(refusal.status() == Status::usage);
        CHECK(std::string(refusal.what()).find("/no/such/folder/x.dot: ") != std::string::npos);
        CHECK(std::string(refusal.what()).find('\n') == std::string::npos);
    }
}

TEST_CASE("the nearest names come first, and far ones not at all", "[nearest]") {
    const std::vector<std::string> names{"udp-nic", "udp-sink", "tcp-nic", "cq-overflow"};
    CHECK(nearest("udp-nik", names).front() == "udp-nic");
    CHECK(nearest("udp", names) == std::vector<std::string>{"udp-nic", "udp-sink"});
    CHECK(nearest("quite-something-else", names).empty());
    CHECK(nearest(std::string(100'000, 'x'), names).empty());
    CHECK(did_you_mean("tcp-nik", names, "").rfind("did you mean tcp-nic", 0) == 0);
    CHECK(did_you_mean("zzz", names, "see the list") == "see the list");
}
