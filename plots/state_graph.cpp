#include "plots/state_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/graph/graphviz.hpp>
#include <boost/range/iterator_range.hpp>
#include <map>
#include <sstream>
#include <unordered_map>

#include "model/outcome.hpp"

namespace zcv {
namespace {

using checker::Field;
using checker::Graph;
using checker::GraphView;

constexpr std::size_t fold_nodes_max = 400;   // of a fold that was asked for
constexpr std::size_t folded_nodes_max = 26;  // of one chosen here

std::string kind_of(const std::string& noun) {
    return noun.substr(0, noun.find(' '));
}

// Every field of every kind of noun, by "kind.field", as numbers: which fields a state has with
// which values is then one number a state and kind of field.
class Projections {
  public:
    explicit Projections(const GraphView& view) : states_(boost::num_vertices(view.graph)) {
        for (std::size_t state = 0; state < states_; ++state) {
            std::map<std::string, std::string> text;
            for (const Field& field : view.fields(view.graph[state]))
                text[kind_of(field.noun) + '.' + field.name] +=
                    field.noun + '\t' + field.name + ' ' + field.value + '\n';
            for (auto& [kind, values] : text) {
                std::vector<std::uint32_t>& column = columns_[kind];
                column.resize(states_);
                const auto next = static_cast<std::uint32_t>(values_[kind].size() + 1);
                column[state] = values_[kind].try_emplace(values, next).first->second;
            }
        }
        for (auto& [kind, values] : values_)
            for (const auto& [text, number] : values) texts_[{kind, number}] = text;
    }

    std::size_t states() const { return states_; }

    // "buffer", "buffer.lent", ...
    std::vector<std::string> kinds() const {
        std::set<std::string> names;
        for (const auto& [kind, column] : columns_) {
            names.insert(kind);
            names.insert(kind.substr(0, kind.find('.')));
        }
        return {names.begin(), names.end()};
    }

    // The columns that a noun or a field of it stands for.
    std::vector<std::string> columns_of(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& [kind, column] : columns_)
            if (kind == name || kind.substr(0, kind.find('.')) == name) found.push_back(kind);
        return found;
    }

    // A partition of the states: a number each, in the order of the states.
    struct Classes {
        std::vector<std::size_t> of;
        std::size_t count = 1;
    };
    Classes one_class() const { return {std::vector<std::size_t>(states_), 1}; }

    // Cuts each class by a further column; false when that makes more than `count_max`.
    bool refine(Classes& classes, const std::string& column, std::size_t count_max) const {
        const std::vector<std::uint32_t>& values = columns_.at(column);
        std::unordered_map<std::uint64_t, std::size_t> known;
        std::vector<std::size_t> finer(states_);
        for (std::size_t state = 0; state < states_; ++state) {
            const std::uint64_t key = (std::uint64_t{classes.of[state]} << 32U) | values[state];
            finer[state] = known.try_emplace(key, known.size()).first->second;
            if (known.size() > count_max) return false;
        }
        classes = {std::move(finer), known.size()};
        return true;
    }

    // What the states of a class have in common, a line an object.
    std::string label(const std::vector<std::string>& columns, std::size_t state) const {
        std::map<std::string, std::string> by_noun;
        for (const std::string& column : columns) {
            const std::uint32_t number = columns_.at(column)[state];
            if (number == 0) continue;
            std::istringstream lines(texts_.at({column, number}));
            for (std::string line; std::getline(lines, line);) {
                const std::size_t tab = line.find('\t');
                std::string& of_noun = by_noun[line.substr(0, tab)];
                of_noun += (of_noun.empty() ? "" : ", ") + line.substr(tab + 1);
            }
        }
        std::string label;
        for (const auto& [noun, values] : by_noun) label += noun + ": " + values + '\n';
        return label.empty() ? "none of it there\n" : label;
    }

