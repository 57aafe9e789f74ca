#pragma once

#include <cstdint>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "model/checker/system.hpp"

// A second explorer, written to be obviously right and not to be fast: nothing of the checker's own
// search is in it.
namespace zcv::naive {

struct Counts {
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;
    std::string broken;  // the first broken property, and ...
    std::uint64_t broken_depth = 0;
};

template <class S>
std::string broken_in(const S& system, const typename S::State& state) {
    for (const auto& property : system.properties())
        if (property.must == checker::Must::always && !property.holds(state))
            return std::string(property.name);
    return "";
}

template <class S>
Counts explore(const S& system) {
    using Key = std::vector<std::uint64_t>;
    std::map<Key, std::uint64_t> depth_of;
    std::queue<std::pair<typename S::State, std::uint64_t>> open;
    Counts counts;
    const auto meet = [&](const typename S::State& state, std::uint64_t depth) {
        Key key(system.words());
        system.pack(state, key.data());
        if (!depth_of.emplace(key, depth).second) return;
        counts.depth = depth;
        open.emplace(state, depth);
        if (!counts.broken.empty()) return;
        counts.broken = broken_in(system, state);
        counts.broken_depth = depth;
    };
    meet(system.initial(), 0);
    // As the checker does, the level of a violation is completed and nothing after it.
    while (!open.empty() && (counts.broken.empty() || open.front().second < counts.broken_depth)) {
        const auto [state, depth] = open.front();
        open.pop();
        const std::uint64_t next_depth = depth + 1;
        system.for_each_next(state, [&](checker::Taken, const typename S::State& after) {
            ++counts.transitions;
            meet(after, next_depth);
        });
    }
    counts.states = depth_of.size();
    return counts;
}

}  // namespace zcv::naive
