#include "traces/touches.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcv {

bool touches(const zcv_event& event, std::uint64_t addr, std::uint64_t len) {
    // A watchpoint is on a word, of which one byte is enough; it is counted where it begins.
    const std::uint64_t bytes = event.kind == ZCV_FREE ? std::max<std::uint32_t>(event.len, 1) : 1;
    return event.addr < addr + len && addr < event.addr + bytes;
}

Evidence evidence_of(const zcv_event& touch) {
    return touch.kind == ZCV_FREE ? Evidence::allocator : Evidence::write_watch;
}

std::string in_words(const zcv_event& touch) {
    if (touch.kind == ZCV_FREE)
        return fmt::format("thread {} called free({:#x}){}", touch.pid, touch.addr,
                           touch.len > 1 ? fmt::format(", a block of {} bytes", touch.len) : "");
    return fmt::format("a watchpoint saw thread {} write to {:#x}{}", touch.pid, touch.addr,
                       touch.cqe_flags != 0 ? ", in a system call" : "");
}

const char* done_to_buffer(const zcv_event& touch) {
    return touch.kind == ZCV_FREE ? "freed" : "written";
}

std::string in_ms(std::uint64_t ns) {
    return fmt::format("{}.{:06} ms", ns / 1'000'000, ns % 1'000'000);
}

}  // namespace zcv
