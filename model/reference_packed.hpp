#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "model/checker/memory.hpp"
#include "model/reference.hpp"  // which includes this file at its end

// The steps of reference states that fit into one word, group by group, without reading them field
// by field. Steps that look at and change the same few bits form a set; what they do to one pattern
// of those bits is worked out once, by their guards and effects, and kept as the numbers to add to
// the word and the members to move. So guards and effects stay the only place where a step is
// written.
namespace zcv::reference {

struct Piece {
    unsigned at = 0, bits = 0;
};

// Bits of a word in a few pieces, lowest first: those above a group's members as an index, and
// which of the members' own bits.
template <std::size_t Pieces>
class Bits {
  public:
    Bits() = default;
    explicit Bits(const std::array<Piece, Pieces>& pieces) {
        for (std::size_t i = 0; i < Pieces; ++i) {
            const std::uint64_t all = ((std::uint64_t{1} << pieces[i].bits) - 1) << pieces[i].at;
            const std::uint64_t own = all & ~checker::Group::low;
            low_ |= all & checker::Group::low;
            if (own == 0) continue;
            const auto at = static_cast<unsigned>(std::countr_zero(own));
            // What is moved down to `count_` is moved by the difference.
            ZCV_CHECK((mask_ & own) == 0 && at >= count_);
            masks_[i] = own;
            shifts_[i] = at - count_;
            mask_ |= own;
            count_ += static_cast<unsigned>(std::popcount(own));
        }
    }

    unsigned count() const { return count_; }
    std::uint64_t index(std::uint64_t word) const {
        std::uint64_t index = 0;
        for (std::size_t i = 0; i < Pieces; ++i) index |= (word & masks_[i]) >> shifts_[i];
        return index;
    }
    std::uint64_t of(std::uint64_t word) const { return word & (mask_ | low_); }
    // The members that agree with the state in the bits that are looked at.
    std::uint64_t alike(std::uint64_t state) const {
        std::uint64_t members = 0;
        for (unsigned i = 0; i < 64; ++i)
            if (((i ^ state) & low_) == 0) members |= std::uint64_t{1} << i;
        return members;
    }

  private:
    std::array<std::uint64_t, Pieces> masks_{};
    std::array<unsigned, Pieces> shifts_{};
    std::uint64_t mask_ = 0;
    std::uint64_t low_ = 0;
    unsigned count_ = 0;
};

class Packed {
  public:
    // All successors of a word, by guard and effect: calls the visitor with what was taken and the
    // word after it.
    using Visit = std::function<void(checker::Taken, std::uint64_t)>;
    using Slowly = std::function<void(std::uint64_t word, const Visit&)>;
    // Whether every always-property holds in a word.
    using Holds = std::function<bool(std::uint64_t word)>;

    Packed(const Layout& layout, Slowly slowly, Holds holds);

    template <class Visitor>
    void for_each_next(checker::Group group, Visitor&& visit) const {
        const std::uint64_t word = group.word;
        for (unsigned r = 0; r < requests_; ++r) {
            take(local_[r], group, visit);
            const auto pc = Pc{static_cast<std::uint8_t>(word >> pc_at_[r] & 7)};
            if (pc == Pc::idle) take(submit_[r], group, visit);
            if (pc == Pc::submitted || pc == Pc::issuing || pc == Pc::tw)
                take(push_[r], group, visit);
        }
        take(write_, group, visit);
        const std::uint64_t entry = word >> cq_at_ & entry_mask_;
        if (entry != 0) take(consume_[(entry - 1) / 3], group, visit);
    }

    // The properties speak of each request with its buffer, and of the head of the queue with its
    // request: so they hold when they hold for each of these by itself.
    bool surely_hold(checker::Group group) const {
        for (unsigned r = 0; r < requests_; ++r)
            if ((group.members & ~holding(r, group.word)) != 0) return false;
        const std::uint64_t entry = group.word >> cq_at_ & entry_mask_;
        if (entry == 0) return true;
        const unsigned got = group.word >> got_at_[(entry - 1) / 3] & 1;
        return head_holds_[entry][got];
    }

  private:
    static constexpr unsigned index_bits_max = 24;

    // What a step does to those members of a group that can take it.
    struct Move {
        std::uint64_t from = 0;  // members
        std::uint64_t add = 0;   // to the word
        std::int8_t shift = 0;   // of the members
        std::uint8_t step = 0;
    };
    struct Moves {
        std::uint64_t known = 0;  // the members for which they are worked out
        std::vector<Move> all;
    };
    // Something for each pattern of the bits that are looked at; no cells when they are too many.
    template <std::size_t Pieces, class Cell>
    struct Patterns {
        Bits<Pieces> footprint;
        std::unique_ptr<checker::Region> table;
        std::atomic<Cell>* cells = nullptr;

        std::atomic<Cell>& cell_of(std::uint64_t word) const {
            return cells[footprint.index(word)];
        }
    };
    using StepSet = Patterns<2, const Moves*>;
    using Holding = Patterns<3, std::uint64_t>;

    template <class Visitor>
    void take(const StepSet& set, checker::Group group, Visitor& visit) const {
        if (set.cells == nullptr) return take_slowly(set, group, visit);
        const Moves* moves = set.cell_of(group.word).load(std::memory_order_acquire);
        if (moves == nullptr || (group.members & ~moves->known) != 0) moves = work_out(set, group);
        for (const Move& move : moves->all) take(move, group, visit);
    }
    template <class Visitor>
    static void take(const Move& move, checker::Group group, Visitor& visit) {
        visit(move.step, checker::Group{group.word + move.add,
                                        std::rotl(group.members & move.from, move.shift)});
    }
    template <class Visitor>
    void take_slowly(const StepSet& set, checker::Group group, Visitor& visit) const {
        Moves moves;
        learn(set, group, moves);
        for (const Move& move : moves.all) take(move, group, visit);
    }
    // The members that every property holds for, as far as this request goes. A cell of 0 is not
    // worked out, or holds for none, which is what a search ends with.
    std::uint64_t holding(unsigned r, std::uint64_t word) const {
        const Holding& set = holds_[r];
        if (set.cells == nullptr) return holding_slowly(set, word);
        std::atomic<std::uint64_t>& cell = set.cell_of(word);
        const std::uint64_t known = cell.load(std::memory_order_relaxed);
        if (known != 0) return known;
        const std::uint64_t members = holding_slowly(set, word);
        cell.store(members, std::memory_order_relaxed);
        return members;
    }

    template <class Set, std::size_t Pieces>
    static Set patterns_of(const std::array<Piece, Pieces>& of);
    const StepSet& set_of(checker::Taken taken, std::uint64_t word) const;
    void learn(const StepSet& set, checker::Group group, Moves& moves) const;
    const Moves* work_out(const StepSet& set, checker::Group group) const;
    std::uint64_t holding_slowly(const Holding& set, std::uint64_t word) const;

    Slowly slowly_;
    Holds holds_slowly_;
    unsigned requests_;
    unsigned cq_at_;
    std::uint64_t entry_mask_;
    std::array<unsigned, 4> pc_at_{};
    std::array<unsigned, 4> got_at_{};
    std::array<StepSet, 4> local_, submit_, push_, consume_;
    std::array<Holding, 4> holds_;
    StepSet write_;
    std::array<std::array<bool, 2>, 16> head_holds_{};
    // Moves are never changed and stay where they are: somebody may be reading them.
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<const Moves>> lists_;
};

}  // namespace zcv::reference
