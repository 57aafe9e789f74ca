#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

// Where the visited set keeps its words: nothing here knows what a state is.
namespace zcv::checker {

// What a search may use, shared by its threads. A maximum of 0 means as much as the machine has.
class Budget {
  public:
    explicit Budget(std::uint64_t max) : max_(max) {}

    bool take(std::uint64_t bytes) {
        const std::uint64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
        if (max_ == 0 || now <= max_) return true;
        give(bytes);
        return false;
    }
    void give(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
    std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
    std::uint64_t max() const { return max_; }

  private:
    std::uint64_t max_;
    std::atomic<std::uint64_t> used_{0};
};

// Zeroed 64-bit cells at addresses that never change. The address space is reserved whole, pages
// come from the machine when they are first touched, so a part of it can grow without a copy.
class Region {
  public:
    // As much as `bytes_max` (0: the machine's memory); less where the machine allows less. Throws
    // std::bad_alloc when it allows nothing.
    explicit Region(std::uint64_t bytes_max);
    ~Region();
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

    std::uint64_t* data() const { return data_; }
    std::uint64_t bytes() const { return bytes_; }
    // Huge pages for this part, where there are any: a random probe then misses one cache, not also
    // the page tables. Advice only: without them the search is slower, not wrong. want_huge() is
    // about pages not touched yet; make_huge() also puts those together that were small when the
    // part was small, and takes memory for all of it.
    void want_huge(std::uint64_t first_byte, std::uint64_t bytes) const;
    void make_huge(std::uint64_t first_byte, std::uint64_t bytes) const;

  private:
    void advise(std::uint64_t first_byte, std::uint64_t bytes, int advice) const;

    std::uint64_t* data_ = nullptr;
    std::uint64_t bytes_ = 0;
};

}  // namespace zcv::checker
