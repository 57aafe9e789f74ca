#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <queue>
#include <set>
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

// 128 bits of hash stand for a state: the chance that two of 10^8 share one is below 10^-22. Taken
// of every field as it is, where the system can say that, so that what packing loses shows.
using Name = std::pair<std::uint64_t, std::uint64_t>;

template <class S>
Name name_of(const S& system, const typename S::State& state) {
    std::string bytes;
    if constexpr (requires { system.bytes(state); }) {
        bytes = system.bytes(state);
    } else {
        bytes.resize(8 * system.words());
        std::vector<std::uint64_t> words(system.words());
        system.pack(state, words.data());
        std::memcpy(bytes.data(), words.data(), bytes.size());
    }
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

template <class S>
Counts explore(const S& system) {
    std::set<Name> met;
    std::queue<std::pair<typename S::State, std::uint64_t>> open;
    Counts counts;
    const auto meet = [&](const typename S::State& state, std::uint64_t depth) {
        if (!met.insert(name_of(system, state)).second) return;
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
    counts.states = met.size();
    return counts;
}

}  // namespace zcv::naive
