#pragma once

#include <cstdint>

// Kernel interface that liburing 2.3 and the Debian 12 headers do not name yet. Constants instead
// of macros, so that a newer liburing with the real names does not clash.
namespace zcv::uapi {

// sqe->ioprio of SEND_ZC and SENDMSG_ZC: the notification's res says how the data travelled (6.2).
constexpr std::uint16_t send_zc_report_usage = 1U << 3;

// res of such a notification: the kernel took a copy somewhere on the way.
constexpr std::uint32_t notif_usage_zc_copied = 1U << 31;

// sqe->nop_flags: complete the NOP by task work (6.15).
constexpr std::uint32_t nop_task_work = 1U << 4;

// AF_XDP: a packet may have several frames, and this one is not its last (6.6).
constexpr std::uint16_t xdp_use_sg = 1U << 4;
constexpr std::uint32_t xdp_pkt_contd = 1U << 0;
// ... and so many descriptors are taken in one call (6.17).
constexpr int xdp_max_tx_skb_budget = 9;

}  // namespace zcv::uapi
