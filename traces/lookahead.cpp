#include "traces/lookahead.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "traces/event_sets.hpp"
#include "traces/uapi.hpp"

namespace zcv {
namespace {

class Look {
  public:
    explicit Look(const Trace& trace) : events_(trace.events) {
        all_.order = order_by_time(trace);
        all_.life_of.resize(events_.size());
        all_.send_of.resize(events_.size());
        all_.turn_of.resize(events_.size());
        // Memory that is never written to costs nothing, and moving lives does.
        all_.lives.reserve(events_.size() / 2 + 1);
        all_.lives.emplace_back();
    }

    Lookahead run() {
        for (const std::size_t i : all_.order) look(i);
        return std::move(all_);
    }

  private:
    // The end of a large skb, and how many of its segments have not shown up yet.
    struct Cut {
        std::size_t record;
        std::uint32_t segments;
    };
    using Name = std::pair<std::uint64_t, std::uint64_t>;  // ring, user_data
    // A ubuf since its allocation, as function probes saw it.
    struct Changed {
        std::uint32_t generation = 0;  // 0 until it is submitted
        std::vector<std::size_t> unnamed;
    };

    void look(std::size_t i) {
        const zcv_event& event = events_[i];
        all_.send_of[i] = event.generation;
        switch (event.kind) {
            case ZCV_SUBMIT:
            case ZCV_PREP_FAILED:
                return submitted(i, event);
            case ZCV_CALL:
                return called(i, event);
            case ZCV_CALL_DONE:
                if (SendFacts* const call = find(event.generation)) call->failed = event.res < 0;
                last_call_.erase(event.sock);
                return;
            case ZCV_ERRQUEUE:
                return reported(event);
            case ZCV_COMPLETE:
                return completed(i, event);
            case ZCV_NOTIF:
                return notified(i, event);
            case ZCV_CQE_OVERFLOW:
                return overflowed(i, event);
            case ZCV_RING_CREATE:
                if ((event.zc_flags & (uapi::setup_iopoll | uapi::setup_defer_taskrun)) == 0)
                    told_by_issuer_[event.ring] = true;
                else
                    told_by_issuer_.erase(event.ring);
                return;
            case ZCV_LINK:
            case ZCV_DEFER:
                if (SendFacts* const send = find(event.generation)) send->waited = true;
                return;
            case ZCV_TCP_APPEND:
                return appended(i, event);
            case ZCV_DEV_QUEUE:
                all_.last_sent_ns[event.sock] = event.time_ns;
                if (event.context == ZCV_CONTEXT_TASK) note_issuer(event);
                return head_seen(i, event, event.generation);
            case ZCV_DEV_XMIT:
            case ZCV_RX:
                return head_seen(i, event, event.generation);
            case ZCV_SKB_CONSUME:
            case ZCV_SKB_DROP:
                head_seen(i, event, event.generation);
                note_segments(i, event);
                skbs_.erase(event.skb);
                return;
            case ZCV_HEAD_FREE:
                return head_freed(i, event);
            case ZCV_UBUF_REF:
                return reference_changed(i, event);
            default:
                return;
        }
    }

    // A notification is there before its send is submitted, which then names what came before.
    void reference_changed(std::size_t i, const zcv_event& event) {
        if (event.ring == 0) return note_calls(event);
        Changed& ubuf = changed_[event.ubuf];
        if (event.opcode == ZCV_REF_ALLOC) ubuf = {};
        all_.send_of[i] = ubuf.generation;
        if (ubuf.generation == 0) ubuf.unnamed.push_back(i);
    }

    // Which calls a ubuf covers, the first one's id below, how many above.
    void note_calls(const zcv_event& event) {
        const auto count = static_cast<std::uint32_t>(event.user_data >> 32);
        const auto id = static_cast<std::uint32_t>(event.user_data);
        const std::uint32_t* const call = calls_.find({event.sock, id});
        SendFacts* const first = count == 0 || call == nullptr ? nullptr : find(*call);
        if (first != nullptr) first->calls = std::max(first->calls, count);
    }

    void name_references(const zcv_event& submit) {
        Changed* const found = changed_.find(submit.ubuf);
        if (found == nullptr || found->generation != 0) return;
        found->generation = submit.generation;
        for (const std::size_t i : found->unnamed) all_.send_of[i] = submit.generation;
    }

