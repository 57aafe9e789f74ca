#include <fmt/format.h>

#include <algorithm>

#include "model/next.hpp"
#include "traces/binding_walk.hpp"
#include "traces/event_sets.hpp"

// What TCP's two queues are made to do so that the records are explained.
namespace zcv {

// Its rest stays in the queue as an skb of its own, which later records name.
void Walk::split_before_sending(std::uint32_t life) {
    std::uint32_t rest = 0;
    for (const std::uint32_t child : parts_of(life)) {
        const Life& part = seen_life(child);
        if (was_sent_with(child, life)) continue;
        if (rest == 0 || is_before(part.sequence, seen_life(rest).sequence)) rest = child;
    }
    if (rest != 0) split_off(rest);  // what is split off that rest comes from it
}

// Whether what is an skb of its own later was part of the other one when that was first sent.
bool Walk::was_sent_with(std::uint32_t part, std::uint32_t whole) const {
    constexpr std::uint32_t most_headers = 160;  // Ethernet, IPv6, TCP with all options
    const Life& sent = seen_life(whole);
    const std::uint64_t begin = seen_life(part).sequence;
    if (begin == 0 || sent.sequence == 0 || sent.sent_bytes <= most_headers) return false;
    return is_before(begin, sent.sequence + sent.sent_bytes - most_headers);
}

// What a SACK or a retransmission cut off an skb that was sent stays when the rest of it goes.
void Walk::split_before_acknowledging(std::uint32_t life) {
    if (life == 0) return;
    for (const std::uint32_t child : parts_of(life)) split_off(child);
}

// What is cut off it later, and is no skb of its own yet.
Some Walk::parts_of(std::uint32_t life) {
    const SendFacts* const facts = ahead_.sends.find(seen_life(life).owner);
    const bool placed = facts != nullptr && facts->places_known;
    Some parts;
    for (const std::uint32_t part : placed ? facts->splits : seen_life(life).children) {
        const bool waits = seen_life(part).birth == Birth::split && !lives_[part].attached;
        if (waits && (!placed || whole_of(part) == life)) parts.push_back(part);
    }
    return parts;
}

// TCP: what is sent is a clone of the first skb of the write queue; those before it went unseen.
// Sent before, it is a retransmission, for which the earlier clone must be gone.
SkbId Walk::transmit(std::uint32_t life) {
    const SkbId original = lives_[life].original;
    const SockId sock = s_[original].sock;
    if (s_[original].loc == Loc::rtx_queue) {
        const auto skbs = lives_[life].skbs;
        for (const SkbId skb : skbs)
            if (skb != original) finish_skb(skb);
        must<kernel::tcp_retransmit_skb>("a retransmission", original);
        note_guess(s_[original].sock);
        return adopt(life, SkbId{s_.newest()}, 0);
    }
    if (s_[original].loc != Loc::write_queue) mismatch("it was sent already", around(original));
    for (;;) {
        const SkbId front = s_[sock].write_queue.front();
        const std::uint32_t front_life = state_of(front).life;
        if (front != original && has_jumped_the_queue(front_life, notified_ns(front_life)) &&
            eat(front_life))
            continue;
        if (front == original && seen_life(life).queued_ns > now_ns_) {
            must<kernel::tcp_transmit_skb_refused>("a segment that stays in the queue", sock);
            note_guess(sock);
        } else {
            split_before_sending(front_life);
            must<kernel::tcp_write_xmit>("a segment being sent", sock);
        }
        const SkbId clone{s_.newest()};
        adopt(front_life, clone, 0);
        if (front == original) return clone;
    }
}

// A queue freed at once instead of acknowledged in order: nothing is sent on the socket any more,
// and what was sent before is still waiting.
bool Walk::was_reset(SockId sock) const {
    const std::uint64_t* const last = ahead_.last_sent_ns.find(sock_address_[index(sock)]);
    const bool silent = last == nullptr || *last < now_ns_;
    return silent && !s_[sock].rtx_queue.empty();
}

// A cumulative ACK frees everything before it as well.
void Walk::acknowledge(SkbId skb) {
    const SockId sock = s_[skb].sock;
    for (;;) {
        const SkbId front = s_[sock].rtx_queue.front();
        split_before_acknowledging(state_of(front).life);
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
    const auto skbs = lives_[life].skbs;
    for (const SkbId skb : skbs) {
        if (skb == original) continue;
        to_device(skb);
        const bool copied = usage_of(send_at(seen_life(life).owner)) == Usage::copied;
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

// What a record says of its stream, whatever else.
void Walk::note_stream(const KnownRecord& record, Send* send) {
    constexpr std::int32_t tcp_close = 7;  // TCP_CLOSE: what is queued is thrown away
    const zcv_event& event = record.event();
    if (event.kind == ZCV_HEAD_FREE) {
        const bool named = record.life != 0;
        if (!named && event.addr != 0 &&
            !tails_freed_.insert({event.generation, event.addr}).second)
            mismatch("an skb with this data, which no other record names, was freed before");
        note_freed_by_tcp(sends_.find(event.generation), event, named);
    }
    if (event.kind == ZCV_UBUF_REF)
        note_freed_by_tcp(send != nullptr ? send : call_that_begins(event), event, false);
    if (event.kind == ZCV_RESET || (event.kind == ZCV_SOCK_STATE && event.res == tcp_close))
        over_.insert(event.sock);
}

// By itself TCP frees what was acknowledged. What was not has gone into an MTU probe, unless the
// connection is over: its own record says which skb that is, or it is one that no record names.
void Walk::note_freed_by_tcp(Send* send, const zcv_event& event, bool named) {
    if (event.addr == 0 || send == nullptr) return;
    const auto begin = static_cast<std::uint32_t>(event.addr);
    acknowledged_[index(send->sock)] = event.cqe_flags;
    if (!is_unacknowledged(event) || over_.contains(sock_address_[index(send->sock)])) return;
    send->unacked_ns = std::min<std::uint64_t>(event.time_ns, now_ns_);
    send->unacked = begin;
    if (named) return;
    const Some lives = send->lives;
    for (const std::uint32_t life : lives)
        if (!seen_life(life).seen && eat(life)) return;
}

// When the send that it belongs to will be told that nothing refers to its data; 0 unknown.
std::uint64_t Walk::notified_ns(std::uint32_t life) const {
    const SendFacts* const owner = ahead_.sends.find(seen_life(life).owner);
    return owner == nullptr ? 0 : owner->notif.time_ns;
}

// It was never seen sent, and is let go of while data before it in the stream is not: TCP frees
// what is acknowledged in order, so it has gone into an MTU probe.
bool Walk::has_jumped_the_queue(std::uint32_t life, std::uint64_t let_go_ns) {
    const SkbId skb = lives_[life].original;
    if (let_go_ns == 0 || seen_life(life).seen || state_of(skb).life != life ||
        s_[skb].loc != Loc::write_queue || s_.config(s_[skb].sock).transport != Transport::tcp)
        return false;
    const SockId sock = s_[skb].sock;
    const auto is_held = [&](SkbId before) {
        return seen_life(state_of(before).life).freed_ns > let_go_ns + skew_ns;
    };
    for (std::size_t i = 0; i < s_[sock].rtx_queue.size(); ++i)
        if (is_held(SkbId{s_[sock].rtx_queue[i]})) return true;
    for (std::size_t i = 0; SkbId{s_[sock].write_queue[i]} != skb; ++i)
        if (is_held(SkbId{s_[sock].write_queue[i]})) return true;
    return false;
}

// An MTU probe takes the place of the skb, whatever was in front of it having been sent or eaten.
// The probe itself has no ubuf, so nothing is recorded of it: it is sent at once, and goes when it
// is acknowledged with what comes behind it.
bool Walk::eat(std::uint32_t life) {
    const SkbId skb = lives_[life].original;
    const bool waits = lives_[life].attached && !lives_[life].gone && state_of(skb).life == life &&
                       s_[skb].loc == Loc::write_queue;
    if (!waits) return false;
    const SockId sock = s_[skb].sock;
    while (s_[sock].write_queue.front() != skb)
        transmit(state_of(SkbId{s_[sock].write_queue.front()}).life);
    if (!can<kernel::tcp_mtu_probe>(s_, sock)) return false;
    go<kernel::tcp_mtu_probe>(sock);
    drop_from_life(skb);
    must<kernel::tcp_write_xmit>("an MTU probe being sent", sock);
    const SkbId sent{s_.newest()};
    to_device(sent);
    must<world::device_dma>("an MTU probe read by the device", sent);
    must<kernel::consume_skb>("an MTU probe done with", sent);
    return true;
}

// A probe that is a copy leaves the buffer to the application; one that refers to the pages does
// not, and nothing holds them for it.
void Walk::check_acknowledged(const Send& send, std::uint64_t time_ns) {
    const Profile& kernel = s_.world().profile;
    if (send.unacked_ns == 0 || !kernel.mtu_probe_moves_frags || !kernel.mtu_probe_forgets_ubuf ||
        history(send).eaten)
        return;
    const std::uint32_t since = acknowledged_[index(send.sock)] - send.unacked;
    const bool is_acknowledged = static_cast<std::int32_t>(since) > 0;
    if (is_acknowledged || over_.contains(sock_address_[index(send.sock)])) return;
    violation(send, "S1-no-early-release", Evidence::skbs, time_ns,
              fmt::format("its data was not acknowledged, {:.3f} ms after TCP had let go of an skb "
                          "with it",
                          static_cast<double>(time_ns - send.unacked_ns) / 1e6),
              "An MTU probe refers to the buffer and holds no reference: the buffer is sent, and "
              "sent again, as it is by then.");
    history(send).eaten = true;
}

bool Walk::is_certain(const KnownRecord& record) const {
    if (ahead_.is_cut_short()) return false;  // what comes later might have told better
    if (record.event().kind == ZCV_UBUF_REF) return account_.is_certain();
    const Send* const found = sends_.find(send_of(record));
    const std::uint16_t kind = record.event().kind;
    const bool of_calls = kind >= ZCV_CALL && kind <= ZCV_CALL_TOLD;
    if (of_calls || (found != nullptr && found->is_call)) return false;
    if (found == nullptr) return true;
    const SockId sock = found->sock;
    return sock == none<SockId> || index(sock) >= guessed_.size() || !guessed_[index(sock)];
}

void Walk::note_guess(SockId sock) {
    if (guessed_.size() <= index(sock)) guessed_.resize(index(sock) + 1);
    guessed_[index(sock)] = true;
}

}  // namespace zcv
