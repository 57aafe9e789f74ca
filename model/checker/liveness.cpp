#include "model/checker/liveness.hpp"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/property_map/property_map.hpp>
#include <limits>
#include <utility>

#include "model/ensure.hpp"

namespace zcv::checker {
namespace {

using Csr =
    boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                       boost::no_property, std::uint32_t, std::uint32_t>;

constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

// The component of every state, `nowhere` for those that are not pending.
std::vector<std::uint32_t> components(const Transitions& graph, const std::vector<bool>& pending,
                                      std::uint32_t& count) {
    std::vector<std::uint32_t> local(graph.states(), nowhere);
    std::vector<std::uint32_t> global;
    for (std::uint32_t s = 0; s < graph.states(); ++s) {
        if (!pending[s]) continue;
        local[s] = static_cast<std::uint32_t>(global.size());
        global.push_back(s);
    }
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
    for (const std::uint32_t s : global)
        for (std::uint32_t e = graph.first[s]; e < graph.first[s + 1]; ++e)
            if (local[graph.to[e]] != nowhere) edges.emplace_back(local[s], local[graph.to[e]]);
    const Csr csr(boost::edges_are_sorted, edges.begin(), edges.end(),
                  static_cast<std::uint32_t>(global.size()));
    std::vector<std::uint32_t> of_local(global.size());
    count = boost::strong_components(
        csr,
        boost::make_iterator_property_map(of_local.begin(), boost::get(boost::vertex_index, csr)));
    std::vector<std::uint32_t> result(graph.states(), nowhere);
    for (std::uint32_t s : global) result[s] = of_local[local[s]];
    return result;
}

// One component, and which duties a run that stays in it has to do there.
class Component {
  public:
    Component(const Transitions& graph, const Duties& duties,
              const std::vector<std::uint32_t>& component, std::vector<std::uint32_t> members)
        : graph_(graph), duties_(duties), component_(component), members_(std::move(members)) {
        std::size_t most = 0;
        for_transitions([&](std::uint32_t, std::uint32_t e) {
            most = std::max<std::size_t>(most, duties_[e]);
        });
        std::vector<std::uint32_t> last(most + 1, nowhere);
        could_.resize(most + 1);
        done_.resize(most + 1);
        for_transitions([&](std::uint32_t s, std::uint32_t e) {
            const std::uint16_t duty = duties_[e];
            if (last[duty] != s) ++could_[duty];
            last[duty] = s;
            if (inside(e)) done_[duty] = true;
        });
    }

    bool inside(std::uint32_t e) const {
        return component_[graph_.to[e]] == component_[members_.front()];
    }
    bool always_could(std::size_t duty) const { return could_[duty] == members_.size(); }
    bool is_fair() const {
        for (std::size_t duty = 1; duty < could_.size(); ++duty)
            if (always_could(duty) && !done_[duty]) return false;
        return true;
    }
    std::size_t duties() const { return could_.size(); }
    const std::vector<std::uint32_t>& members() const { return members_; }
    bool could(std::uint32_t s, std::size_t duty) const {
        for (std::uint32_t e = graph_.first[s]; e < graph_.first[s + 1]; ++e)
            if (duties_[e] == duty) return true;
        return false;
    }

    // The shortest way inside from `from` to a transition that will do; it ends with that one.
    template <class Wanted>
    std::vector<std::uint32_t> way(std::uint32_t from, Wanted&& wanted) const {
        std::unordered_map<std::uint32_t, std::uint32_t> came_by{{from, nowhere}};
        std::vector<std::uint32_t> open{from};
        std::unordered_map<std::uint32_t, std::uint32_t> origin;
        for (std::size_t at = 0; at < open.size(); ++at) {
            const std::uint32_t s = open[at];
            for (std::uint32_t e = graph_.first[s]; e < graph_.first[s + 1]; ++e) {
                if (!inside(e)) continue;
                origin[e] = s;
                if (wanted(e)) {
                    std::vector<std::uint32_t> back{e};
                    for (std::uint32_t t = s; t != from; t = origin[back.back()])
                        back.push_back(came_by[t]);
                    std::reverse(back.begin(), back.end());
                    return back;
                }
                if (came_by.emplace(graph_.to[e], e).second) open.push_back(graph_.to[e]);
            }
        }
        return {};
    }

  private:
    template <class F>
    void for_transitions(F&& f) const {
        for (const std::uint32_t s : members_)
            for (std::uint32_t e = graph_.first[s]; e < graph_.first[s + 1]; ++e) f(s, e);
    }

