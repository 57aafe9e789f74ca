#include "model/checker/table.hpp"

#include <algorithm>
#include <thread>
#include <vector>

namespace zcv::checker {
namespace {

constexpr std::size_t cells_first = 512;
constexpr std::uint64_t huge_from_bytes = std::uint64_t{2} << 20;

}  // namespace

template <std::size_t CellWords>
Table<CellWords>::Table(Budget& budget, std::uint64_t hash_mask, unsigned threads)
    // Partitions fill alike, but not to the state: a little more room than their share.
    : budget_(budget),
      hash_mask_(hash_mask),
      region_(budget.max() / 16 * 17),
      stride_(region_.bytes() / Hand::partitions / 4096 * 4096 / cell_bytes) {
    static_assert(sizeof(Word) == sizeof(std::uint64_t));
    for (std::size_t i = 0; i < parts_.size(); ++i)
        parts_[i].words = reinterpret_cast<Word*>(region_.data() + i * stride_ * CellWords);
    for (unsigned i = 0; i < threads; ++i) hands_.emplace_back();
}

template <std::size_t CellWords>
void Table<CellWords>::wait_for_the_others(const Hand& hand) const {
    for (const Hand& other : hands_) {
        const std::uint64_t turn = other.turn();
        if (&other == &hand || !Hand::at_work(turn)) continue;
        while (other.turn() == turn) std::this_thread::yield();
    }
}

template <std::size_t CellWords>
Grown Table<CellWords>::grow(Hand& hand, std::uint64_t hash) {
    Partition& part = parts_[hash >> partition_shift];
    if (part.growing.exchange(true, std::memory_order_seq_cst)) return Grown::somebody_else;
    const auto done = [&](Grown how) {
        part.growing.store(false, std::memory_order_seq_cst);
        return how;
    };
    const std::size_t size = part.size.load();
    if (part.filled.load() < part.threshold.load()) return done(Grown::somebody_else);
    // A quarter at a time: a partition stays between 60 and 75 % full, 10.7 to 13.3 bytes a cell
    // of a state.
    const std::size_t size_new =
        std::min(stride_, size == 0 ? cells_first : (size + size / 4) / 8 * 8);
    if (size_new <= size || !budget_.take((size_new - size) * cell_bytes))
        return done(Grown::no_memory);
    // Whoever waits for this hand need not: it holds a position in no other partition.
    hand.end_turn();
    wait_for_the_others(hand);
    const auto first_byte = static_cast<std::uint64_t>(reinterpret_cast<char*>(part.words) -
                                                       reinterpret_cast<char*>(region_.data()));
    const std::uint64_t bytes_new = size_new * cell_bytes;
    spread(part, size_new);
    if (bytes_new >= huge_from_bytes) region_.make_huge(first_byte, bytes_new);
    hand.begin_turn();
    return done(Grown::yes);
}

template <std::size_t CellWords>
typename Table<CellWords>::Cell Table<CellWords>::lift(Partition& part, std::size_t at) {
    Cell cell{};
    for (std::size_t i = 0; i < CellWords; ++i) {
        Word& word = part.words[at * CellWords + i];
        cell[i] = word.load(std::memory_order_relaxed);
        word.store(0, std::memory_order_relaxed);
    }
    return cell;
}

template <std::size_t CellWords>
void Table<CellWords>::place(Partition& part, std::size_t size, const Cell& cell) const {
    std::size_t at = home(cell.front() & hash_mask_, size);
    while (part.words[at * CellWords].load(std::memory_order_relaxed) != 0)
        at = at + 1 == size ? 0 : at + 1;
    for (std::size_t i = 0; i < CellWords; ++i)
        part.words[at * CellWords + i].store(cell[i], std::memory_order_relaxed);
}

// A run of filled cells starts at or below the home of everything in it, and homes only move up.
// So, going down from the end, a run can be lifted out and put back above its start: nothing that
// still waits is in the way. Only the run at cell 0 can hold cells that wrapped around the end; it
// waits.
template <std::size_t CellWords>
void Table<CellWords>::spread(Partition& part, std::size_t size_new) const {
    const std::size_t size_old = part.size.load();
    std::vector<Cell> first;
    for (std::size_t i = 0; i < size_old; ++i) {
        const Cell cell = lift(part, i);
        if (cell.front() == 0) break;
        first.push_back(cell);
    }
    std::vector<Cell> run;
    for (std::size_t i = size_old; i > 0; --i) {
        const Cell cell = lift(part, i - 1);
        if (cell.front() != 0) {
            run.push_back(cell);
            continue;
        }
        for (const Cell& each : run) place(part, size_new, each);
        run.clear();
    }
    for (const Cell& each : run) place(part, size_new, each);
    for (const Cell& each : first) place(part, size_new, each);
    part.size.store(size_new);
    part.threshold.store(size_new / 4 * 3);
}

template class Table<1>;
template class Table<2>;

}  // namespace zcv::checker
