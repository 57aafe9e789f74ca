#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/checker/counterexample.hpp"
#include "model/checker/visited.hpp"
#include "model/outcome.hpp"

// What a search is given and what it gives back.
namespace zcv::checker {

struct GraphView;  // graph.hpp

struct Progress {
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;         // of the level being expanded
    std::uint64_t frontier = 0;      // states found and not yet expanded
    std::uint64_t level_before = 0;  // states of the level before the one being expanded,
    std::uint64_t level = 0;         // and of that one
    double seconds = 0;
    std::uint64_t bytes = 0;
};

// Objects that differ in their names only are one: `on` renames buffers, requests and whatever else
// a system declares; `deep` also takes orders away that nothing reads.
enum class Symmetry : std::uint8_t { off, on, deep };

constexpr std::string_view name_of(Symmetry symmetry) {
    return symmetry == Symmetry::off ? "off" : symmetry == Symmetry::on ? "on" : "deep";
}

constexpr std::string_view name_of(Visited visited) {
    return visited == Visited::exact         ? "exact"
           : visited == Visited::fingerprint ? "fingerprint"
                                             : "bitstate";
}

// 0 is unbounded. memory_max counts the visited set and the frontier.
struct Limits {
    std::uint64_t states_max = 0;
    std::uint64_t memory_max = 0;
    double time_max_s = 0;
    std::function<void(const Progress&)> progress{};  // called about once a second

    // Called with the explored graph, for whoever draws it; `graph_for` is how refusals name who
    // that is ("check --graph x.dot"). No search then goes past `graph_states_max`.
    std::function<void(const GraphView&)> graph{};
    std::string graph_for{};
    std::uint64_t graph_states_max = 20'000;  // more no layout program draws in reasonable time

    unsigned threads = 1;
    Visited visited = Visited::exact;
    Symmetry symmetry = Symmetry::off;
    bool reduction = false;                   // partial order
    const std::atomic<bool>* stop = nullptr;  // set from outside: the search ends cleanly
    std::string frontier_folder{};            // keep the frontier in a file there
    std::string checkpoint_file{};            // write every level there
    bool resume = false;                      // ... and begin with what it holds
    std::string search_name{};                // what is searched, for the checkpoint
};

struct StepCount {
    std::string step;
    std::uint64_t times = 0;
};

// The counts of a violation are those of all levels up to the one it is on, which is completed:
// they depend neither on the order inside a level nor on the number of threads.
struct Outcome {
    Verdict verdict = Verdict::inconclusive;
    std::string broken;  // the property's name, "" when none is
    std::string breaks;  // what that means
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t depth = 0;  // longest shortest path; length of the counterexample when broken;
                              // when a bound ended it, every state this near was checked
    double seconds = 0;
    double bytes_per_state = 0;   // visited set and frontier at their largest
    double miss_probability = 0;  // of an inexact visited set
    std::vector<CounterexampleStep> counterexample;
    std::optional<Repeat> repeat;        // of an eventually-property: how it goes on for ever
    std::vector<std::string> unreached;  // sometimes-properties never true
    std::vector<StepCount> taken;        // every step of the system, how often it was taken
    std::string limit;                   // which bound ended it, "" when none did
    // What there was to use of the reductions asked for: a system may declare none.
    Symmetry symmetry = Symmetry::off;
    bool reduction = false;

    bool is_reduced() const { return symmetry != Symmetry::off || reduction; }
};

}  // namespace zcv::checker
