#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/slots.hpp"
#include "model/world/world.hpp"

// The application: fills a buffer, sends it, reads completions, and fills the buffer again once its
// policy says that it is free. Left out, because they move no buffer's life: waiting for every
// notification in turn (users.md B8, slow), wanting no CQE at all (B12, refused like any failed
// preparation), sending a part again whose progress was lost (A17, bytes twice in the stream).
namespace zcv::world {

// It is not gone, and not inside a call that waits for others: a thread that is in io_uring_enter
// does nothing else.
template <class S>
bool app_runs(const S& s) {
    if (s[the_task].life != TaskState::running) return false;
    return !s.template any<RingId>(
        [&](RingId ring) { return s[ring].quiesce || s[ring].entered != Entered::no; });
}

// The application writes a buffer that it believes to be its own. Data that is still referred to
// changes under whoever reads it later.
struct app_write {
    using Of = Ids<BufferId>;
    static constexpr KernelRef at{"", "write to the buffer"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, BufferId b) {
        return s[b].lent == 0 && !s[b].written && app_runs(s);
    }
    static void effect(auto& s, BufferId b) {
        s[b].written = true;
        // At the same address lies other memory by now.
        if (s[b].unmapped) return;
        kernel::change_content(s, b);
    }
};

// With one user_data for all, the next send is made when the result of the last was read.
template <class S>
bool user_data_is_free(const S& s) {
    return s.world().app != App::user_data_recycled || !s.template any<RequestId>([&](RequestId r) {
        return s[r].phase != Phase::idle && !s[r].told;
    });
}

// Sending the same content twice at once is allowed: nobody writes. From registered memory it sends
// what is registered, though by the time the kernel looks that may have changed.
struct app_submit {
    using Of = Ids<BufferId, RequestId, SockId>;
    static constexpr KernelRef at{"", "fill an SQE"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, BufferId b, RequestId r, SockId sock) {
        return s[b].written && s[r].phase == Phase::idle && takes_sqe(s.api_of(r)) &&
               !s[sock].dead && !s[sock].shut && !s[s.ring_of(r)].quiescing &&
               !s[s.ring_of(r)].closed && !s[s.ring_of(r)].dropped && app_runs(s) &&
               user_data_is_free(s) && !s[b].unmapped &&
               (s[b].registered || !kernel::uses_registered(s, r));
    }
    static void effect(auto& s, BufferId b, RequestId r, SockId sock) {
        ++s[b].lent;
        s[r].phase = Phase::sqe;
        s[r].buffer = b;
        s[r].sock = sock;
        s[r].ring = s.ring_of(r);
        if (uses_slot(s.api_of(r))) s[r].slot = s.slot_of(r);
        if (keeps_a_queue(s.world().app)) s[s[r].ring].queue.push_back(r);
    }
};

// The SQE behind it is to start only when this one's request is done.
struct app_link {
    using Of = Ids<RequestId, RequestId>;
    static constexpr KernelRef at{"", "set IOSQE_IO_LINK"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.hazards.links; }

    static bool guard(const auto& s, RequestId r, RequestId next) {
        return r != next && s[r].phase == Phase::sqe && s[next].phase == Phase::sqe &&
               s[r].ring == s[next].ring && s[r].link == none<RequestId> &&
               s[next].linked == Link::free && s[next].link == none<RequestId>;
    }
    static void effect(auto& s, RequestId r, RequestId next) {
        s[r].link = next;
        s[next].linked = Link::waiting;
    }
};

struct app_drain {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "set IOSQE_IO_DRAIN"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.hazards.drains; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::sqe && !s[r].drain;
    }
    static void effect(auto& s, RequestId r) { s[r].drain = true; }
};

// The msghdr or iovec is only read when the SQE is taken, by an SQ thread at any later moment:
// what the kernel finds there then is something else to send.
struct app_reuse_descriptor {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "write to the msghdr"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.app == App::descriptor_reused; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::sqe && !s[r].stale;
    }
    static void effect(auto& s, RequestId r) { s[r].stale = true; }
};

