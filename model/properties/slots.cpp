#include "model/properties/tables.hpp"

// Properties of the designs in which a notification covers many requests, and of AF_XDP frames.
namespace zcv {
namespace {

using checker::Must;

bool with_slots(const World& world) {
    return world.models(Part::slots);
}

bool with_cached_notifiers(const World& world) {
    return world.models(Part::slots) && world.profile.notifier_posts && world.bounds.ubufs > 1;
}

bool with_quiesce(const World& world) {
    return world.models(Part::slots) && world.hazards.quiesces;
}

bool with_xdp(const World& world) {
    return world.models(Part::xdp);
}

bool is_generation(const FixedStore& s, UbufId u) {
    return s[u].alive && !s[u].cached && s[u].slot != none<SlotId>;
}

template <class F>
void for_each_notification(const FixedStore& s, F&& f) {
    s.for_each<RingId>([&](RingId ring) {
        for (const auto* list : {&s[ring].compl_reqs, &s[ring].cq, &s[ring].overflow})
            for (std::size_t i = 0; i < list->size(); ++i)
                if ((*list)[i].slot != none<SlotId>) f((*list)[i], list == &s[ring].compl_reqs);
    });
}

// One that was posted belongs to a generation that is over; one that is still to be posted to one
// that is complete. Two of the same generation free the buffers of the next.
bool one_notif_a_generation(const FixedStore& s) {
    bool holds = true;
    for_each_notification(s, [&](const Cqe<FixedKind>& cqe, bool listed) {
        unsigned same = 0;
        for_each_notification(s, [&](const Cqe<FixedKind>& other, bool) {
            same += other.slot == cqe.slot && other.seq == cqe.seq;
        });
        const bool lives = s.any<UbufId>([&](UbufId u) {
            return is_generation(s, u) && s[u].slot == cqe.slot && s[u].seq == cqe.seq;
        });
        holds = holds && same == 1 && lives == listed;
    });
    return holds;
}

bool a_generation_was_notified(const FixedStore& s) {
    bool found = false;
    for_each_notification(s, [&](const Cqe<FixedKind>&, bool listed) { found = found || !listed; });
    return found;
}

bool is_sending(const FixedStore& s, RequestId r) {
    return s[r].phase == Phase::issuing && uses_slot(s.api_of(r));
}

// While a send runs, the generation that it attaches to is open: the slot's reference is the only
// one that keeps it.
bool sends_into_the_open_generation(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (!is_sending(s, r)) return true;
        const UbufId u = s[r].ubuf;
        return u != none<UbufId> && s[u].owner_ref && s[s[u].slot].active == u;
    });
}

bool a_send_is_running(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) { return is_sending(s, r); });
}

bool seq_as_counted(const FixedStore& s) {
    return every<SlotId>(s, [&](SlotId i) { return !s[i].miscounted; });
}

bool a_generation_was_counted(const FixedStore& s) {
    return s.any<SlotId>([&](SlotId i) { return s[i].app_seq > 0; });
}

bool slot_as_named(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        const bool attached = s[r].ubuf != none<UbufId> && uses_slot(s.api_of(r));
        return !attached || s[s[r].ubuf].slot == s[r].slot;
    });
}

bool a_send_is_attached(const FixedStore& s) {
    return s.any<RequestId>(
        [&](RequestId r) { return s[r].appended && s[r].ubuf != none<UbufId>; });
}

bool no_data_under_a_cached_notifier(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        const UbufId u = s[h].uarg;
        return u == none<UbufId> || (s[u].alive && !s[u].cached);
    });
}

bool a_notifier_was_used_again(const FixedStore& s) {
    return s.any<RingId>([&](RingId ring) { return !s[ring].ubuf_list.empty(); });
}

// Nobody refers to it, so nobody will ever release it again: somebody must be about to post it.
bool no_lost_generation(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId u) {
        return !is_generation(s, u) || s[u].refs > 0 || s[u].tw != TaskWork::none;
    });
}

bool a_generation_was_released(const FixedStore& s) {
    return s.any<UbufId>([&](UbufId u) { return is_generation(s, u) && s[u].refs == 0; });
}

// A generation that is still open is closed by a flush, and nothing can be submitted to a ring
// while it quiesces.
bool quiesce_can_end(const FixedStore& s) {
    return every<SlotId>(s, [&](SlotId i) {
        const UbufId u = s[i].active;
        if (u == none<UbufId> || !s[s[i].ring].quiescing || !s[u].ring_ref) return true;
        return s.any<RequestId>([&](RequestId r) {
            return s[r].phase == Phase::issuing || s[r].phase == Phase::polled;
        });
    });
}

