#pragma once

#include <cstdint>
#include <string>

#include "traces/history.hpp"
#include "traces/zcv_event.h"

// Records of the very moment at which a program does something to memory: ZCV_WRITE and ZCV_FREE.
namespace zcv {

// Whether any of `len` bytes at `addr` was written, or belonged to the block that was freed.
bool touches(const zcv_event& event, std::uint64_t addr, std::uint64_t len);
Evidence evidence_of(const zcv_event& touch);
// "a watchpoint saw thread 12 write to 0x7f00"
std::string in_words(const zcv_event& touch);
// What happened to the buffer: "written" or "freed".
const char* done_to_buffer(const zcv_event& touch);

// "0.012000 ms"
std::string in_ms(std::uint64_t ns);

}  // namespace zcv
