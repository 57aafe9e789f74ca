#include "model/checker/frontier.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace zcv::checker {

void Frontier::spill_to(const std::string& folder) {
    for (auto& file : spill_) {
        file = std::make_unique<LevelFile>();
        file->create_temporary(folder, words_);
    }
}

bool Frontier::open(Side& side) {
    if (!side.spare.empty()) {
        side.open.own = std::move(side.spare.back());
        side.spare.pop_back();
    } else {
        if (!budget_.take(bytes_of(block_entries))) return false;
        side.open.own.reset(new std::uint64_t[block_entries * words_]);
    }
    side.open.entries = side.open.own.get();
    return true;
}

bool Frontier::close(Side& side) {
    Block block = std::exchange(side.open, {});
    if (LevelFile* const disk = disk_for_found()) {
        block.at = disk->append(LevelFile::states, found_, block.count, block.entries,
                                block.count * words_);
        if (block.at == LevelFile::none) return false;
        if (block.own != nullptr && !keep_) {
            side.spare.push_back(std::move(block.own));
            block.entries = nullptr;
        }
    }
    side.closed.push_back(std::move(block));
    return true;
}

// What is kept for good takes only what it needs.
bool Frontier::shrink(Block& block) {
    if (block.own == nullptr || block.count == block_entries) return true;
    if (!budget_.take(bytes_of(block.count) + sizeof(Block))) return false;
    std::unique_ptr<std::uint64_t[]> exact(new std::uint64_t[block.count * words_]);
    std::copy_n(block.entries, block.count * words_, exact.get());
    block.own = std::move(exact);
    block.entries = block.own.get();
    budget_.give(bytes_of(block_entries));
    return true;
}

bool Frontier::turn_over(std::uint64_t level) {
    bool fits = true;
    for (Side& side : sides_)
        if (side.open.count > 0) fits = close(side) && fits;
    if (keep_ && level > 0) kept_.push_back(std::exchange(level_, {}));
    level_.clear();
    for (Side& side : sides_) {
        std::move(side.closed.begin(), side.closed.end(), std::back_inserter(level_));
        side.closed.clear();
    }
    if (keep_)
        for (Block& block : level_) fits = shrink(block) && fits;
    found_ = level + 1;
    if (record_ == nullptr && spill_[found_ % 2] != nullptr) spill_[found_ % 2]->clear();
    return fits;
}

const std::uint64_t* Frontier::entries_of(const Block& block, std::uint64_t* buffer) const {
    if (block.entries != nullptr) return block.entries;
    const LevelFile* const disk = record_ != nullptr ? record_ : spill_[(found_ + 1) % 2].get();
    return disk->read(block.at, buffer, block.count * words_) ? buffer : nullptr;
}

void Frontier::done(unsigned thread, Block& block) {
    if (keep_ || block.own == nullptr) return;
    std::vector<std::unique_ptr<std::uint64_t[]>>& spare = sides_[thread].spare;
    // As many as a thread can fill before it is given the next ones.
    constexpr std::size_t spare_max = 4;
    if (spare.size() < spare_max) {
        spare.push_back(std::move(block.own));
    } else {
        block.own.reset();
        budget_.give(bytes_of(block_entries));
    }
    block.entries = nullptr;
}

std::string Frontier::complaint() const {
    if (record_ != nullptr) return record_->complaint();
    for (const auto& file : spill_)
        if (file != nullptr && !file->complaint().empty()) return file->complaint();
    return "";
}

}  // namespace zcv::checker
