#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/slots.hpp"
#include "model/world/world.hpp"

// Models io_uring/notif.{h,c} as they were before 6.0 was released: a notification belongs to a
// slot, and covers whatever was sent to the slot between two flushes. The tx contexts of the first
// series are the same but for the switches of the profile. Left out: more than one ring with slots,
// which share nothing; a new tag with a flush; the CQE of a flush request, which says nothing of
// buffers; that the first series carries the number of the generation in res and slots in flags.
namespace zcv::kernel {

// IO_NOTIF_SPLICE_BATCH, 32, scaled down.
inline constexpr std::size_t notif_splice_batch = 1;

template <class S>
bool io_notif_has_cached(const S& s, RingId ring) {
    return !s[ring].ubuf_list.empty() || s[ring].ubuf_list_locked.size() > notif_splice_batch;
}

// Of the cached notifiers any is as good as the other. The list that completions fill is moved over
// to the one that senders take from when that is worth taking completion_lock.
template <class S>
UbufId io_take_cached_notif(S& s, RingId ring) {
    auto& list = s[ring].ubuf_list;
    auto& locked = s[ring].ubuf_list_locked;
    if (list.empty())
        for (; !locked.empty(); locked.pop_front()) list.push_back(locked.front());
    const UbufId u = list.front();
    list.pop_front();
    s[u].cached = false;
    return u;
}

// A generation can be opened. Its number is not that of one whose sends somebody still waits for:
// there are 2^32 of them.
template <class S>
bool io_notif_room(const S& s, RingId ring, SlotId i) {
    if (!io_notif_has_cached(s, ring) && !s.template room<UbufId>()) return false;
    return !s.template any<RequestId>([&](RequestId r) {
        const bool covered = s[r].ubuf != none<UbufId> || s[r].notified;
        return covered && s[r].slot == i && s[r].seq == s[i].seq;
    });
}

// Opens the slot's next generation. The refs == 1 it begins with belongs to the slot: requests
// have no reference of their own, uring_lock keeps the slot's while they send.
template <class S>
UbufId io_alloc_notif(S& s, RingId ring, SlotId i) {
    const UbufId u =
        io_notif_has_cached(s, ring) ? io_take_cached_notif(s, ring) : s.template make<UbufId>();
    s[u].provider = Provider::tx_ctx;
    s[u].refs = 1;
    s[u].owner_ref = true;
    s[u].slot = i;
    s[u].seq = s[i].seq;
    s[u].ring_ref = s.world().profile.notifiers_pin_ring;
    s[i].ring = ring;
    s[i].active = u;
    s[i].seq = next_seq(s, s[i].seq);
    return u;
}

template <class S>
UbufId io_get_notif(S& s, RingId ring, SlotId i) {
    return s[i].active != none<UbufId> ? UbufId{s[i].active} : io_alloc_notif(s, ring, i);
}

// A notifier of the first series posts its CQE and goes to the cache, both under completion_lock.
template <class S>
void io_zc_tx_finish(S& s, UbufId u) {
    const SlotId i = s[u].slot;
    const RingId ring = s[i].ring;
    post_cqe(s, ring, {none<RequestId>, CqeKind::notif, i, s[u].seq});
    generation_is_notified(s, u);
    s[u] = {};
    s[u].alive = true;
    s[u].cached = true;
    s[ring].ubuf_list_locked.push_back(u);
}

template <class S>
void io_notif_complete(S& s, UbufId u) {
    if (s.world().profile.notifier_posts) return io_zc_tx_finish(s, u);
    s[u].tw = TaskWork::listed;
    s[s[s[u].slot].ring].compl_reqs.push_back(
        {none<RequestId>, CqeKind::notif, s[u].slot, s[u].seq});
}

// ubuf_info.callback: at zero the rest is left to task work, or to a work item when it is not known
// to be in process context.
template <class S>
void io_uring_tx_zerocopy_callback(S& s, UbufId u, bool with_skb) {
    ZCV_CHECK(s[u].refs > 0);
    if (--s[u].refs > 0) return;
    if (with_skb && s.world().profile.completion_forgets_task) return;
    s[u].tw = TaskWork::queued;
}

// Nobody can attach to the generation from here on, and the slot's reference goes.
template <class S>
void io_notif_slot_flush(S& s, SlotId i) {
    const UbufId u = s[i].active;
    s[i].active = none<UbufId>;
    s[u].owner_ref = false;
    ZCV_CHECK(s[u].refs > 0);
    if (--s[u].refs > 0) return;
    if (s.world().profile.flush_completes_inline)
        io_notif_complete(s, u);
    else
        s[u].tw = TaskWork::queued;
}

// A send to one of the ring's slots is running, and holds uring_lock.
template <class S>
bool uring_locked(const S& s, RingId ring) {
    return s.template any<RequestId>([&](RequestId r) {
        return s[r].phase == Phase::issuing && s[r].ring == ring && uses_slot(s.api_of(r));
    });
}

// Runs in the task that flushed, after what it submitted is completed.
struct io_notif_complete_tw {
    using Of = Ids<UbufId>;
    static constexpr KernelRef at{"io_uring/notif.c", "__io_notif_complete_tw", "6.0-rc"};
    static constexpr Context context = Context::task_work;

    static bool in(const World& world) {
        return world.models(Part::slots) && !world.profile.notifier_posts;
    }
    static bool guard(const auto& s, UbufId u) {
        return s[u].tw == TaskWork::queued && s[u].provider == Provider::tx_ctx;
    }
    static void effect(auto& s, UbufId u) { io_notif_complete(s, u); }
};

// Open generations are flushed, and no send finds a slot any more.
template <class S>
void give_up_slots(S& s, RingId ring) {
    s[ring].slots_gone = true;
    s.template for_each<SlotId>([&](SlotId i) {
        if (s[i].ring == ring && s[i].active != none<UbufId>) io_notif_slot_flush(s, i);
    });
}

// The application takes its slots back. The close of the ring does the same.
struct io_notif_unregister {
    using Of = Ids<RingId>;
    static constexpr KernelRef at{"io_uring/notif.c", "io_notif_unregister", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.models(Part::slots) && world.hazards.unregisters;
    }
    static bool guard(const auto& s, RingId ring) {
        return !s[ring].slots_gone && !uring_locked(s, ring);
    }
    static void effect(auto& s, RingId ring) { give_up_slots(s, ring); }
};

}  // namespace zcv::kernel
