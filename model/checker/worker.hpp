#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/checker/frontier.hpp"
#include "model/checker/limits.hpp"
#include "model/checker/successors.hpp"
#include "model/checker/system.hpp"
#include "model/checker/visited.hpp"
#include "model/ensure.hpp"

// One thread of a search and what the threads share.
namespace zcv::checker {

// What all threads of a search see.
template <System S, class Store>
struct Shared {
    using Clock = std::chrono::steady_clock;

    Shared(const S& the_system, const Limits& the_limits, bool keep)
        : system(the_system),
          limits(the_limits),
          entry_words(Store::entry_words(the_system.words())),
          budget(the_limits.memory_max),
          store(budget, the_system.words(), the_limits.threads),
          frontier(budget, entry_words, the_limits.threads, keep) {}

    // The first bound that is hit ends the search of every thread.
    void halt(const std::string& why) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (limit.empty()) limit = why;
        halted = true;
    }
    double seconds() const { return std::chrono::duration<double>(Clock::now() - started).count(); }

    const S& system;
    const Limits& limits;
    std::size_t entry_words;
    Budget budget;
    Store store;
    Frontier frontier;
    std::atomic<std::size_t> block_next{0};
    std::atomic<std::uint64_t> states{0};       // handed in block by block, exact at a level's end
    std::atomic<std::uint64_t> transitions{0};  // likewise
    std::atomic<std::uint64_t> tickets{0};      // states taken, where their number is bounded
    std::atomic<std::uint64_t> reached{0};      // sometimes-properties, by number
    std::atomic<bool> halted{false};
    std::mutex mutex;
    std::string limit;
    Clock::time_point started = Clock::now();
};

// Successors wait in a line before they are looked up, so that their part of the visited set is in
// the cache by then: while one line fills, what the other needs is on its way.
template <System S, class Store>
class Worker {
  public:
    using State = typename S::State;

    Worker(Shared<S, Store>& shared, unsigned thread)
        : shared_(shared),
          thread_(thread),
          words_(shared.system.words()),
          entry_words_(shared.entry_words),
          successors_(shared.system, shared.limits),
          fresh_(shared.system.initial()),
          lines_{Line(entry_words_), Line(entry_words_)},
          member_(words_),
          after_(words_),
          buffer_(block_entries * entry_words_),
          taken_(shared.system.steps().size()) {
        if constexpr (filters) forget_recent();
        std::uint64_t number = 0;
        for (const Property<State>& property : shared.system.properties()) {
            if (property.must == Must::always)
                always_.push_back(&property);
            else
                unreached_.push_back({number++, &property});
        }
        ZCV_CHECK(number <= 64);
    }

    // Expands blocks of the level until none is left or the search ends.
    void expand_level() {
        try {
            expand_blocks();
        } catch (const std::bad_alloc&) {
            shared_.halt("memory: the machine has no more");
        }
        shared_.states += std::exchange(states_, 0);
        shared_.transitions += std::exchange(transitions_, 0);
        shared_.reached |= reached_;
    }

    // The state that everything begins with, or one that a checkpoint holds.
    void add(const std::uint64_t* state) {
        shared_.store.hand(thread_).begin_turn();
        enter<Store>(state, words_, slot());
        push();
        settle_all();
        shared_.store.hand(thread_).end_turn();
        shared_.states += std::exchange(states_, 0);
        shared_.reached |= reached_;
    }

    // An entry of a search that is resumed: its properties were looked at then. `expand`: it
    // belongs to the level that is next.
    void add_known(const std::uint64_t* known, bool expand) {
        std::vector<std::uint64_t> entry(known, known + entry_words_);
        const std::uint64_t hash = shared_.store.hash(entry.data());
        shared_.store.hand(thread_).begin_turn();
        Inserted how = shared_.store.insert(thread_, hash, entry.data());
        while (how == Inserted::crowded && shared_.store.grow(thread_, hash) == Grown::yes)
            how = shared_.store.insert(thread_, hash, entry.data());
        shared_.store.hand(thread_).end_turn();
        if (how != Inserted::fresh && how != Inserted::seen) return out_of_room();
        if constexpr (Store::holds_states) {
            if (expand) shared_.frontier.append_held(thread_, shared_.store.newest(thread_));
        }
    }

    // States of the level that is found in which an always-property does not hold.
    const std::vector<std::uint64_t>& broken() const { return broken_; }
    std::vector<std::uint64_t>& taken() { return taken_; }

  private:
    static constexpr std::size_t line_places = 64;
    static constexpr std::size_t recent_places = std::size_t{1} << 14;
    static constexpr bool filters = !Store::holds_states && !Store::holds_groups;

    struct Line {
        explicit Line(std::size_t words) : entries(line_places * words) {}
        std::vector<std::uint64_t> entries;
        std::array<std::uint64_t, line_places> hashes{};
        std::size_t count = 0;
    };

