#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/checker/memory.hpp"
#include "model/checker/system.hpp"
#include "model/checker/table.hpp"

// The states found so far, in one of three ways. Exact: no state is ever taken for another.
// Fingerprint: a state is 64 bits of hash. Bitstate: a state is three bits of a word. What is put
// into a store is an entry: a packed state, or a group of them. Stores of single states that do not
// hold them offer identity(): what two states have in common if and only if the store cannot tell
// them apart; it determines the hash.
namespace zcv::checker {

enum class Visited : std::uint8_t { exact, fingerprint, bitstate };

// A bijection: nothing of the word is lost.
inline std::uint64_t mixed(std::uint64_t word) {
    word ^= word >> 32;
    word *= 0xd6e8feb86659fd93U;
    word ^= word >> 32;
    word *= 0xd6e8feb86659fd93U;
    word ^= word >> 32;
    return word;
}

// A bijection too, for who goes by the highest bits: two steps fewer.
inline std::uint64_t mixed_upwards(std::uint64_t word) {
    word *= 0xd6e8feb86659fd93U;
    word ^= word >> 32;
    word *= 0xd6e8feb86659fd93U;
    return word;
}

inline std::uint64_t mixed(const std::uint64_t* words, std::size_t count) {
    if (count == 1) return mixed(*words);
    std::uint64_t all = 0x9e3779b97f4a7c15U;
    for (std::size_t i = 0; i < count; ++i)
        all = mixed(words[i]) + ((all << 25) | (all >> 39)) * 0x9e3779b97f4a7c15U;
    return mixed(all);
}

// One-word states, exactly, in groups: the cell of a group is its word, mixed, and beside it a bit
// for each of its states. A system whose steps change the lowest bits more often than others is
// explored with fewer cells than it has states. An entry is a group's word and its members.
class GroupStore {
  public:
    static constexpr bool holds_states = false;
    static constexpr bool holds_groups = true;

    GroupStore(Budget& budget, std::size_t words, unsigned threads);

    Hand& hand(unsigned thread) { return table_.hand(thread); }
    static constexpr std::size_t entry_words(std::size_t) { return 2; }
    // One more than the number of the group, so that none is zero, which is an empty cell.
    static std::uint64_t hash(const std::uint64_t* entry) {
        return mixed_upwards((entry[0] >> Group::bits) + 1);
    }
    void prefetch(std::uint64_t hash) const { table_.prefetch(hash); }
    // Leaves in the entry the members that were not there.
    Inserted insert(unsigned thread, std::uint64_t hash, std::uint64_t* entry) {
        const auto found = table_.insert(
            hand(thread), hash, [hash](std::uint64_t cell) { return cell == hash; },
            [hash] { return hash; });
        if (found.cell == nullptr) return found.how;
        Table<2>::Word& members = found.cell[1];
        std::uint64_t there = members.load(std::memory_order_relaxed);
        if ((entry[1] & ~there) == 0) return Inserted::seen;
        if (table_.alone())
            members.store(there | entry[1], std::memory_order_relaxed);
        else
            there = members.fetch_or(entry[1], std::memory_order_relaxed);
        entry[1] &= ~there;
        return entry[1] != 0 ? Inserted::fresh : Inserted::seen;
    }
    Grown grow(unsigned thread, std::uint64_t hash) { return table_.grow(hand(thread), hash); }
    static double miss_probability(std::uint64_t) { return 0; }

  private:
    Table<2> table_;
};

// States as their mixed words: fingerprints, but exact when a state is one word.
class CellStore {
  public:
    static constexpr bool holds_states = false;  // they must be kept elsewhere to be expanded
    static constexpr bool holds_groups = false;

    CellStore(Budget& budget, std::size_t words, unsigned threads)
        : table_(budget, ~std::uint64_t{0}, threads), words_(words) {}

    Hand& hand(unsigned thread) { return table_.hand(thread); }
    static constexpr std::size_t entry_words(std::size_t words) { return words; }
    std::uint64_t hash(const std::uint64_t* state) const { return mixed(state, words_); }
    static std::uint64_t identity(std::uint64_t hash, const std::uint64_t*) { return hash; }
    void prefetch(std::uint64_t hash) const { table_.prefetch(hash); }
    Inserted insert(unsigned thread, std::uint64_t hash, const std::uint64_t*) {
        // An empty cell is zero, so the one state that mixes to zero is remembered beside the
        // table.
        if (hash == 0) return has_zero_.exchange(true) ? Inserted::seen : Inserted::fresh;
        return table_
            .insert(
                hand(thread), hash, [hash](std::uint64_t cell) { return cell == hash; },
                [hash] { return hash; })
            .how;
    }
    Grown grow(unsigned thread, std::uint64_t hash) { return table_.grow(hand(thread), hash); }
    // How likely it is that some state was taken for another, at most: every pair may collide.
    double miss_probability(std::uint64_t states) const;

  private:
    Table<1> table_;
    std::size_t words_;
    std::atomic<bool> has_zero_{false};
};

// States of several words at fixed places, and a table of their numbers. The upper bits of a cell
// are hash, so most probes of other states never touch the states.
class SlotStore {
  public:
    static constexpr bool holds_states = true;
    static constexpr bool holds_groups = false;

    SlotStore(Budget& budget, std::size_t words, unsigned threads);

