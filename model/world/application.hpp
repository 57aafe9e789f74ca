#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/slots.hpp"
#include "model/world/world.hpp"

// The application: fills a buffer, sends it, reads completions, and fills the buffer again once its
// policy says that it is free.
namespace zcv::world {

// The application writes a buffer that it believes to be its own. Data that is still referred to
// changes under whoever reads it later.
struct app_write {
    using Of = Ids<BufferId>;
    static constexpr KernelRef at{"", "write to the buffer"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, BufferId b) { return s[b].lent == 0 && !s[b].written; }
    static void effect(auto& s, BufferId b) {
        s[b].written = true;
        s.template for_each<ShinfoId>([&](ShinfoId h) {
            if (s[h].alive && s[h].pages.contains(b)) s[h].stale = true;
        });
        s.template for_each<RequestId>([&](RequestId r) {
            const bool unread = s[r].phase == Phase::sqe || s[r].phase == Phase::prepped ||
                                s[r].phase == Phase::issuing || s[r].phase == Phase::polled;
            if (s[r].buffer == b && unread) s[r].stale = true;
        });
    }
};

// Sending the same content twice at once is allowed: nobody writes.
struct app_submit {
    using Of = Ids<BufferId, RequestId, SockId>;
    static constexpr KernelRef at{"", "fill an SQE"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, BufferId b, RequestId r, SockId sock) {
        return s[b].written && s[r].phase == Phase::idle && takes_sqe(s.api_of(r)) &&
               !s[sock].dead && !s[sock].shut && !s[s.ring_of(r)].quiescing;
    }
    static void effect(auto& s, BufferId b, RequestId r, SockId sock) {
        ++s[b].lent;
        s[r].phase = Phase::sqe;
        s[r].buffer = b;
        s[r].sock = sock;
        s[r].ring = s.ring_of(r);
        if (uses_slot(s.api_of(r))) s[r].slot = s.slot_of(r);
    }
};

// Reads one CQE. Which one gives the buffer back is the application's policy.
struct app_reap {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"", "io_uring_cqe_seen"};
    static constexpr Context context = Context::application;

    static bool guard(const auto& s, RingId ring) { return !s[ring].cq.empty(); }
    static void effect(auto& s, RingId ring) {
        const auto cqe = s[ring].cq.front();
        const RequestId r = cqe.request;
        const CqeKind kind = cqe.kind;
        s[ring].cq.pop_front();
        if (cqe.slot != none<SlotId>) return app_reads_generation(s, cqe.slot, cqe.seq);
        if (uses_slot(s.api_of(r))) return app_counts_send(s, r);
        // A notification for a request it has already forgotten means nothing to it.
        if (s[r].app_done || s[r].phase == Phase::idle) return;
        const bool first_is_release = s.world().app == App::first_cqe;
        if (kind == CqeKind::last || (kind == CqeKind::more) == first_is_release)
            app_takes_back(s, s[r].buffer);
        if (kind == CqeKind::more) return;
        s[r].app_done = true;
        kernel::retire_if_over(s, r);
    }
};

}  // namespace zcv::world
