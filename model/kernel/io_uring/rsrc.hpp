#pragma once

#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/rsrc.{h,c}: registered buffers, and the resource nodes that keep their pages
// pinned for whoever still uses them. Left out: registered files, resource tags, what an update
// puts in the place of what it takes out, and memory registered with several rings.
namespace zcv::kernel {

template <class S>
bool any_ubuf(const S& s, auto&& f) {
    bool found = false;
    s.template for_each<UbufId>([&](UbufId n) { found = found || (s[n].alive && f(n)); });
    return found;
}

// io_buffer_unmap() with the last of those who hold the registration.
template <class S>
void put_registration(S& s, BufferId b) {
    if (s[b].node_refs == 0) return;  // the process took its pins along
    if (--s[b].node_refs == 0) --s[b].page_refs;
}

template <class S>
bool in_use(const S& s, BufferId retired) {
    return any_ubuf(s, [&](UbufId n) { return s[n].node && s[n].node_of == retired; });
}

// Nodes of a ring are done with in the order in which they were retired: one that is still used
// holds up all later ones.
template <class S>
void io_rsrc_node_ref_zero(S& s, RingId ring) {
    while (!s[ring].retired.empty()) {
        const BufferId b = s[ring].retired.front();
        if (in_use(s, b)) return;
        s[ring].retired.pop_front();
        put_registration(s, b);
    }
}

// io_req_set_rsrc_node(), of the notification: for as long as it lives, not the request.
template <class S>
void io_req_set_rsrc_node(S& s, RequestId r) {
    const UbufId n = s[r].ubuf;
    if (s[n].node) return;
    s[n].node = true;
    if (s.world().profile.ring_nodes) return;
    s[n].node_of = s[r].buffer;
    ++s[BufferId{s[r].buffer}].node_refs;
}

template <class S>
void io_put_rsrc_node(S& s, UbufId n) {
    if (!s[n].node) return;
    const BufferId b = s[n].node_of;
    s[n].node = false;
    s[n].node_of = none<BufferId>;
    if (s.world().profile.ring_nodes)
        io_rsrc_node_ref_zero(s, s[s[n].request].ring);
    else
        put_registration(s, b);
}

template <class S>
bool uses_registered(const S& s, RequestId r) {
    return from_registered_buffer(s.api_of(r)) && s.world().models(Part::registered);
}

// Whether a request finds its buffer in the table, which is empty to it while unregister waits.
template <class S>
bool io_find_buf(const S& s, RequestId r) {
    return s[s[r].buffer].registered && !s[s.ring_of(r)].quiesce;
}

// Before 6.13 the buffer was looked up and its node taken when the request was prepared.
template <class S>
bool prep_finds_buffer(const S& s, RequestId r) {
    if (!s.world().profile.ring_nodes || !uses_registered(s, r)) return true;
    return io_find_buf(s, r);
}

template <class S>
void prep_takes_node(S& s, RequestId r) {
    if (!s.world().models(Part::registered) || !s.world().profile.ring_nodes) return;
    if (uses_registered(s, r) || s.world().profile.every_notif_takes_node)
        io_req_set_rsrc_node(s, r);
}

// From 6.13 on it is looked up when the request is issued, once.
template <class S>
bool issue_finds_buffer(const S& s, RequestId r) {
    if (s.world().profile.ring_nodes || !uses_registered(s, r)) return true;
    return s[s[r].ubuf].node || s[s[r].buffer].registered;
}

template <class S>
void issue_takes_node(S& s, RequestId r) {
    if (!s.world().profile.ring_nodes && uses_registered(s, r)) io_req_set_rsrc_node(s, r);
}

// io_free_batch_list(), for a request that held the node itself.
template <class S>
void finished_request_puts_node(S& s, RequestId r) {
    const Profile& kernel = s.world().profile;
    const bool vectored = s.api_of(r) == Api::sendmsg_zc_fixed;
    if (!kernel.request_holds_node && !(kernel.sendmsg_request_holds_node && vectored)) return;
    if (uses_registered(s, r) && s[r].ubuf != none<UbufId>) io_put_rsrc_node(s, s[r].ubuf);
}

// The application is one thread: it registers, unregisters and closes while it submits nothing. One
// that takes this for the end of its sends does so when nothing of them waits to be issued.
template <class S>
bool submits_nothing(const S& s, RingId ring) {
    bool idle = s[the_task].life == TaskState::running && !s[ring].closed && !s[ring].quiesce &&
                s[ring].entered == Entered::no;
    s.template for_each<RequestId>([&](RequestId r) {
        const Phase phase = s[r].phase;
        const bool links = phase == Phase::prepped && s.world().app != App::conforming;
        const bool submitting =
            phase == Phase::sqe || phase == Phase::issuing || phase == Phase::issued || links;
        idle = idle && !(submitting && s[r].ring == ring);
    });
    return idle;
}

template <class S>
bool any_registered(const S& s) {
    bool found = false;
    s.template for_each<BufferId>([&](BufferId b) { found = found || s[b].registered; });
    return found;
}

// All buffers become the table of the ring, and are pinned.
struct io_sqe_buffers_register {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/rsrc.c", "io_sqe_buffers_register"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) { return world.models(Part::registered); }