  private:
    std::size_t states_;
    std::map<std::string, std::vector<std::uint32_t>> columns_;
    std::map<std::string, std::map<std::string, std::uint32_t>> values_;
    std::map<std::pair<std::string, std::uint32_t>, std::string> texts_;
};

// As many of the nouns as fit; of one that does not fit as a whole, the fields that do. What a user
// asks about first comes first.
Fold chosen_fold(const Projections& all) {
    const std::vector<std::string> order{
        "buffer.lent", "buffer.written", "ubuf.refs", "request.phase", "skb.loc", "buffer",
        "ubuf",        "request",        "skb",       "shinfo",        "sock",    "ring"};
    Fold fold;
    Projections::Classes classes = all.one_class();
    for (const std::string& noun : order) {
        for (const std::string& column : all.columns_of(noun)) {
            const std::size_t before = classes.count;
            if (all.refine(classes, column, folded_nodes_max) && classes.count > before)
                fold.push_back(column);
        }
    }
    return fold;
}

std::vector<std::string> columns_of(const Projections& all, const Fold& fold) {
    std::vector<std::string> columns;
    for (const std::string& name : fold) {
        const std::vector<std::string> found = all.columns_of(name);
        if (found.empty()) {
            std::string names;
            for (const std::string& kind : all.kinds()) names += (names.empty() ? "" : ", ") + kind;
            throw Refusal(Status::usage,
                          fmt::format("--fold {}: no state has that: choose from {}", name, names));
        }
        columns.insert(columns.end(), found.begin(), found.end());
    }
    return columns;
}

std::string number_of(const Graph& graph, std::size_t state) {
    return graph[state].broken ? fmt::format("{}\nbroken", state) : fmt::format("{}", state);
}

DrawnGraph drawn(const Graph& graph, const std::vector<std::size_t>& class_of, std::size_t count,
                 bool whole) {
    DrawnGraph all;
    all.nodes.resize(count);
    all.states = boost::num_vertices(graph);
    all.steps = boost::num_edges(graph);
    for (std::size_t state = 0; state < class_of.size(); ++state) {
        GraphNode& node = all.nodes[class_of[state]];
        ++node.states;
        node.initial |= state == 0;
        node.on_path |= graph[state].on_path;
        node.broken |= graph[state].broken;
    }
    std::map<std::pair<std::size_t, std::size_t>, GraphEdge> edges;
    for (const auto& edge : boost::make_iterator_range(boost::edges(graph))) {
        const std::size_t from = class_of[boost::source(edge, graph)];
        const std::size_t to = class_of[boost::target(edge, graph)];
        all.has_path |= graph[edge].on_path;
        if (from == to) continue;
        GraphEdge& drawn = edges[{from, to}];
        drawn.from = from;
        drawn.to = to;
        const std::string& label = graph[edge].label;
        drawn.steps.insert(whole ? label : label.substr(0, label.find('\n')));
        drawn.on_path |= graph[edge].on_path;
    }
    for (auto& [ends, edge] : edges) all.edges.push_back(std::move(edge));
    return all;
}

std::string edge_label(const GraphEdge& edge) {
    constexpr std::size_t steps_named = 2;
    // A space on each side: dot thinks of words as narrower than they are.
    std::string label;
    std::size_t named = 0;
    for (const std::string& step : edge.steps) {
        if (named == steps_named) {
            label += fmt::format("  and {} more \n", edge.steps.size() - steps_named);
            break;
        }
        std::string line = "  " + step + ' ';
        for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 3)
            line.replace(at, 1, " \n  ");
        label += line + '\n';
        ++named;
    }
    return label;
}

}  // namespace

