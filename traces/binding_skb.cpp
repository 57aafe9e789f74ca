#include <fmt/format.h>

#include <algorithm>

#include "model/next.hpp"
#include "model/packing.hpp"
#include "traces/binding_walk.hpp"

// What the records of skbs and of their shared data are explained by.
namespace zcv {
namespace {

constexpr std::uint32_t notif_zc_copied = 0x80000000u;

// Two CPUs write records of one moment; a release may be logged after what it led to.
constexpr std::uint64_t skew_ns = 1'000'000;

}  // namespace

void Walk::on_skb(std::uint32_t life, const zcv_event& event) {
    if (life == 0) mismatch("no send in flight has given its pages to this skb");
    Send& owner = send_at(ahead_.lives[life].owner);
    if (owner.lost) mismatch("it belongs to a send with an unexplained record before it");
    touch(owner.notif);
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
    const Send& owner = send_at(ahead_.lives[life].owner);
    if (!owner.notified || event.ubuf != owner.ubuf || event.kind == ZCV_HEAD_FREE) return false;
    const std::uint64_t notified = *report_.history[owner.history].notified_ns;
    if (event.time_ns < notified + skew_ns) return true;
    violation(owner, "S1-no-early-release", event.time_ns,
              fmt::format("skb {:#x} still refers to the ubuf {:.3f} ms after its notification",
                          event.skb, static_cast<double>(event.time_ns - notified) / 1e6),
              "The kernel said that it let go of the buffer, and a packet still refers to it.");
    return true;
}

// Brings about the shared info of this life: one more skb with pages of its owner.
void Walk::attach(std::uint32_t life) {
    if (lives_[life].attached) return;
    Send& owner = send_at(ahead_.lives[life].owner);
    if (s_[owner.request].phase != Phase::issuing) {
        if (owner.completed)
            mismatch("its data was attached after the request completed", around(owner));
        issue(owner);
    }
    if (s_.config(owner.sock).transport == Transport::tcp)
        must<kernel::skb_zerocopy_iter_stream>("an skb with the request's pages", owner.request);
    else
        must<kernel::ip_append_data>("a datagram with the request's pages", owner.request);
    const SkbId skb{s_.newest()};
    LifeState& state = lives_[life];
    state.attached = true;
    state.shinfo = s_[skb].shinfo;
    state.original = skb;
    owner.lives.push_back(life);
    adopt(life, skb, 0);
    if (!history(owner).attached_ns) history(owner).attached_ns = now_ns_;
}

// The name of this skb from now on. An address belongs to the skb that had it last.
SkbId Walk::adopt(std::uint32_t life, SkbId skb, std::uint64_t address) {
    if (skb_states_.size() <= index(skb)) skb_states_.resize(index(skb) + 1);
    SkbState& state = skb_states_[index(skb)];
    if (state.life != life || state.address == 0) state = {life, address};
    auto& skbs = lives_[life].skbs;
    if (std::ranges::find(skbs, skb) == skbs.end()) skbs.push_back(skb);
    if (address != 0) skb_at_[address] = skb;
    return skb;
}

void Walk::drop_from_life(SkbId skb) {
    SkbState& state = state_of(skb);
    if (state.address != 0) {
        const auto found = skb_at_.find(state.address);
        if (found != skb_at_.end() && found->second == skb) skb_at_.erase(found);
    }
    std::erase(lives_[state.life].skbs, skb);
    LifeState& life = lives_[state.life];
    if (life.skbs.empty() && life.attached && !life.gone) {
        life.gone = true;
        life.gone_ns = now_ns_;
    }
    state = {};
}

Walk::SkbState& Walk::state_of(SkbId skb) {
    if (skb_states_.size() <= index(skb)) skb_states_.resize(index(skb) + 1);
    return skb_states_[index(skb)];
}

// TCP: what is sent is a clone of the first skb of the write queue; those before it went unseen.
// Sent before, it is a retransmission, for which the earlier clone must be gone.
SkbId Walk::transmit(std::uint32_t life) {
    const SkbId original = lives_[life].original;
    const SockId sock = s_[original].sock;
    if (s_[original].loc == Loc::rtx_queue) {
        const std::vector<SkbId> skbs = lives_[life].skbs;
        for (const SkbId skb : skbs)
            if (skb != original) finish_skb(skb);
        must<kernel::tcp_retransmit_skb>("a retransmission", original);
        return adopt(life, SkbId{s_.newest()}, 0);
    }
    if (s_[original].loc != Loc::write_queue) mismatch("it was sent already", around(original));
    for (;;) {
        const SkbId front = s_[sock].write_queue.front();
        must<kernel::tcp_write_xmit>("a segment being sent", sock);
        const SkbId clone{s_.newest()};
        adopt(state_of(front).life, clone, 0);
        if (front == original) return clone;
    }
}

// Which skb of the model a record speaks of. A new address is a clone, a segment, or a copy for a
// packet socket, whichever can exist here.
SkbId Walk::skb_named(std::uint32_t life, const zcv_event& event) {
    const auto found = skb_at_.find(event.skb);
    if (found != skb_at_.end() && state_of(found->second).life == life) return found->second;
    if (ahead_.lives[life].segment && !lives_[life].attached) {
        const Send& owner = send_at(ahead_.lives[life].owner);
        for (const std::uint32_t other : owner.lives)
            for (const SkbId skb : lives_[other].skbs) {
                if (s_[skb].loc == Loc::build) take<kernel::dev_queue_xmit>(s_, skb);
                if (!can<kernel::skb_segment>(s_, skb)) continue;
                take<kernel::skb_segment>(s_, skb);
                const SkbId segment{s_.newest()};
                lives_[life].attached = true;
                lives_[life].shinfo = s_[segment].shinfo;
                lives_[life].original = segment;
                send_at(ahead_.lives[life].owner).lives.push_back(life);
                return adopt(life, segment, event.skb);
            }
    }
    attach(life);
    const SkbId original = lives_[life].original;
    const bool tcp = s_.config(s_[original].sock).transport == Transport::tcp;
    if (tcp && (s_[original].loc == Loc::write_queue || s_[original].loc == Loc::rtx_queue)) {
        for (const SkbId skb : lives_[life].skbs)
            if (skb != original && state_of(skb).address == 0) return adopt(life, skb, event.skb);
        return adopt(life, transmit(life), event.skb);
    }
    if (state_of(original).address == 0) {
        if (s_[original].loc == Loc::write_queue)
            must<kernel::ip_send_skb>("the datagram on its way", SockId{s_[original].sock});
        return adopt(life, original, event.skb);
    }
    for (const SkbId skb : lives_[life].skbs) {
        if (!can<kernel::dev_queue_xmit_nit>(s_, skb)) continue;
        take<kernel::dev_queue_xmit_nit>(s_, skb);
        return adopt(life, SkbId{s_.newest()}, event.skb);
    }
    mismatch(fmt::format("another skb than {:#x} carries this data", state_of(original).address),
             around(original));
}

void Walk::on_dev_queue(std::uint32_t life, const zcv_event& event) {
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
    const SkbId skb = skb_named(life, event);
    if (event.ubuf == 0) copy_out(skb);
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
    if (!state.attached) attach(life);
    const Send& owner = send_at(ahead_.lives[life].owner);
    release_life(life);
    const bool exact = s_.config(owner.sock).transport == Transport::udp && !owner.notified;
    if (exact && owner.notif != none<NotifId> && event.refs != ZCV_REFS_UNKNOWN &&
        event.refs > s_[owner.notif].refs)
        mismatch(fmt::format("the notification has {} references left, the model explains {}",
                             event.refs, s_[owner.notif].refs),
                 around(owner));
}

void Walk::release_life(std::uint32_t life) {
    if (lives_[life].gone || !lives_[life].attached) return;
    // Clones first: they are what the peer's acknowledgement of the original waits for.
    const std::vector<SkbId> skbs = lives_[life].skbs;
    for (auto skb = skbs.rbegin(); skb != skbs.rend(); ++skb)
        if (!lives_[life].gone &&
            std::ranges::find(lives_[life].skbs, *skb) != lives_[life].skbs.end())
            finish_skb(*skb);
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
        take<kernel::pskb_expand_head>(s_, skb);
        must<kernel::skb_copy_ubufs>("a copy on receive", skb);
        // Its data is private now and of no further interest: nothing can be seen of it.
        take<kernel::consume_skb>(s_, skb);
        state_of(skb) = state;
        drop_from_life(skb);
        return;
    }
    must<kernel::skb_copy_ubufs>("a copy on receive", skb);
}

