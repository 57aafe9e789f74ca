#pragma once

#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/cancel.c: an attempt to end a request. Data that is in the network's hands is not
// called back, and a notification that exists still comes.
namespace zcv::kernel {

// What io_try_cancel() finds: a request whose poll is armed, or one that no worker has taken yet.
template <class S>
bool can_be_cancelled(const S& s, RequestId r) {
    return s[r].phase == Phase::polled ||
           (s[r].phase == Phase::prepped && s.world().hazards.io_wq && s[r].linked == Link::free);
}

// The request goes to its fail handler: -ECANCELED, or what was sent so far when some was.
template <class S>
void io_try_cancel(S& s, RequestId r) {
    const bool found = can_be_cancelled(s, r);
    if (found) {
        s[r].failed = true;
        s[r].poll_woken = false;
        s[r].phase = Phase::issued;
    }
    s[r].stop = found ? Stop::hit : Stop::missed;
    s[r].stop_unread = true;
    s[s[r].ring].compl_reqs.push_back({r, CqeKind::stop});
}

// The application's cancel, at any moment of the send's life. Too late, its own CQE says so.
struct io_async_cancel {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/cancel.c", "io_async_cancel"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.hazards.cancels; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase != Phase::idle && s[r].phase != Phase::sqe && s[r].stop == Stop::none &&
               !s[r].app_done && notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) { io_try_cancel(s, r); }
};

}  // namespace zcv::kernel
