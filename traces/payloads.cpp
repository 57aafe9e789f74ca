#include "traces/payloads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "traces/event_sets.hpp"
#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::uint32_t calls_of_ubuf_max = 4096;
constexpr std::size_t counted_max = 16384;

bool is_of_skb(const zcv_event& event) {
    return (event.kind >= ZCV_DEV_QUEUE && event.kind <= ZCV_SKB_DROP) ||
           event.kind == ZCV_RETRANSMIT;
}

}  // namespace

Payloads::Payloads(const Trace& trace)
    : of_skbs_(records_skbs(trace.info)), whole_(is_whole(trace)) {}

void Payloads::see(const zcv_event& event) {
    if (!of_skbs_) return;
    if (is_of_skb(event)) {
        if (event.generation != 0) see_skb(event);
        return;
    }
    switch (event.kind) {
        case ZCV_SUBMIT:
            generation_at_[event.ubuf] = event.generation;
            return;
        case ZCV_NOTIF:
            if (event.chain == 0 || event.chain == event.ubuf) return;
            if (const std::uint32_t* const head = generation_at_.find(event.chain))
                packets_[event.generation].head = *head;
            return;
        case ZCV_CALL:
            call_at_[{event.sock, static_cast<std::uint32_t>(event.user_data)}] = event.generation;
            packets_[event.generation].datagram =
                event.protocol == uapi::ipproto_udp && event.len > 0;
            return;
        case ZCV_ERRQUEUE:
            return see_range(event);
        case ZCV_UBUF_REF:
            return see_reference(event);
        default:
            return;
    }
}

void Payloads::end() {
    received_.for_each([&](std::uint64_t, std::uint32_t generation) {
        packets_[generation].seen = packets_[generation].vanished = true;
    });
}

void Payloads::count(SendHistory& send, const OtherSends& others) {
    if (!of_skbs_) return;
    if (send.generation != 0) {
        Packets& packets = packets_[send.generation];
        packets.answers = send.asked_usage && send.notified_ns;
        packets.said_copied = send.copied;
        // An skb that was received and not done with since has lost the pages.
        if (packets.received > 0) packets.seen = packets.vanished = true;
    }
    send.payload = send.is_call ? of_call(send) : of_request(send, others);
    copied_ += send.payload == Payload::copied;
    zero_copied_ += send.payload == Payload::zero_copied;
    if (send.is_call) note_joined(send);
    counted_.push_back(
        {send.generation, send.is_call, {send.sock, static_cast<std::uint32_t>(send.user_data)}});
    if (counted_.size() > counted_max) forget_the_oldest();
}

// Whoever asks of it comes soon after.
void Payloads::forget_the_oldest() {
    const Counted& oldest = counted_.front();
    packets_.erase(oldest.generation);
    if (oldest.is_call) {
        call_at_.erase(oldest.call);
        known_.erase(oldest.call);
    }
    counted_.pop_front();
}

void Payloads::tell(ReplayReport& report) {
    if (!of_skbs_) return;
    report.payloads_copied = copied_;
    report.payloads_zero_copied = zero_copied_;
    if (wrong_ == 0) return;
    Violation found;
    found.rule = find_rule("B30");
    found.severity = found.rule->severity;
    found.send = first_wrong_.number;
    found.request = first_wrong_.user_data;
    found.time_ns = first_wrong_ns_;
    found.evidence = fmt::format(
        "{} calls were joined to a range whose code says {}, and their packets say otherwise",
        wrong_, first_wrong_.copied ? "COPIED" : "not copied");
    found.explanation = std::string(found.rule->says);
    found.seen_by = {Evidence::error_queue, Evidence::skbs};
    add_note({std::move(found), first_wrong_}, report);
}

// At the last reference of a ubuf the kernel knows of its calls what it will say of them.
void Payloads::see_reference(const zcv_event& event) {
    if (event.ring != 0 || event.res >= 0 || event.len != 0) return;
    const auto first = static_cast<std::uint32_t>(event.user_data);
    const auto calls = std::min<std::uint64_t>(event.user_data >> 32U, calls_of_ubuf_max);
    for (std::uint32_t i = 0; i < calls; ++i)
        known_[{event.sock, first + i}] =
            event.zc_flags != 0 ? Payload::copied : Payload::zero_copied;
}

