#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/checker/counterexample.hpp"
#include "model/checker/graph.hpp"
#include "model/checker/system.hpp"
#include "model/checker/visited.hpp"
#include "model/ensure.hpp"
#include "model/outcome.hpp"

// Exhaustive, exact, breadth first: every state reachable from the initial one is visited once and
// every property is looked at in it, so a counterexample is a shortest one.
namespace zcv::checker {

struct Progress {
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;     // of the level being expanded
    std::uint64_t frontier = 0;  // states found and not yet expanded
    double seconds = 0;
    std::uint64_t bytes = 0;
};

// 0 is unbounded. memory_max counts the visited set and the queue.
struct Limits {
    std::uint64_t states_max = 0;
    std::uint64_t memory_max = 0;
    double time_max_s = 0;
    std::function<void(const Progress&)> progress;  // called about once a second
    std::string graph_file;                         // where to write the explored graph as dot
    std::string graph_title;
};

struct StepCount {
    std::string step;
    std::uint64_t times = 0;
};

// The counts of a violation are those of all levels up to the one it is on, which is completed:
// they do not depend on the order inside a level.
struct Outcome {
    Verdict verdict = Verdict::inconclusive;
    std::string broken;  // the property's name, "" when none is
    std::string breaks;  // what that means
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;  // longest shortest path; length of the counterexample when broken;
                              // when a bound ended it, every state this near was checked
    double seconds = 0;
    double bytes_per_state = 0;  // visited set and queue at their largest
    std::vector<CounterexampleStep> counterexample;
    std::optional<Repeat> repeat;        // of an eventually-property: how it goes on for ever
    std::vector<std::string> unreached;  // sometimes-properties never true
    std::vector<StepCount> taken;        // every step of the system, how often it was taken
    std::string limit;                   // which bound ended it, "" when none did
};

// Looks at the properties of each new state and remembers the first that broke.
template <System S>
class Watch {
  public:
    using State = typename S::State;

    explicit Watch(const S& system) {
        for (const Property<State>& property : system.properties())
            (property.must == Must::always ? always_ : unreached_).push_back(&property);
    }
    // Returns the broken property, or null.
    const Property<State>* look(const State& state) {
        std::erase_if(unreached_, [&](const auto* property) { return property->holds(state); });
        for (const Property<State>* property : always_)
            if (!property->holds(state)) return property;
        return nullptr;
    }
    const std::vector<const Property<State>*>& unreached() const { return unreached_; }

  private:
    std::vector<const Property<State>*> always_;
    std::vector<const Property<State>*> unreached_;
};

// One pass over the levels. Successors wait in a short line before they are looked up, so that
// their part of the visited set is in the cache by then; first in, first out, so the order is
// unaffected.
template <System S, class Store>
class Search {
  public:
    using State = typename S::State;
    using Clock = std::chrono::steady_clock;
    static constexpr std::uint64_t any_depth = std::numeric_limits<std::uint64_t>::max();

    Search(const S& system, const Limits& limits, bool keep)
        : system_(system),
          limits_(limits),
          store_(system.words(), Room{limits.states_max, limits.memory_max}, keep),
          watch_(system),
          fresh_(system.initial()),
          line_(line_places * store_.words()),
          taken_(system.steps().size()) {}

    // Expands levels until nothing is new, something broke, a bound is hit or `depth_max` is found.
    void run(std::uint64_t depth_max = any_depth) {
        started_ = Clock::now();
        try {
            begin();
            while (limit_.empty() && broken_ == nullptr && depth() < depth_max &&
                   level_begin_.back() < store_.size())
                expand_level();
        } catch (const std::bad_alloc&) {
            limit_ = "memory: the machine has no more";
        }
        // The last level found may be empty: then the one before it was the deepest.
        if (level_begin_.size() > 1 && level_begin_.back() == store_.size())
            level_begin_.pop_back();
    }

    std::uint64_t depth() const { return level_begin_.size() - 1; }
    std::uint64_t states() const { return store_.size(); }
    std::uint64_t transitions() const { return transitions_; }
    std::uint64_t bytes_most() const { return std::max(bytes_most_, store_.bytes()); }
    double seconds() const {
        return std::chrono::duration<double>(Clock::now() - started_).count();
    }
    const std::string& limit() const { return limit_; }
    const Property<State>* broken() const { return broken_; }
    const std::vector<std::uint64_t>& broken_at() const { return broken_at_; }
    std::uint64_t broken_depth() const { return broken_depth_; }
    const std::vector<const Property<State>*>& unreached() const { return watch_.unreached(); }
    const std::vector<std::uint64_t>& taken() const { return taken_; }

