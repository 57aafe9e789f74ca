#pragma once

#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/io_uring/rsrc.hpp"
#include "model/kernel/v6.0-rc/io_uring/notif.hpp"
#include "model/state.hpp"
#include "model/step.hpp"

// Models the end of rings in io_uring/io_uring.c: what is cancelled, who waits for whom, and where
// task work runs that has no task any more. Left out: entries of the overflow list, which are
// thrown away when nobody can read them; slots in a process that exits or calls execve.
namespace zcv::kernel {

// Inside io_uring_enter(), or in a worker. A ring's file and the process outlast both.
template <class S>
bool is_being_issued(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing || s[r].phase == Phase::issued;
}

// The ring has its io_kiocb, or that of its notification.
template <class S>
bool is_under_way(const S& s, RequestId r) {
    return s[r].phase != Phase::idle && s[r].phase != Phase::sqe &&
           (s[r].phase != Phase::posted || s[r].ubuf != none<UbufId>);
}

template <class S>
bool any_request(const S& s, auto&& f) {
    bool found = false;
    s.template for_each<RequestId>([&](RequestId r) { found = found || f(r); });
    return found;
}

// close() of the ring, or io_uring_queue_exit(): it returns at once, and no CQE is read any more.
struct io_uring_release {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_uring_release"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.hazards.ring_exits; }

    static bool guard(const auto& s, RingId ring) { return submits_nothing(s, ring); }
    static void effect(auto& s, RingId ring) {
        s[ring].closed = true;
        if (s.world().models(Part::slots)) give_up_slots(s, ring);
    }
};

// What has not been sent will not be: a request that waits for its turn or for its socket.
struct io_uring_try_cancel_requests {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_uring_try_cancel_requests"};
    static constexpr Context context = Context::workqueue;
    static bool in(const World& world) { return world.models(Part::teardown); }

    static bool guard(const auto& s, RequestId r) {
        return (s[r].phase == Phase::prepped || s[r].phase == Phase::polled) &&
               (s[s[r].ring].closed || s[the_task].life != TaskState::running);
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].phase = Phase::issued;
    }
};

// Task work whose task is gone is run by a worker of the ring.
struct io_fallback_req_func {
    using Of = Ids<UbufId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_fallback_req_func"};
    static constexpr Context context = Context::workqueue;
    static bool in(const World& world) { return world.models(Part::teardown); }

    static bool guard(const auto& s, UbufId n) {
        return s[n].tw == TaskWork::queued && s[the_task].life == TaskState::gone;
    }
    static void effect(auto& s, UbufId n) { io_notif_tw_complete::effect(s, n); }
};

// io_ring_exit_work() has waited for every request and every notification: the ring goes, and with
// it the registration of its buffers.
struct io_ring_ctx_free {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_ring_ctx_free"};
    static constexpr Context context = Context::workqueue;
    static bool in(const World& world) { return world.models(Part::teardown); }

    static bool guard(const auto& s, RingId ring) {
        return s[ring].closed && !s[ring].freed && !any_request(s, [&](RequestId r) {
                   return s[r].ring == ring && is_under_way(s, r);
               });
    }
    static void effect(auto& s, RingId ring) {
        s[ring].freed = true;
        io_sqe_buffers_unregister::drop_table(s);
    }
};

// The process lets go of its files and its memory. Pages in flight are held by whoever else counts
// on them; a pin of the process's own would go here.
template <class S>
void exit_files_and_mm(S& s) {
    s[the_task].life = TaskState::gone;
    s.template for_each<RingId>([&](RingId ring) { s[ring].closed = true; });
    s.template for_each<BufferId>([&](BufferId b) {
        s[b].unmapped = true;
        if (!s.world().profile.process_holds_pins || s[b].node_refs == 0) return;
        s[b].node_refs = 0;
        --s[b].page_refs;
    });
}

// execve() cancels and waits for everything that holds the task, notifications included. Then it
// has a new program's memory, and the ring, which is closed on exec, is gone.
struct io_uring_cancel_generic {
    using Of = Ids<TaskId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_uring_cancel_generic"};
    static constexpr Context context = Context::exit;
    static bool in(const World& world) { return world.hazards.execs; }

    static bool guard(const auto& s, TaskId task) {
        return s[task].life == TaskState::execing &&
               !any_request(s, [&](RequestId r) { return is_under_way(s, r); });
    }
    static void effect(auto& s, TaskId) { exit_files_and_mm(s); }
};

}  // namespace zcv::kernel
