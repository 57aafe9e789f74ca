#include "realimpl/capture_kernel_stacks.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "realimpl/observer_shared.h"

namespace zcv {
namespace {

// How the kernel came to call the observer: no part of what was observed.
bool is_of_observing(const std::string& function) {
    return function.starts_with("bpf_") || function.starts_with("__bpf_") ||
           function.starts_with("__traceiter_") || function.starts_with("stack_trace_") ||
           function.starts_with("__do_trace_") || function.starts_with("trampoline_");
}

}  // namespace

void KernelStacks::read_symbols() {
    std::ifstream file{"/proc/kallsyms"};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line};
        std::uint64_t address = 0;
        char type = 0;
        std::string name, module;
        words >> std::hex >> address >> type >> name >> module;
        // Without the right to see addresses all of them are 0.
        if (address == 0 || (type != 't' && type != 'T' && type != 'w' && type != 'W')) continue;
        symbols_.try_emplace(address, module.empty() ? name : name + " " + module);
    }
}

std::string KernelStacks::name_of(std::uint64_t address) const {
    const auto after = symbols_.upper_bound(address);
    if (after == symbols_.begin()) return fmt::format("{:#x}", address);
    const auto& [begin, name] = *std::prev(after);
    return fmt::format("{}+{:#x}", name, address - begin);
}

std::optional<std::vector<std::string>> KernelStacks::take(std::uint16_t number) {
    if (told_.test(number)) return std::nullopt;
    const __u32 index = number;
    zcv_kernel_stack stack{};
    if (bpf_map_lookup_elem(map_fd_, &index, &stack) != 0 || stack.frames[0] == 0)
        return std::nullopt;
    if (symbols_.empty()) read_symbols();
    told_.set(number);
    std::vector<std::string> lines;
    for (const __u64 address : stack.frames) {
        if (address == 0) break;
        std::string name = name_of(address);
        if (lines.empty() && is_of_observing(name)) continue;
        lines.push_back(std::move(name));
    }
    return lines;
}

}  // namespace zcv
