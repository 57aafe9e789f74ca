#include "traces/payloads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "traces/event_sets.hpp"
#include "traces/lookahead.hpp"

namespace zcv {
namespace {

bool is_of_skb(const zcv_event& event) {
    return (event.kind >= ZCV_DEV_QUEUE && event.kind <= ZCV_SKB_DROP) ||
           event.kind == ZCV_RETRANSMIT;
}

class Payloads {
  public:
    Payloads(const Trace& trace, ReplayReport& report) : trace_(trace), report_(report) {
        for (SendHistory& send : report_.history)
            if (send.generation != 0) sends_[send.generation] = &send;
    }

    void run() {
        for (const std::size_t i : order_by_time(trace_)) look(trace_.events[i]);
        for (const auto& [skb, generation] : received_) packets_[generation].vanished = true;
        for (SendHistory& send : report_.history) {
            send.payload = send.is_call ? of_call(send) : of_request(send);
            report_.payloads_copied += send.payload == Payload::copied;
            report_.payloads_zero_copied += send.payload == Payload::zero_copied;
        }
        note_joined();
    }

  private:
    // What was seen of the packets that refer to one ubuf.
    struct Packets {
        bool kept = false;      // one was done with while it still had the user's pages
        bool copied = false;    // one had lost them
        bool vanished = false;  // one was received here, and not seen again with them
        std::uint32_t calls = 1;
    };

    void look(const zcv_event& event) {
        if (event.kind == ZCV_SUBMIT) generation_at_[event.ubuf] = event.generation;
        if (event.kind == ZCV_NOTIF && event.chain != 0 && event.chain != event.ubuf) {
            const auto head = generation_at_.find(event.chain);
            if (head != generation_at_.end()) head_of_[event.generation] = head->second;
        }
        if (event.kind == ZCV_CALL)
            call_at_[{event.sock, static_cast<std::uint32_t>(event.user_data)}] = event.generation;
        if (event.kind == ZCV_ERRQUEUE) look_at_range(event);
        if (event.kind == ZCV_UBUF_REF) look_at_reference(event);
        if (is_of_skb(event) && event.generation != 0) look_at_skb(event);
    }

    // At the last reference of a ubuf the kernel knows of its calls what it will say of them.
    void look_at_reference(const zcv_event& event) {
        if (event.ring != 0 || event.res >= 0 || event.len != 0) return;
        const auto first = static_cast<std::uint32_t>(event.user_data);
        const auto calls = std::min<std::uint64_t>(event.user_data >> 32U, calls_of_ubuf_max);
        for (std::uint32_t i = 0; i < calls; ++i)
            known_[{event.sock, first + i}] =
                event.zc_flags != 0 ? Payload::copied : Payload::zero_copied;
    }

    void look_at_skb(const zcv_event& event) {
        if (event.ubuf == 0) {
            packets_[event.generation].copied = true;
            received_.erase(event.skb);
            return;
        }
        Packets& packets = packets_[event.generation];
        packets.calls = std::max(packets.calls, static_cast<std::uint32_t>(event.user_data >> 32U));
        const bool done = event.kind == ZCV_SKB_CONSUME || event.kind == ZCV_SKB_DROP;
        const auto before = received_.find(event.skb);
        if (before != received_.end() && before->second != event.generation) {
            packets_[before->second].vanished = true;  // its memory is another's now
            received_.erase(before);
        }
        if (event.kind == ZCV_RX) received_[event.skb] = event.generation;
        if (!done) return;
        packets.kept = true;
        received_.erase(event.skb);
    }

    // The newest range of the queue has grown: the code is still that of its first part.
    void look_at_range(const zcv_event& event) {
        const auto first = static_cast<std::uint32_t>(event.user_data);
        std::uint32_t& before = range_at_[event.skb];
        if (before >= event.len) before = 0;
        for (std::uint32_t i = before; before > 0 && i < event.len; ++i) {
            const auto call = call_at_.find({event.sock, first + i});
            if (call != call_at_.end()) joined_[call->second] = event.time_ns;
        }
        before = event.len;
    }

