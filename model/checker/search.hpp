#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/checker/crew.hpp"
#include "model/checker/explain.hpp"
#include "model/checker/graph.hpp"
#include "model/checker/limits.hpp"
#include "model/checker/system.hpp"
#include "model/checker/worker.hpp"
#include "model/ensure.hpp"

// Exhaustive and breadth first: every state reachable from the initial one is visited once and
// every property is looked at in it, so a counterexample is a shortest one. A level is finished
// before the next begins, so numbers do not depend on how many threads share it.
namespace zcv::checker {

template <System S, class StoreUsed>
class Search {
  public:
    using State = typename S::State;
    using Store = StoreUsed;
    static constexpr std::uint64_t any_depth = std::numeric_limits<std::uint64_t>::max();

    Search(const S& system, const Limits& limits, bool keep)
        : shared_(system, limits, keep), crew_(limits.threads) {
        for (unsigned i = 0; i < limits.threads; ++i) workers_.emplace_back(shared_, i);
        workers_.front().on_pause = [this](std::size_t left) { report(left); };
        if (!limits.frontier_folder.empty() && !keep)
            shared_.frontier.spill_to(limits.frontier_folder);
        taken_before_.resize(system.steps().size());
    }

    // Expands levels until nothing is new, something broke, a bound is hit or `depth_max` is found.
    void run(std::uint64_t depth_max = any_depth) {
        try {
            begin();
            while (!shared_.halted && broken().empty() && depth_ < depth_max && !finished_)
                expand_level();
        } catch (const std::bad_alloc&) {
            shared_.halt("memory: the machine has no more");
        }
        bytes_most_ = std::max(bytes_most_, shared_.budget.used());
    }

    // Of the last level that is complete.
    std::uint64_t depth() const { return depth_; }
    std::uint64_t states() const { return shared_.states; }
    std::uint64_t transitions() const { return shared_.transitions; }
    std::uint64_t bytes_most() const { return bytes_most_; }
    double seconds() const { return shared_.seconds(); }
    double miss_probability() const { return shared_.store.miss_probability(states()); }
    const std::string& limit() const { return shared_.limit; }
    Frontier& frontier() { return shared_.frontier; }
    // They can be walked back through without searching again.
    bool has_all_levels() const { return Store::holds_states && !shared_.limits.resume; }

    // Every broken state of the level that was found last, packed, one after the other.
    std::vector<std::uint64_t> broken() const {
        std::vector<std::uint64_t> all;
        for (const auto& worker : workers_)
            all.insert(all.end(), worker.broken().begin(), worker.broken().end());
        return all;
    }
    std::vector<std::string> unreached() const {
        std::vector<std::string> names;
        std::uint64_t number = 0;
        for (const Property<State>& property : shared_.system.properties())
            if (property.must == Must::sometimes && (shared_.reached >> number++ & 1) == 0)
                names.emplace_back(property.name);
        return names;
    }
    std::vector<std::uint64_t> taken() {
        std::vector<std::uint64_t> all = taken_before_;
        for (auto& worker : workers_)
            for (std::size_t i = 0; i < all.size(); ++i) all[i] += worker.taken()[i];
        return all;
    }

  private:
    void begin() {
        const Limits& limits = shared_.limits;
        if (!limits.checkpoint_file.empty()) {
            if (limits.resume) return resume();
            file_.create(limits.checkpoint_file, limits.search_name, shared_.entry_words);
            shared_.frontier.record_in(file_);
        }
        std::vector<std::uint64_t> words(shared_.system.words());
        shared_.system.pack(shared_.system.initial(), words.data());
        Successors<S>(shared_.system, limits).represent(words.data());
        workers_.front().add(words.data());
        end_level(0);
    }

