#include "model/checker/visited.hpp"

#include <new>
#include <vector>

#include "model/ensure.hpp"

namespace zcv::checker {
namespace {

constexpr std::size_t cells_first = 1024;

}  // namespace

std::size_t HashTable::cells_after_growth() const {
    // A quarter at a time: the table stays between 64 and 80 % full, 10 to 12.5 bytes a state.
    return cells_.size() == 0 ? cells_first : cells_.size() + cells_.size() / 4;
}

void HashTable::place(std::uint64_t cell, std::uint64_t hash_mask) {
    cells_[find(cell & hash_mask, [](std::uint64_t) { return false; })] = cell;
}

// A run of filled cells starts at or below the home of everything in it, and homes only move up.
// So, going down from the end, a run can be lifted out and put back above its start: nothing that
// still waits is in the way. Only the run at cell 0 can hold cells that wrapped around the end; it
// waits.
bool HashTable::grow(std::uint64_t hash_mask) {
    const std::size_t cells_old = cells_.size();
    if (!cells_.grow(cells_after_growth())) return false;
    threshold_ = cells_.size() / 5 * 4;

    std::vector<std::uint64_t> first;
    for (std::size_t i = 0; i < cells_old && cells_[i] != 0; ++i) {
        first.push_back(cells_[i]);
        cells_[i] = 0;
    }
    std::vector<std::uint64_t> run;
    for (std::size_t i = cells_old; i > 0; --i) {
        if (cells_[i - 1] == 0) {
            for (const std::uint64_t cell : run) place(cell, hash_mask);
            run.clear();
        } else {
            run.push_back(cells_[i - 1]);
            cells_[i - 1] = 0;
        }
    }
    for (const std::uint64_t cell : run) place(cell, hash_mask);
    for (const std::uint64_t cell : first) place(cell, hash_mask);
    return true;
}

WordStore::WordStore(std::size_t words, const Room& room, bool keep)
    : queue_(words), room_(room), keep_(keep) {
    ZCV_CHECK(words == 1);
    if (!table_.grow(~std::uint64_t{0})) throw std::bad_alloc();
}

Added WordStore::room_for_one() const {
    if (room_.states_max != 0 && size() >= room_.states_max) return Added::states_bound;
    const bool tight =
        room_.memory_max != 0 && bytes() + queue_.bytes_for_one_more() > room_.memory_max;
    return tight ? Added::memory_bound : Added::fresh;
}

Added WordStore::add_zero(const std::uint64_t* state) {
    if (const Added no = room_for_one(); no != Added::fresh) return no;
    has_zero_ = true;
    queue_.append(state);
    return Added::fresh;
}

bool WordStore::grow() {
    const std::uint64_t bytes_then = table_.bytes_after_growth() + queue_.bytes();
    if (room_.memory_max != 0 && bytes_then > room_.memory_max) return false;
    return table_.grow(~std::uint64_t{0});
}

SequenceStore::SequenceStore(std::size_t words, const Room& room, bool)
    : states_(words), words_(words), room_(room) {
    if (!table_.grow(hash_mask)) throw std::bad_alloc();
}

Added SequenceStore::room_for_one() const {
    if (room_.states_max != 0 && size() >= room_.states_max) return Added::states_bound;
    const bool numbered = size() + 1 < (std::uint64_t{1} << number_bits);
    const bool tight =
        room_.memory_max != 0 && bytes() + states_.bytes_for_one_more() > room_.memory_max;
    return tight || !numbered ? Added::memory_bound : Added::fresh;
}

bool SequenceStore::grow() {
    const std::uint64_t bytes_then = table_.bytes_after_growth() + states_.bytes();
    if (room_.memory_max != 0 && bytes_then > room_.memory_max) return false;
    return table_.grow(hash_mask);
}

}  // namespace zcv::checker
