#include "model/checker/graph.hpp"

#include <boost/graph/graphviz.hpp>
#include <boost/range/iterator_range.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "model/ensure.hpp"
#include "model/outcome.hpp"

namespace zcv::checker {

void mark_path(Graph& graph, const std::vector<CounterexampleStep>& steps) {
    std::size_t at = 0;
    graph[at].on_path = true;
    for (const CounterexampleStep& step : steps) {
        const auto edges = boost::make_iterator_range(boost::out_edges(at, graph));
        const auto taken = std::find_if(edges.begin(), edges.end(), [&](const auto& edge) {
            return graph[edge].taken == step.taken;
        });
        ZCV_CHECK(taken != edges.end());
        graph[*taken].on_path = true;
        at = boost::target(*taken, graph);
        graph[at].on_path = true;
    }
    graph[at].broken = !steps.empty();
}

void write_dot(const Graph& graph, const std::string& file, const std::string& title) {
    std::ofstream out(file);
    const auto refuse = [&] {
        throw Refusal(Status::usage, "check --graph " + file + ": " + std::strerror(errno) +
                                         ": name a file that can be written");
    };
    if (!out) refuse();
    const auto state = [&](std::ostream& to, std::size_t vertex) {
        const GraphState& at = graph[vertex];
        to << "[label=\"" << vertex << "\"";
        if (vertex == 0) to << ", shape=doublecircle";
        if (at.broken)
            to << ", style=filled, fillcolor=red, fontcolor=white";
        else if (at.on_path)
            to << ", style=filled, fillcolor=orange";
        to << "]";
    };
    const auto step = [&](std::ostream& to, const auto& edge) {
        to << "[label=" << boost::escape_dot_string(graph[edge].label);
        if (graph[edge].on_path) to << ", color=red, fontcolor=red, penwidth=3";
        to << "]";
    };
    const auto whole = [&](std::ostream& to) {
        to << "label=" << boost::escape_dot_string(title) << "; labelloc=t; node [shape=circle];\n";
    };
    boost::write_graphviz(out, graph, state, step, whole);
    out.close();
    if (!out) refuse();
}

}  // namespace zcv::checker