bool a_ring_quiesces_over_an_open_generation(const FixedStore& s) {
    return s.any<SlotId>(
        [&](SlotId i) { return s[i].active != none<UbufId> && s[s[i].ring].quiescing; });
}

bool lists(const auto& fifo, RequestId r) {
    for (std::size_t i = 0; i < fifo.size(); ++i)
        if (fifo[i] == r) return true;
    return false;
}

// Whoever waits for a frame waits for one that some ring or some packet still has.
bool no_frame_lost(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].phase == Phase::idle || s.api_of(r) != Api::af_xdp) return true;
        const bool in_a_ring = s.any<SockId>([&](SockId sock) {
            return lists(s[sock].tx_ring, r) || lists(s[sock].completion_ring, r);
        });
        return in_a_ring || s.any<SkbId>([&](SkbId k) { return s[k].alive && s[k].desc == r; });
    });
}

bool a_frame_is_on_its_way(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) { return s[r].phase == Phase::issued; });
}

}  // namespace

std::vector<KernelProperty> slot_properties() {
    return {
        {{Must::always, "S9-one-notif-a-generation", one_notif_a_generation,
          "A generation was notified while it was open, or twice: the buffers of sends that are "
          "still under way are reused."},
         with_slots},
        {{Must::sometimes, "S9-one-notif-a-generation-reached", a_generation_was_notified,
          "No generation was ever notified: the property was not put to the test."},
         with_slots},
        {{Must::always, "G1-open-while-sending", sends_into_the_open_generation,
          "A send attaches its data to a generation that was flushed: its notification may already "
          "be out."},
         with_slots},
        {{Must::sometimes, "G1-open-while-sending-reached", a_send_is_running,
          "No send to a slot ever ran: the property was not put to the test."},
         with_slots},
        {{Must::always, "G2-seq-as-counted", seq_as_counted,
          "The application counts a send to another generation than the kernel does: it reuses the "
          "buffer at the wrong notification, or waits for one that never comes."},
         with_slots},
        {{Must::sometimes, "G2-seq-as-counted-reached", a_generation_was_counted,
          "No generation was ever followed by another: the property was not put to the test."},
         with_slots},
        {{Must::always, "G3-slot-as-named", slot_as_named,
          "A send is covered by the notification of a slot that it did not name: whoever waits for "
          "it never hears of it, and the slot's users wait for, and are flushed by, a stranger."},
         with_slots},
        {{Must::sometimes, "G3-slot-as-named-reached", a_send_is_attached,
          "No send was ever attached to a slot: the property was not put to the test."},
         with_slots},
        {{Must::always, "S17-no-lost-generation", no_lost_generation,
          "The last reference to a generation is gone and nobody will post its notification: its "
          "buffers are never given back."},
         with_slots},
        {{Must::sometimes, "S17-no-lost-generation-reached", a_generation_was_released,
          "No generation was ever released: the property was not put to the test."},
         with_slots},
        {{Must::always, "S13-cached-notifier-is-free", no_data_under_a_cached_notifier,
          "A notifier is used again while a packet still refers to it: the packet's release counts "
          "for strangers."},
         with_cached_notifiers},
        {{Must::sometimes, "S13-cached-notifier-is-free-reached", a_notifier_was_used_again,
          "No notifier was ever used again: the property was not put to the test."},
         with_cached_notifiers},
        {{Must::always, "L3-quiesce-can-end", quiesce_can_end,
          "io_uring_register() waits for a notifier that only a flush can release, and no flush "
          "can be submitted meanwhile: the call never returns."},
         with_quiesce},
        {{Must::sometimes, "L3-quiesce-can-end-reached", a_ring_quiesces_over_an_open_generation,
          "No ring ever quiesced with a generation open: the property was not put to the test."},
         with_quiesce},
    };
}

std::vector<KernelProperty> xdp_properties() {
    return {
        {{Must::always, "X1-no-frame-lost", no_frame_lost,
          "The application waits for a frame that comes back by no ring: it runs out of frames."},
         with_xdp},
        {{Must::sometimes, "X1-no-frame-lost-reached", a_frame_is_on_its_way,
          "No frame was ever sent: the property was not put to the test."},
         with_xdp},
    };
}

}  // namespace zcv
