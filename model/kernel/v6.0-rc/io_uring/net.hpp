#pragma once

#include "model/kernel/io_uring/net.hpp"
#include "model/kernel/v6.0-rc/io_uring/notif.hpp"

// Models what io_uring/net.c did before 6.0 was released: a send that is attached to a slot's open
// generation. Left out: failures before the slot is looked up, which touch nothing; short sends,
// which were a final result then, as a failure is.
namespace zcv::kernel {

template <class S>
bool sends_to_slot(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && uses_slot(s.api_of(r));
}

// The slot that the kernel finds: array_index_nospec() makes 0 of an index out of range.
template <class S>
SlotId io_get_notif_slot(const S& s, RequestId r) {
    return s[r].slot != none<SlotId> ? SlotId{s[r].slot} : SlotId{0};
}

template <class S>
bool may_send_to_slot(const S& s, RequestId r, Phase phase) {
    if (s[r].phase != phase || !uses_slot(s.api_of(r))) return false;
    const RingId ring = s[r].ring;
    if (s[ring].slots_gone || s[ring].quiescing || uring_locked(s, ring)) return false;
    const SlotId i = io_get_notif_slot(s, r);
    return s[i].active != none<UbufId> || io_notif_room(s, ring, i);
}

template <class S>
void io_sendzc_begin(S& s, RequestId r) {
    s[r].ubuf = io_get_notif(s, s[r].ring, io_get_notif_slot(s, r));
    s[r].seq = s[s[r].ubuf].seq;
    enter_sendmsg(s, r);
}

// Done under uring_lock: a request that succeeded flushes its slot if it asked for that, one that
// failed never does. A worker posts its CQE itself.
template <class S>
void io_sendzc_end(S& s, RequestId r) {
    leave_sendmsg(s, r, Phase::completed);
    if (!s[r].failed && asks_flush(s.api_of(r))) io_notif_slot_flush(s, s[s[r].ubuf].slot);
    if (!s[r].worker) {
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
        return;
    }
    s[r].phase = Phase::posted;
    post_cqe(s, s[r].ring, r, CqeKind::last);
}

// The index is one more than the last. Where the check lets it pass, slot 0 is found.
struct io_sendzc_prep {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc_prep", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.models(Part::slots) && world.hazards.slot_out_of_range;
    }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::sqe && uses_slot(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].slot = none<SlotId>;
        if (s.world().profile.slot_index_off_by_one) {
            s[r].phase = Phase::prepped;
            return;
        }
        s[r].failed = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

// Also the retry from poll, which may find another generation open than the first attempt did.
struct io_sendzc {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::slots); }
    static bool guard(const auto& s, RequestId r) {
        return may_send_to_slot(s, r, Phase::sqe) || may_send_to_slot(s, r, Phase::polled) ||
               may_send_to_slot(s, r, Phase::prepped);
    }
    static void effect(auto& s, RequestId r) { io_sendzc_begin(s, r); }
};

// EAGAIN and nothing of it was sent: it is covered by no generation until it tries again.
struct io_sendzc_again {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::slots) && world.hazards.again; }
    static bool guard(const auto& s, RequestId r) {
        return sends_to_slot(s, r) && !s[r].appended &&
               s.config(s[r].sock).transport == Transport::tcp;
    }
    static void effect(auto& s, RequestId r) {
        leave_sendmsg(s, r, Phase::polled);
        s[r].worker = false;
        s[r].ubuf = none<UbufId>;
        s[r].seq = 0;
    }
};

struct io_sendzc_success {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::slots); }
    static bool guard(const auto& s, RequestId r) {
        return sends_to_slot(s, r) && s[r].appended && datagram_is_sent(s, r);
    }
    static void effect(auto& s, RequestId r) { io_sendzc_end(s, r); }
};

// sendmsg failed, perhaps after it attached something: the generation stays open.
struct io_sendzc_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::slots); }
    static bool guard(const auto& s, RequestId r) {
        return sends_to_slot(s, r) && (s.world().hazards.issue_fails || s[s[r].sock].dead) &&
               datagram_is_sent(s, r);
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        io_sendzc_end(s, r);
    }
};

// Refused without a look at the data: by a worker, or because there are no slots any more.
struct io_sendzc_refused {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendzc", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.models(Part::slots) && (world.hazards.unregisters || world.hazards.io_wq);
    }
    static bool guard(const auto& s, RequestId r) {
        if (!uses_slot(s.api_of(r))) return false;
        if (s[r].phase != Phase::sqe && s[r].phase != Phase::polled) return false;
        const bool from_worker = s.world().hazards.io_wq && s[r].phase == Phase::sqe &&
                                 !s.world().profile.worker_sends_to_slots;
        return (from_worker || s[s[r].ring].slots_gone) && !uring_locked(s, s[r].ring);
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

}  // namespace zcv::kernel
