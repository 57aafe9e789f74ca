#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "model/checker/system.hpp"

// The slow way through a world, for tests that look at each of its states.
namespace zcv::test {

using Words = std::vector<std::uint64_t>;

// The states that are reached, breadth first and at most so many, those behind a broken one too:
// each as `pack(state, words)` writes it, and those that it writes alike only once.
template <class System, class Pack>
std::vector<Words> reachable(const System& system, std::size_t most, const Pack& pack) {
    std::set<Words> met;
    std::vector<Words> all;
    const auto meet = [&](const typename System::State& state) {
        Words words(system.words());
        pack(state, words.data());
        if (all.size() < most && met.insert(words).second) all.push_back(words);
    };
    meet(system.initial());
    typename System::State state = system.initial();
    for (std::size_t i = 0; i < all.size(); ++i) {
        system.unpack(all[i].data(), state);
        checker::visit_next(
            system, state,
            [&](checker::Taken, const typename System::State& after) { meet(after); });
    }
    return all;
}

template <class System>
std::vector<Words> reachable(const System& system, std::size_t most) {
    return reachable(system, most, [&](const typename System::State& state, std::uint64_t* words) {
        system.pack(state, words);
    });
}

// One of each orbit, where only representatives are followed.
template <class System>
std::vector<Words> representatives(const System& system, std::size_t most) {
    return reachable(system, most, [&](const typename System::State& state, std::uint64_t* words) {
        system.pack_representative(state, words, false);
    });
}

}  // namespace zcv::test
