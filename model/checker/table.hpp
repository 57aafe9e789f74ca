#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "model/checker/memory.hpp"

// The hash table under the visited set: open addressing, linear probing, one compare-and-swap for a
// new state and none for a known one. It is cut into partitions by the highest bits of the hash;
// each grows by itself, so the others go on while one is spread out. A cell is a word that holds
// its hash, or such a word and a second one beside it that moves along and is its owner's.
namespace zcv::checker {

// A thread's part in a table. Between two turns it holds no position in any partition, which is
// what somebody who wants to move cells waits for.
class alignas(64) Hand {
  public:
    void begin_turn() { turn_.fetch_add(1, std::memory_order_seq_cst); }
    void end_turn() { turn_.fetch_add(1, std::memory_order_seq_cst); }
    void next_turn() { turn_.fetch_add(2, std::memory_order_seq_cst); }
    std::uint64_t turn() const { return turn_.load(std::memory_order_seq_cst); }
    static bool at_work(std::uint64_t turn) { return turn % 2 != 0; }

  private:
    template <std::size_t CellWords>
    friend class Table;
    static constexpr std::size_t partitions = 16;
    std::atomic<std::uint64_t> turn_{0};
    std::array<std::uint32_t, partitions> unreported_{};  // cells filled, not yet in the count
};

enum class Inserted : std::uint8_t {
    seen,     // it was there
    fresh,    // it is there now
    waiting,  // its partition is being spread out: come again
    crowded,  // its partition must grow first
    no_room,  // nothing could be made of it: make() returned 0
};
enum class Grown : std::uint8_t { yes, somebody_else, no_memory };

template <std::size_t CellWords>
class Table {
  public:
    using Word = std::atomic<std::uint64_t>;
    // Where it was found or put; null when it was neither.
    struct Found {
        Inserted how;
        Word* cell = nullptr;
    };

    // `hash_mask` are the bits of a cell that are its hash, the highest ones: they alone decide
    // where it lives, so that cells can be moved without knowing what they stand for.
    Table(Budget& budget, std::uint64_t hash_mask, unsigned threads);

    Hand& hand(unsigned thread) { return hands_[thread]; }

    // Looks for a cell of this hash with same(first word); where there is none puts make() there.
    template <class Same, class Make>
    Found insert(Hand& hand, std::uint64_t hash, Same&& same, Make&& make) {
        Partition& part = parts_[hash >> partition_shift];
        if (part.growing.load(std::memory_order_seq_cst)) return {Inserted::waiting};
        const std::size_t size = part.size.load(std::memory_order_relaxed);
        if (size == 0) return {Inserted::crowded};
        for (std::size_t at = home(hash, size);; at = at + 1 == size ? 0 : at + 1) {
            Word* const cell = part.words + at * CellWords;
            std::uint64_t first = cell->load(std::memory_order_acquire);
            if (first == 0) {
                if (part.filled.load(std::memory_order_relaxed) >=
                    part.threshold.load(std::memory_order_relaxed))
                    return {Inserted::crowded};
                const std::uint64_t made = make();
                if (made == 0) return {Inserted::no_room};
                if (put(*cell, first, made)) {
                    report(hand, part, size);
                    return {Inserted::fresh, cell};
                }
            }
            if (same(first)) return {Inserted::seen, cell};
        }
    }
    void prefetch(std::uint64_t hash) const {
        const Partition& part = parts_[hash >> partition_shift];
        const std::size_t size = part.size.load(std::memory_order_relaxed);
        __builtin_prefetch(part.words + home(hash, size) * CellWords, 0, 3);
    }
    // Called within a turn, which it interrupts.
    Grown grow(Hand& hand, std::uint64_t hash);
    bool alone() const { return hands_.size() == 1; }

  private:
    static constexpr std::size_t cell_bytes = CellWords * sizeof(std::uint64_t);
    static constexpr unsigned partition_bits = 4;
    static constexpr unsigned partition_shift = 64 - partition_bits;
    static_assert(Hand::partitions == std::size_t{1} << partition_bits);

    struct alignas(64) Partition {
        Word* words = nullptr;
        std::atomic<std::size_t> size{0};  // cells
        std::atomic<std::size_t> threshold{0};
        std::atomic<std::size_t> filled{0};
        std::atomic<bool> growing{false};
    };

    // Monotone in the hash: spreading out a partition keeps its order.
    static std::size_t home(std::uint64_t hash, std::size_t size) {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>((Wide{hash << partition_bits} * size) >> 64);
    }
    bool put(Word& cell, std::uint64_t& expected, std::uint64_t made) {
        if (!alone()) return cell.compare_exchange_strong(expected, made);
        cell.store(made, std::memory_order_relaxed);
        return true;
    }
    // A shared count would travel between the cores with every new state. Each thread keeps its own
    // and hands it in while all of them together are less than a tenth of the partition.
    void report(Hand& hand, Partition& part, std::size_t size) {
        std::uint32_t& own = hand.unreported_[static_cast<std::size_t>(&part - parts_.data())];
        if (++own * hands_.size() * 16 < size && own < 256) return;
        part.filled.fetch_add(own, std::memory_order_relaxed);
        own = 0;
    }
    void wait_for_the_others(const Hand& hand) const;
    using Cell = std::array<std::uint64_t, CellWords>;
    static Cell lift(Partition& part, std::size_t at);
    void place(Partition& part, std::size_t size, const Cell& cell) const;
    void spread(Partition& part, std::size_t size_new) const;

    Budget& budget_;
    std::uint64_t hash_mask_;
    Region region_;
    std::size_t stride_;  // cells a partition can have at most
    std::array<Partition, Hand::partitions> parts_;
    std::deque<Hand> hands_;
};

}  // namespace zcv::checker
