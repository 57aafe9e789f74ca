#include "traces/touches.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcv {

bool touches(const zcv_event& event, std::uint64_t addr, std::uint64_t len) {
    // A watchpoint is on a word, of which one byte is enough; it is counted where it begins.
    const std::uint64_t bytes = event.kind == ZCV_WRITE ? 1 : std::max<std::uint32_t>(event.len, 1);
    return event.addr < addr + len && addr < event.addr + bytes;
}

bool is_after(const zcv_event& touch, std::uint64_t time_ns) {
    return touch.kind != ZCV_PAGE_WRITE || touch.user_data >= time_ns;
}

Evidence evidence_of(const zcv_event& touch) {
    if (touch.kind == ZCV_PAGE_WRITE) return Evidence::page_tracking;
    return touch.kind == ZCV_FREE ? Evidence::allocator : Evidence::write_watch;
}

std::string how_long_before(const zcv_event& touch, std::uint64_t until) {
    return (touch.kind == ZCV_PAGE_WRITE ? "at least " : "") + in_ms(until - touch.time_ns);
}

std::string in_words(const zcv_event& touch) {
    if (touch.kind == ZCV_FREE)
        return fmt::format("thread {} called free({:#x}){}", touch.pid, touch.addr,
                           touch.len > 1 ? fmt::format(", a block of {} bytes", touch.len) : "");
    if (touch.kind == ZCV_PAGE_WRITE)
        return fmt::format("page tracking found {} bytes at {:#x} written, within {}", touch.len,
                           touch.addr, in_ms(touch.time_ns - touch.user_data));
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