    Payload of_packets(std::uint32_t generation) const {
        const auto found = packets_.find(generation);
        if (found == packets_.end()) return Payload::unknown;
        const Packets& packets = found->second;
        if (packets.copied) return Payload::copied;
        // Not seen may also mean not recorded.
        if (packets.vanished)
            return is_whole(trace_) && !packets.kept ? Payload::copied : Payload::unknown;
        return packets.kept ? Payload::zero_copied : Payload::unknown;
    }

    // The kernel's answer is right of a send that is no member of another's chain.
    Payload of_request(const SendHistory& send) const {
        const Payload own = of_packets(send.generation);
        const auto head = head_of_.find(send.generation);
        if (head == head_of_.end()) {
            if (!send.asked_usage || !send.notified_ns) return own;
            return send.copied ? Payload::copied : Payload::zero_copied;
        }
        const auto first = sends_.find(head->second);
        // A head is nobody's member, save in a trace that is wrong.
        const bool answers = first != sends_.end() && !head_of_.contains(head->second);
        const Payload shared = answers ? of_request(*first->second) : of_packets(head->second);
        return own == Payload::unknown || own == shared ? shared : Payload::unknown;
    }

    // One ubuf can cover several calls, and its packets are known by the first of them.
    Payload of_call(const SendHistory& send) const {
        const auto id = static_cast<std::uint32_t>(send.user_data);
        const auto known = known_.find({send.sock, id});
        if (known != known_.end()) return known->second;
        for (std::uint32_t back = 0; back < calls_of_ubuf_max; ++back) {
            const auto first = call_at_.find({send.sock, id - back});
            if (first == call_at_.end()) break;
            const auto packets = packets_.find(first->second);
            if (packets == packets_.end()) continue;
            if (packets->second.calls <= back) break;
            return of_packets(first->second);
        }
        return Payload::unknown;
    }

    void note_joined() {
        std::size_t wrong = 0;
        const SendHistory* first = nullptr;
        std::uint64_t first_ns = 0;
        for (const auto& [generation, time_ns] : joined_) {
            const auto send = sends_.find(generation);
            if (send == sends_.end() || send->second->payload == Payload::unknown) continue;
            if ((send->second->payload == Payload::copied) == send->second->copied) continue;
            ++wrong;
            if (first == nullptr || time_ns < first_ns) {
                first = send->second;
                first_ns = time_ns;
            }
        }
        if (first == nullptr) return;
        Violation found;
        found.rule = find_rule("B30");
        found.severity = found.rule->severity;
        found.send = first->number;
        found.request = first->user_data;
        found.time_ns = first_ns;
        found.evidence = fmt::format(
            "{} calls were joined to a range whose code says {}, and their packets say otherwise",
            wrong, first->copied ? "COPIED" : "not copied");
        found.explanation = std::string(found.rule->says);
        found.seen_by = {Evidence::error_queue, Evidence::skbs};
        report_.notes.push_back(std::move(found));
    }

    static constexpr std::uint32_t calls_of_ubuf_max = 4096;

    const Trace& trace_;
    ReplayReport& report_;
    std::unordered_map<std::uint32_t, SendHistory*> sends_;           // by generation
    std::unordered_map<std::uint64_t, std::uint32_t> generation_at_;  // by ubuf, at that time
    std::unordered_map<std::uint32_t, std::uint32_t> head_of_;        // members of a chain
    std::unordered_map<std::uint32_t, Packets> packets_;              // by generation
    std::unordered_map<std::uint64_t, std::uint32_t> received_;       // skbs, and whose they were
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t> call_at_;  // socket, id
    std::map<std::pair<std::uint64_t, std::uint32_t>, Payload> known_;  // by function probes
    std::unordered_map<std::uint64_t, std::uint32_t> range_at_;  // skb on an error queue: ids
    std::map<std::uint32_t, std::uint64_t> joined_;              // calls, when
};

}  // namespace

void tell_payloads(const Trace& trace, ReplayReport& report) {
    if (records_skbs(trace.info)) Payloads{trace, report}.run();
}

}  // namespace zcv
