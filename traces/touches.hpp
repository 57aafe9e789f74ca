#pragma once

#include <cstdint>
#include <string>

#include "traces/history.hpp"
#include "traces/zcv_event.h"

// Records of what a program does to memory: ZCV_WRITE and ZCV_FREE at that very moment,
// ZCV_PAGE_WRITE some time after it.
namespace zcv {

// Whether any of `len` bytes at `addr` was written, or belonged to the block that was freed.
bool touches(const zcv_event& event, std::uint64_t addr, std::uint64_t len);
// Whether it cannot have happened before `time_ns`.
bool is_after(const zcv_event& touch, std::uint64_t time_ns);
Evidence evidence_of(const zcv_event& touch);
// "a watchpoint saw thread 12 write to 0x7f00"
std::string in_words(const zcv_event& touch);
// What happened to the buffer: "written" or "freed".
const char* done_to_buffer(const zcv_event& touch);

// How long before `until` nanoseconds it happened: "0.012000 ms", "at least 0.012000 ms".
std::string how_long_before(const zcv_event& touch, std::uint64_t until);

// "0.012000 ms"
std::string in_ms(std::uint64_t ns);

}  // namespace zcv
