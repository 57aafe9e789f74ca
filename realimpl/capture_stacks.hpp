#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "realimpl/capture_process.hpp"
#include "realimpl/symbols.hpp"
#include "realimpl/unwind.hpp"

namespace zcv {

// The stacks of a capture, as zcv-capture tells of them: each unwound and named, and kept once.
class CapturedStacks {
  public:
    // A frame of kind ZCV_FRAME_MAPS, ZCV_FRAME_SAMPLE or ZCV_FRAME_STACK. The stack that it
    // completes; nothing when it completes none, or one that was there before.
    std::optional<Stack> take(const Frame& frame);
    // Gives writes and submissions the number under which their stack is kept.
    void number(std::span<zcv_event> events) const;

  private:
    using Places = std::vector<std::pair<std::string, std::uint64_t>>;  // module, offset into it
    Unwinder unwinder_;
    Symbols symbols_;
    std::map<Places, std::uint32_t> kept_;
    std::map<std::uint32_t, std::uint32_t> same_as_;  // numbers of stacks that were there before
};

}  // namespace zcv
