#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "traces/zcv_event.h"

// Payloads of several iovecs. The address of the first is no name for one: a header in front of
// different data is at the same place each time, and what follows it in memory is not sent.
namespace zcv {

class Gathered {
  public:
    // A ZCV_VECTOR.
    void see(const zcv_event& vector);
    // The ZCV_SUBMIT or ZCV_CALL that follows them; if it does not fit them, why.
    std::optional<std::string> settle(const zcv_event& send);
    // Whether a touch, as touches() takes it, concerns the payload of a submission with this
    // address and length; its `owner` is the layout.
    bool touched(const zcv_event& touch, std::uint64_t addr, std::uint64_t len,
                 std::uint64_t layout) const;

  private:
    struct Piece {
        std::uint64_t addr;
        std::uint64_t len;
    };
    using Pieces = std::vector<Piece>;
    std::unordered_map<std::uint32_t, Pieces> announced_;  // by generation
    std::unordered_map<std::uint64_t, Pieces> pieces_;     // by layout
};

}  // namespace zcv