// It is through with a request, and with it goes the buffer.
template <class S>
void app_finishes(S& s, RequestId r) {
    if (!s[r].freed) app_takes_back(s, s[r].buffer);
    s[r].app_done = true;
    kernel::retire_if_over(s, r);
}

template <class S>
bool app_expects(const S& s, RequestId r) {
    return s[r].phase != Phase::idle && !s[r].app_done;
}

// Whether the CQE's res is an error: no byte of it went anywhere.
template <class S>
bool res_is_error(const S& s, RequestId r) {
    const bool partial = s[r].appended && s.config(s[r].sock).transport == Transport::tcp;
    return s[r].failed && !partial;
}

template <class Fifo, class Id>
void remove_from(Fifo& queue, Id id) {
    for (std::size_t left = queue.size(); left > 0; --left) {
        const Id each = queue.front();
        queue.pop_front();
        if (each != id) queue.push_back(each);
    }
}

// Whether it believes that a request's own CQE is the only one.
template <class S>
bool app_takes_as_last(const S& s, RequestId r, CqeKind kind) {
    if (kind == CqeKind::last) return true;
    if (!res_is_error(s, r)) return false;
    const App app = s.world().app;
    return app == App::err_means_no_notif ||
           (app == App::cancelled_means_no_notif && s[r].stop == Stop::hit);
}

// An application with a queue of its sends: which entry does a CQE belong to? A notification that
// it did not expect, or takes to be in order, meets somebody else's.
template <class S>
void app_looks_in_queue(S& s, RingId ring, RequestId r, CqeKind kind) {
    auto& queue = s[ring].queue;
    const App app = s.world().app;
    RequestId whose = none<RequestId>;
    if (kind != CqeKind::notif) {
        if (app_expects(s, r) && app_takes_as_last(s, r, kind)) whose = r;
    } else if (app == App::user_data_recycled) {
        if (!queue.empty()) whose = queue.back();
    } else if (app == App::fifo_notifs || !app_expects(s, r)) {
        if (!queue.empty()) whose = queue.front();
    } else {
        whose = r;
    }
    if (whose != none<RequestId>) {
        remove_from(queue, whose);
        app_finishes(s, whose);
    }
    if (whose != r) kernel::retire_if_over(s, r);
}

// It loses interest in a send whose result it has: the future is dropped, the buffer with it.
struct app_drop {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "drop the operation"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.app == App::drop_between; }

    static bool guard(const auto& s, RequestId r) { return app_expects(s, r) && s[r].told; }
    static void effect(auto& s, RequestId r) { app_finishes(s, r); }
};

// The CQE of a cancel or a timeout, about the request that it was to end.
template <class S>
void app_reads_stop(S& s, RequestId r) {
    s[r].stop_unread = false;
    const App app = s.world().app;
    const bool believes = app == App::cancel || app == App::linked_timeout;
    if (believes && s[r].stop == Stop::hit && app_expects(s, r)) return app_finishes(s, r);
    kernel::retire_if_over(s, r);
}

// A notification. Once more it is the policy that says what it means.
template <class S>
void app_reads_notif(S& s, RequestId r) {
    const App app = s.world().app;
    if (s.world().tracks_delivery && app == App::notif_as_delivery && !s[r].arrived)
        s[s[r].sock].hole = true;
    if (!first_cqe_is_release(app) && !s[r].freed) app_takes_back(s, s[r].buffer);
    s[r].app_done = true;
    kernel::retire_if_over(s, r);
    if (app != App::notif_as_result) return;
    s.template for_each<RequestId>([&](RequestId other) {
        if (app_expects(s, other)) app_finishes(s, other);
    });
}

// io_uring_enter() returned: the kernel has taken the send, and made what it could of it.
template <class S>
bool was_handed_in(const S& s, RequestId r) {
    return s[r].phase != Phase::idle && s[r].phase != Phase::sqe && s[r].phase != Phase::prepped &&
           s[r].phase != Phase::issuing;
}