    static bool guard(const auto& s, RingId ring) {
        bool fresh = true;
        s.template for_each<BufferId>([&](BufferId b) {
            fresh = fresh && s[b].node_refs == 0 && s[b].lent == 0 && !s[b].written;
        });
        return fresh && submits_nothing(s, ring);
    }
    static void effect(auto& s, RingId) {
        s.template for_each<BufferId>([&](BufferId b) {
            s[b].registered = true;
            s[b].node_refs = 1;
            ++s[b].page_refs;
        });
    }
};

// Where the buffers have nodes of their own it returns at once: what is in use stays pinned by its
// users. Where the ring has them, the table is hidden and the call waits. It runs what is queued as
// task work by then, and sleeps: a kernel in which nobody wakes it for more has nothing queued
// here.
struct io_sqe_buffers_unregister {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/rsrc.c", "io_sqe_buffers_unregister"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) {
        return world.models(Part::registered) && world.hazards.unregisters;
    }

    static bool guard(const auto& s, RingId ring) {
        if (s.world().profile.unregister_sleeps && any_ubuf(s, [&](UbufId n) {
                return s[n].tw == TaskWork::queued && s[s[n].request].ring == ring;
            }))
            return false;
        return any_registered(s) && submits_nothing(s, ring);
    }
    static void effect(auto& s, RingId ring) {
        if (s.world().profile.ring_nodes)
            s[ring].quiesce = true;
        else
            drop_table(s);
    }

    template <class S>
    static void drop_table(S& s) {
        s.template for_each<BufferId>([&](BufferId b) {
            if (!s[b].registered) return;
            s[b].registered = false;
            put_registration(s, b);
        });
    }
};

// No node of the ring is in use any more, the ones retired earlier included.
struct io_rsrc_ref_quiesce {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/rsrc.c", "io_rsrc_ref_quiesce"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) {
        return io_sqe_buffers_unregister::in(world) && world.profile.ring_nodes;
    }

    static bool guard(const auto& s, RingId ring) {
        return s[ring].quiesce && s[ring].retired.empty() &&
               !any_ubuf(s, [&](UbufId n) { return s[n].node && s[s[n].request].ring == ring; });
    }
    static void effect(auto& s, RingId ring) {
        s[ring].quiesce = false;
        io_sqe_buffers_unregister::drop_table(s);
    }
};

// One slot of the table is emptied. Where the ring has the nodes, its current one is retired to
// free this buffer once all who took it, and all older nodes, are done.
struct io_sqe_buffers_update {
    using Of = Ids<RingId, BufferId>;
    static constexpr KernelRef at{"io_uring/rsrc.c", "__io_sqe_buffers_update"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) {
        return world.models(Part::registered) && world.hazards.updates;
    }

    static bool guard(const auto& s, RingId ring, BufferId b) {
        return s[b].registered && submits_nothing(s, ring);
    }
    static void effect(auto& s, RingId ring, BufferId b) {
        s[b].registered = false;
        if (!s.world().profile.ring_nodes) return put_registration(s, b);
        s.template for_each<UbufId>([&](UbufId n) {
            if (s[n].node && s[n].node_of == none<BufferId> && s[s[n].request].ring == ring)
                s[n].node_of = b;
        });
        s[ring].retired.push_back(b);
        io_rsrc_node_ref_zero(s, ring);
    }
};

}  // namespace zcv::kernel
