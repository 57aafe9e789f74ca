#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace zcv {

// What is known of each send, by its generation. A capture counts its sends from 1, so a look-up is
// an index; numbers out of all proportion, as only a broken trace has them, are looked for. What is
// in it stays where it is until it is erased, and memory goes back when its neighbours are erased
// too.
template <class Value>
class ByGeneration {
  public:
    ByGeneration() = default;
    ByGeneration(const ByGeneration&) = delete;
    ByGeneration& operator=(const ByGeneration&) = delete;

    // Asked sixteen times a record.
    [[gnu::always_inline]] Value* find(std::uint32_t generation) {
        const std::uint32_t at = generation / page_size;
        if (at < count_ && pages_[at] != nullptr) [[likely]] {
            Page& page = *pages_[at];
            const std::uint32_t place = generation % page_size;
            return (page.used >> place & 1U) != 0 ? &page.values[place] : nullptr;
        }
        return far_.empty() ? nullptr : find_far(generation);
    }
    const Value* find(std::uint32_t generation) const {
        return const_cast<ByGeneration*>(this)->find(generation);
    }
    bool contains(std::uint32_t generation) const { return find(generation) != nullptr; }
    Value& at(std::uint32_t generation) {
        if (Value* const value = find(generation)) [[likely]]
            return *value;
        throw std::out_of_range("no send of this generation");
    }
    const Value& at(std::uint32_t generation) const {
        return const_cast<ByGeneration*>(this)->at(generation);
    }
    Value& operator[](std::uint32_t generation) {
        if (Value* const value = find(generation)) [[likely]]
            return *value;
        return make(generation);
    }
    void erase(std::uint32_t generation) {
        Value* const value = find(generation);
        if (value == nullptr) return;
        --size_;
        const std::size_t at = generation / page_size;
        if (at >= pages_.size() || pages_[at] == nullptr) {
            far_.erase(generation);
            return;
        }
        std::destroy_at(value);
        Page& page = *pages_[at];
        page.used &= ~bit_of(generation);
        if (page.used == 0) spare_ = std::exchange(pages_[at], nullptr);
    }
    std::size_t size() const { return size_; }
    // By generation.
    template <class F>
    void for_each(F&& f) {
        for (const std::unique_ptr<Page>& page : pages_)
            for (std::uint64_t left = page == nullptr ? 0 : page->used; left != 0; left &= left - 1)
                f(page->values[static_cast<std::size_t>(std::countr_zero(left))]);
        for (auto& [generation, value] : far_) f(*value);
    }

  private:
    static constexpr std::uint32_t page_size = 64;
    static constexpr std::size_t room = 64;
    // What is not used is no more than memory: of many a value little is ever touched.
    struct Page {
        std::uint64_t used = 0;
        union {
            std::array<Value, page_size> values;
        };

        Page() {}
        ~Page() {
            for (; used != 0; used &= used - 1)
                std::destroy_at(&values[static_cast<std::size_t>(std::countr_zero(used))]);
        }
        Page(const Page&) = delete;
        Page& operator=(const Page&) = delete;
    };

    static std::uint64_t bit_of(std::uint32_t generation) {
        return std::uint64_t{1} << (generation % page_size);
    }
    std::unique_ptr<Page> new_page() {
        return spare_ != nullptr ? std::move(spare_) : std::make_unique<Page>();
    }
    [[gnu::noinline]] Value& make(std::uint32_t generation) {
        ++size_;
        const std::size_t at = generation / page_size;
        if (at >= pages_.size() && at < 2 * pages_.size() + room) {
            pages_.resize(at + 1);
            count_ = static_cast<std::uint32_t>(pages_.size());
        }
        if (at >= pages_.size()) return *(far_[generation] = std::make_unique<Value>());
        if (pages_[at] == nullptr) pages_[at] = new_page();
        pages_[at]->used |= bit_of(generation);
        return *std::construct_at(&pages_[at]->values[generation % page_size]);
    }
    [[gnu::noinline]] Value* find_far(std::uint32_t generation) {
        const auto found = far_.find(generation);
        return found == far_.end() ? nullptr : found->second.get();
    }

    std::vector<std::unique_ptr<Page>> pages_;  // null: nothing there, or nothing any more
    std::uint32_t count_ = 0;                   // of them
    std::unique_ptr<Page> spare_;
    std::size_t size_ = 0;
    std::unordered_map<std::uint32_t, std::unique_ptr<Value>> far_;
};

// Which generations are of sends that nothing is known of any more: a bit each.
class Forgotten {
  public:
    bool contains(std::uint32_t generation) const {
        return generation < near_.size() ? near_[generation] : far_.contains(generation);
    }
    void insert(std::uint32_t generation) {
        constexpr std::size_t room = 65536;
        if (generation >= near_.size() && generation < 2 * near_.size() + room)
            near_.resize(generation + room);
        if (generation < near_.size())
            near_[generation] = true;
        else
            far_.insert(generation);
    }

  private:
    std::vector<bool> near_;
    std::unordered_set<std::uint32_t> far_;
};

}  // namespace zcv