    // The steps to `target`, which is one level past the last one found here, backwards: the first
    // state of each level that leads on. The store must have kept its levels.
    std::vector<Taken> path_to(std::vector<std::uint64_t> target, std::uint64_t length) const {
        std::vector<Taken> path(length);
        std::vector<std::uint64_t> words(system_.words());
        State state = system_.initial();
        for (std::uint64_t level = length; level-- > 0;) {
            std::optional<Taken> leads_on;
            std::uint64_t at = level_begin_[level];
            for (; !leads_on; ++at) {
                ZCV_CHECK(at < store_.size());
                system_.unpack(store_.at(at), state);
                system_.for_each_next(state, [&](Taken taken, const State& after) {
                    system_.pack(after, words.data());
                    if (!leads_on && words == target) leads_on = taken;
                });
            }
            path[level] = *leads_on;
            target.assign(store_.at(at - 1), store_.at(at - 1) + store_.words());
        }
        return path;
    }

  private:
    static constexpr std::size_t line_places = 32;

    void begin() {
        std::vector<std::uint64_t> words(system_.words());
        system_.pack(system_.initial(), words.data());
        settle(store_.hash(words.data()), words.data());
        level_begin_.push_back(0);
    }

    void expand_level() {
        const std::uint64_t level_end = store_.size();
        State state = system_.initial();
        for (std::uint64_t at = level_begin_.back(); at < level_end && limit_.empty(); ++at) {
            system_.unpack(store_.at(at), state);
            system_.for_each_next(state, [this](Taken taken, const State& after) {
                ++transitions_;
                ++taken_[taken.step];
                enqueue(after);
            });
            if (at % 1024 == 0) pause(at, level_end);
        }
        for (std::size_t i = 0; i < line_places; ++i) settle_oldest();
        if (limit_.empty()) level_begin_.push_back(level_end);
    }

    void enqueue(const State& after) {
        std::uint64_t* const words = &line_[line_at_ * store_.words()];
        if (waiting_[line_at_]) settle(hashes_[line_at_], words);
        system_.pack(after, words);
        hashes_[line_at_] = store_.hash(words);
        store_.prefetch(hashes_[line_at_]);
        waiting_[line_at_] = true;
        line_at_ = (line_at_ + 1) % line_places;
    }

    void settle_oldest() {
        if (waiting_[line_at_]) settle(hashes_[line_at_], &line_[line_at_ * store_.words()]);
        waiting_[line_at_] = false;
        line_at_ = (line_at_ + 1) % line_places;
    }

    void settle(std::uint64_t hash, const std::uint64_t* words) {
        const Added added = store_.add(hash, words);
        if (added == Added::seen) return;
        if (added == Added::fresh) return look(words);
        limit_ = added == Added::states_bound
                     ? "states: " + std::to_string(limits_.states_max)
                     : "memory: " + std::to_string(store_.bytes()) + " bytes in use";
    }

    void look(const std::uint64_t* words) {
        if (broken_ != nullptr) return;
        system_.unpack(words, fresh_);
        broken_ = watch_.look(fresh_);
        if (broken_ == nullptr) return;
        broken_at_.assign(words, words + store_.words());
        broken_depth_ = level_begin_.size();
    }

    // What happens now and then between two states: give back memory, look at the clock, report.
    void pause(std::uint64_t at, std::uint64_t level_end) {
        bytes_most_ = std::max(bytes_most_, store_.bytes());
        store_.done_before(at);
        const double now_s = seconds();
        if (limits_.time_max_s > 0 && now_s >= limits_.time_max_s)
            limit_ = "time: " + in_short(limits_.time_max_s) + " s";
        if (!limits_.progress || now_s < report_next_s_) return;
        report_next_s_ = now_s + 1;
        const std::uint64_t frontier = level_end - at + (store_.size() - level_end);
        limits_.progress({store_.size(), transitions_, depth(), frontier, now_s, store_.bytes()});
    }

    static std::string in_short(double number) {
        std::ostringstream text;
        text << number;
        return text.str();
    }

