#pragma once

#include <cstdint>

// Values of the kernel's interface that records hold, where several who read records need them. Not
// from its headers: those of the machine that reads may be older than the one that was captured.
namespace zcv::uapi {

// cqe->flags (IORING_CQE_F_MORE, IORING_CQE_F_NOTIF).
inline constexpr std::uint32_t cqe_f_more = 1U << 1;
inline constexpr std::uint32_t cqe_f_notif = 1U << 3;
// res of a notification: IORING_NOTIF_USAGE_ZC_COPIED.
inline constexpr std::uint32_t notif_usage_zc_copied = 1U << 31;
// sqe->ioprio of a zero-copy send (IORING_RECVSEND_FIXED_BUF, IORING_SEND_ZC_REPORT_USAGE,
// IORING_SEND_VECTORIZED).
inline constexpr std::uint16_t recvsend_fixed_buf = 1U << 2;
inline constexpr std::uint16_t send_zc_report_usage = 1U << 3;
inline constexpr std::uint16_t send_vectorized = 1U << 5;
// params.flags of io_uring_setup (IORING_SETUP_IOPOLL, IORING_SETUP_DEFER_TASKRUN).
inline constexpr std::uint16_t setup_iopoll = 1U << 0;
inline constexpr std::uint16_t setup_defer_taskrun = 1U << 13;
inline constexpr std::uint8_t ipproto_tcp = 6;
inline constexpr std::uint8_t ipproto_udp = 17;

}  // namespace zcv::uapi
