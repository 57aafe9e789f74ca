#pragma once

#include <gelf.h>

#include <cstdint>

namespace zcv {

// The address that the linker gave to a place of code in a file; 0 when it is in no segment of
// code.
GElf_Addr address_in(Elf* elf, std::uint64_t offset);

}  // namespace zcv