    void expand_blocks() {
        Hand& hand = shared_.store.hand(thread_);
        const std::uint64_t known = shared_.reached;
        std::erase_if(unreached_, [&](const auto& each) { return (known >> each.first & 1) != 0; });
        hand.begin_turn();
        std::vector<Block>& level = shared_.frontier.level();
        while (!shared_.halted) {
            const std::size_t number = shared_.block_next.fetch_add(1);
            if (number >= level.size()) break;
            expand(level[number]);
            hand.next_turn();
            settle_deferred();
            pause(level.size(), number);
        }
        settle_all();
        hand.end_turn();
    }

    void expand(Block& block) {
        const std::uint64_t* const entries = shared_.frontier.entries_of(block, buffer_.data());
        if (entries == nullptr) return shared_.halt("disk: the frontier cannot be read again");
        for (std::uint32_t i = 0; i < block.count; ++i) expand_entry(entries + i * entry_words_);
        shared_.frontier.done(thread_, block);
    }
    void expand_entry(const std::uint64_t* entry) {
        if constexpr (GroupedSteps<S> && Store::holds_groups) {
            if (successors_.in_groups()) {
                return shared_.system.for_each_of_group(group_of<Store>(entry),
                                                        [this](std::uint8_t step, Group to) {
                                                            count(step, to.size());
                                                            push(to);
                                                        });
            }
        }
        each_state<Store>(entry, member_.data(),
                          [this](const std::uint64_t* state) { expand_state(state); });
    }
    void expand_state(const std::uint64_t* state) {
        if constexpr (Store::holds_groups) {
            successors_.visit(
                state, [this] { return after_.data(); },
                [this](std::uint8_t step) {
                    count(step, 1);
                    push(Group::of(after_.front()));
                });
        } else {
            successors_.visit(
                state, [this] { return slot(); },
                [this](std::uint8_t step) {
                    count(step, 1);
                    push();
                });
        }
    }
    void count(std::uint8_t step, std::uint64_t times) {
        transitions_ += times;
        taken_[step] += times;
    }

