#pragma once

#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/io_uring.c: the completion list, the CQ ring and its overflow list. Left out: a
// CQE lost because the overflow entry could not be allocated.
namespace zcv::kernel {

// io_fill_cqe_req(). Once one CQE has overflowed, all later ones queue behind it.
template <class S>
void post_cqe(S& s, RingId ring, const Cqe<typename S::Kind>& cqe) {
    if (s.cq_full(ring) || !s[ring].overflow.empty())
        s[ring].overflow.push_back(cqe);
    else
        s[ring].cq.push_back(cqe);
}

template <class S>
void post_cqe(S& s, RingId ring, RequestId r, CqeKind kind) {
    post_cqe(s, ring, {r, kind});
}

// A request slot ends its life when neither side will speak of it again.
template <class S>
void retire_if_over(S& s, RequestId r) {
    if (s[r].app_done && s[r].phase == Phase::posted && s[r].ubuf == none<UbufId>) s.retire(r);
}

// With slots a request's life ends when the application has read both its CQE and the notification
// of its generation, in whichever order they came.
template <class S>
void retire_sender_if_over(S& s, RequestId r) {
    if (s[r].counted) retire_if_over(s, r);
}

// The CQE of a generation is posted: every request that was attached to it is covered.
template <class S>
void generation_is_notified(S& s, UbufId u) {
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].ubuf != u) return;
        s[r].notified = true;
        s[r].ubuf = none<UbufId>;
        retire_sender_if_over(s, r);
    });
}

// 6.0-rc: the generation's io_kiocb goes back to the request cache with its CQE.
template <class S>
void flush_generation(S& s, RingId ring, const Cqe<typename S::Kind>& cqe) {
    post_cqe(s, ring, cqe);
    UbufId done = none<UbufId>;
    s.template for_each<UbufId>([&](UbufId u) {
        if (s[u].tw == TaskWork::listed && s[u].slot == cqe.slot && s[u].seq == cqe.seq) done = u;
    });
    ZCV_CHECK(done != none<UbufId>);
    generation_is_notified(s, done);
    s.free(done);
}

// Fills one CQE, in the order of the completion list. A notification's io_kiocb goes back to the
// request cache right after, so its memory may be the next notification.
struct io_submit_flush_completions {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "__io_submit_flush_completions"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, RingId ring) { return !s[ring].compl_reqs.empty(); }
    static void effect(auto& s, RingId ring) {
        const auto cqe = s[ring].compl_reqs.front();
        const RequestId r = cqe.request;
        const CqeKind kind = cqe.kind;
        s[ring].compl_reqs.pop_front();
        if (cqe.slot != none<SlotId>) return flush_generation(s, ring, cqe);
        post_cqe(s, ring, r, kind);
        if (kind != CqeKind::notif) {
            s[r].phase = Phase::posted;
            return;
        }
        s.free(UbufId{s[r].ubuf});
        s[r].ubuf = none<UbufId>;
        s[r].notified = true;
        retire_if_over(s, r);
    }
};

// A worker holds no uring_lock: its request's CQE is posted at once, and the reference to the
// notification goes only later, in the request's cleanup, so that the notification cannot overtake.
struct io_req_complete_post {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_req_complete_post"};
    static constexpr Context context = Context::io_wq;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issued && !s[r].failed && s[r].worker &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].more = true;
        s[r].phase = Phase::posted;
        post_cqe(s, s[r].ring, r, CqeKind::more);
    }
};

// An earlier member of the link failed. This path does not call the request's fail handler, which
// is what would have set F_MORE.
struct io_req_tw_fail_links {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/timeout.c", "io_req_tw_fail_links"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.link_cancels && s[r].phase == Phase::prepped &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].more = !s.world().profile.link_cancel_forgets_more;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, s[r].more ? CqeKind::more : CqeKind::last});
    }
};

// The application entered the kernel for events: what overflowed moves up, oldest first.
struct io_cqring_overflow_flush {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "__io_cqring_overflow_flush"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RingId ring) {
        return !s[ring].overflow.empty() && !s.cq_full(ring);
    }
    static void effect(auto& s, RingId ring) {
        s[ring].cq.push_back(s[ring].overflow.front());
        s[ring].overflow.pop_front();
    }
};

}  // namespace zcv::kernel
