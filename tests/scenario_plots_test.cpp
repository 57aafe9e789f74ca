// What `zcv plot graph` and `zcv plot counterexample` draw: which states become one, which way is
// marked, who has a lane.
#include <catch2/catch.hpp>
#include <optional>

#include "model/scenarios.hpp"
#include "plots/counterexample.hpp"
#include "plots/state_graph.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

struct Drawn {
    DrawnGraph graph;
    checker::Outcome outcome;
};

Drawn drawn(const std::string& name, const Fold& fold = {}) {
    Drawn all;
    checker::Limits limits;
    limits.graph = [&](const checker::GraphView& view) { all.graph = folded(view, fold); };
    all.outcome = find_scenario(name)->explore(limits);
    return all;
}

std::uint64_t states_in(const DrawnGraph& graph) {
    std::uint64_t states = 0;
    for (const GraphNode& node : graph.nodes) states += node.states;
    return states;
}

Ran plot(const std::string& words) {
    return run_shell(ZCV_PROGRAM " plot " + words);
}

}  // namespace

TEST_CASE("a small graph is drawn whole, with the way to the violation", "[plot][graph]") {
    const Drawn all = drawn("first-cqe");
    CHECK(all.graph.by.empty());
    CHECK(all.graph.nodes.size() == all.outcome.states);
    CHECK(all.graph.has_path);
    std::size_t marked = 0, broken = 0;
    for (const GraphEdge& edge : all.graph.edges) marked += edge.on_path;
    for (const GraphNode& node : all.graph.nodes) broken += node.broken;
    CHECK(marked == all.outcome.depth);
    CHECK(broken == 1);
}

TEST_CASE("a larger graph is folded, and no state is lost", "[plot][graph]") {
    const Drawn all = drawn("mtu-probe");
    CHECK_FALSE(all.graph.by.empty());
    CHECK(all.graph.nodes.size() < 30);
    CHECK(states_in(all.graph) == all.outcome.states);
    // The way survives: from the initial node along marked edges to the broken one.
    std::set<std::size_t> reached;
    for (std::size_t node = 0; node < all.graph.nodes.size(); ++node)
        if (all.graph.nodes[node].initial) reached.insert(node);
    REQUIRE(reached.size() == 1);
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const GraphEdge& edge : all.graph.edges)
            if (edge.on_path && reached.count(edge.from) != 0) reached.insert(edge.to);
    }
    CHECK(std::any_of(reached.begin(), reached.end(),
                      [&](std::size_t node) { return all.graph.nodes[node].broken; }));
}

TEST_CASE("a fold by one field has a node for each of its values", "[plot][graph]") {
    const Drawn all = drawn("first-cqe", {"buffer.lent"});
    REQUIRE(all.graph.nodes.size() == 2);  // lent or not, of one buffer
    CHECK(all.graph.nodes[0].label == "buffer 0: lent 0\n");
    CHECK(all.graph.nodes[1].label == "buffer 0: lent 1\n");
    CHECK(states_in(all.graph) == all.outcome.states);
    std::set<std::string> steps;
    for (const GraphEdge& edge : all.graph.edges)
        steps.insert(edge.steps.begin(), edge.steps.end());
    CHECK(steps == std::set<std::string>{"app_submit", "app_reap"});
}

TEST_CASE("nothing is marked where nothing is broken", "[plot][graph]") {
    const Drawn all = drawn("link-cancel-intended");
    CHECK(all.outcome.verdict == Verdict::clean);
    CHECK_FALSE(all.graph.has_path);
    const std::string dot = dot_of(all.graph, "title", "", light_theme());
    CHECK(dot.find("penwidth") == std::string::npos);
}

TEST_CASE("the lanes of a counterexample go from the application down", "[plot][counterexample]") {
    const checker::Outcome outcome = find_scenario("first-cqe-wire")->explore({});
    const std::vector<std::string> lanes = lanes_of(outcome.counterexample);
    CHECK(lanes ==
          std::vector<std::string>{"application", "syscall", "task work", "softirq", "device"});
}

TEST_CASE("the chart names every step in its order and shows the last one", "[plot]") {
    const checker::Outcome outcome = find_scenario("link-cancel")->explore({});
    const TempDir dir;
    CounterexampleView view;
    view.scenario = "link-cancel";
    view.broken = outcome.broken;
    view.breaks = outcome.breaks;
    {
        Gnuplot gp(std::fopen((dir / "script").c_str(), "w"));
        draw_counterexample(gp, outcome.counterexample, outcome.repeat, view);
    }
    const std::string script = text_of_file(dir / "script");
    std::size_t at = 0;
    for (const checker::CounterexampleStep& step : outcome.counterexample) {
        at = script.find("set label '" + step.step + "'", at);
        REQUIRE(at != std::string::npos);
    }
    CHECK(script.find("fc rgb '" + std::string(view.theme->bad)) != std::string::npos);
}

TEST_CASE("both are drawn as pictures, with their data beside", "[plot]") {
    const TempDir dir;
    const Ran chart = plot("counterexample link-cancel -o " + (dir / "c.svg") + " --csv " +
                           (dir / "c.csv") + " --theme dark");
    CHECK(chart.status == 0);
    CHECK(text_of_file(dir / "c.svg").find("</svg>") != std::string::npos);
    CHECK(text_of_file(dir / "c.csv").rfind("number,context,step", 0) == 0);
    CHECK(plot("graph link-cancel -o " + (dir / "g.dot") + " --csv " + (dir / "g.csv")).status ==
          0);
    CHECK(text_of_file(dir / "g.dot").rfind("digraph", 0) == 0);
    CHECK(lines_in(text_of_file(dir / "g.csv")) == 8);  // seven steps and the head
    const Ran drawn = plot("graph link-cancel -o " + (dir / "g.svg"));
    if (drawn.status == 4) {
        WARN("not drawn: " << drawn.err);
    } else {
        CHECK(drawn.status == 0);
        CHECK(text_of_file(dir / "g.svg").find("</svg>") != std::string::npos);
    }
}

TEST_CASE("what cannot be drawn is refused in one line", "[plot]") {
    const auto refused = [](const std::string& words, int status, const std::string& says) {
        const Ran ran = plot(words);
        INFO(ran.err);
        CHECK(ran.status == status);
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(lines_in(ran.err) == 1);
    };
    refused("graph first-cqs -o /tmp/x.png", 2, "did you mean first-cqe");
    refused("graph first-cqe -o /tmp/x.jpg", 2, ".dot");
    refused("graph first-cqe -o /tmp/x.dot --fold nonsense", 2, "no state has that");
    refused("graph first-cqe -o /tmp/x.dot --theme pink", 2, "choose light or dark");
    refused("graph first-cqe -o /no/such/folder/x.dot", 2, "/no/such/folder/x.dot");
    refused("counterexample link-cancel-intended -o /tmp/x.png", 3, "no counterexample");
}