    // Where the next successor is written; it joins the line with push().
    std::uint64_t* slot() { return &filling_->entries[filling_->count * entry_words_]; }
    void push() {
        if (++filling_->count == line_places) turn_lines();
    }
    // Without a branch that nobody can foresee: a group without members is written over.
    void push(Group group) {
        std::uint64_t* const to = slot();
        to[0] = group.word;
        to[1] = group.members;
        filling_->count += group.members != 0;
        if (filling_->count == line_places) turn_lines();
    }
    void turn_lines() {
        look_ahead(*filling_);
        settle(*waiting_);
        std::swap(filling_, waiting_);
    }
    void look_ahead(Line& line) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < line.count; ++i) {
            const std::uint64_t* const entry = &line.entries[i * entry_words_];
            const std::uint64_t hash = shared_.store.hash(entry);
            if constexpr (filters) {
                if (was_recent(hash, entry)) continue;
                if (kept != i) std::copy_n(entry, entry_words_, &line.entries[kept * entry_words_]);
            }
            line.hashes[kept++] = hash;
            shared_.store.prefetch(hash);
        }
        line.count = kept;
    }
    void settle(Line& line) {
        for (std::size_t i = 0; i < line.count; ++i)
            settle(line.hashes[i], &line.entries[i * entry_words_]);
        line.count = 0;
    }

    // Steps that commute lead to the same state by two ways, one soon after the other. Where a word
    // tells states apart, that is seen without going to memory.
    bool was_recent(std::uint64_t hash, const std::uint64_t* state) {
        const std::uint64_t identity = Store::identity(hash, state);
        std::uint64_t& recent = recent_[recent_place(hash, identity)];
        if (recent == identity) return true;
        recent = identity;
        return false;
    }
    static std::size_t recent_place(std::uint64_t hash, std::uint64_t identity) {
        return (hash >> 20 ^ identity) % recent_places;
    }
    // No place may hold what belongs there: nothing was seen yet.
    void forget_recent() {
        std::vector<std::uint64_t> state(words_);
        const auto next = [&](std::size_t not_at) {
            for (;; ++state[0]) {
                const std::uint64_t hash = shared_.store.hash(state.data());
                const std::uint64_t identity = Store::identity(hash, state.data());
                const std::size_t at = recent_place(hash, identity);
                if (at != not_at) return std::pair(at, identity);
            }
        };
        const auto [at, identity] = next(recent_places);
        recent_.assign(recent_places, identity);
        recent_[at] = next(at).second;
    }

    void settle(std::uint64_t hash, std::uint64_t* entry) {
        for (;;) {
            const Inserted how = shared_.store.insert(thread_, hash, entry);
            if (how == Inserted::seen) return;
            if (how == Inserted::fresh) return found(hash, entry);
            if (how == Inserted::waiting) return defer(hash, entry);
            if (how == Inserted::no_room) return out_of_room();
            const Grown grown = shared_.store.grow(thread_, hash);
            if (grown == Grown::somebody_else) return defer(hash, entry);
            if (grown == Grown::no_memory) return out_of_room();
        }
    }

    void defer(std::uint64_t hash, const std::uint64_t* entry) {
        deferred_hashes_.push_back(hash);
        deferred_.insert(deferred_.end(), entry, entry + entry_words_);
    }

    // What could not be looked up because its partition was being spread out.
    void settle_deferred() {
        if (deferred_hashes_.empty()) return;
        const std::vector<std::uint64_t> hashes = std::exchange(deferred_hashes_, {});
        std::vector<std::uint64_t> entries = std::exchange(deferred_, {});
        for (std::size_t i = 0; i < hashes.size(); ++i)
            settle(hashes[i], &entries[i * entry_words_]);
    }

    void settle_all() {
        turn_lines();
        turn_lines();
        while (!deferred_hashes_.empty() && !shared_.halted) {
            shared_.store.hand(thread_).next_turn();
            std::this_thread::yield();
            settle_deferred();
        }
    }

    void found(std::uint64_t hash, std::uint64_t* entry) {
        if (shared_.limits.states_max != 0 && !take_tickets(entry)) return;
        states_ += states_in<Store>(entry);
        bool fits = false;
        if constexpr (Store::holds_groups)
            fits = shared_.frontier.append_group(thread_, hash, entry);
        else if constexpr (Store::holds_states)
            fits = shared_.frontier.append_held(thread_, shared_.store.newest(thread_));
        else
            fits = shared_.frontier.append(thread_, entry);
        if (!fits) out_of_room();
        if constexpr (GroupedProperties<S>) {
            if (unreached_.empty() && shared_.system.surely_hold(group_of<Store>(entry))) return;
        }
        each_state<Store>(entry, member_.data(),
                          [this](const std::uint64_t* state) { look(state); });
    }

    // Leaves in the entry as many states as may still be found. False: none.
    bool take_tickets(std::uint64_t* entry) {
        const std::uint64_t states_max = shared_.limits.states_max;
        std::uint64_t wanted = states_in<Store>(entry);
        const std::uint64_t before = shared_.tickets.fetch_add(wanted);
        if (before + wanted > states_max) shared_.halt("states: " + std::to_string(states_max));
        if (before >= states_max) return false;
        if constexpr (Store::holds_groups)
            for (; before + wanted > states_max; --wanted) entry[1] &= entry[1] - 1;
        return true;
    }

    void look(const std::uint64_t* state) {
        shared_.system.unpack(state, fresh_);
        std::erase_if(unreached_, [&](const auto& each) {
            if (!each.second->holds(fresh_)) return false;
            reached_ |= std::uint64_t{1} << each.first;
            return true;
        });
        for (const Property<State>* property : always_) {
            if (property->holds(fresh_)) continue;
            broken_.insert(broken_.end(), state, state + words_);
            return;
        }
    }

    void out_of_room() {
        const std::string disk = shared_.frontier.complaint();
        shared_.halt(!disk.empty()
                         ? disk
                         : "memory: " + std::to_string(shared_.budget.used()) + " bytes in use");
    }

    // What happens now and then: look at the clock and at what others want, report.
    void pause(std::size_t blocks, std::size_t number) {
        shared_.states += std::exchange(states_, 0);
        shared_.transitions += std::exchange(transitions_, 0);
        const Limits& limits = shared_.limits;
        if (limits.stop != nullptr && *limits.stop) shared_.halt("interrupted");
        const double now_s = shared_.seconds();
        if (limits.time_max_s > 0 && now_s >= limits.time_max_s)
            shared_.halt("time: " + in_short(limits.time_max_s) + " s");
        if (thread_ == 0 && on_pause) on_pause(blocks - number);
    }

    static std::string in_short(double number) {
        std::ostringstream text;
        text << number;
        return text.str();
    }

  public:
    std::function<void(std::size_t blocks_left)> on_pause;  // of the first thread

  private:
    Shared<S, Store>& shared_;
    unsigned thread_;
    std::size_t words_;
    std::size_t entry_words_;
    Successors<S> successors_;
    State fresh_;  // the newest state, for the properties
    std::array<Line, 2> lines_;
    Line* filling_ = &lines_[0];
    Line* waiting_ = &lines_[1];
    std::vector<std::uint64_t> deferred_;
    std::vector<std::uint64_t> deferred_hashes_;
    std::vector<std::uint64_t> recent_;  // what was looked up not long ago
    std::vector<std::uint64_t> member_;  // a state of a group that is looked at
    std::vector<std::uint64_t> after_;   // a successor that becomes a member of its group
    std::vector<std::uint64_t> buffer_;  // a block from disk
    std::vector<std::uint64_t> taken_;
    std::vector<const Property<State>*> always_;
    std::vector<std::pair<std::uint64_t, const Property<State>*>> unreached_;
    std::uint64_t reached_ = 0;
    std::vector<std::uint64_t> broken_;
    std::uint64_t states_ = 0;
    std::uint64_t transitions_ = 0;
};

}  // namespace zcv::checker
