#include <fmt/format.h>

#include <algorithm>

#include "model/next.hpp"
#include "model/packing.hpp"
#include "traces/binding_walk.hpp"
#include "traces/event_sets.hpp"
#include "traces/uapi.hpp"

// What the records of skbs and of their shared data are explained by.
namespace zcv {

void Walk::on_skb(std::uint32_t life, const zcv_event& event) {
    if (life == 0 || !sends_.contains(seen_life(life).owner))
        mismatch("no send in flight has given its pages to this skb");
    Send& owner = send_at(seen_life(life).owner);
    if (owner.lost) mismatch("it belongs to a send with an unexplained record before it");
    if (!owner.is_call) touch(owner.notif);
    if (still_held_after_notif(life, event)) return;
    if (event.kind == ZCV_HEAD_FREE) return on_head_free(life, event);
    if (lives_[life].gone) return;
    try {
        switch (event.kind) {
            case ZCV_DEV_QUEUE:
                return on_dev_queue(life, event);
            case ZCV_DEV_XMIT:
                return on_dev_xmit(life, event);
            case ZCV_RX:
                return on_rx(life, event);
            default:
                return on_skb_gone(life, event, event.kind == ZCV_SKB_DROP);
        }
    } catch (MismatchError&) {
        give_up(owner);
        throw;
    }
}

// The skb still names a ubuf whose notification was posted: that is the broken promise itself, read
// from the shared info. Between two CPUs' clocks a little lateness proves nothing.
bool Walk::still_held_after_notif(std::uint32_t life, const zcv_event& event) {
    const Send& owner = send_at(seen_life(life).owner);
    if (owner.is_call || !owner.notified || event.ubuf != owner.ubuf || event.kind == ZCV_HEAD_FREE)
        return false;
    const std::uint64_t notified = *history(owner).notified_ns;
    if (event.time_ns < notified + skew_ns) return true;
    violation(owner, "S1-no-early-release", Evidence::skbs, event.time_ns,
              fmt::format("skb {:#x} still refers to the ubuf {:.3f} ms after its notification",
                          event.skb, static_cast<double>(event.time_ns - notified) / 1e6),
              "The kernel said that it let go of the buffer, and a packet still refers to it.");
    return true;
}

// Which skb of the model a record speaks of. A new address is a clone, a segment, or a copy for a
// packet socket, whichever can exist here.
SkbId Walk::skb_named(std::uint32_t life, const zcv_event& event) {
    const SkbId* const found = skb_at_.find(event.skb);
    const SkbId known = found == nullptr ? none<SkbId> : *found;
    if (known != none<SkbId> && state_of(known).life == life) return known;
    const bool is_new = !lives_[life].attached;
    if (is_new && known != none<SkbId> && has_new_head(life, known)) return known;
    attach(life);
    if (is_new && seen_life(life).birth == Birth::segment)
        return adopt(life, lives_[life].original, event.skb);
    const SkbId original = lives_[life].original;
    const bool lives = state_of(original).life == life;
    const bool tcp = lives && s_.config(s_[original].sock).transport == Transport::tcp;
    if (tcp && (s_[original].loc == Loc::write_queue || s_[original].loc == Loc::rtx_queue)) {
        for (const SkbId skb : lives_[life].skbs)
            if (skb != original && state_of(skb).address == 0 && s_[skb].loc != Loc::segmented &&
                s_[skb].loc != Loc::dma_done)
                return adopt(life, skb, event.skb);
        return adopt(life, mirrored(life, transmit(life), event), event.skb);
    }
    if (lives && state_of(original).address == 0) {
        if (s_[original].loc == Loc::write_queue)
            must<kernel::ip_send_skb>("the datagram on its way", SockId{s_[original].sock});
        return adopt(life, mirrored(life, original, event), event.skb);
    }
    for (const SkbId skb : lives_[life].skbs) {
        if (!can<kernel::dev_queue_xmit_nit>(s_, skb)) continue;
        go<kernel::dev_queue_xmit_nit>(skb);
        return adopt(life, SkbId{s_.newest()}, event.skb);
    }
    mismatch("another skb carries the same data, and nothing can have cloned it",
             around(send_at(seen_life(life).owner)));
}

// Queued with more skbs on its data than there were: a filter on the way sent a clone to another
// device, and that is the one which is queued. The other shows up when it is freed or queued.
SkbId Walk::mirrored(std::uint32_t life, SkbId skb, const zcv_event& event) {
    if (event.kind != ZCV_DEV_QUEUE || event.dataref <= s_[s_[skb].shinfo].dataref) return skb;
    if (s_[skb].loc == Loc::build) go<kernel::dev_queue_xmit>(skb);
    if (!can<kernel::tcf_mirred_to_dev>(s_, skb)) return skb;
    go<kernel::tcf_mirred_to_dev>(skb);
    return adopt(life, SkbId{s_.newest()}, 0);
}

// Where no record tells of each turn of sendmsg: what was linked to the notification of a stream's
// skb, or to the chain that this is in, was linked before that was sent, though it completes later.
void Walk::issue_what_was_linked(std::uint32_t life) {
    const std::uint32_t owner = seen_life(life).owner;
    if (!sends_.contains(owner)) return;
    const std::uint32_t chain = ahead_.sends.at(owner).chain;
    const SendFacts& head = ahead_.sends.at(chain != 0 ? chain : owner);
    if (head.append != no_record) return;
    for (const std::uint32_t generation : head.linked) {
        Send* const at = sends_.find(generation);
        if (at == nullptr || at->request == none<RequestId> ||
            s_[at->request].phase != Phase::prepped)
            continue;
        if (s_[at->sock].write_queue.empty()) return;
        issue(*at);
        attach_the_rest(*at);
    }
}

void Walk::on_dev_queue(std::uint32_t life, const zcv_event& event) {
    issue_what_was_linked(life);
    const SkbId skb = skb_named(life, event);
    if (event.ubuf == 0) return copy_out(skb);
    // One device hands it to the next.
    if (s_[skb].loc == Loc::qdisc) to_device(skb);
    if (s_[skb].loc == Loc::dev || s_[skb].loc == Loc::rx)
        must<kernel::dev_forward_skb>("an skb handed on to another device", skb);
    must<kernel::dev_queue_xmit>("an skb queued to a device", skb);
    note_on_wire(life, event.time_ns);
}

void Walk::on_dev_xmit(std::uint32_t life, const zcv_event& event) {
    const SkbId skb = skb_named(life, event);
    if (event.ubuf == 0) return copy_out(skb);
    // The driver was busy before, or another device had it.
    if (s_[skb].loc == Loc::dev || s_[skb].loc == Loc::rx)
        must<kernel::dev_forward_skb>("an skb handed on to another device", skb);
    if (s_[skb].loc == Loc::build) must<kernel::dev_queue_xmit>("an skb queued to a device", skb);
    must<kernel::dev_hard_start_xmit>("an skb given to a driver", skb);
    note_on_wire(life, event.time_ns);
}

void Walk::on_rx(std::uint32_t life, const zcv_event& event) {
    const SkbId skb = skb_named(life, event);
    if (event.ubuf == 0) return copy_out(skb);
    if (s_[skb].loc == Loc::rx) return;  // another round: a bridge, a VLAN, a macvlan
    to_device(skb);
    must<kernel::netif_receive_skb_core>("an skb received on this machine", skb);
}

void Walk::on_skb_gone(std::uint32_t life, const zcv_event& event, bool dropped) {
    if (dropped && !lives_[life].attached && is_thrown_away(life)) return;
    const SkbId skb = skb_named(life, event);
    if (event.ubuf == 0) {
        copy_out(skb);
        if (!s_[skb].alive || state_of(skb).life == 0) return;  // a private copy, which is gone
    }
    if (s_[skb].loc == Loc::qdisc) cut_up(life, skb, !dropped && event.ubuf != 0);
    const Loc loc = s_[skb].loc;
    const bool before_data_was_read = loc == Loc::build || loc == Loc::qdisc || loc == Loc::rx;
    if (dropped ? loc != Loc::segmented && loc != Loc::dma_done && loc != Loc::rx_copied
                : before_data_was_read) {
        if (loc == Loc::write_queue || loc == Loc::rtx_queue) return finish_skb(skb);
        must<kernel::kfree_skb_reason>("an skb freed before its data was read", skb);
        drop_from_life(skb);
        return;
    }
    finish_skb(skb);
}

// The last skb on this shared info is gone, whatever path it took unseen.
void Walk::on_head_free(std::uint32_t life, const zcv_event& event) {
    LifeState& state = lives_[life];
    if (state.gone) return;  // released by an inference before: this record comes late
    if (seen_life(life).moves) return;
    if (!state.attached && is_thrown_away(life)) return;
    if (!state.attached) attach(life);
    const Send& owner = send_at(seen_life(life).owner);
    if (!is_unacknowledged(event) || !eat(life)) release_life(life);
    const bool exact =
        !owner.is_call && s_.config(owner.sock).transport == Transport::udp && !owner.notified;
    if (exact && owner.notif != none<UbufId> && event.refs != ZCV_REFS_UNKNOWN &&
        event.refs > s_[owner.notif].refs)
        mismatch(fmt::format("the notification has {} references left, the model explains {}",
                             event.refs, s_[owner.notif].refs),
                 around(owner));
}

void Walk::to_device(SkbId skb) {
    if (s_[skb].loc == Loc::write_queue && s_.config(s_[skb].sock).transport == Transport::udp)
        must<kernel::ip_send_skb>("the datagram on its way", SockId{s_[skb].sock});
    if (s_[skb].loc == Loc::build) must<kernel::dev_queue_xmit>("an skb queued to a device", skb);
    if (s_[skb].loc == Loc::qdisc)
        must<kernel::dev_hard_start_xmit>("an skb given to a driver", skb);
}

// The flag that says "user pages" has gone from the skb: it was received here and copied.
void Walk::copy_out(SkbId skb) {
    if (s_[skb].loc == Loc::rx_copied || s_[skb].loc == Loc::segmented ||
        s_[skb].loc == Loc::dma_done)
        return;
    to_device(skb);
    if (s_[skb].loc == Loc::dev)
        must<kernel::netif_receive_skb_core>("an skb received on this machine", skb);
    if (can<kernel::pskb_expand_head>(s_, skb)) {
        const SkbState state = state_of(skb);
        go<kernel::pskb_expand_head>(skb);
        must<kernel::skb_copy_ubufs>("a copy on receive", skb);
        // Its data is private now and of no further interest: nothing can be seen of it.
        go<kernel::consume_skb>(skb);
        state_of(skb) = state;
        drop_from_life(skb);
        return;
    }
    must<kernel::skb_copy_ubufs>("a copy on receive", skb);
}

// What the owner's notification says in the end decides between two unseen ways to be released.
Walk::Usage Walk::usage_of(const Send& send) const {
    const SendFacts& facts = ahead_.sends.at(send.generation);
    if (send.is_call)
        return !facts.copied ? Usage::unknown : *facts.copied ? Usage::copied : Usage::zero_copied;
    if (!send.reports_usage || !facts.notif.seen) return Usage::unknown;
    if (facts.notif.generation == 0) return Usage::unknown;
    const auto res = static_cast<std::uint32_t>(facts.notif.res);
    return (res & uapi::notif_usage_zc_copied) != 0 ? Usage::copied : Usage::zero_copied;
}

// From wherever it is to freed, by steps nobody sees.
void Walk::finish_skb(SkbId skb) {
    const std::uint32_t life = state_of(skb).life;
    const SockId sock = s_[skb].sock;
    const bool tcp = s_.config(sock).transport == Transport::tcp;
    if (s_[skb].loc == Loc::write_queue && tcp) {
        if (was_reset(sock)) return purge(sock);
        transmit(life);
    }
    if (s_[skb].loc == Loc::rtx_queue) {
        if (was_reset(sock) && s_[sock].rtx_queue.front() != skb) return purge(sock);
        return acknowledge(skb);
    }
    to_device(skb);
    const Usage usage = usage_of(send_at(seen_life(life).owner));
    if (s_[skb].loc == Loc::rx ? usage != Usage::zero_copied
                               : s_[skb].loc == Loc::dev && usage == Usage::copied) {
        copy_out(skb);
        if (!s_[skb].alive || state_of(skb).life == 0) return;
    }
    if (s_[skb].loc == Loc::dev) must<world::device_dma>("data read by the device", skb);
    if (s_[skb].loc == Loc::rx)
        must<kernel::kfree_skb_reason>("an skb dropped on receive", skb);
    else
        must<kernel::consume_skb>("an skb done with", skb);
    drop_from_life(skb);
}

void Walk::note_on_wire(std::uint32_t life, std::uint64_t time_ns) {
    if (lives_[life].gone) return;
    s_[lives_[life].shinfo].frags.for_each([&](RequestId r) {
        SendHistory& seen = history(send_at(send_of_request_[index(r)]));
        if (!seen.on_wire_ns) seen.on_wire_ns = time_ns;
        if (!seen.attached_ns) seen.attached_ns = time_ns;
    });
}

std::vector<std::string> Walk::around(SkbId skb) const {
    FieldLister lister;
    auto copy = s_[skb];
    lister.object(skb);
    copy.fields(lister);
    if (copy.alive) {
        auto shinfo = s_[copy.shinfo];
        lister.object(ShinfoId{copy.shinfo});
        shinfo.fields(lister);
    }
    return one_line_each(lister.take());
}

}  // namespace zcv
