#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace zcv {

// The stack of that number in words, innermost frame first: "overwrite  client.c:31 (client+0x1f)".
// Empty when the trace has none.
std::vector<std::string> lines_of(const Trace& trace, std::uint32_t number);

}  // namespace zcv
