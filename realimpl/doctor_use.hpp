#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// How much of the limits that zero copy runs into is in use.
namespace zcv {

// Bytes that this user's processes hold locked or pinned, as far as /proc tells.
std::uint64_t locked_bytes();

// The TCP or UDP socket of this network namespace that has most option memory in use: what
// MSG_ZEROCOPY takes for notifications that nobody has read yet.
struct OptionMemory {
    std::uint32_t bytes = 0;
    std::string socket;  // "tcp 10.0.0.1:443 -> 10.0.0.2:5001"
};
// Nothing when no socket has any, or the kernel does not tell.
std::optional<OptionMemory> most_option_memory();

// Who has packet sockets open, as "tcpdump (4711)"; of other users only root is told.
std::vector<std::string> packet_socket_owners();

}  // namespace zcv
