#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

// Where the visited set and the queue keep their words: nothing here knows what a state is.
namespace zcv::checker {

// Zeroed 64-bit cells that grow without a copy: the pages move by remapping, so growing never needs
// the old and the new array at once. Asks for huge pages; a random probe then misses one cache, not
// also the page tables.
class Cells {
  public:
    Cells() = default;
    ~Cells();
    Cells(const Cells&) = delete;
    Cells& operator=(const Cells&) = delete;

    bool grow(std::size_t cells);  // false: the machine refused, everything is as before
    std::size_t size() const { return size_; }
    std::uint64_t bytes() const { return size_ * sizeof(std::uint64_t); }
    std::uint64_t& operator[](std::size_t index) { return data_[index]; }
    const std::uint64_t& operator[](std::size_t index) const { return data_[index]; }

  private:
    std::uint64_t* data_ = nullptr;
    std::size_t size_ = 0;
};

// Packed states in the order they were found, in blocks that never move. `forget_before` gives back
// the blocks that hold only older states, which makes it a queue as wide as a level of the search.
class Sequence {
  public:
    static constexpr std::size_t block_states = 4096;

    explicit Sequence(std::size_t words) : words_(words) {}

    std::uint64_t size() const { return size_; }
    std::uint64_t bytes() const { return blocks_.size() * block_bytes(); }
    std::uint64_t bytes_for_one_more() const {
        return size_ % block_states == 0 ? block_bytes() : 0;
    }
    const std::uint64_t* at(std::uint64_t index) const {
        return blocks_[index / block_states - gone_].get() + index % block_states * words_;
    }
    void append(const std::uint64_t* words) {
        const std::size_t place = size_ % block_states;
        if (place == 0) blocks_.push_back(std::make_unique<std::uint64_t[]>(block_states * words_));
        std::uint64_t* const to = blocks_.back().get() + place * words_;
        for (std::size_t i = 0; i < words_; ++i) to[i] = words[i];
        ++size_;
    }
    void forget_before(std::uint64_t index) {
        for (; gone_ < index / block_states && !blocks_.empty(); ++gone_) blocks_.pop_front();
    }

  private:
    std::uint64_t block_bytes() const { return block_states * words_ * sizeof(std::uint64_t); }

    std::deque<std::unique_ptr<std::uint64_t[]>> blocks_;
    std::size_t words_;
    std::uint64_t size_ = 0;
    std::uint64_t gone_ = 0;  // blocks given back
};

}  // namespace zcv::checker