    void appended(std::size_t i, const zcv_event& event) {
        all_.streams[event.sock] = true;
        all_.last_sent_ns[event.sock] = event.time_ns;
        note_issuer(event);
        forget_turn_that_joined(i, event);
        if (SendFacts* const send = find(event.generation)) {
            note_progress(*send, event.len);
            // A fresh skb would be the tail by now.
            if (send->append != no_record && event.len < events_[send->append].len &&
                event.head != 0 && event.head == events_[send->append].head)
                all_.turn_of[send->append].joined = true;
            if (send->append == no_record) send->bytes = event.len;
            const std::uint32_t offset = offset_of(*send, event);
            if (send->turns.empty() || send->turns.back() < offset) send->turns.push_back(offset);
            send->append = i;
        }
        if (event.head == 0 || event.chain == 0) return;
        head_seen(i, event, generation_of(event.chain));
        all_.lives[all_.life_of[i]].queued_ns = event.time_ns;
    }

    static std::uint32_t offset_of(const SendFacts& send, const zcv_event& append) {
        return send.bytes - std::min(send.bytes, append.len);
    }

    // What the newest turn on this socket appended went into an skb that was there when the tail
    // still is that one, or begins before that turn did.
    void forget_turn_that_joined(std::size_t i, const zcv_event& event) {
        const auto [last, first] = last_append_.insert(event.sock);
        const zcv_event& before = events_[first ? i : *last];
        *last = i;
        SendFacts* const send = find(before.generation);
        if (first || event.head == 0 || send == nullptr || send->turns.empty()) return;
        const std::uint32_t offset = offset_of(*send, before);
        if (send->turns.back() != offset) return;
        const std::uint32_t tail = bytes_after(event.addr, send->begin);
        const bool begins_before =
            send->begin != 0 && event.addr != 0 && static_cast<std::int32_t>(tail - offset) < 0;
        const bool idle = before.generation == event.generation && before.len == event.len;
        if (!idle && (begins_before || event.head == before.head)) send->turns.pop_back();
    }

    // The turn before this one, or before the end, appended nothing if as much is left as then.
    void note_progress(const SendFacts& send, std::uint32_t left) {
        if (send.append != no_record && events_[send.append].len == left)
            all_.turn_of[send.append].idle = true;
    }

    // Done with before any driver had it, or dropped with more references than when it was queued:
    // it was cut into segments, about as many as there are more references.
    void note_segments(std::size_t i, const zcv_event& event) {
        const std::uint32_t* const queued = queued_refs_.find(event.skb);
        if (queued == nullptr) return;
        const std::uint32_t before = *queued;
        queued_refs_.erase(event.skb);
        const bool known = before != ZCV_REFS_UNKNOWN && event.refs != ZCV_REFS_UNKNOWN;
        const std::uint32_t more = known && event.refs > before ? event.refs - before : 0;
        const bool cut = event.kind == ZCV_SKB_CONSUME ? event.ubuf != 0 : more > 0;
        if (cut && all_.life_of[i] != 0) cut_up_[event.generation].push_back({i, more});
    }

    void note_issuer(const zcv_event& event) {
        SendFacts* const send = find(event.generation);
        if (send != nullptr && send->issuer == 0) send->issuer = event.pid;
    }

    void submitted(std::size_t i, const zcv_event& event) {
        if (event.generation == 0) return;
        SendFacts& send = all_.sends[event.generation];
        send.submit = i;
        send.submitter = event.pid;
        send.told_by_issuer = told_by_issuer_.contains(event.ring);
        if (event.ubuf != 0) ubufs_[event.ubuf] = event.generation;
        name_references(event);
        if (event.protocol == uapi::ipproto_tcp) all_.streams[event.sock] = true;
        names_[{event.ring, event.user_data}].push_back(event.generation);
    }

    // MSG_ZEROCOPY: named by its socket and id.
    void called(std::size_t i, const zcv_event& event) {
        all_.calls = true;
        if (event.generation == 0 || event.zc_flags == 0) return;
        all_.sends[event.generation].submit = i;
        if (event.protocol == uapi::ipproto_tcp) all_.streams[event.sock] = true;
        calls_[{event.sock, event.user_data}] = event.generation;
        if (const std::uint32_t* const before = last_call_.find(event.sock))
            note_failure(*before, event);
        last_call_[event.sock] = event.generation;
    }

