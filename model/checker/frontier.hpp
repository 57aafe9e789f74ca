#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/checker/level_file.hpp"
#include "model/checker/memory.hpp"

// The level that is expanded and the one that is found meanwhile, as blocks of entries: what the
// visited set holds, a packed state or a group of them. Every thread fills blocks of its own. A
// block lies in memory, in the store, or on disk.
namespace zcv::checker {

inline constexpr std::uint32_t block_entries = 1024;

struct Block {
    std::unique_ptr<std::uint64_t[]> own;
    const std::uint64_t* entries = nullptr;  // null: on disk
    std::uint64_t at = LevelFile::none;      // where there
    std::uint32_t count = 0;
};

class Frontier {
  public:
    // `keep`: levels stay in memory after they were expanded, to find a path back through them.
    Frontier(Budget& budget, std::size_t words, unsigned threads, bool keep)
        : budget_(budget), words_(words), keep_(keep), sides_(threads) {}

    // Keeps the frontier in files of this folder.
    void spill_to(const std::string& folder);
    // Writes every level to `file` as well, and entries that are not held elsewhere only there.
    void record_in(LevelFile& file) { record_ = &file; }

    // The entry is copied. False: no room, in memory or on disk.
    bool append(unsigned thread, const std::uint64_t* entry) {
        Side& side = sides_[thread];
        if (side.open.count == block_entries && !close(side)) return false;
        if (side.open.own == nullptr && !open(side)) return false;
        std::uint64_t* const to = side.open.own.get() + side.open.count++ * words_;
        for (std::size_t i = 0; i < words_; ++i) to[i] = entry[i];
        return true;
    }
    // Members of a group join those of it that were found not long before: they will be expanded
    // together.
    bool append_group(unsigned thread, std::uint64_t hash, const std::uint64_t* entry) {
        Side& side = sides_[thread];
        std::uint16_t& at = side.recent[hash % side.recent.size()];
        if (at < side.open.count && side.open.own[at * 2U] == entry[0]) {
            side.open.own[at * 2U + 1] |= entry[1];
            return true;
        }
        if (!append(thread, entry)) return false;
        at = static_cast<std::uint16_t>(side.open.count - 1);
        return true;
    }
    // The state stays where it is.
    bool append_held(unsigned thread, const std::uint64_t* state) {
        Side& side = sides_[thread];
        Block& open = side.open;
        const bool follows = open.count > 0 && open.count < block_entries &&
                             state == open.entries + open.count * words_;
        if (!follows) {
            if (open.count > 0 && !close(side)) return false;
            side.open.entries = state;
        }
        ++side.open.count;
        return true;
    }
    // A block that lies on disk already: of a search that is resumed.
    void append_read(std::uint64_t at, std::uint32_t count) {
        sides_[0].closed.push_back(Block{nullptr, nullptr, at, count});
    }

    // What was found becomes the level to expand, numbered `level`. False: the disk is full.
    bool turn_over(std::uint64_t level);
    std::vector<Block>& level() { return level_; }
    const std::vector<std::vector<Block>>& kept() const { return kept_; }
    // The entries of a block; `buffer` has room for them. Null when the disk does not give them.
    const std::uint64_t* entries_of(const Block& block, std::uint64_t* buffer) const;
    void done(unsigned thread, Block& block);
    // Why the disk did not take something, "" when it took everything.
    std::string complaint() const;

  private:
    struct alignas(64) Side {
        Block open;
        std::vector<Block> closed;
        std::vector<std::unique_ptr<std::uint64_t[]>> spare;
        std::array<std::uint16_t, 4 * block_entries> recent{};  // where in the open block
    };

    std::uint64_t bytes_of(std::uint64_t entries) const { return entries * words_ * 8; }
    bool open(Side& side);
    bool close(Side& side);
    bool shrink(Block& block);
    LevelFile* disk_for_found() { return record_ != nullptr ? record_ : spill_[found_ % 2].get(); }

    Budget& budget_;
    std::size_t words_;  // of an entry
    bool keep_;
    std::vector<Side> sides_;
    std::vector<Block> level_;
    std::vector<std::vector<Block>> kept_;
    std::array<std::unique_ptr<LevelFile>, 2> spill_;  // in turn: one is read, one is written
    LevelFile* record_ = nullptr;
    std::uint64_t found_ = 0;  // number of the level that is found
};

}  // namespace zcv::checker
