#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
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
        return place == 0 ? nullptr : &values_[place - 1];
    }
    const Value* find(std::uint32_t generation) const {
        const std::uint32_t place = place_of(generation);
        return place == 0 ? nullptr : &values_[place - 1];
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
        values_.emplace_back();
        place(generation) = static_cast<std::uint32_t>(values_.size());
        return values_.back();
    }
    // In the order in which they came.
    auto begin() { return values_.begin(); }
    auto end() { return values_.end(); }

  private:
    std::uint32_t place_of(std::uint32_t generation) const {
        if (generation < near_.size() && near_[generation] != 0) return near_[generation];
        if (far_.empty()) return 0;
        const auto found = far_.find(generation);
        return found == far_.end() ? 0 : found->second;
    }
    std::uint32_t& place(std::uint32_t generation) {
        constexpr std::size_t room = 4096;
        if (generation >= near_.size() && generation < 2 * near_.size() + room)
            near_.resize(generation + room);
        return generation < near_.size() ? near_[generation] : far_[generation];
    }

    using Blocks = boost::container::deque_options<boost::container::block_size<64U>>::type;
    boost::container::deque<Value, void, Blocks> values_;
    std::vector<std::uint32_t> near_;  // by generation: one more than its place, 0 none
    std::unordered_map<std::uint32_t, std::uint32_t> far_;
};

}  // namespace zcv
