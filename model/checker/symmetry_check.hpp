#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/checker/system.hpp"

// What a system promises with canonical(): that a state and the one that stands for it go on alike.
// With that in every state that can be reached, a search that follows the representatives alone
// meets the representative of every state, and of none besides. It is checked, not trusted.
namespace zcv::checker {

template <System S>
std::vector<std::uint64_t> representative(const S& system, const typename S::State& state,
                                          bool deep) {
    std::vector<std::uint64_t> words(system.words());
    system.pack(state, words.data());
    system.canonical(words.data(), deep);
    return words;
}

// Where each step leads, by what stands for it; sorted.
template <System S>
std::vector<std::pair<std::uint8_t, std::vector<std::uint64_t>>> represented_from(
    const S& system, const typename S::State& state, bool deep) {
    std::vector<std::pair<std::uint8_t, std::vector<std::uint64_t>>> all;
    visit_next(system, state, [&](Taken taken, const typename S::State& after) {
        all.emplace_back(taken.step, representative(system, after, deep));
    });
    std::sort(all.begin(), all.end());
    return all;
}

// What is promised of this state and not kept; "" when it is kept.
template <System S>
std::string broken_symmetry(const S& system, const typename S::State& state, bool deep = false) {
    const std::vector<std::uint64_t> words = representative(system, state, deep);
    typename S::State other = state;
    system.unpack(words.data(), other);
    if (representative(system, other, deep) != words)
        return "what stands for others does not stand for itself";
    for (const auto& property : system.properties())
        if (property.holds(state) != property.holds(other))
            return std::string(property.name) + " tells a state from what stands for it";
    const auto here = represented_from(system, state, deep);
    const auto there = represented_from(system, other, deep);
    if (here == there) return "";
    for (const auto& [step, after] : here)
        if (std::find(there.begin(), there.end(), std::pair(step, after)) == there.end())
            return std::string(system.steps()[step].name) +
                   " leads elsewhere from what stands for the state";
    return "from what stands for a state more can be reached";
}

}  // namespace zcv::checker
