#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/checker/graph.hpp"
#include "plots/picture.hpp"

namespace zcv {

// Above this a graph is folded: layout and reader both give up.
inline constexpr std::size_t nodes_drawn_max = 60;

// What a fold tells states apart by: a noun ("ubuf"), or one field of a noun ("request.phase").
using Fold = std::vector<std::string>;

struct GraphNode {
    std::string label;  // what its states have in common, a line an object; or a number
    std::uint64_t states = 0;
    bool initial = false;
    bool on_path = false;  // the initial state always is
    bool broken = false;   // the path ends here
};

struct GraphEdge {
    std::size_t from = 0;
    std::size_t to = 0;
    std::set<std::string> steps;  // names, with parameters while the graph is whole
    bool on_path = false;
};

// An explored graph as it is drawn: itself, or states that agree in all of `by` as one node.
struct DrawnGraph {
    std::vector<GraphNode> nodes;
    std::vector<GraphEdge> edges;  // between different nodes, by `from` and `to`
    Fold by;                       // empty: nothing is folded
    std::uint64_t states = 0;
    std::uint64_t steps = 0;
    bool has_path = false;  // to a violation
};

// Small graphs stay whole. Larger ones are folded by `wanted` or, when that is empty, by as many of
// the model's nouns and their fields as fit, those a user asks about first: buffers, ubufs,
// requests. Throws
// Refusal(usage) for a noun or field that no state has, naming those there are, and for a fold that
// leaves too many nodes.
DrawnGraph folded(const checker::GraphView& view, const Fold& wanted);

// In Graphviz' language.
std::string dot_of(const DrawnGraph& graph, const std::string& title, const std::string& broken,
                   const Theme& theme);

}  // namespace zcv