    // Where no record ends a call: the next one takes its id when it has given that back.
    void note_failure(std::uint32_t generation, const zcv_event& next) {
        SendFacts* const call = find(generation);
        if (call != nullptr && !call->copied && events_[call->submit].user_data == next.user_data)
            call->failed = true;
    }

    void reported(const zcv_event& event) {
        const std::uint32_t* const call = calls_.find({event.sock, event.user_data});
        SendFacts* const first = call == nullptr ? nullptr : find(*call);
        if (first != nullptr && !first->copied) first->copied = (event.cqe_flags & 1) != 0;
    }

    void completed(std::size_t i, const zcv_event& event) {
        SendFacts* const send = find(event.generation);
        if (send == nullptr || send->complete != no_record) return;
        send->complete = i;
        forget_name(*send, event);
        note_issuer(event);
        note_end(*send, event);
        note_chain(*send, event);
    }

    void note_end(const SendFacts& send, const zcv_event& event) {
        const std::uint32_t sent = event.res > 0 ? static_cast<std::uint32_t>(event.res) : 0;
        note_progress(send, send.bytes - std::min(send.bytes, sent));
    }

    void notified(std::size_t i, const zcv_event& event) {
        SendFacts* const send = find(event.generation);
        if (send == nullptr || send->notif != no_record) return;
        send->notif = i;
        forget_name(*send, event);
        note_chain(*send, event);
    }

    // Nothing more is to come that could go without its generation.
    void forget_name(const SendFacts& send, const zcv_event& event) {
        if (send.complete == no_record || send.notif == no_record || send.submit == no_record)
            return;
        const zcv_event& submit = events_[send.submit];
        Some* const open = names_.find({submit.ring, submit.user_data});
        if (open == nullptr) return;
        forget(*open, event.generation);
        if (open->empty()) names_.erase({submit.ring, submit.user_data});
    }

    void note_chain(SendFacts& send, const zcv_event& event) {
        send.chain_known = true;
        if (event.chain == 0 || event.chain == event.ubuf) return;
        send.chain = generation_of(event.chain);
        SendFacts* const head = find(send.chain);
        if (head == nullptr) return;
        const auto at = std::ranges::lower_bound(head->linked, event.generation);
        if (at == head->linked.end() || *at != event.generation)
            head->linked.insert(at, event.generation);
    }

    // The kernel gives no request here: it is the oldest send of that name that still lacks the
    // CQE.
    void overflowed(std::size_t i, const zcv_event& event) {
        const bool notif = (event.cqe_flags & uapi::cqe_f_notif) != 0;
        const Some* const open = names_.find({event.ring, event.user_data});
        if (open == nullptr) return;
        for (const std::uint32_t generation : *open) {
            SendFacts& send = all_.sends[generation];
            std::size_t& slot = notif ? send.notif : send.complete;
            if (slot != no_record || (event.generation != 0 && event.generation != generation))
                continue;
            slot = i;
            all_.send_of[i] = generation;
            if (!notif) note_end(send, event);
            if (event.refs != ZCV_REFS_UNKNOWN) note_chain(send, event);
            return;
        }
    }

    void head_seen(std::size_t i, const zcv_event& event, std::uint32_t owner) {
        if (owner == 0) return;
        // An skb of calls names their range: the first one's id below, how many above.
        const auto calls = static_cast<std::uint32_t>(event.user_data >> 32);
        if (SendFacts* const send = calls != 0 ? find(owner) : nullptr)
            send->calls = std::max(send->calls, calls);
        std::uint32_t life = life_at(event.head, owner);
        if (life == 0) life = born(i, event, owner);
        all_.life_of[i] = life;
        if (life == 0) return;
        if (event.addr != 0) all_.lives[life].sequence = event.addr;
        if (event.kind == ZCV_TCP_APPEND) return;
        skbs_[event.skb] = life;
        if (event.kind == ZCV_DEV_QUEUE) {
            queued_refs_[event.skb] = event.refs;
            find(owner)->queued = life;
            all_.lives[life].bytes = event.len;
            const bool first = !std::exchange(all_.lives[life].queued, true);
            if (first && all_.streams.contains(event.sock)) last_sent_[event.sock] = life;
        } else if (event.kind == ZCV_DEV_XMIT) {
            queued_refs_.erase(event.skb);
        }
    }

