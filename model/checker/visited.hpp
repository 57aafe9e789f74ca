#pragma once

#include <cstddef>
#include <cstdint>

#include "model/checker/memory.hpp"

// The states found so far, exactly: no hash compaction, so no state is ever mistaken for another.
// Both stores give every state once, in the order it was added, which is the order of the search.
namespace zcv::checker {

// What a store may use; 0 means as much as the machine has.
struct Room {
    std::uint64_t states_max = 0;
    std::uint64_t memory_max = 0;
};

enum class Added { seen, fresh, states_bound, memory_bound };

// Open addressing with linear probing over cells whose home is monotone in the hash. Growing keeps
// the order, so a table is spread out in place, from its end to its start, in one sequential pass.
class HashTable {
  public:
    // Where `hash` lives, or the empty cell that ends its search. `same(cell)` tells.
    template <class Same>
    std::size_t find(std::uint64_t hash, Same&& same) const {
        std::size_t at = home(hash);
        while (cells_[at] != 0 && !same(cells_[at])) at = at + 1 == cells_.size() ? 0 : at + 1;
        return at;
    }
    std::uint64_t cell(std::size_t at) const { return cells_[at]; }
    void fill(std::size_t at, std::uint64_t cell) {
        cells_[at] = cell;
        ++filled_;
    }
    bool must_grow() const { return filled_ >= threshold_; }
    std::size_t cells_after_growth() const;
    std::uint64_t bytes() const { return cells_.bytes(); }
    std::uint64_t bytes_after_growth() const { return cells_after_growth() * 8; }
    // `hash_mask` are the bits of a cell that are its hash, the highest ones. False: no memory.
    bool grow(std::uint64_t hash_mask);
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(&cells_[home(hash)], 1, 1); }

  private:
    std::size_t home(std::uint64_t hash) const {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>((Wide{hash} * cells_.size()) >> 64);
    }
    void place(std::uint64_t cell, std::uint64_t hash_mask);

    Cells cells_;
    std::size_t filled_ = 0;
    std::size_t threshold_ = 0;
};

// States of one word. The cell is the mixed word itself: mixing is a bijection, so nothing is lost,
// and a table grows without hashing again. The queue holds about one level and forgets the rest,
// unless it is told to keep everything.
class WordStore {
  public:
    WordStore(std::size_t words, const Room& room, bool keep);

    static constexpr bool keeps_always = false;
    static constexpr std::size_t words() { return 1; }
    static std::uint64_t hash(const std::uint64_t* state) {
        std::uint64_t mixed = *state;
        mixed ^= mixed >> 32;
        mixed *= 0xd6e8feb86659fd93U;
        mixed ^= mixed >> 32;
        mixed *= 0xd6e8feb86659fd93U;
        mixed ^= mixed >> 32;
        return mixed;
    }
    void prefetch(std::uint64_t mixed) const { table_.prefetch(mixed); }
    Added add(std::uint64_t mixed, const std::uint64_t* state) {
        // An empty cell is zero, so the one state that mixes to zero is remembered beside the
        // table.
        if (mixed == 0) return has_zero_ ? Added::seen : add_zero(state);
        std::size_t at = table_.find(mixed, [&](std::uint64_t cell) { return cell == mixed; });
        if (table_.cell(at) != 0) return Added::seen;
        if (const Added no = room_for_one(); no != Added::fresh) return no;
        if (table_.must_grow()) {
            if (!grow()) return Added::memory_bound;
            at = table_.find(mixed, [](std::uint64_t) { return false; });
        }
        table_.fill(at, mixed);
        queue_.append(state);
        return Added::fresh;
    }
    const std::uint64_t* at(std::uint64_t index) const { return queue_.at(index); }
    void done_before(std::uint64_t index) {
        if (!keep_) queue_.forget_before(index);
    }
    std::uint64_t size() const { return queue_.size(); }
    std::uint64_t bytes() const { return table_.bytes() + queue_.bytes(); }

  private:
    Added room_for_one() const;
    Added add_zero(const std::uint64_t* state);
    bool grow();

    HashTable table_;
    Sequence queue_;
    Room room_;
    bool keep_;
    bool has_zero_ = false;
};

// States of several words: all of them in one sequence, and a table of their numbers. The upper
// bits of a cell are hash, so most probes of other states never touch the sequence.
class SequenceStore {
  public:
    SequenceStore(std::size_t words, const Room& room, bool keep);

    static constexpr bool keeps_always = true;
    std::size_t words() const { return words_; }
    std::uint64_t hash(const std::uint64_t* state) const {
        std::uint64_t mixed = 0x9e3779b97f4a7c15U;
        for (std::size_t i = 0; i < words_; ++i)
            mixed = WordStore::hash(&state[i]) + rotated(mixed);
        return WordStore::hash(&mixed);
    }
    void prefetch(std::uint64_t mixed) const { table_.prefetch(mixed); }
    Added add(std::uint64_t mixed, const std::uint64_t* state) {
        const auto same = [&](std::uint64_t cell) {
            return ((cell ^ mixed) & hash_mask) == 0 && equal(number_of(cell), state);
        };
        std::size_t at = table_.find(mixed & hash_mask, same);
        if (table_.cell(at) != 0) return Added::seen;
        if (const Added no = room_for_one(); no != Added::fresh) return no;
        if (table_.must_grow()) {
            if (!grow()) return Added::memory_bound;
            at = table_.find(mixed & hash_mask, [](std::uint64_t) { return false; });
        }
        table_.fill(at, (mixed & hash_mask) | (states_.size() + 1));
        states_.append(state);
        return Added::fresh;
    }
    const std::uint64_t* at(std::uint64_t index) const { return states_.at(index); }
    void done_before(std::uint64_t) {}
    std::uint64_t size() const { return states_.size(); }
    std::uint64_t bytes() const { return table_.bytes() + states_.bytes(); }

  private:
    static constexpr unsigned number_bits = 34;
    static constexpr std::uint64_t hash_mask = ~std::uint64_t{0} << number_bits;

    static std::uint64_t number_of(std::uint64_t cell) { return (cell & ~hash_mask) - 1; }
    static std::uint64_t rotated(std::uint64_t word) {
        return ((word << 25) | (word >> 39)) * 0x9e3779b97f4a7c15U;
    }
    bool equal(std::uint64_t number, const std::uint64_t* state) const {
        const std::uint64_t* const other = states_.at(number);
        for (std::size_t i = 0; i < words_; ++i)
            if (other[i] != state[i]) return false;
        return true;
    }
    Added room_for_one() const;
    bool grow();

    HashTable table_;
    Sequence states_;
    std::size_t words_;
    Room room_;
};

}  // namespace zcv::checker
