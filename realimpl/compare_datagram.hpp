#pragma once

#include <cstddef>
#include <cstdint>

// What the kernel puts before a payload that is sent through a socket, for those who go past it.
namespace zcv::compare {

// Ethernet, IPv4, UDP.
inline constexpr std::size_t header_bytes = 14 + 20 + 8;

// From the near end of a pair to the far one, as drive_world.cpp names them. The IPv4 header is
// summed up; UDP's sum is left out, as IPv4 allows. `at` has room for header_bytes.
void write_headers(std::byte* at, std::uint16_t port, std::uint32_t payload_bytes);

}  // namespace zcv::compare
