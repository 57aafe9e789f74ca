#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "traces/by_generation.hpp"
#include "traces/history.hpp"

namespace zcv {

// The sends that a walk met, by their number from 1. One that is over may be given up.
class Histories {
  public:
    // The next one, with its number and the generation that its records name it by; 0 names none.
    SendHistory& add(std::uint32_t generation, std::uint64_t submitted_ns) {
        if (count_ == 0) start_ns_ = submitted_ns;
        SendHistory& send = of_[++count_];
        send.submitted_ns = submitted_ns;
        send.number = count_;
        send.generation = generation;
        if (generation != 0) number_of_[generation] = count_;
        return send;
    }
    // When the first was submitted; 0 without any.
    std::uint64_t start_ns() const { return start_ns_; }
    // Of all there were.
    std::uint32_t count() const { return count_; }
    SendHistory& at(std::uint32_t number) { return of_.at(number); }
    const SendHistory& at(std::uint32_t number) const { return of_.at(number); }
    // Null when it was given up, or never was.
    const SendHistory* find(std::uint32_t number) const { return of_.find(number); }
    // The newest of this generation.
    const SendHistory* of_generation(std::uint32_t generation) const {
        const std::uint32_t* const number = number_of_.find(generation);
        return number == nullptr ? nullptr : of_.find(*number);
    }
    // A finding is about it: it is not given up.
    void keep(std::uint32_t number) { kept_.insert(number); }
    void forget(std::uint32_t number) {
        if (kept_.contains(number)) return;
        const std::uint32_t generation = at(number).generation;
        const std::uint32_t* const newest = number_of_.find(generation);
        if (newest != nullptr && *newest == number) number_of_.erase(generation);
        of_.erase(number);
    }
    // All that are left, in the order of their numbers.
    std::vector<SendHistory> left() {
        std::vector<SendHistory> all;
        all.reserve(of_.size());
        of_.for_each([&](SendHistory& send) { all.push_back(send); });
        return all;
    }

  private:
    ByGeneration<SendHistory> of_;  // by number
    ByGeneration<std::uint32_t> number_of_;
    std::unordered_set<std::uint32_t> kept_;
    std::uint32_t count_ = 0;
    std::uint64_t start_ns_ = 0;
};

}  // namespace zcv
