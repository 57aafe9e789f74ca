#pragma once

#include "model/kernel/io_uring/rsrc.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/io_uring.c: the completion list, the CQ ring and its overflow list, links,
// drained requests, and the application that sleeps for its CQEs. An SQ thread (SQPOLL) needs no
// step of its own: a filled SQE is taken at any later moment, by whoever does it. Left out: several
// tasks on one ring, because a chain is as wrong across them as across rings.
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

// A CQE of the request lies where the application may still find it.
template <class S>
bool has_unread_cqe(const S& s, RequestId r) {
    const auto& ring = s[s[r].ring];
    for (const auto* queue : {&ring.cq, &ring.overflow})
        for (std::size_t i = 0; i < queue->size(); ++i)
            if ((*queue)[i].request == r) return true;
    return false;
}

// A request slot ends its life when neither side will speak of it again, even if its application
// lost interest before.
template <class S>
void retire_if_over(S& s, RequestId r) {
    if (!s[r].app_done || s[r].phase != Phase::posted || s[r].ubuf != none<UbufId>) return;
    if (s[r].stop_unread || (s[r].ring != none<RingId> && has_unread_cqe(s, r))) return;
    s.retire(r);
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

// Task work of a ring that only its application's own thread may run.
template <class S>
unsigned queued_task_work(const S& s, RingId ring) {
    unsigned queued = 0;
    s.template for_each<UbufId>(
        [&](UbufId n) { queued += s[n].tw == TaskWork::queued && s[s[n].request].ring == ring; });
    s.template for_each<RequestId>(
        [&](RequestId r) { queued += s[r].poll_woken && s[r].ring == ring; });
    return queued;
}

// io_req_local_work_add(), after the work was queued. Lazy work wakes the sleeping application only
// when there is as much of it as CQEs are missing: right for work that posts one CQE.
template <class S>
void io_req_local_work_add(S& s, RingId ring, bool lazy) {
    if (s.world().defer_taskrun_waits == 0 || s[ring].entered != Entered::asleep) return;
    if (!lazy || queued_task_work(s, ring) + s[ring].cq.size() >= s[ring].wants)
        s[ring].entered = Entered::running;
}

// Whether task work of the ring can run: without DEFER_TASKRUN whenever its task is in the kernel.
// Whoever waits in unregister or in execve runs it there, if anybody wakes him for it; what is left
// when the ring is closed is moved to the ordinary task work.
template <class S>
bool runs_task_work(const S& s, RingId ring) {
    if (s.world().defer_taskrun_waits == 0 || s[ring].entered == Entered::running) return true;
    if (s[ring].closed || s[the_task].life == TaskState::execing) return true;
    return s[ring].quiesce && !s.world().profile.unregister_sleeps;
}

// io_queue_next(), as the finished request is freed: the next of its link starts, or is cancelled
// by task work because this one failed.
template <class S>
void io_queue_next(S& s, RequestId r) {
    if (s[r].link == none<RequestId>) return;
    s[s[r].link].linked = s[r].failed ? Link::broken : Link::free;
    s[r].link = none<RequestId>;
}

template <class S>
void request_posted(S& s, RequestId r) {
    s[r].phase = Phase::posted;
    io_queue_next(s, r);
    if (!s.world().hazards.drains) return;
    s.template for_each<RequestId>([&](RequestId other) { s[other].waits_for.erase(r); });
}

// req_need_defer() before 6.16 compares cached_cq_tail with how many requests came before. The one
// is ahead by each notification's CQE, the other by each request whose own CQE is not posted: it is
// never true of more notifications than there are requests.
template <class S>
bool req_need_defer(const S& s, RequestId r) {
    unsigned before = 0;
    s[r].waits_for.for_each([&](RequestId) { ++before; });
    return before != s[s[r].ring].notif_cqes;
}

// After CQEs were posted. Left out: those in the overflow list count only when they move up.
template <class S>
void io_queue_deferred(S& s, RingId ring) {
    if (!s.world().hazards.drains) return;
    s.template for_each<RequestId>([&](RequestId r) {
        if (!s[r].deferred || s[r].ring != ring || req_need_defer(s, r)) return;
        s[r].deferred = false;
        s[r].waits_for.clear();
    });
}

template <class S>
void count_notif_cqe(S& s, RingId ring) {
    const World& world = s.world();
    if (!world.hazards.drains || !world.profile.drain_counts_cqes) return;
    if (s[ring].notif_cqes < world.bounds.requests) ++s[ring].notif_cqes;
}

// What happens to the object of a CQE that was filled, or that found no room. A notification's
// io_kiocb goes back to the request cache right after, so its memory may be the next notification.
template <class S>
void cqe_filled(S& s, RequestId r, CqeKind kind) {
    if (kind == CqeKind::stop) return;
    if (kind != CqeKind::notif) {
        request_posted(s, r);
        return finished_request_puts_node(s, r);
    }
    count_notif_cqe(s, s[r].ring);
    io_put_rsrc_node(s, s[r].ubuf);
    s.free(UbufId{s[r].ubuf});
    s[r].ubuf = none<UbufId>;
    s[r].notified = true;
    retire_if_over(s, r);
}

// Fills one CQE, in the order of the completion list. A notification that is to be silent is only
// freed.
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
        if (kind == CqeKind::notif && s[s[r].ubuf].silent) {
            io_put_rsrc_node(s, s[r].ubuf);
            s.free(UbufId{s[r].ubuf});
            s[r].ubuf = none<UbufId>;
            return retire_if_over(s, r);
        }
        post_cqe(s, ring, r, kind);
        cqe_filled(s, r, kind);
        // They are filled in batches, and only then is the tail looked at.
        if (s[ring].compl_reqs.empty()) io_queue_deferred(s, ring);
    }
};

