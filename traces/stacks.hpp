#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace zcv {

// Whether records of this kind have in `res` the number of a stack, 0 where none was taken.
constexpr bool has_stack(const zcv_event& event) {
    return event.kind == ZCV_SUBMIT || event.kind == ZCV_CALL || event.kind == ZCV_WRITE ||
           event.kind == ZCV_FREE;
}

// The stack of that number in words, innermost frame first: "overwrite  client.c:31 (client+0x1f)".
// Empty when the trace has none.
std::vector<std::string> lines_of(const Trace& trace, std::uint32_t number);

}  // namespace zcv