DrawnGraph folded(const GraphView& view, const Fold& wanted) {
    const Graph& graph = view.graph;
    const std::size_t states = boost::num_vertices(graph);
    if (wanted.empty() && states <= nodes_drawn_max) {
        std::vector<std::size_t> itself(states);
        for (std::size_t state = 0; state < states; ++state) itself[state] = state;
        DrawnGraph all = drawn(graph, itself, states, true);
        for (std::size_t state = 0; state < states; ++state)
            all.nodes[state].label = number_of(graph, state);
        return all;
    }
    const Projections projections(view);
    const Fold by = wanted.empty() ? chosen_fold(projections) : wanted;
    const std::vector<std::string> columns = columns_of(projections, by);
    Projections::Classes classes = projections.one_class();
    for (const std::string& column : columns)
        if (!projections.refine(classes, column, fold_nodes_max))
            throw Refusal(Status::usage,
                          fmt::format("--fold: leaves more than {} nodes, which nobody can read: "
                                      "name fewer nouns, or single fields like ubuf.refs",
                                      fold_nodes_max));
    const std::vector<std::size_t>& class_of = classes.of;
    DrawnGraph all = drawn(graph, class_of, classes.count, false);
    all.by = by;
    for (std::size_t state = states; state-- > 0;)
        all.nodes[class_of[state]].label = projections.label(columns, state);
    return all;
}

std::string dot_of(const DrawnGraph& graph, const std::string& title, const std::string& broken,
                   const Theme& theme) {
    const bool whole = graph.by.empty();
    std::string subtitle = fmt::format("{} states, {} steps", graph.states, graph.steps);
    if (!whole) {
        subtitle += fmt::format("; {} nodes: states that agree in ", graph.nodes.size());
        for (std::size_t i = 0; i < graph.by.size(); ++i)
            subtitle += (i == 0 ? "" : ", ") + graph.by[i];
    }
    if (graph.has_path) subtitle += "\nthe marked way leads to a violation of " + broken;
    // Lines of a box begin at its left edge; every line must then end as one.
    const auto quoted = [&](std::string text, bool left) {
        if (!text.empty() && text.back() == '\n') text.pop_back();
        if (left) text += '\n';
        std::string escaped = boost::escape_dot_string(text);
        for (std::size_t at = 0; (at = escaped.find('\n', at)) != std::string::npos;)
            escaped.replace(at, 1, left ? "\\l" : "\\n");
        return escaped;
    };
    std::string dot = fmt::format(
        "digraph G {{\nbgcolor=\"{}\"; fontname=\"DejaVu Sans\"; fontcolor=\"{}\"; labelloc=t; "
        "label={}; pad=0.3; nodesep=0.3; ranksep=0.35;\n"
        "node [fontname=\"DejaVu Sans\", fontsize=10, fontcolor=\"{}\", color=\"{}\", "
        "fillcolor=\"{}\", style=\"filled{}\", shape={}];\n"
        "edge [fontname=\"DejaVu Sans\", fontsize=9, fontcolor=\"{}\", color=\"{}\", "
        "arrowsize=0.7];\n",
        theme.ground, theme.ink, quoted(title + '\n' + subtitle, false), theme.ink, theme.frame,
        theme.panel, whole ? "" : ",rounded", whole ? "circle" : "box", theme.text, theme.frame);
    for (std::size_t number = 0; number < graph.nodes.size(); ++number) {
        const GraphNode& node = graph.nodes[number];
        std::string label = node.label;
        if (!whole && node.states > 1) label += fmt::format("{} states", node.states);
        dot += fmt::format("{} [label={}", number, quoted(label, !whole));
        if (node.initial) dot += ", peripheries=2";
        if (node.broken)
            dot += fmt::format(", fillcolor=\"{0}\", color=\"{0}\", fontcolor=white", theme.bad);
        else if (node.on_path && graph.has_path)
            dot += fmt::format(", color=\"{}\", penwidth=3", theme.bad);
        dot += "];\n";
    }
    for (const GraphEdge& edge : graph.edges) {
        dot +=
            fmt::format("{} -> {} [label={}", edge.from, edge.to, quoted(edge_label(edge), false));
        if (edge.on_path)
            dot += fmt::format(", color=\"{0}\", fontcolor=\"{0}\", penwidth=3", theme.bad);
        dot += "];\n";
    }
    return dot + "}\n";
}

}  // namespace zcv
