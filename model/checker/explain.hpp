#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/checker/crew.hpp"
#include "model/checker/frontier.hpp"
#include "model/checker/limits.hpp"
#include "model/checker/successors.hpp"
#include "model/checker/system.hpp"
#include "model/ensure.hpp"

// The counterexample is found again by walking back through the levels: no state carries where it
// came from. Of all shortest paths to any broken state it is the one whose steps come first in the
// system's order, so it does not depend on how the search went.
namespace zcv::checker {

// States of one level from which the broken ones can be reached in the steps that are left.
class PackedSet {
  public:
    explicit PackedSet(std::size_t words) : words_(words), set_(0, Hash{words}, Same{words}) {}

    void insert(const std::uint64_t* state) {
        if (set_.contains(state)) return;
        kept_.push_back(std::make_unique<std::uint64_t[]>(words_));
        std::copy_n(state, words_, kept_.back().get());
        set_.insert(kept_.back().get());
    }
    bool contains(const std::uint64_t* state) const { return set_.contains(state); }

  private:
    struct Hash {
        std::size_t words;
        std::size_t operator()(const std::uint64_t* state) const { return mixed(state, words); }
    };
    struct Same {
        std::size_t words;
        bool operator()(const std::uint64_t* a, const std::uint64_t* b) const {
            return std::equal(a, a + words, b);
        }
    };
    std::size_t words_;
    std::vector<std::unique_ptr<std::uint64_t[]>> kept_;
    std::unordered_set<const std::uint64_t*, Hash, Same> set_;
};

// The states of `level` with a successor in `targets`.
template <class Store, System S>
PackedSet leading_to(const S& system, const Limits& limits, Crew& crew, const Frontier& frontier,
                     const std::vector<Block>& level, const PackedSet& targets) {
    const std::size_t words = system.words();
    PackedSet found(words);
    std::mutex mutex;
    std::atomic<std::size_t> next{0};
    crew.run([&](unsigned) {
        Successors<S> successors(system, limits);
        std::vector<std::uint64_t> after(words);
        std::vector<std::uint64_t> room(words);
        const auto look_at = [&](const std::uint64_t* state) {
            bool leads = false;
            successors.visit(
                state, [&] { return after.data(); },
                [&](std::uint8_t) { leads = leads || targets.contains(after.data()); });
            if (!leads) return;
            const std::lock_guard<std::mutex> lock(mutex);
            found.insert(state);
        };
        const std::size_t entry_words = Store::entry_words(words);
        std::vector<std::uint64_t> buffer(block_entries * entry_words);
        for (std::size_t i = next++; i < level.size(); i = next++) {
            const std::uint64_t* const entries = frontier.entries_of(level[i], buffer.data());
            for (std::uint32_t k = 0; k < level[i].count; ++k)
                each_state<Store>(entries + k * entry_words, room.data(), look_at);
        }
    });
    return found;
}

template <System S>
CounterexampleStep in_words(const S& system, std::size_t number, Taken taken,
                            const typename S::State& before, const typename S::State& after) {
    const StepInfo& info = system.steps()[taken.step];
    std::string_view context = info.context;
    // Who takes it may depend on the state: a system that knows says so.
    if constexpr (requires { system.context(taken, before); })
        context = system.context(taken, before);
    return {number,
            taken,
            std::string(info.name),
            system.params(taken),
            std::string(context),
            std::string(info.file),
            std::string(info.function),
            changes_between(system.fields(before), system.fields(after))};
}

// Puts a path into words by walking it.
template <System S>
std::vector<CounterexampleStep> in_words(const S& system, const std::vector<Taken>& path) {
    std::vector<CounterexampleStep> steps;
    typename S::State state = system.initial();
    for (const Taken& wanted : path) {
        std::optional<typename S::State> next;
        visit_next(system, state, [&](Taken taken, const typename S::State& after) {
            if (taken == wanted && !next) next = after;
        });
        ZCV_CHECK(next.has_value());
        steps.push_back(in_words(system, steps.size() + 1, wanted, state, *next));
        state = *next;
    }
    return steps;
}

// From the initial state, always the first step that leads on: `on[i]` are the states after i steps
// from which it goes on.
template <System S>
std::vector<CounterexampleStep> first_path(const S& system, const Limits& limits,
                                           const std::vector<PackedSet>& on,
                                           typename S::State& state) {
    std::vector<CounterexampleStep> steps;
    const Successors<S> successors(system, limits);
    std::vector<std::uint64_t> words(system.words());
    for (std::size_t i = 1; i < on.size(); ++i) {
        std::optional<std::pair<Taken, typename S::State>> first;
        visit_next(system, state, [&](Taken taken, const typename S::State& after) {
            if (first) return;
            system.pack(after, words.data());
            successors.represent(words.data());
            if (on[i].contains(words.data())) first.emplace(taken, after);
        });
        ZCV_CHECK(first.has_value());
        steps.push_back(in_words(system, i, first->first, state, first->second));
        state = first->second;
    }
    return steps;
}

template <System S>
void name_the_broken(const S& system, const typename S::State& state, Outcome& outcome) {
    for (const auto& property : system.properties()) {
        if (property.must != Must::always || property.holds(state)) continue;
        outcome.broken = property.name;
        outcome.breaks = property.breaks;
        return;
    }
}

// The steps to a broken state. A search that forgets its levels is done a second time, up to the
// level before; that takes more memory and may itself be out of room.
template <System S, class Search>
void explain(const S& system, const Limits& limits, std::optional<Search>& search,
             const std::vector<std::uint64_t>& broken, Outcome& outcome) {
    const std::size_t words = system.words();
    PackedSet targets(words);
    for (std::size_t i = 0; i < broken.size(); i += words) targets.insert(&broken[i]);
    std::vector<PackedSet> on;
    on.push_back(std::move(targets));
    typename S::State state = system.initial();
    if (outcome.depth > 0 && !search->has_all_levels()) {
        Limits room;
        room.memory_max = limits.memory_max;
        room.threads = limits.threads;
        room.symmetry = limits.symmetry;
        room.reduction = limits.reduction;
        search.reset();
        search.emplace(system, room, true);
        search->run(outcome.depth - 1);
        if (!search->limit().empty()) {
            outcome.limit = "the counterexample did not fit into the memory allowed";
            return;
        }
    }
    if (outcome.depth > 0) {
        Crew crew(limits.threads);
        Frontier& frontier = search->frontier();
        for (std::uint64_t level = outcome.depth - 1; level > 0; --level) {
            const auto& blocks =
                level < frontier.kept().size() ? frontier.kept()[level] : frontier.level();
            on.push_back(leading_to<typename Search::Store>(system, limits, crew, frontier, blocks,
                                                            on.back()));
        }
        on.emplace_back(words);  // the initial state, which needs no looking up
        std::reverse(on.begin(), on.end());
    }
    outcome.counterexample = first_path(system, limits, on, state);
    name_the_broken(system, state, outcome);
}

}  // namespace zcv::checker