void Payloads::see_skb(const zcv_event& event) {
    Packets& packets = packets_[event.generation];
    packets.seen = true;
    if (event.ubuf == 0) {
        packets.copied = true;
        forget_received(event.skb);
        return;
    }
    if (packets.datagram && event.kind == ZCV_DEV_QUEUE && event.nr_frags == 0)
        packets.copied = true;
    packets.calls = std::max(packets.calls, static_cast<std::uint32_t>(event.user_data >> 32U));
    const bool done = event.kind == ZCV_SKB_CONSUME || event.kind == ZCV_SKB_DROP;
    const std::uint32_t* const before = received_.find(event.skb);
    if (before != nullptr && *before != event.generation) {
        // Its memory is another's now.
        if (Packets* const other = packets_.find(*before)) other->vanished = true;
        forget_received(event.skb);
    }
    if (event.kind == ZCV_RX && received_.insert(event.skb).second) {
        received_[event.skb] = event.generation;
        ++packets.received;
    }
    if (!done) return;
    packets.kept = true;
    forget_received(event.skb);
}

void Payloads::forget_received(std::uint64_t skb) {
    const std::uint32_t* const whose = received_.find(skb);
    if (whose == nullptr) return;
    if (Packets* const packets = packets_.find(*whose)) --packets->received;
    received_.erase(skb);
}

// The newest range of the queue has grown: the code is still that of its first part.
void Payloads::see_range(const zcv_event& event) {
    const auto first = static_cast<std::uint32_t>(event.user_data);
    std::uint32_t& before = range_at_[event.skb];
    if (before >= event.len) before = 0;
    for (std::uint32_t i = before; before > 0 && i < event.len; ++i)
        if (const std::uint32_t* const call = call_at_.find({event.sock, first + i}))
            joined_[*call] = event.time_ns;
    before = event.len;
}

Payload Payloads::of_packets(std::uint32_t generation) const {
    const Packets* const packets = packets_.find(generation);
    if (packets == nullptr || !packets->seen) return Payload::unknown;
    if (packets->copied) return Payload::copied;
    // Not seen may also mean not recorded.
    if (packets->vanished) return whole_ && !packets->kept ? Payload::copied : Payload::unknown;
    return packets->kept ? Payload::zero_copied : Payload::unknown;
}

// The kernel's answer is right of a send that is no member of another's chain.
Payload Payloads::of_send(std::uint32_t generation, const OtherSends& others) const {
    const Packets* const packets = packets_.find(generation);
    const SendHistory* const send = others.of_generation(generation);
    const bool answers = send != nullptr ? send->asked_usage && send->notified_ns
                                         : packets != nullptr && packets->answers;
    if (!answers) return of_packets(generation);
    const bool copied = send != nullptr ? send->copied : packets->said_copied;
    return copied ? Payload::copied : Payload::zero_copied;
}

Payload Payloads::of_request(const SendHistory& send, const OtherSends& others) const {
    const Packets* const packets = packets_.find(send.generation);
    const std::uint32_t head = packets == nullptr ? 0 : packets->head;
    if (head == 0) {
        if (!send.asked_usage || !send.notified_ns) return of_packets(send.generation);
        return send.copied ? Payload::copied : Payload::zero_copied;
    }
    // A head is nobody's member, save in a trace that is wrong.
    const Packets* const of_head = packets_.find(head);
    const bool is_head = of_head == nullptr || of_head->head == 0;
    const Payload shared = is_head ? of_send(head, others) : of_packets(head);
    const Payload own = of_packets(send.generation);
    return own == Payload::unknown || own == shared ? shared : Payload::unknown;
}

// One ubuf can cover several calls, and its packets are known by the first of them.
Payload Payloads::of_call(const SendHistory& send) const {
    const auto id = static_cast<std::uint32_t>(send.user_data);
    if (const Payload* const known = known_.find({send.sock, id})) return *known;
    for (std::uint32_t back = 0; back < calls_of_ubuf_max; ++back) {
        const std::uint32_t* const first = call_at_.find({send.sock, id - back});
        if (first == nullptr) break;
        const Packets* const packets = packets_.find(*first);
        if (packets == nullptr || !packets->seen) continue;
        if (packets->calls <= back) break;
        return of_packets(*first);
    }
    return Payload::unknown;
}

void Payloads::note_joined(const SendHistory& send) {
    const auto joined = joined_.find(send.generation);
    if (joined == joined_.end()) return;
    const std::uint64_t time_ns = joined->second;
    joined_.erase(joined);
    if (send.payload == Payload::unknown) return;
    if ((send.payload == Payload::copied) == send.copied) return;
    if (wrong_++ != 0 && time_ns >= first_wrong_ns_) return;
    first_wrong_ = send;
    first_wrong_ns_ = time_ns;
}

}  // namespace zcv