    Hand& hand(unsigned thread) { return table_.hand(thread); }
    static constexpr std::size_t entry_words(std::size_t words) { return words; }
    std::uint64_t hash(const std::uint64_t* state) const {
        return mixed(state, words_) & hash_mask;
    }
    void prefetch(std::uint64_t hash) const { table_.prefetch(hash); }
    Inserted insert(unsigned thread, std::uint64_t hash, const std::uint64_t* state) {
        const auto same = [&](std::uint64_t cell) {
            return (cell & hash_mask) == hash && equal(state_at(number_of(cell)), state);
        };
        Place& place = places_[thread];
        const Inserted how =
            table_.insert(hand(thread), hash, same, [&] { return reserve(place, hash, state); })
                .how;
        if (how == Inserted::fresh) ++place.next;
        return how;
    }
    Grown grow(unsigned thread, std::uint64_t hash) { return table_.grow(hand(thread), hash); }
    // Where the state that this thread inserted last lies, for as long as the store.
    const std::uint64_t* newest(unsigned thread) const {
        return state_at(places_[thread].next - 1);
    }
    static double miss_probability(std::uint64_t) { return 0; }

  private:
    static constexpr unsigned number_bits = 34;
    static constexpr std::uint64_t hash_mask = ~std::uint64_t{0} << number_bits;
    static constexpr std::uint64_t chunk_states = 512;

    // The places that a thread may fill.
    struct alignas(64) Place {
        std::uint64_t next = 0;
        std::uint64_t end = 0;
    };

    static std::uint64_t number_of(std::uint64_t cell) { return (cell & ~hash_mask) - 1; }
    std::uint64_t* state_at(std::uint64_t number) const { return states_.data() + number * words_; }
    bool equal(const std::uint64_t* a, const std::uint64_t* b) const {
        for (std::size_t i = 0; i < words_; ++i)
            if (a[i] != b[i]) return false;
        return true;
    }
    // Writes the state to this thread's next place and returns the cell that stands for it. When
    // another thread was faster, the place is simply written again.
    std::uint64_t reserve(Place& place, std::uint64_t hash, const std::uint64_t* state) {
        if (place.next == place.end && !next_chunk(place)) return 0;
        std::uint64_t* const to = state_at(place.next);
        for (std::size_t i = 0; i < words_; ++i) to[i] = state[i];
        return hash | (place.next + 1);
    }
    bool next_chunk(Place& place);

    Budget& budget_;
    Table<1> table_;
    Region states_;
    std::size_t words_;
    std::atomic<std::uint64_t> chunks_{0};
    std::vector<Place> places_;
};

// A Bloom filter of the size it is given: never full, and ever more often wrong. All bits of a
// state are in one word, so that exactly one thread finds it new.
class BitStore {
  public:
    static constexpr bool holds_states = false;
    static constexpr bool holds_groups = false;

    BitStore(Budget& budget, std::size_t words, unsigned threads);

    Hand& hand(unsigned thread) { return hands_[thread]; }
    static constexpr std::size_t entry_words(std::size_t words) { return words; }
    std::uint64_t hash(const std::uint64_t* state) const { return mixed(state, words_); }
    static std::uint64_t identity(std::uint64_t hash, const std::uint64_t*) { return hash; }
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(&bits_[place(hash)], 1, 1); }
    Inserted insert(unsigned, std::uint64_t hash, const std::uint64_t*) {
        const std::uint64_t own = std::uint64_t{1} << (hash & 63) |
                                  std::uint64_t{1} << (hash >> 6 & 63) |
                                  std::uint64_t{1} << (hash >> 12 & 63);
        std::atomic<std::uint64_t>& word = bits_[place(hash)];
        if ((word.load(std::memory_order_relaxed) & own) == own) return Inserted::seen;
        const bool fresh = (word.fetch_or(own, std::memory_order_relaxed) & own) != own;
        return fresh ? Inserted::fresh : Inserted::seen;
    }
    static Grown grow(unsigned, std::uint64_t) { return Grown::no_memory; }
    // How likely it is that the last state found was wrongly taken for a known one.
    double miss_probability(std::uint64_t states) const;

  private:
    std::size_t place(std::uint64_t hash) const {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>((Wide{hash} * count_) >> 64);
    }

    Region region_;
    std::atomic<std::uint64_t>* bits_;
    std::size_t count_;
    std::size_t words_;
    std::deque<Hand> hands_;
};

// Between states and entries of a store.
template <class Store>
void enter(const std::uint64_t* state, std::size_t words, std::uint64_t* entry) {
    if constexpr (Store::holds_groups) {
        const Group group = Group::of(*state);
        entry[0] = group.word;
        entry[1] = group.members;
    } else {
        for (std::size_t i = 0; i < words; ++i) entry[i] = state[i];
    }
}
// Of one-word states.
template <class Store>
Group group_of(const std::uint64_t* entry) {
    if constexpr (Store::holds_groups) return {entry[0], entry[1]};
    return Group::of(*entry);
}
template <class Store>
std::uint64_t states_in(const std::uint64_t* entry) {
    if constexpr (Store::holds_groups) return group_of<Store>(entry).size();
    return 1;
}
// `room` is for a state of a group.
template <class Store, class Use>
void each_state(const std::uint64_t* entry, std::uint64_t* room, Use&& use) {
    if constexpr (Store::holds_groups)
        group_of<Store>(entry).each([&](std::uint64_t word) {
            *room = word;
            use(room);
        });
    else
        use(entry);
}

}  // namespace zcv::checker