    // Goes on where a checkpoint ends: its states are in the visited set, its last level is next.
    void resume() {
        const Limits& limits = shared_.limits;
        const std::size_t words = shared_.entry_words;
        const std::vector<std::uint64_t> ended =
            file_.open(limits.checkpoint_file, limits.search_name, words);
        ZCV_CHECK(ended.size() == 4 + taken_before_.size());
        const std::uint64_t last = ended[0];
        file_.each_states([&](std::uint64_t level, std::uint64_t at, std::uint32_t count,
                              const std::uint64_t* entries) {
            for (std::uint32_t i = 0; i < count; ++i)
                workers_.front().add_known(entries + i * words, level == last);
            if (level == last && !Store::holds_states) shared_.frontier.append_read(at, count);
        });
        shared_.frontier.turn_over(last);
        shared_.frontier.record_in(file_);
        shared_.states = ended[1];
        shared_.tickets = ended[1];
        shared_.transitions = ended[2];
        shared_.reached = ended[3];
        std::copy(ended.begin() + 4, ended.end(), taken_before_.begin());
        level_states_ = ended[1];
        finished_ = shared_.frontier.level().empty();
        depth_ = last - (finished_ ? 1 : 0);
    }

    void expand_level() {
        shared_.block_next = 0;
        level_before_ = std::exchange(level_, shared_.states - level_states_);
        level_states_ = shared_.states;
        if (shared_.frontier.level().size() < 2)
            workers_.front().expand_level();
        else
            crew_.run([this](unsigned thread) { workers_[thread].expand_level(); });
        bytes_most_ = std::max(bytes_most_, shared_.budget.used());
        if (!shared_.halted) end_level(depth_ + 1);
    }

    // What was found is complete. An empty level is the end, and the one before it the deepest.
    void end_level(std::uint64_t level) {
        if (!shared_.frontier.turn_over(level)) {
            const std::string disk = shared_.frontier.complaint();
            return shared_.halt(!disk.empty() ? disk : "memory: the levels do not fit");
        }
        finished_ = shared_.frontier.level().empty();
        if (!broken().empty()) return;
        if (!finished_) depth_ = level;
        if (!file_.is_open()) return;
        std::vector<std::uint64_t> numbers{level, shared_.states, shared_.transitions,
                                           shared_.reached};
        const std::vector<std::uint64_t> steps = taken();
        numbers.insert(numbers.end(), steps.begin(), steps.end());
        if (file_.append(LevelFile::level_end, level, static_cast<std::uint32_t>(numbers.size()),
                         numbers.data(), numbers.size()) == LevelFile::none)
            shared_.halt(file_.complaint());
    }

    void report(std::size_t blocks_left) {
        bytes_most_ = std::max(bytes_most_, shared_.budget.used());
        const double now_s = seconds();
        if (!shared_.limits.progress || now_s < report_next_s_) return;
        report_next_s_ = now_s + 1;
        const std::uint64_t found = shared_.states;
        const std::uint64_t left_of_level = level_ * blocks_left / shared_.frontier.level().size();
        shared_.limits.progress({found, shared_.transitions, depth_,
                                 left_of_level + (found - level_states_), level_before_, level_,
                                 now_s, shared_.budget.used()});
    }

