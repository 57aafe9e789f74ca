#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "model/checker/system.hpp"

// Partial-order reduction: where some of the enabled steps may be taken before all others, only
// they are. A system names such sets in for_each_alone(state, visit, which), the first of which is
// taken. What that needs, for a set T named in a state s and every other step u enabled there:
//   - after u, T is named again, with the same steps;
//   - u is enabled after each t of T, and both orders end in the same state;
//   - for some t of T: what is broken before t is broken after it;
//   - no cycle consists of named steps alone.
// The first two, true in every state that can be reached, say that T commutes with every sequence
// of other steps. They are checked, not trusted: by broken_promise(), in a debug build in every
// state that is expanded. The third and the fourth are argued where T is named.
namespace zcv::checker {

template <class S>
concept Reducible = requires(const S& system, const typename S::State& state) {
    {
        system.for_each_alone(
            state, [](Taken, const typename S::State&) {}, 0U)
        } -> std::same_as<bool>;
};

// Whether this system names any such set at all: worlds differ.
template <System S>
bool names_alone(const S& system) {
    if constexpr (requires { system.names_alone(); })
        return system.names_alone();
    else
        return Reducible<S>;
}

// One step and where it leads, packed.
struct TakenTo {
    Taken taken;
    std::vector<std::uint64_t> words;
};

template <System S>
std::vector<TakenTo> all_from(const S& system, const typename S::State& state) {
    std::vector<TakenTo> all;
    visit_next(system, state, [&](Taken taken, const typename S::State& after) {
        all.push_back({taken, std::vector<std::uint64_t>(system.words())});
        system.pack(after, all.back().words.data());
    });
    return all;
}

// States that go on alike are as good as the same.
template <System S>
bool same_but_for_names(const S& system, std::vector<std::uint64_t> one,
                        std::vector<std::uint64_t> two) {
    if (one == two) return true;
    if constexpr (PacksRepresentatives<S>) {
        system.canonical(one.data(), false);
        system.canonical(two.data(), false);
    }
    return one == two;
}

inline const TakenTo* find_taken(const std::vector<TakenTo>& all, Taken wanted) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const TakenTo& each) { return each.taken == wanted; });
    return found == all.end() ? nullptr : &*found;
}

template <System S>
std::vector<std::vector<Taken>> named_in(const S& system, const typename S::State& state) {
    std::vector<std::vector<Taken>> sets(1);
    const auto add = [&](Taken taken, const typename S::State&) { sets.back().push_back(taken); };
    for (unsigned which = 0; system.for_each_alone(state, add, which); ++which) sets.emplace_back();
    sets.pop_back();
    return sets;
}

// What for_each_alone promises of this state and does not keep; "" when it keeps it.
template <System S>
std::string broken_promise(const S& system, const typename S::State& state) {
    const auto name = [&](Taken taken) {
        return std::string(system.steps()[taken.step].name) + " " + system.params(taken);
    };
    const std::vector<std::vector<Taken>> sets = named_in(system, state);
    const std::vector<TakenTo> all = all_from(system, state);
    typename S::State after = state;
    for (const std::vector<Taken>& set : sets) {
        if (set.empty()) return "a set without an enabled step is named";
        for (const Taken t : set) {
            const TakenTo* const first = find_taken(all, t);
            if (first == nullptr) return name(t) + " is named and not enabled";
            system.unpack(first->words.data(), after);
            const std::vector<TakenTo> after_first = all_from(system, after);
            for (const TakenTo& other : all) {
                if (std::find(set.begin(), set.end(), other.taken) != set.end()) continue;
                system.unpack(other.words.data(), after);
                const auto sets_after = named_in(system, after);
                if (std::find(sets_after.begin(), sets_after.end(), set) == sets_after.end())
                    return name(other.taken) + " takes the set of " + name(t) + " away";
                const std::vector<TakenTo> after_other = all_from(system, after);
                const TakenTo* const one = find_taken(after_first, other.taken);
                const TakenTo* const two = find_taken(after_other, t);
                if (one == nullptr || two == nullptr ||
                    !same_but_for_names(system, one->words, two->words))
                    return name(t) + " does not commute with " + name(other.taken);
            }
        }
    }
    return "";
}

}  // namespace zcv::checker
