#pragma once

#include <cstdint>

// Kernel interface that liburing 2.3 and the Debian 12 headers do not name yet, beside what
// traces/uapi.hpp has. Constants instead of macros, so that a newer liburing with the real names
// does not clash.
namespace zcv::uapi {

// sqe->nop_flags: complete the NOP by task work (6.15).
constexpr std::uint32_t nop_task_work = 1U << 4;

// AF_XDP: a packet may have several frames, and this one is not its last (6.6).
constexpr std::uint16_t xdp_use_sg = 1U << 4;
constexpr std::uint32_t xdp_pkt_contd = 1U << 0;
// ... and so many descriptors are taken in one call (6.17).
constexpr int xdp_max_tx_skb_budget = 9;

}  // namespace zcv::uapi