    const Transitions& graph_;
    const Duties& duties_;
    const std::vector<std::uint32_t>& component_;
    std::vector<std::uint32_t> members_;
    std::vector<std::size_t> could_;  // by duty: in how many of its states
    std::vector<bool> done_;          // ... and whether by a transition inside
};

// From `start` through the component and back, so that every duty is done, or cannot be done
// somewhere on the way. Empty: `start` alone will do, for nobody is obliged to anything there.
std::vector<std::uint32_t> round_from(std::uint32_t start, const Component& component,
                                      const Transitions& graph, const Duties& duties) {
    std::vector<std::size_t> open;
    for (std::size_t duty = 1; duty < component.duties(); ++duty)
        if (component.could(start, duty)) open.push_back(duty);
    std::vector<std::uint32_t> round;
    std::uint32_t at = start;
    const auto met = [&](std::size_t duty, std::uint32_t e) {
        return duties[e] == duty || !component.could(graph.to[e], duty);
    };
    while (!open.empty()) {
        const auto way = component.way(at, [&](std::uint32_t e) {
            return std::any_of(open.begin(), open.end(),
                               [&](std::size_t duty) { return met(duty, e); });
        });
        ZCV_CHECK(!way.empty());
        for (const std::uint32_t e : way)
            std::erase_if(open, [&](std::size_t duty) { return met(duty, e); });
        round.insert(round.end(), way.begin(), way.end());
        at = graph.to[way.back()];
    }
    if (at == start) return round;
    const auto home = component.way(at, [&](std::uint32_t e) { return graph.to[e] == start; });
    ZCV_CHECK(!home.empty());
    round.insert(round.end(), home.begin(), home.end());
    return round;
}

// The shortest way from the initial state, in the order of the search.
std::vector<std::uint32_t> stem_to(std::uint32_t target, const Transitions& graph) {
    std::vector<std::uint32_t> came_by(graph.states(), nowhere);
    std::vector<std::uint32_t> origin(graph.states(), nowhere);
    origin[0] = 0;
    std::vector<std::uint32_t> open{0};
    for (std::size_t at = 0; at < open.size() && origin[target] == nowhere; ++at) {
        const std::uint32_t s = open[at];
        for (std::uint32_t e = graph.first[s]; e < graph.first[s + 1]; ++e) {
            const std::uint32_t to = graph.to[e];
            if (origin[to] != nowhere) continue;
            origin[to] = s;
            came_by[to] = e;
            open.push_back(to);
        }
    }
    std::vector<std::uint32_t> stem;
    for (std::uint32_t s = target; s != 0; s = origin[s]) stem.push_back(came_by[s]);
    std::reverse(stem.begin(), stem.end());
    return stem;
}

}  // namespace

Duties duties_in(const Transitions& graph, const DutyOf& duty_of) {
    std::unordered_map<std::uint64_t, std::uint16_t> numbers;
    Duties duties;
    for (const Taken taken : graph.taken) {
        const std::uint64_t duty = duty_of(taken);
        if (duty != 0) numbers.emplace(duty, static_cast<std::uint16_t>(numbers.size() + 1));
        duties.push_back(duty == 0 ? std::uint16_t{0} : numbers.at(duty));
    }
    ZCV_CHECK(numbers.size() < std::numeric_limits<std::uint16_t>::max());
    return duties;
}

std::optional<Lasso> fair_lasso(const Transitions& graph, const std::vector<bool>& pending,
                                const Duties& duties) {
    std::uint32_t count = 0;
    const std::vector<std::uint32_t> component = components(graph, pending, count);
    std::vector<std::vector<std::uint32_t>> members(count);
    for (std::uint32_t s = 0; s < graph.states(); ++s)
        if (component[s] != nowhere) members[component[s]].push_back(s);
    // States are numbered breadth first: the smallest number of a component is its nearest state.
    std::uint32_t nearest = nowhere;
    for (const auto& each : members)
        if (each.front() < nearest && Component(graph, duties, component, each).is_fair())
            nearest = each.front();
    if (nearest == nowhere) return std::nullopt;
    const Component found(graph, duties, component, members[component[nearest]]);
    // Where nobody is obliged to anything a run may just stop, and that is the shortest story.
    const auto idle =
        std::find_if(found.members().begin(), found.members().end(), [&](std::uint32_t s) {
            for (std::uint32_t e = graph.first[s]; e < graph.first[s + 1]; ++e)
                if (duties[e] != 0) return false;
            return true;
        });
    const std::uint32_t start = idle != found.members().end() ? *idle : nearest;
    Lasso lasso;
    lasso.stem = stem_to(start, graph);
    lasso.round = round_from(start, found, graph, duties);
    lasso.over = graph.first[start] == graph.first[start + 1];
    return lasso;
}

}  // namespace zcv::checker