    Shared<S, Store> shared_;
    Crew crew_;
    std::deque<Worker<S, Store>> workers_;
    LevelFile file_;
    std::vector<std::uint64_t> taken_before_;  // by the search that is resumed
    std::uint64_t depth_ = 0;
    std::uint64_t level_ = 0;         // states of the level being expanded
    std::uint64_t level_before_ = 0;  // and of the one before
    std::uint64_t level_states_ = 0;  // states found up to the level being expanded
    std::uint64_t bytes_most_ = 0;
    double report_next_s_ = 1;
    bool finished_ = false;
};

template <System S, class Store>
Outcome explore_with(const S& system, const Limits& limits) {
    const auto started = std::chrono::steady_clock::now();
    Outcome outcome;
    std::optional<Search<S, Store>> search;
    search.emplace(system, limits, Store::holds_states);
    search->run();
    outcome.states = search->states();
    outcome.transitions = search->transitions();
    outcome.depth = search->depth();
    outcome.limit = search->limit();
    outcome.unreached = search->unreached();
    outcome.miss_probability = search->miss_probability();
    if (Symmetric<S>) outcome.symmetry = limits.symmetry;
    outcome.reduction = limits.reduction && names_alone(system);
    const std::vector<std::uint64_t> taken = search->taken();
    for (std::size_t i = 0; i < taken.size(); ++i)
        if (has_step(system, i))
            outcome.taken.push_back({std::string(system.steps()[i].name), taken[i]});
    if (outcome.states > 0)
        outcome.bytes_per_state =
            static_cast<double>(search->bytes_most()) / static_cast<double>(outcome.states);
    const std::vector<std::uint64_t> broken = search->broken();
    if (!broken.empty()) {
        outcome.verdict = Verdict::violation;
        outcome.depth += outcome.states > 1 ? 1 : 0;
        typename S::State state = system.initial();
        system.unpack(broken.data(), state);
        name_the_broken(system, state, outcome);
        if (limits.visited == Visited::exact) explain(system, limits, search, broken, outcome);
    } else if (!outcome.limit.empty()) {
        outcome.verdict = Verdict::inconclusive;
    } else if (!outcome.unreached.empty()) {
        outcome.verdict = Verdict::violation;
        outcome.broken = outcome.unreached.front();
        outcome.breaks = "never reached, so what it guards was checked in vain: vacuous";
    } else if (limits.visited == Visited::bitstate) {
        outcome.limit = "bitstate: states may have been missed";
    } else {
        outcome.verdict = Verdict::clean;
    }
    outcome.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return outcome;
}

// What is broken is a premise that was never true.
inline bool is_vacuous(const Outcome& outcome) {
    const auto& never = outcome.unreached;
    return std::find(never.begin(), never.end(), outcome.broken) != never.end();
}

template <System S>
void draw(const S& system, const Limits& limits, const Outcome& outcome) {
    // States past a violation were never expanded by the search and must not be here either.
    const bool broken = outcome.verdict == Verdict::violation && !is_vacuous(outcome);
    const std::uint64_t depth_max =
        broken ? outcome.depth : std::numeric_limits<std::uint64_t>::max();
    Graph graph = graph_of(system, outcome.states, depth_max);
    mark_path(graph, outcome.counterexample);
    limits.graph({graph, [&](const GraphState& at) {
                      typename S::State state = system.initial();
                      system.unpack(at.words.data(), state);
                      return system.fields(state);
                  }});
}

template <System S>
Outcome explore_exactly(const S& system, const Limits& limits) {
    return system.words() == 1 ? explore_with<S, GroupStore>(system, limits)
                               : explore_with<S, SlotStore>(system, limits);
}

template <System S>
Outcome explore_as_asked(const S& system, const Limits& limits) {
    if (limits.visited == Visited::exact) return explore_exactly(system, limits);
    const Outcome quick = limits.visited == Visited::bitstate
                              ? explore_with<S, BitStore>(system, limits)
                              : explore_with<S, CellStore>(system, limits);
    if (quick.verdict != Verdict::violation || quick.depth == 0 || is_vacuous(quick)) return quick;
    // A broken state is broken, however it was found. The way to it is looked for in an exact
    // search, which ends at that depth or before.
    Limits exactly = limits;
    exactly.visited = Visited::exact;
    Outcome exact = explore_exactly(system, exactly);
    exact.miss_probability = quick.miss_probability;
    return exact.verdict == Verdict::violation ? exact : quick;
}

// Explores all of `system`, within the limits. Throws Refusal(usage) only for a graph that is too
// large to draw or cannot be written, and for files that cannot be used.
template <System S>
Outcome explore(const S& system, const Limits& limits) {
    Limits bounded = limits;
    const bool cap =
        limits.graph && (limits.states_max == 0 || limits.states_max > limits.graph_states_max);
    if (cap) bounded.states_max = limits.graph_states_max;
    const Outcome outcome = explore_as_asked(system, bounded);
    if (!limits.graph) return outcome;
    if (cap && outcome.limit.rfind("states", 0) == 0)
        throw Refusal(Status::usage, limits.graph_for + ": more than " +
                                         std::to_string(limits.graph_states_max) +
                                         " states cannot be drawn: take a smaller scenario, or "
                                         "draw its beginning with --states-max");
    draw(system, limits, outcome);
    return outcome;
}

}  // namespace zcv::checker