    void head_freed(std::size_t i, const zcv_event& event) {
        all_.life_of[i] = life_at(event.head, event.generation);
        all_.lives[all_.life_of[i]].freed_ns = event.time_ns;
        heads_.erase(event.head);
        // Heads are named after the first call of their ubuf, though nothing else is seen of them.
        SendFacts* const send = find(event.generation);
        if (send == nullptr) return;
        if (send->submit != no_record && events_[send->submit].kind == ZCV_CALL)
            send->calls = std::max(send->calls, 1U);
        if (send->unacked == no_record && is_unacknowledged(event)) send->unacked = i;
    }

    std::uint32_t born(std::size_t i, const zcv_event& event, std::uint32_t owner) {
        SendFacts* const send = find(owner);
        if (send == nullptr) return 0;
        const auto life = static_cast<std::uint32_t>(all_.lives.size());
        Life fresh;
        fresh.owner = owner;
        fresh.first = i;
        come_from(fresh, event);
        if (fresh.birth == Birth::moved) all_.lives[fresh.parent].moves = true;
        if (fresh.birth == Birth::split || fresh.birth == Birth::segment)
            all_.lives[fresh.parent].children.push_back(life);
        all_.lives.push_back(std::move(fresh));
        // One that shows up only after the notification is no part of the send: it breaks S1.
        if (send->notif == no_record) send->lives.push_back(life);
        heads_[event.head] = life;
        return life;
    }

    // An skb that had another head before got a new one. One that first shows up on its way was cut
    // off a large one. One that TCP sends right after data of the same ubuf may be the rest of it.
    void come_from(Life& fresh, const zcv_event& event) {
        const auto same_owner = [&](const std::uint32_t* found) {
            return found != nullptr && all_.lives[*found].owner == fresh.owner;
        };
        const auto descend = [&](Birth birth, std::uint32_t parent) {
            fresh.birth = birth;
            fresh.parent = parent;
        };
        const bool append = event.kind == ZCV_TCP_APPEND;
        const std::uint32_t* const before = skbs_.find(event.skb);
        if (!append && same_owner(before)) {
            const std::uint64_t head = events_[all_.lives[*before].first].head;
            const std::uint32_t* const still = heads_.find(head);
            const bool shared = still != nullptr && *still == *before;
            if (shared) return descend(Birth::expanded, *before);
            // One fresh from a socket has only the memory of another that went unseen.
            if (event.sock == 0) return descend(Birth::moved, *before);
        }
        if (append || event.kind == ZCV_DEV_QUEUE) {
            if (event.addr != 0) {
                if (begins_with_a_turn(fresh.owner, event.addr)) return;
                if (const std::uint32_t parent = sent_before(fresh.owner, event.addr))
                    descend(Birth::split, parent);
                return;
            }
            const std::uint32_t* const last = last_sent_.find(event.sock);
            if (same_owner(last)) return descend(Birth::split, *last);
            // A stream sends in order: what comes after another send's data was sent in it before.
            const std::uint32_t sent = find(fresh.owner)->queued;
            if (last != nullptr && sent != 0) descend(Birth::split, sent);
            return;
        }
        const auto large = cut_up_.find(fresh.owner);
        if (large != cut_up_.end()) {
            const std::size_t end = cut_with(large->second, event.addr);
            fresh.cut_ns = events_[end].time_ns;
            return descend(Birth::segment, all_.life_of[end]);
        }
        const std::uint32_t queued = find(fresh.owner)->queued;
        if (queued != 0) descend(Birth::segment, queued);
    }

    // An skb that sendmsg made begins where one of its turns did; the rest of another, elsewhere.
    bool begins_with_a_turn(std::uint32_t owner, std::uint64_t sequence) {
        SendFacts& send = *find(owner);
        if (send.turns.empty()) return false;
        if (send.begin == 0) {
            send.begin = sequence - send.turns.front();
            return true;
        }
        return std::ranges::binary_search(send.turns, bytes_after(sequence, send.begin));
    }