// The CQ ring is full and there is no memory for an entry of the overflow list: this CQE is lost
// for good, and all that is left of it is the count in cq_overflow.
struct io_cqring_event_overflow {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_cqring_event_overflow"};
    static constexpr Context context = Context::task_work;
    static bool in(const World& world) { return world.hazards.cqes_lost; }

    static bool guard(const auto& s, RingId ring) {
        return !s[ring].compl_reqs.empty() && (s.cq_full(ring) || !s[ring].overflow.empty());
    }
    static void effect(auto& s, RingId ring) {
        const RequestId r = s[ring].compl_reqs.front().request;
        const CqeKind kind = s[ring].compl_reqs.front().kind;
        s[ring].compl_reqs.pop_front();
        s[ring].dropped = true;
        cqe_filled(s, r, kind);
    }
};

// A worker holds no uring_lock: its request's CQE is posted at once, and the reference to the
// notification goes only later, in the request's cleanup, so that the notification cannot overtake.
struct io_req_complete_post {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_req_complete_post"};
    static constexpr Context context = Context::io_wq;

    static bool guard(const auto& s, RequestId r) {
        if (!notifies_each(s.api_of(r))) return false;
        if (s[r].phase != Phase::issued || s[r].failed || !s[r].worker) return false;
        const bool flushes = s.world().profile.worker_flushes_inline;
        return !flushes || s[r].ubuf == none<UbufId> || !s[s[r].ubuf].owner_ref;
    }
    static void effect(auto& s, RequestId r) {
        s[r].more = true;
        request_posted(s, r);
        post_cqe(s, s[r].ring, r, CqeKind::more);
        io_queue_deferred(s, s[r].ring);
        finished_request_puts_node(s, r);
    }
};

// The application entered the kernel for events: what overflowed moves up, oldest first.
struct io_cqring_overflow_flush {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "__io_cqring_overflow_flush"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.app != App::peek_only; }

    static bool guard(const auto& s, RingId ring) {
        return !s[ring].overflow.empty() && !s.cq_full(ring) && !s[ring].closed;
    }
    static void effect(auto& s, RingId ring) {
        s[ring].cq.push_back(s[ring].overflow.front());
        s[ring].overflow.pop_front();
    }
};

// Whether a request of the ring is in the hands of the thread that submits: it cannot sleep.
template <class S>
bool submission_is_busy(const S& s, RingId ring) {
    return s.template any<RequestId>([&](RequestId r) {
        const Phase phase = s[r].phase;
        return s[r].ring == ring && phase != Phase::idle && phase != Phase::polled &&
               phase != Phase::posted;
    });
}

// Too few CQEs and no task work: the application falls asleep.
struct io_cqring_wait_schedule {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_cqring_wait_schedule"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.defer_taskrun_waits > 0; }

    static bool guard(const auto& s, RingId ring) {
        return s[ring].entered == Entered::running && s[ring].cq.size() < s[ring].wants &&
               s[ring].compl_reqs.empty() && queued_task_work(s, ring) == 0 &&
               !submission_is_busy(s, ring);
    }
    static void effect(auto& s, RingId ring) { s[ring].entered = Entered::asleep; }
};

// It has what it wanted.
struct io_cqring_wait {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_cqring_wait"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.defer_taskrun_waits > 0; }

    static bool guard(const auto& s, RingId ring) {
        return s[ring].entered == Entered::running && s[ring].cq.size() >= s[ring].wants &&
               s[ring].compl_reqs.empty();
    }
    static void effect(auto& s, RingId ring) {
        s[ring].entered = Entered::no;
        s[ring].wants = 0;
    }
};

// io_drain_req(): a request with IOSQE_IO_DRAIN is put off until all that were under way before it
// are over. With a count of all that is allocated its own notification is among them; with one of
// CQEs, those of notifications stand for requests. Left out: that later requests wait for it in
// turn; without, more can happen than in the kernel.
template <class S>
void io_drain_req(S& s, RequestId r) {
    if (!s[r].drain) return;
    s.template for_each<RequestId>([&](RequestId other) {
        const Phase phase = s[other].phase;
        const bool under_way = phase != Phase::idle && phase != Phase::sqe &&
                               phase != Phase::posted && s[other].ring == s[r].ring;
        if (under_way && other != r) s[r].waits_for.insert(other);
    });
    if (s.world().profile.drain_counts_notifs) s[r].waits_for.insert(r);
    if (!s.world().profile.drain_counts_cqes) return;
    s[r].deferred = req_need_defer(s, r);
    if (!s[r].deferred) s[r].waits_for.clear();
}

// Whether nothing holds back the start of a prepared request.
template <class S>
bool may_start(const S& s, RequestId r) {
    if (s[r].linked == Link::waiting) return false;
    if (s[r].linked == Link::broken && !s.world().profile.failed_send_keeps_link) return false;
    return !s[r].deferred && (s[r].waits_for.empty() || s.world().profile.drain_counts_cqes);
}

}  // namespace zcv::kernel
