#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace zcv {

// What is known of each send, by its generation. A capture counts its sends from 1, so a look-up is
// an index; numbers out of all proportion, as only a broken trace has them, are looked for. What is
// in it stays where it is.
template <class Value>
class ByGeneration {
  public:
    Value* find(std::uint32_t generation) {
        const std::uint32_t place = place_of(generation);
        return place == 0 ? nullptr : &value_at(place - 1);
    }
    const Value* find(std::uint32_t generation) const {
        return const_cast<ByGeneration*>(this)->find(generation);
    }
    bool contains(std::uint32_t generation) const { return place_of(generation) != 0; }
    Value& at(std::uint32_t generation) {
        if (Value* const value = find(generation)) return *value;
        throw std::out_of_range("no send of this generation");
    }
    const Value& at(std::uint32_t generation) const {
        return const_cast<ByGeneration*>(this)->at(generation);
    }
    Value& operator[](std::uint32_t generation) {
        if (Value* const value = find(generation)) return *value;
        if (size_ % block_size == 0) blocks_.push_back(std::make_unique<Block>());
        place(generation) = ++size_;
        return value_at(size_ - 1);
    }
    std::size_t size() const { return size_; }
    // In the order in which they came.
    template <class F>
    void for_each(F&& f) {
        for (std::uint32_t i = 0; i < size_; ++i) f(value_at(i));
    }

  private:
    static constexpr std::uint32_t block_size = 64;
    using Block = std::array<Value, block_size>;

    Value& value_at(std::uint32_t i) { return (*blocks_[i / block_size])[i % block_size]; }
    std::uint32_t place_of(std::uint32_t generation) const {
        if (generation < near_.size() && near_[generation] != 0) return near_[generation];
        return far_.empty() ? 0 : far_place_of(generation);
    }
    [[gnu::noinline]] std::uint32_t far_place_of(std::uint32_t generation) const {
        const auto found = far_.find(generation);
        return found == far_.end() ? 0 : found->second;
    }
    std::uint32_t& place(std::uint32_t generation) {
        constexpr std::size_t room = 4096;
        if (generation >= near_.size() && generation < 2 * near_.size() + room)
            near_.resize(generation + room);
        return generation < near_.size() ? near_[generation] : far_[generation];
    }

    std::vector<std::unique_ptr<Block>> blocks_;
    std::uint32_t size_ = 0;
    std::vector<std::uint32_t> near_;  // by generation: one more than its place, 0 none
    std::unordered_map<std::uint32_t, std::uint32_t> far_;
};

}  // namespace zcv
