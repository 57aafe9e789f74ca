#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "model/next.hpp"
#include "traces/binding_walk.hpp"

// What the records of sendmsg(MSG_ZEROCOPY) are explained by: a call takes an id from its socket,
// and a ubuf of its own or a part in that of the skb at the tail; its range comes by the error
// queue. What the calls' buffers hold is checked in calls.cpp.
namespace zcv {
namespace {

constexpr std::uint32_t code_copied = 1;                // SO_EE_CODE_ZEROCOPY_COPIED
constexpr std::uint64_t ubuf_bytes_max = 512U * 1024U;  // msg_zerocopy_realloc(): byte_limit

bool within(std::uint64_t first, std::uint64_t last, std::uint32_t id) {
    return first <= id && id <= last;
}

}  // namespace

void Walk::on_call_record(const zcv_event& event, Send* send) {
    switch (event.kind) {
        case ZCV_CALL:
            if (event.zc_flags != 0) on_call(event);
            return;
        case ZCV_CALL_DONE:
            if (send == nullptr || !send->is_call) return;
            if (std::exchange(send->returned, true)) mismatch("this call returned before");
            if (send->completed) return;
            return event.res < 0 ? fail_call(*send) : return_from_call(*send);
        case ZCV_ERRQUEUE:
            return on_range(event);
        default:
            return on_range_read(event);
    }
}

void Walk::on_call(const zcv_event& event) {
    if (event.generation == 0) mismatch("a call without a generation");
    if (sends_.contains(event.generation)) mismatch("this call was made before");
    end_calls_before(event);
    Send& send = sends_[event.generation];
    send.generation = event.generation;
    send.is_call = true;
    send.id = static_cast<std::uint32_t>(event.user_data);
    send.history = &histories_.at(histories_.count());
    send.sock = sock_of(event);
    send.buffer = new_buffer({});
    send.request = s_.add_request(none<RingId>, Api::msg_zerocopy);
    know_request(send);
    std::vector<std::uint32_t>& open = open_calls_[event.sock];
    // The first one seen says where the socket is in its numbers.
    if (open.empty() && s_[send.sock].errqueue.empty())
        s_[send.sock].zckey = s_[send.sock].app_key = send.id;
    open.push_back(send.generation);
    first_id_.try_emplace(event.sock, send.id);
    must<world::app_write>("a buffer with something to send", send.buffer);
    must<world::app_sendmsg>("a call", send.buffer, send.request, send.sock);
    if (s_[send.sock].zckey != send.id && call_in_progress(send.sock) == &send)
        mismatch(fmt::format("it is about to take id {}, and the next one of its socket is {}",
                             send.id, std::uint32_t{s_[send.sock].zckey}));
}

// Before 6.4 no record says that a call is over. A thread makes one at a time, and one that has
// given its id back has failed.
void Walk::end_calls_before(const zcv_event& event) {
    const std::vector<std::uint32_t> open = open_calls_[event.sock];
    for (const std::uint32_t generation : open) {
        Send& before = send_at(generation);
        if (before.returned || before.completed || before.lost) continue;
        if (ahead_.sends.at(generation).submitter != event.pid) continue;
        before.returned = true;
        if (before.id == static_cast<std::uint32_t>(event.user_data))
            fail_call(before);
        else
            return_from_call(before);
    }
}

// The one that holds the socket's lock: no other can add to its queue.
Walk::Send* Walk::call_in_progress(SockId sock) {
    for (const std::uint32_t generation : open_calls_[sock_address_[index(sock)]]) {
        Send& send = send_at(generation);
        if (send.request != none<RequestId> && s_[send.request].phase == Phase::issuing)
            return &send;
    }
    return nullptr;
}

// msg_zerocopy_realloc() decides between two ubufs by what no record says. Where later records name
// the range of either, it was decided so; else as the model would.
void Walk::take_id(Send& send) {
    const RequestId r = send.request;
    if (s_[r].ubuf != none<UbufId> || s_[r].appended) return;
    const bool own = ahead_.sends.at(send.generation).calls > 0;
    const UbufId tail = kernel::tail_ubuf(s_, send.sock);
    Send* owner = nullptr;
    for (const std::uint32_t generation : open_calls_[sock_address_[index(send.sock)]]) {
        Send& before = send_at(generation);
        if (tail != none<UbufId> && before.request != none<RequestId> && &before != &send &&
            s_[before.request].ubuf == tail)
            owner = sends_.find(before.ubuf_owner);
    }
    const std::uint32_t bytes = history(send).len;
    if (own || owner == nullptr || owner->ubuf_bytes + bytes > ubuf_bytes_max ||
        !can<kernel::msg_zerocopy_realloc>(s_, r))
        return alloc_ubuf(send);
    must<kernel::msg_zerocopy_realloc>("a call that joins the one before", r);
    owner->ubuf_bytes += bytes;
    send.ubuf_owner = owner->generation;
    send.notif = s_[r].ubuf;
}

void Walk::alloc_ubuf(Send& send) {
    s_.set_calls_per_ubuf(1);
    const bool can_alloc = can<kernel::msg_zerocopy_alloc>(s_, send.request);
    if (can_alloc) go<kernel::msg_zerocopy_alloc>(send.request);
    s_.set_calls_per_ubuf(std::numeric_limits<std::uint32_t>::max());
    if (!can_alloc) mismatch("a call needs a ubuf of its own", around(send), enabled_for(send));
    send.notif = s_[send.request].ubuf;
    send.ubuf_owner = send.generation;
    send.ubuf_bytes = history(send).len;
}

// The ubuf of an skb is named after the first of its calls. The data may be of a later one.
void Walk::attach_of_call(std::uint32_t life) {
    Send& owner = send_at(seen_life(life).owner);
    Send* const adding = call_in_progress(owner.sock);
    if (adding != nullptr && !s_[adding->request].failed) {
        take_id(*adding);
        const bool ours = adding->ubuf_owner == owner.generation;
        if (ours && is_of_copied_datagram(life))
            attach_copied_datagram(owner, *adding);
        else if (ours)
            return attach_in_sendmsg(life, *adding);
        if (lives_[life].attached) return;
    }
    if (!split_off(life)) mismatch("its data was attached after the call returned", around(owner));
}

// Above the MTU it has several skbs, all of which are there before the first is sent.
void Walk::attach_copied_datagram(const Send& owner, const Send& adding) {
    for (const std::uint32_t life : ahead_.sends.at(owner.generation).lives) {
        if (seen_life(life).birth != Birth::sent || lives_[life].attached ||
            !is_of_copied_datagram(life))
            continue;
        if (s_[adding.request].appended)
            must<kernel::ip_append_data_attach_fragment>("a fragment's skb", adding.request);
        else
            must<kernel::ip_append_data_attach>("a datagram of copied data", adding.request);
        begin_life(life, SkbId{s_.newest()});
    }
}

// It has bytes and yet no page of the user's. What its range says may be said of another call's.
bool Walk::is_of_copied_datagram(std::uint32_t life) const {
    const Life& seen = seen_life(life);
    return seen.nr_frags == 0 && !ahead_.streams.contains(seen.sock) &&
           history(sends_.at(seen.owner)).len > 0;
}

// sendmsg() is over. Every skb that later records show to carry its ubuf was attached before.
void Walk::return_from_call(Send& send) {
    const RequestId r = send.request;
    take_id(send);
    for (const std::uint32_t life : ahead_.sends.at(send.generation).lives)
        if (seen_life(life).birth == Birth::sent && !lives_[life].attached) attach(life);
    if (!s_[r].appended) {
        const bool copied = ahead_.sends.at(send.generation).copied.value_or(false);
        if (copied && can<kernel::tcp_sendmsg_copy>(s_, r))
            go<kernel::tcp_sendmsg_copy>(r);
        else if (can<kernel::skb_zerocopy_iter_stream_tail>(s_, r))
            go<kernel::skb_zerocopy_iter_stream_tail>(r);
        else
            attach_in_sendmsg(unseen_life(send), send);
    }
    if (s_.config(send.sock).transport == Transport::tcp) {
        must<kernel::tcp_sendmsg>("a call that returns", r);
    } else {
        while (can<kernel::ip_send_skb>(s_, send.sock)) go<kernel::ip_send_skb>(send.sock);
        must<kernel::udp_sendmsg>("a call that returns", r);
    }
    must<world::app_sendmsg_returns>("a call that returns", r);
    send.completed = true;
}

// A datagram whose call fails half-way: the id is given back, and what was built thrown away.
bool Walk::is_thrown_away(std::uint32_t life) {
    Send& owner = send_at(seen_life(life).owner);
    if (!owner.is_call || !ahead_.sends.at(owner.generation).failed ||
        call_in_progress(owner.sock) != &owner || kernel::is_stream(s_, owner.request))
        return false;
    attach(life);
    abort_call(owner);
    return true;
}

void Walk::abort_call(Send& send) {
    if (s_[send.request].failed) return;
    take_id(send);
    must<kernel::msg_zerocopy_put_abort>("a call that fails", send.request);
    while (can<kernel::ip_flush_pending_frames>(s_, send.sock)) {
        const SkbId skb{s_[send.sock].write_queue.front()};
        go<kernel::ip_flush_pending_frames>(send.sock);
        drop_from_life(skb);
    }
}

void Walk::fail_call(Send& send) {
    abort_call(send);
    must<kernel::sock_sendmsg_failure>("a call that fails", send.request);
    must<world::app_sendmsg_returns>("a call that fails", send.request);
    forget_call(send);
}

// A range is in the error queue: nothing refers to the data of these calls any more. What the model
// still holds was let go of without a record.
void Walk::on_range(const zcv_event& event) {
    const SockId* const sock = sock_at_.find(event.sock);
    if (sock == nullptr) return;  // all its calls were made before the capture began
    read_before(*sock, event.user_data);
    const std::vector<std::uint32_t> open = open_calls_[event.sock];
    bool any = false;
    for (const std::uint32_t generation : open) {
        Send& send = send_at(generation);
        if (!within(event.user_data, event.addr, send.id)) continue;
        any = true;
        note_eaten(send, event.time_ns);
        check_acknowledged(send, event.time_ns);
        end_call(send);
    }
    if (!any) return;
    const auto& queue = s_[*sock].errqueue;
    const bool is_last = !queue.empty() && queue[queue.size() - 1].hi == event.addr;
    if (!is_last) mismatch("the model's error queue does not end with this range");
    const auto& range = queue[queue.size() - 1];
    // Where it begins proves nothing: the model may have let go of a ubuf sooner than the kernel,
    // and joined its range to one that was read meanwhile.
    const bool copied = (event.cqe_flags & code_copied) != 0;
    if (!blind_ && range.lo == event.user_data && copied != range.copied)
        mismatch(fmt::format("it says that the data was {}copied, the model says it was {}",
                             copied ? "" : "not ", range.copied ? "" : "not"));
}

// The last reference of a ubuf goes, and its range is told of, before its head is free.
void Walk::note_eaten(Send& send, std::uint64_t time_ns) {
    const SendFacts& facts = ahead_.sends.at(send.generation);
    if (facts.unacked == nullptr) return;
    const std::uint64_t freed_ns = facts.unacked->time_ns;
    if (freed_ns <= time_ns || freed_ns > time_ns + skew_ns) return;  // known, or another matter
    note_freed_by_tcp(&send, *facts.unacked, facts.unacked_life != 0);
}

// A range that begins anew behind the last one, or is read: what was before it had left the queue
// by then, whenever it is recorded that it was read. Ranges may be in the queue in any order.
void Walk::read_before(SockId sock, std::uint64_t first) {
    const auto& queue = s_[sock].errqueue;
    while (!queue.empty() && queue[queue.size() - 1].hi < first && queue[0].hi < first) {
        const std::uint32_t lo = queue[0].lo;
        const std::uint32_t hi = queue[0].hi;
        if (!can<world::app_read_errqueue>(s_, sock)) return;
        go<world::app_read_errqueue>(sock);
        const std::vector<std::uint32_t> open = open_calls_[sock_address_[index(sock)]];
        for (const std::uint32_t generation : open)
            if (Send& send = send_at(generation); within(lo, hi, send.id)) forget_call(send);
        read_early_.insert({sock_address_[index(sock)], hi});
    }
}

// The one whose ubuf this is.
Walk::Send* Walk::call_that_begins(const zcv_event& event) {
    const auto open = open_calls_.find(event.sock);
    if (event.addr == 0 || open == open_calls_.end()) return nullptr;
    for (const std::uint32_t generation : open->second)
        if (Send& send = send_at(generation);
            send.id == static_cast<std::uint32_t>(event.user_data))
            return &send;
    return nullptr;
}

void Walk::end_call(Send& send) {
    if (send.lost) mismatch("a call in it has an unexplained record before");
    if (!send.completed) return_from_call(send);
    if (s_[send.request].ubuf == none<UbufId>) return;  // released before
    if (const Send* const owner = sends_.find(send.ubuf_owner)) {
        const Some lives = owner->lives;
        for (const std::uint32_t life : lives) release_life(life);
    }
    const Some own = send.lives;
    for (const std::uint32_t life : own) release_life(life);
    if (s_[send.request].ubuf != none<UbufId>)
        mismatch("its range was reported while something still refers to the buffer", around(send));
}

// recvmsg(MSG_ERRQUEUE), or the end of the socket with nobody left to read it.
void Walk::on_range_read(const zcv_event& event) {
    const SockId* const sock = sock_at_.find(event.sock);
    if (sock == nullptr) return;
    std::vector<Send*> told;
    for (const std::uint32_t generation : open_calls_[event.sock])
        if (Send& send = send_at(generation); within(event.user_data, event.addr, send.id))
            told.push_back(&send);
    if (told.empty() && read_early_.erase({event.sock, event.addr}) > 0) return;
    const auto first = first_id_.find(event.sock);
    if (told.empty() && first != first_id_.end() && event.user_data >= first->second)
        mismatch("its calls were told of before");
    if (told.empty()) return;
    if (event.res == 0) {
        read_before(*sock, event.user_data);  // it is a queue
        // The CPU that queued the end of it may say so later than this one that it was read.
        for (Send* const send : told) end_call(*send);
        const auto& queue = s_[*sock].errqueue;
        if (queue.empty() || queue[0].hi != event.addr)
            mismatch("it is not the oldest range in the model's error queue");
        must<world::app_read_errqueue>("a range read from the error queue", *sock);
    }
    for (Send* const send : told) forget_call(*send);
}

// Nothing more is to come of it.
void Walk::forget_call(Send& send) {
    send.completed = send.notified = true;
    send.request = none<RequestId>;
    send.notif = none<UbufId>;
    std::erase(open_calls_[sock_address_[index(send.sock)]], send.generation);
    note_over(send);
}

}  // namespace zcv
