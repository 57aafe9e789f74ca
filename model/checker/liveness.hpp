#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/checker/search.hpp"
#include "model/checker/system.hpp"

// What must happen in the end. An eventually-property says of every object: once it is pending, it
// is later not pending any more. It is decided on the whole explored graph, under weak fairness: a
// duty that could be done all the time is done at some time. A run may also just stop, when no duty
// can be done. The counterexample is a lasso: a way to a place, and a round from there for ever.
namespace zcv::checker {

// The explored graph as arrays. State 0 is the initial one, states are numbered breadth first, and
// the transitions of a state lie together.
struct Transitions {
    std::vector<std::uint32_t> first{0};  // where those of each state begin; one more at the end
    std::vector<std::uint32_t> to;
    std::vector<Taken> taken;

    std::size_t states() const { return first.size() - 1; }
};

// Which duty each transition does; 0 is none: nobody is obliged to it.
using Duties = std::vector<std::uint16_t>;

// Transitions by number. An empty round: nothing happens any more.
struct Lasso {
    std::vector<std::uint32_t> stem;
    std::vector<std::uint32_t> round;
    bool over = false;  // at the end of the stem nothing at all can be done
};

// The nearest place where a run that neglects no duty stays pending for ever.
std::optional<Lasso> fair_lasso(const Transitions& graph, const std::vector<bool>& pending,
                                const Duties& duties);

// The same number for transitions that are one duty, 0 for none.
using DutyOf = std::function<std::uint64_t(Taken)>;

template <class State>
struct Eventually {
    std::string_view name;    // "L1-release"
    std::string_view breaks;  // one sentence: what goes wrong for a user when it does not hold
    std::uint32_t objects;    // how many there are to be pending
    bool (*pending)(const State&, std::uint32_t object);
    DutyOf duty_of;  // who is obliged to what, so that it can hold
};

Duties duties_in(const Transitions& graph, const DutyOf& duty_of);

struct Explored {
    Transitions transitions;
    std::vector<std::vector<std::vector<bool>>> pending;  // by property, object, state
    std::string limit;                                    // why it is not all, "" when it is
};

// Keeps every state and transition of `system`, so it needs more memory than a search.
template <System S>
Explored explored(const S& system, const std::vector<Eventually<typename S::State>>& properties,
                  const Limits& limits) {
    Explored all;
    std::unordered_map<std::string, std::uint32_t> known;
    std::vector<std::uint64_t> states;
    const std::size_t words = system.words();
    for (const auto& property : properties) all.pending.emplace_back(property.objects);
    std::vector<std::uint64_t> packed(words);
    const auto number_of = [&](const typename S::State& state) {
        system.pack(state, packed.data());
        const std::string key(reinterpret_cast<const char*>(packed.data()), words * 8);
        const auto [at, fresh] = known.emplace(key, static_cast<std::uint32_t>(known.size()));
        if (!fresh) return at->second;
        states.insert(states.end(), packed.begin(), packed.end());
        for (std::size_t p = 0; p < properties.size(); ++p)
            for (std::uint32_t object = 0; object < properties[p].objects; ++object)
                all.pending[p][object].push_back(properties[p].pending(state, object));
        return at->second;
    };
    typename S::State state = system.initial();
    number_of(state);
    Transitions& graph = all.transitions;
    for (std::size_t from = 0; from < known.size(); ++from) {
        system.unpack(&states[from * words], state);
        visit_next(system, state, [&](Taken taken, const typename S::State& after) {
            graph.to.push_back(number_of(after));
            graph.taken.push_back(taken);
        });
        graph.first.push_back(static_cast<std::uint32_t>(graph.to.size()));
        const std::uint64_t bytes = known.size() * (words * 16 + 80) + graph.to.size() * 10;
        if (limits.memory_max != 0 && bytes > limits.memory_max)
            all.limit = "memory: " + std::to_string(bytes) + " bytes for the graph of what follows";
        if (limits.states_max != 0 && known.size() > limits.states_max)
            all.limit = "states: " + std::to_string(limits.states_max);
        if (!all.limit.empty()) break;
    }
    return all;
}

// Takes the outcome of a search in which nothing was broken further: the eventually-properties. The
// first broken one becomes the outcome's, with its lasso as the counterexample.
template <System S>
void look_for_lassos(const S& system, const std::vector<Eventually<typename S::State>>& properties,
                     const Limits& limits, Outcome& outcome) {
    if (properties.empty() || outcome.verdict != Verdict::clean) return;
    const Explored all = explored(system, properties, limits);
    if (!all.limit.empty()) {
        outcome.verdict = Verdict::inconclusive;
        outcome.limit = all.limit;
        return;
    }
    for (std::size_t p = 0; p < properties.size(); ++p) {
        const Duties duties = duties_in(all.transitions, properties[p].duty_of);
        std::optional<Lasso> nearest;
        bool ever_pending = false;
        for (const std::vector<bool>& pending : all.pending[p]) {
            for (const bool each : pending) ever_pending = ever_pending || each;
            const auto lasso = fair_lasso(all.transitions, pending, duties);
            if (lasso && (!nearest || lasso->stem.size() < nearest->stem.size())) nearest = lasso;
        }
        if (ever_pending && !nearest) continue;
        outcome.verdict = Verdict::violation;
        outcome.broken = std::string(properties[p].name) + (ever_pending ? "" : "-reached");
        outcome.breaks = ever_pending
                             ? properties[p].breaks
                             : "nothing was ever pending, so it was checked in vain: vacuous";
        if (!ever_pending) {
            outcome.unreached.push_back(outcome.broken);
            return;
        }
        std::vector<Taken> path;
        for (const auto* part : {&nearest->stem, &nearest->round})
            for (const std::uint32_t each : *part) path.push_back(all.transitions.taken[each]);
        outcome.counterexample = in_words(system, path);
        outcome.depth = path.size();
        outcome.repeat = Repeat{nearest->stem.size(), nearest->over};
        return;
    }
}

}  // namespace zcv::checker
