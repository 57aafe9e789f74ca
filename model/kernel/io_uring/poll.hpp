#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/kernel/io_uring/net.hpp"

// Models io_uring/poll.c: a request that waits for room in the socket. POLL_FIRST is the same
// before the first attempt instead of after it.
namespace zcv::kernel {

// EAGAIN, or a short send of MSG_WAITALL: what was attached stays attached. A worker that arms a
// poll hands the request back: the next attempt is task work.
struct io_arm_poll_handler {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/poll.c", "io_arm_poll_handler"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.again && is_issuing(s, r) &&
               s.config(s[r].sock).transport == Transport::tcp;
    }
    static void effect(auto& s, RequestId r) {
        s[r].worker = false;
        leave_sendmsg(s, r, Phase::polled);
    }
};

// There is room again: the retry is queued as task work. It will post the request's CQE and may
// well bring about its notification, so it must not be counted as one CQE.
struct io_poll_wake {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/poll.c", "io_poll_wake"};
    static constexpr Context context = Context::softirq;
    static bool in(const World& world) { return world.defer_taskrun_waits > 0; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::polled && !s[r].poll_woken;
    }
    static void effect(auto& s, RequestId r) {
        s[r].poll_woken = true;
        io_req_local_work_add(s, s[r].ring, s.world().profile.wake_counts_work);
    }
};

}  // namespace zcv::kernel