// What the owner's notification says in the end decides between two unseen ways to be released.
Walk::Usage Walk::usage_of(const Send& send) const {
    const SendFacts& facts = ahead_.sends.at(send.generation);
    if (!send.reports_usage || facts.notif == no_record) return Usage::unknown;
    const auto res = static_cast<std::uint32_t>(trace_.events[facts.notif].res);
    return (res & notif_zc_copied) != 0 ? Usage::copied : Usage::zero_copied;
}

// A queue freed at once instead of acknowledged in order: nothing is sent on the socket any more,
// and what was sent before is still waiting.
bool Walk::was_reset(SockId sock) const {
    const auto last = ahead_.last_sent_ns.find(sock_address_[index(sock)]);
    const bool silent = last == ahead_.last_sent_ns.end() || last->second < now_ns_;
    return silent && !s_[sock].rtx_queue.empty();
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
    const Usage usage = usage_of(send_at(ahead_.lives[life].owner));
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

// A cumulative ACK frees everything before it as well.
void Walk::acknowledge(SkbId skb) {
    const SockId sock = s_[skb].sock;
    for (;;) {
        const SkbId front = s_[sock].rtx_queue.front();
        make_arrived(front);
        must<kernel::tcp_clean_rtx_queue>("data acknowledged by the peer", sock);
        drop_from_life(front);
        if (front == skb) return;
    }
}

// The peer acknowledges what it has received: some clone was read by a device.
void Walk::make_arrived(SkbId original) {
    const ShinfoId h = s_[original].shinfo;
    if (s_[h].arrived) return;
    const std::uint32_t life = state_of(original).life;
    const std::vector<SkbId> skbs = lives_[life].skbs;
    for (const SkbId skb : skbs) {
        if (skb == original) continue;
        to_device(skb);
        const bool copied = usage_of(send_at(ahead_.lives[life].owner)) == Usage::copied;
        if (s_[skb].loc == Loc::rx || (s_[skb].loc == Loc::dev && copied))
            copy_out(skb);
        else if (s_[skb].loc == Loc::dev)
            must<world::device_dma>("data read by the device", skb);
        if (s_[h].arrived) return;
    }
    const SkbId clone = transmit(life);
    finish_skb(clone);
}

void Walk::purge(SockId sock) {
    std::vector<SkbId> gone;
    for (const auto* queue : {&s_[sock].write_queue, &s_[sock].rtx_queue})
        for (std::size_t i = 0; i < queue->size(); ++i) gone.push_back((*queue)[i]);
    must<kernel::tcp_write_queue_purge>("a socket's queues freed", sock);
    for (const SkbId skb : gone) drop_from_life(skb);
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
