#include "traces/stacks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcv {

std::vector<std::string> lines_of(const Trace& trace, std::uint32_t number) {
    const auto found = std::ranges::find(trace.stacks, number, &Stack::number);
    std::vector<std::string> lines;
    if (found == trace.stacks.end()) return lines;
    for (const StackFrame& frame : found->frames) {
        std::string line = frame.function.empty() ? fmt::format("{:#x}", frame.ip) : frame.function;
        if (!frame.file.empty()) line += fmt::format("  {}:{}", frame.file, frame.line);
        if (!frame.module.empty()) line += fmt::format("  ({}+{:#x})", frame.module, frame.offset);
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace zcv