    static std::uint32_t bytes_after(std::uint64_t sequence, std::uint64_t other) {
        return static_cast<std::uint32_t>(sequence) - static_cast<std::uint32_t>(other);
    }

    // The data of this send that was sent already and lies closest before.
    std::uint32_t sent_before(std::uint32_t owner, std::uint64_t sequence) {
        std::uint32_t closest = 0;
        for (const std::uint32_t life : find(owner)->lives) {
            const std::uint64_t begin = all_.lives[life].sequence;
            if (begin == 0 || !all_.lives[life].queued) continue;
            const std::uint32_t distance = bytes_after(sequence, begin);
            if (distance >= 1U << 31U) continue;
            if (closest == 0 || distance < bytes_after(sequence, all_.lives[closest].sequence))
                closest = life;
        }
        return closest;
    }

    // Which cut a segment is from: the newest that held its bytes. Where that is not known, they
    // leave in the order in which the large ones were cut up, and the last one has the rest.
    std::size_t cut_with(std::deque<Cut>& cuts, std::uint64_t sequence) const {
        for (auto cut = cuts.rbegin(); sequence != 0 && cut != cuts.rend(); ++cut) {
            const Life& whole = all_.lives[all_.life_of[cut->record]];
            if (whole.sequence != 0 && bytes_after(sequence, whole.sequence) < whole.bytes)
                return cut->record;
        }
        while (cuts.size() > 1 && cuts.front().segments == 0) cuts.pop_front();
        if (cuts.front().segments > 0) --cuts.front().segments;
        return cuts.front().record;
    }

    std::uint32_t life_at(std::uint64_t head, std::uint32_t owner) const {
        const std::uint32_t* const found = heads_.find(head);
        if (found == nullptr) return 0;
        return owner == 0 || all_.lives[*found].owner == owner ? *found : 0;
    }

    std::uint32_t generation_of(std::uint64_t ubuf) const {
        const std::uint32_t* const found = ubufs_.find(ubuf);
        return found == nullptr ? 0 : *found;
    }

    SendFacts* find(std::uint32_t generation) { return all_.sends.find(generation); }

    const std::vector<zcv_event>& events_;
    Lookahead all_;
    FlatMap<Name, std::uint32_t> calls_;                 // socket, id -> generation
    FlatMap<std::uint64_t, std::uint32_t> last_call_;    // socket -> generation
    FlatMap<std::uint64_t, std::uint32_t> heads_;        // head -> life
    FlatMap<std::uint64_t, std::uint32_t> ubufs_;        // ubuf -> newest generation
    FlatMap<std::uint64_t, Changed> changed_;            // by ubuf
    FlatMap<std::uint64_t, bool> told_by_issuer_;        // rings that post where they issue
    FlatMap<Name, Some> names_;                          // generations that may still get a CQE
    FlatMap<std::uint64_t, std::uint32_t> skbs_;         // on its way: skb -> its life
    FlatMap<std::uint64_t, std::uint32_t> queued_refs_;  // skb no driver had yet
    std::unordered_map<std::uint32_t, std::deque<Cut>> cut_up_;  // by owner
    FlatMap<std::uint64_t, std::size_t> last_append_;            // socket -> newest such record
    FlatMap<std::uint64_t, std::uint32_t> last_sent_;            // socket -> newest life sent
};

}  // namespace

// Every CPU's own records are in order, and so is most of a trace: only what is late is moved, and
// all is sorted where that is too much.
std::vector<std::size_t> order_by_time(const Trace& trace) {
    const std::vector<zcv_event>& events = trace.events;
    std::vector<std::size_t> order(events.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::size_t moves_left = 8 * order.size();
    for (std::size_t i = 1; i < order.size(); ++i) {
        const std::size_t record = order[i];
        const std::uint64_t time = events[record].time_ns;
        std::size_t to = i;
        for (; to > 0 && moves_left > 0 && events[order[to - 1]].time_ns > time; --to) {
            order[to] = order[to - 1];
            --moves_left;
        }
        order[to] = record;
        if (moves_left > 0) continue;
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t at) { return events[at].time_ns; });
        break;
    }
    return order;
}

Lookahead look_ahead(const Trace& trace) {
    return Look(trace).run();
}

}  // namespace zcv
