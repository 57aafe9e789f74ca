#pragma once

#include "model/kernel/io_uring/cancel.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/timeout.c: members of a link whose earlier member failed, and linked timeouts.
// Left out: the CQE of a linked timeout whose send was done in time; it says nothing of the buffer.
namespace zcv::kernel {

// An earlier member of the link failed, or this one's own preparation did, which fails the link as
// a whole (io_submit_fail_init()). This path does not call the request's fail handler, which is
// what would have set F_MORE.
struct io_req_tw_fail_links {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/timeout.c", "io_req_tw_fail_links"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, RequestId r) {
        if (!notifies_each(s.api_of(r))) return false;
        if (s[r].phase == Phase::issued && s[r].failed && !s[r].appended)
            return s.world().hazards.link_cancels && s.world().hazards.prep_fails;
        if (s[r].phase != Phase::prepped) return false;
        return s.world().hazards.link_cancels ||
               (s[r].linked == Link::broken && !s.world().profile.failed_send_keeps_link);
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].more = !s.world().profile.link_cancel_forgets_more;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, s[r].more ? CqeKind::more : CqeKind::last});
    }
};

// The time of a send that is not done is up: it is cancelled, and the timeout's own CQE says
// -ETIME, which is not a word about the buffer.
struct io_req_task_link_timeout {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/timeout.c", "io_req_task_link_timeout"};
    static constexpr Context context = Context::task_work;
    static bool in(const World& world) { return world.hazards.link_timeouts; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].stop == Stop::none && can_be_cancelled(s, r);
    }
    static void effect(auto& s, RequestId r) { io_try_cancel(s, r); }
};

}  // namespace zcv::kernel