// What was in the way is gone, or so the application believes, and the buffer its own again.
struct app_free {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "free the buffer"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.models(Part::freeing); }

    static bool guard(const auto& s, RequestId r) {
        if (s[r].phase == Phase::idle || s[r].freed || s[r].app_done || !app_runs(s)) return false;
        if (s.world().app == App::ring_exit) return s[s[r].ring].closed;
        if (s.world().app == App::close) return s[s[r].sock].shut && was_handed_in(s, r);
        return kernel::uses_registered(s, r) && !s[s[r].buffer].registered;
    }
    static void effect(auto& s, RequestId r) {
        s[r].freed = true;
        app_takes_back(s, s[r].buffer);
    }
};

// Reads one CQE. Which one gives the buffer back is the application's policy.
struct app_reap {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"", "io_uring_cqe_seen"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, RingId ring) {
        return !s[ring].cq.empty() && !s[ring].closed && app_runs(s);
    }
    static void effect(auto& s, RingId ring) {
        const auto cqe = s[ring].cq.front();
        const RequestId r = cqe.request;
        const CqeKind kind = cqe.kind;
        const App app = s.world().app;
        s[ring].cq.pop_front();
        if (cqe.slot != none<SlotId>) return app_reads_generation(s, cqe.slot, cqe.seq);
        if (uses_slot(s.api_of(r))) return app_counts_send(s, r);
        if (kind == CqeKind::stop) return app_reads_stop(s, r);
        if (s.world().models(Part::told) && kind != CqeKind::notif && app_expects(s, r))
            s[r].told = true;
        if (keeps_a_queue(app)) return app_looks_in_queue(s, ring, r, kind);
        // A notification for a request it has already forgotten means nothing to it.
        if (!app_expects(s, r)) return kernel::retire_if_over(s, r);
        if (kind == CqeKind::notif) return app_reads_notif(s, r);
        if (kind == CqeKind::more) {
            if (first_cqe_is_release(app) && !s[r].freed) app_takes_back(s, s[r].buffer);
        } else if (app != App::always_expect_two) {
            app_finishes(s, r);
        }
    }
};

// CQEs that the application may still get: its own and the notification's of each send.
template <class S>
unsigned app_may_expect(const S& s, RingId ring) {
    unsigned cqes = 0;
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].ring == ring && app_expects(s, r)) cqes += s[r].told ? 1u : 2u;
    });
    return cqes;
}

// As many CQEs as it waits for at once, where it expects so many.
template <class S>
unsigned app_wants_cqes(const S& s, RingId ring) {
    return std::min(app_may_expect(s, ring), unsigned{s.world().defer_taskrun_waits});
}

// Under DEFER_TASKRUN it must enter the kernel, or nothing more is ever posted. It looks into its
// CQ ring first, as liburing does, and enters for what is not there yet: an application that only
// ever entered would read nothing.
struct app_enter {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"", "io_uring_enter with GETEVENTS"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) {
        return world.defer_taskrun_waits > 0 && world.app != App::peek_only;
    }

    static bool guard(const auto& s, RingId ring) {
        return app_runs(s) && s[ring].cq.size() < app_wants_cqes(s, ring);
    }
    static void effect(auto& s, RingId ring) {
        s[ring].entered = Entered::running;
        s[ring].wants = static_cast<std::uint8_t>(app_wants_cqes(s, ring));
    }
};

// cq_overflow counts CQEs that are gone, and nobody can say whose they were: an application that
// knows it gives the ring up, and never uses again what it still waits for. This one takes them for
// late ones and goes on waiting.
struct app_misreads_overflow {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"", "read cq_overflow"};
    static constexpr Context context = Context::application;
    static bool in(const World& world) { return world.app == App::misread_overflow; }

    static bool guard(const auto& s, RingId ring) { return s[ring].dropped; }
    static void effect(auto& s, RingId ring) { s[ring].dropped = false; }
};

}  // namespace zcv::world
