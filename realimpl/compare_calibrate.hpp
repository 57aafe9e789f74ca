#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/clock/costs.hpp"
#include "realimpl/compare_measure.hpp"

namespace zcv::compare {

// The simulator's costs, from primitives that were timed on this machine by themselves. No way to
// send that is compared is among them: what goes through a socket there is refused by the protocol
// at once, or is one byte.
class Calibration {
  public:
    // What has to be timed. `paths` must have batches of 1 and 8; the first place must be the ifb.
    static std::vector<Turn> turns(const std::vector<clock::DataPath>& paths,
                                   const std::vector<std::uint32_t>& sizes, std::size_t places);

    Calibration(const std::vector<Turn>& turns, const std::vector<clock::DataPath>& paths,
                std::vector<Place> places, std::vector<std::uint32_t> sizes);

    const std::vector<Place>& places() const { return places_; }
    const std::vector<std::uint32_t>& sizes() const { return sizes_; }

    // Of the medians.
    clock::Costs at(std::size_t place, std::uint32_t bytes) const;
    // Of one round alone.
    std::size_t rounds() const;
    clock::Costs at(std::size_t place, std::uint32_t bytes, std::size_t round) const;
    // Of a cost of its own over the rounds.
    Interval interval(clock::Cost cost, std::size_t place, std::uint32_t bytes) const;
    // What could not be timed here: "" when all of it was.
    std::string missing() const;

  private:
    // Nanoseconds a time of this turn: in one round, or the median.
    double time(std::size_t place, clock::DataPath path, std::uint32_t bytes,
                std::optional<std::size_t> round) const;
    double time(std::size_t place, Primitive primitive, std::uint32_t bytes,
                std::optional<std::size_t> round) const;
    double time(const Order& order, std::size_t place, std::optional<std::size_t> round) const;
    clock::Costs costs(std::size_t place, std::uint32_t bytes,
                       std::optional<std::size_t> round) const;

    std::vector<Turn> turns_;
    std::vector<clock::DataPath> paths_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> sizes_;
};

// Pages that a payload at the beginning of one touches.
std::uint32_t pages_of(std::uint32_t bytes);

}  // namespace zcv::compare
