#pragma once

#include <boost/graph/adjacency_list.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/checker/counterexample.hpp"
#include "model/checker/system.hpp"

// The explored part of a small system as a Boost.Graph, for drawing it and for the library's
// algorithms. Vertex 0 is the initial state; vertices are numbered in the order of the search.
namespace zcv::checker {

struct GraphState {
    std::vector<std::uint64_t> words;
    std::uint64_t depth = 0;
    bool on_path = false;  // of the counterexample
    bool broken = false;   // its last state
};

struct GraphStep {
    Taken taken;
    std::string label;
    bool on_path = false;
};

using Graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, GraphState, GraphStep>;

// A graph whose counterexample is marked, and what a state of it says. Good for one call only: the
// system that knows is gone afterwards.
struct GraphView {
    const Graph& graph;
    std::function<std::vector<Field>(const GraphState&)> fields;
};

// Marks the states and edges along `steps`, which begin at vertex 0.
void mark_path(Graph& graph, const std::vector<CounterexampleStep>& steps);

// Throws Refusal(usage) when the file cannot be written.
void write_dot(const Graph& graph, const std::string& file, const std::string& title);

// Walks `system` to at most `states_max` states and expands those nearer than `depth_max` steps.
template <System S>
Graph graph_of(const S& system, std::uint64_t states_max, std::uint64_t depth_max) {
    Graph graph;
    std::map<std::vector<std::uint64_t>, std::size_t> known;
    std::vector<std::uint64_t> words(system.words());
    const auto vertex_of = [&](const typename S::State& state, std::uint64_t depth) {
        system.pack(state, words.data());
        const auto found = known.find(words);
        if (found != known.end()) return found->second;
        if (known.size() == states_max) return known.size();
        const std::size_t number = boost::add_vertex(GraphState{words, depth}, graph);
        known.emplace(words, number);
        return number;
    };
    typename S::State state = system.initial();
    vertex_of(state, 0);
    for (std::size_t from = 0; from < boost::num_vertices(graph); ++from) {
        const std::uint64_t depth = graph[from].depth;
        if (depth >= depth_max) continue;
        system.unpack(graph[from].words.data(), state);
        visit_next(system, state, [&](Taken taken, const typename S::State& after) {
            const std::size_t to = vertex_of(after, depth + 1);
            if (to >= boost::num_vertices(graph)) return;
            std::string label{system.steps()[taken.step].name};
            const std::string params = system.params(taken);
            if (!params.empty()) label += "\n" + params;
            boost::add_edge(from, to, GraphStep{taken, label}, graph);
        });
    }
    return graph;
}

}  // namespace zcv::checker
