#pragma once

#include "model/kernel/v6.0-rc/io_uring/net.hpp"

// Models what fs/io_uring.c did for tx contexts in the first series and not for slots later. Left
// out: TCP, which the series did not support.
namespace zcv::kernel {

// A worker takes uring_lock for the whole of the send.
struct io_sendzc_worker {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"fs/io_uring.c", "io_sendzc", "rfc-v1"};
    static constexpr Context context = Context::io_wq;

    static bool in(const World& world) {
        return world.models(Part::slots) && world.hazards.io_wq &&
               world.profile.worker_sends_to_slots;
    }
    static bool guard(const auto& s, RequestId r) { return may_send_to_slot(s, r, Phase::sqe); }
    static void effect(auto& s, RequestId r) {
        s[r].worker = true;
        io_sendzc_begin(s, r);
    }
};

// The last reference went in an interrupt, where no CQE may be posted.
struct io_zc_tx_work_callback {
    using Of = Ids<UbufId>;
    static constexpr KernelRef at{"fs/io_uring.c", "io_zc_tx_work_callback", "rfc-v1"};
    static constexpr Context context = Context::workqueue;

    static bool in(const World& world) {
        return world.models(Part::slots) && world.profile.notifier_posts;
    }
    static bool guard(const auto& s, UbufId u) {
        return s[u].tw == TaskWork::queued && s[u].provider == Provider::tx_ctx;
    }
    static void effect(auto& s, UbufId u) { io_notif_complete(s, u); }
};

// io_uring_register() kills the ring's reference count and waits until nobody holds it. Meanwhile
// nothing can be submitted to the ring.
struct io_ctx_quiesce {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"fs/io_uring.c", "io_ctx_quiesce", "rfc-v1"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.models(Part::slots) && world.hazards.quiesces;
    }
    static bool guard(const auto& s, RingId ring) {
        return !s[ring].quiescing && !uring_locked(s, ring);
    }
    static void effect(auto& s, RingId ring) { s[ring].quiescing = true; }
};

struct io_ring_ctx_ref_free {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"fs/io_uring.c", "io_ring_ctx_ref_free", "rfc-v1"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return io_ctx_quiesce::in(world); }
    static bool guard(const auto& s, RingId ring) {
        return s[ring].quiescing && !s.template any<UbufId>([&](UbufId u) {
            return s[u].ring_ref && s[s[u].slot].ring == ring;
        });
    }
    static void effect(auto& s, RingId ring) { s[ring].quiescing = false; }
};

}  // namespace zcv::kernel