    const S& system_;
    const Limits& limits_;
    Store store_;
    Watch<S> watch_;
    State fresh_;  // the newest state, for the properties
    std::vector<std::uint64_t> line_;
    std::array<std::uint64_t, line_places> hashes_{};
    std::array<bool, line_places> waiting_{};
    std::size_t line_at_ = 0;
    std::vector<std::uint64_t> level_begin_;  // number of the first state of every level
    std::vector<std::uint64_t> taken_;
    std::uint64_t transitions_ = 0;
    std::uint64_t bytes_most_ = 0;
    double report_next_s_ = 1;
    const Property<State>* broken_ = nullptr;
    std::vector<std::uint64_t> broken_at_;
    std::uint64_t broken_depth_ = 0;
    std::string limit_;
    Clock::time_point started_;
};

// Puts a path into words by walking it.
template <System S>
std::vector<CounterexampleStep> in_words(const S& system, const std::vector<Taken>& path) {
    std::vector<CounterexampleStep> steps;
    typename S::State state = system.initial();
    for (const Taken& wanted : path) {
        std::optional<typename S::State> next;
        system.for_each_next(state, [&](Taken taken, const typename S::State& after) {
            if (taken == wanted && !next) next = after;
        });
        ZCV_CHECK(next.has_value());
        const StepInfo& info = system.steps()[wanted.step];
        steps.push_back({steps.size() + 1, wanted, std::string(info.name), system.params(wanted),
                         std::string(info.context), std::string(info.file),
                         std::string(info.function),
                         changes_between(system.fields(state), system.fields(*next))});
        state = *next;
    }
    return steps;
}

// The steps to the broken state. A store that forgets its levels is emptied and filled a second
// time, up to the level before; that pass takes 8 bytes a state more and may itself be out of room.
template <System S, class Store>
void explain(const S& system, const Limits& limits, std::optional<Search<S, Store>>& search,
             Outcome& outcome) {
    const std::vector<std::uint64_t> target = search->broken_at();
    if (!Store::keeps_always && outcome.depth > 0) {
        Limits room;
        room.memory_max = limits.memory_max;
        search.reset();
        search.emplace(system, room, true);
        search->run(outcome.depth - 1);
        if (!search->limit().empty()) {
            outcome.limit = "the counterexample did not fit into the memory allowed";
            return;
        }
    }
    outcome.counterexample = in_words(system, search->path_to(target, outcome.depth));
}

template <System S, class Store>
Outcome explore_with(const S& system, const Limits& limits) {
    const auto started = std::chrono::steady_clock::now();
    Outcome outcome;
    std::optional<Search<S, Store>> search;
    search.emplace(system, limits, Store::keeps_always);
    search->run();
    outcome.states = search->states();
    outcome.transitions = search->transitions();
    outcome.depth = search->depth();
    outcome.limit = search->limit();
    for (const auto* property : search->unreached()) outcome.unreached.emplace_back(property->name);
    for (std::size_t i = 0; i < search->taken().size(); ++i)
        outcome.taken.push_back({std::string(system.steps()[i].name), search->taken()[i]});
    if (outcome.states > 0)
        outcome.bytes_per_state =
            static_cast<double>(search->bytes_most()) / static_cast<double>(outcome.states);
    if (search->broken() != nullptr) {
        outcome.verdict = Verdict::violation;
        outcome.broken = search->broken()->name;
        outcome.breaks = search->broken()->breaks;
        outcome.depth = search->broken_depth();
        explain(system, limits, search, outcome);
    } else if (!outcome.limit.empty()) {
        outcome.verdict = Verdict::inconclusive;
    } else if (!search->unreached().empty()) {
        outcome.verdict = Verdict::violation;
        outcome.broken = search->unreached().front()->name;
        outcome.breaks = "never reached, so what it guards was checked in vain: vacuous";
    } else {
        outcome.verdict = Verdict::clean;
    }
    outcome.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return outcome;
}

template <System S>
void draw(const S& system, const Limits& limits, const Outcome& outcome) {
    // States past a violation were never expanded by the search and must not be here either.
    const auto& vacuous = outcome.unreached;
    const bool broken = outcome.verdict == Verdict::violation &&
                        std::find(vacuous.begin(), vacuous.end(), outcome.broken) == vacuous.end();
    const std::uint64_t depth_max =
        broken ? outcome.depth : std::numeric_limits<std::uint64_t>::max();
    Graph graph = graph_of(system, outcome.states, depth_max);
    mark_path(graph, outcome.counterexample);
    write_dot(graph, limits.graph_file, limits.graph_title);
}

// Explores all of `system`, within the limits. Throws Refusal(usage) only for a graph that is too
// large to draw or cannot be written.
template <System S>
Outcome explore(const S& system, const Limits& limits) {
    Limits bounded = limits;
    const bool cap = !limits.graph_file.empty() &&
                     (limits.states_max == 0 || limits.states_max > graph_states_max);
    if (cap) bounded.states_max = graph_states_max;
    const Outcome outcome = system.words() == 1 ? explore_with<S, WordStore>(system, bounded)
                                                : explore_with<S, SequenceStore>(system, bounded);
    if (limits.graph_file.empty()) return outcome;
    if (cap && outcome.limit.rfind("states", 0) == 0)
        throw Refusal(Status::usage, "check --graph " + limits.graph_file + ": more than " +
                                         std::to_string(graph_states_max) +
                                         " states cannot be drawn: take a smaller scenario, or "
                                         "draw its beginning with --states-max");
    draw(system, limits, outcome);
    return outcome;
}

}  // namespace zcv::checker
