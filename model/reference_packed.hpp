#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "model/checker/memory.hpp"
#include "model/reference.hpp"  // which includes this file at its end

// The steps of a reference state that fits into one word, without reading it field by field. Steps
// that look at and change the same few bits form a group; what they do to one pattern of those bits
// is worked out once, by their guards and effects, and kept as the numbers to add to the word. So
// guards and effects stay the only place where a step is written.
namespace zcv::reference {

struct Piece {
    unsigned at = 0, bits = 0;
};

// Bits of a word in a few pieces, lowest first, as an index.
template <std::size_t Pieces>
class Bits {
  public:
    Bits() = default;
    explicit Bits(const std::array<Piece, Pieces>& pieces) {
        for (std::size_t i = 0; i < Pieces; ++i) {
            const std::uint64_t own = ((std::uint64_t{1} << pieces[i].bits) - 1) << pieces[i].at;
            // What is moved down to `count_` is moved by the difference.
            ZCV_CHECK((mask_ & own) == 0 && pieces[i].at >= count_);
            masks_[i] = own;
            shifts_[i] = pieces[i].at - count_;
            mask_ |= own;
            count_ += pieces[i].bits;
        }
    }

    unsigned count() const { return count_; }
    std::uint64_t index(std::uint64_t word) const {
        std::uint64_t index = 0;
        for (std::size_t i = 0; i < Pieces; ++i) index |= (word & masks_[i]) >> shifts_[i];
        return index;
    }
    std::uint64_t of(std::uint64_t word) const { return word & mask_; }

  private:
    std::array<std::uint64_t, Pieces> masks_{};
    std::array<unsigned, Pieces> shifts_{};
    std::uint64_t mask_ = 0;
    unsigned count_ = 0;
};

class Packed {
  public:
    struct Move {
        std::uint64_t add = 0;
        std::uint8_t step = 0;
    };
    // All successors of a word, by guard and effect: calls the visitor with what was taken and the
    // word after it.
    using Visit = std::function<void(checker::Taken, std::uint64_t)>;
    using Slowly = std::function<void(std::uint64_t word, const Visit&)>;
    // Whether every always-property holds in a word.
    using Holds = std::function<bool(std::uint64_t word)>;

    Packed(const Layout& layout, Slowly slowly, Holds holds);

    template <class Visitor>
    void for_each_next(std::uint64_t word, Visitor&& visit) const {
        for (unsigned r = 0; r < requests_; ++r) {
            take(local_[r], word, visit);
            const auto pc = Pc{static_cast<std::uint8_t>(word >> pc_at_[r] & 7)};
            if (pc == Pc::idle) take(submit_[r], word, visit);
            if (pc == Pc::submitted || pc == Pc::issuing || pc == Pc::tw)
                take(push_[r], word, visit);
        }
        take(write_, word, visit);
        const std::uint64_t entry = word >> cq_at_ & entry_mask_;
        if (entry != 0) take(consume_[(entry - 1) / 3], word, visit);
    }

    // The properties speak of each request with its buffer, and of the head of the queue with its
    // request: so they hold when they hold for each of these by itself.
    bool surely_holds(std::uint64_t word) const {
        for (unsigned r = 0; r < requests_; ++r)
            if (!holds_for(r, word)) return false;
        const std::uint64_t entry = word >> cq_at_ & entry_mask_;
        if (entry == 0) return true;
        const unsigned got = word >> got_at_[(entry - 1) / 3] & 1;
        return head_holds_[entry][got];
    }

  private:
    static constexpr unsigned index_bits_max = 24;

    // Steps with the same footprint, and what they do to each pattern of it: 0 is not worked out
    // yet, else where the moves are and, in the highest byte, how many.
    template <std::size_t Pieces>
    struct Patterns {
        Bits<Pieces> footprint;
        std::unique_ptr<checker::Region> table;
        std::atomic<std::uint64_t>* cells = nullptr;
    };
    using Group = Patterns<2>;

    template <class Visitor>
    void take(const Group& group, std::uint64_t word, Visitor& visit) const {
        if (group.cells == nullptr) return take_slowly(group, word, visit);
        std::atomic<std::uint64_t>& cell = group.cells[group.footprint.index(word)];
        std::uint64_t moves = cell.load(std::memory_order_acquire);
        if (moves == 0) moves = work_out(group, cell, word);
        const auto* move = reinterpret_cast<const Move*>(moves & address_mask);
        for (std::uint64_t left = moves >> 56; left > 0; --left, ++move)
            visit(move->step, word + move->add);
    }
    template <class Visitor>
    void take_slowly(const Group& group, std::uint64_t word, Visitor& visit) const {
        for (const Move& move : moves_of(group, word)) visit(move.step, word + move.add);
    }
    bool holds_for(unsigned r, std::uint64_t word) const {
        const Patterns<3>& group = holds_[r];
        if (group.cells == nullptr) return holds_slowly_(group.footprint.of(word));
        const std::uint64_t index = group.footprint.index(word);
        std::atomic<std::uint64_t>& cell = group.cells[index / 32];
        const unsigned shift = index % 32 * 2;
        const std::uint64_t known = cell.load(std::memory_order_relaxed) >> shift & 3;
        if (known != 0) return known == 1;
        const bool holds = holds_slowly_(group.footprint.of(word));
        cell.fetch_or(std::uint64_t{holds ? 1U : 2U} << shift, std::memory_order_relaxed);
        return holds;
    }

    template <std::size_t Pieces>
    static Patterns<Pieces> patterns_of(const std::array<Piece, Pieces>& of, unsigned cells_a_word);
    const Group& group_of(checker::Taken taken, std::uint64_t word) const;
    std::vector<Move> moves_of(const Group& group, std::uint64_t word) const;
    std::uint64_t work_out(const Group& group, std::atomic<std::uint64_t>& cell,
                           std::uint64_t word) const;

    static constexpr std::uint64_t address_mask = (std::uint64_t{1} << 56) - 1;

    Slowly slowly_;
    Holds holds_slowly_;
    unsigned requests_;
    unsigned cq_at_;
    std::uint64_t entry_mask_;
    std::array<unsigned, 4> pc_at_{};
    std::array<unsigned, 4> got_at_{};
    std::array<Group, 4> local_, submit_, push_, consume_;
    std::array<Patterns<3>, 4> holds_;
    Group write_;
    std::array<std::array<bool, 2>, 16> head_holds_{};
    // Lists of moves are made once and stay where they are.
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<Move[]>> lists_;
};

}  // namespace zcv::reference
