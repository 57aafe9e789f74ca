#include "traces/lookahead.hpp"

#include <algorithm>
#include <utility>

#include "traces/event_sets.hpp"
#include "traces/uapi.hpp"

namespace zcv {
namespace {

RecordFacts facts_of(const zcv_event& event) {
    return {true, event.generation, event.refs, event.res, event.time_ns};
}

}  // namespace

Lookahead::Lookahead(std::unique_ptr<Records> records, const Foresight& foresight)
    : records_(std::move(records)), foresight_(foresight), window_(1024) {
    lives[0];
}

// How far -------------------------------------------------------------------------------------

const KnownRecord* Lookahead::next() {
    if (begin_ < next_) records_->done(at(begin_++).placed);
    if (next_ >= sure_) look();
    return next_ == end_ ? nullptr : &at(next_++);
}

void Lookahead::look() {
    while (!is_far_enough() && look_at_one()) {
    }
    // A few at a time.
    for (int more = 0; more < 64 && end_ - next_ < 2 * foresight_.records_min; ++more)
        if (!look_at_one()) break;
    while (timely_ < end_ && newest_ns_ - at(timely_).placed.time_ns >= foresight_.ns_min)
        ++timely_;
    sure_ = next_ + 1;
    if (at_end_) sure_ = end_;
    if (at_end_ || end_ <= foresight_.records_min) return;
    std::uint64_t until = std::min(end_ - foresight_.records_min, timely_);
    if (!open_.empty()) until = std::min(until, open_.front().at);
    sure_ = std::max(sure_, until);
}

// Of the next one.
bool Lookahead::is_far_enough() {
    if (at_end_) return true;
    const std::uint64_t ahead = end_ - next_;
    if (ahead == 0) return false;
    const bool is_full = ahead >= foresight_.records_max;
    const bool has_margin = ahead > foresight_.records_min &&
                            newest_ns_ - at(next_).placed.time_ns >= foresight_.ns_min;
    if (!has_margin && !is_full) return false;
    while (!open_.empty()) {
        const SendFacts* const facts = sends.find(open_.front().generation);
        if (facts != nullptr && !facts->is_settled()) break;
        open_.pop_front();
    }
    if (open_.empty() || open_.front().at > next_) return true;
    cut_short_ = cut_short_ || is_full;
    return is_full;
}

bool Lookahead::look_at_one() {
    if (at_end_) return false;
    if (batch_.empty()) batch_ = records_->next();
    if (batch_.empty()) {
        at_end_ = true;
        return false;
    }
    if (end_ - begin_ == window_.size()) {
        std::vector<KnownRecord> larger(2 * window_.size());
        for (std::uint64_t i = begin_; i < end_; ++i) larger[i & (larger.size() - 1)] = at(i);
        window_ = std::move(larger);
    }
    const std::uint64_t number = end_++;
    KnownRecord& now = at(number);
    const zcv_event& event = *batch_.front().event;
    now = KnownRecord{batch_.front(), 0, event.generation, {}};
    batch_ = batch_.subspan(1);
    newest_ns_ = now.placed.time_ns;
    look(now, event);
    return true;
}

std::uint32_t Lookahead::new_life(std::uint32_t owner) {
    lives[++lives_made_].owner = owner;
    return lives_made_;
}

void Lookahead::forget_send(std::uint32_t generation) {
    const SendFacts* const send = find(generation);
    if (send == nullptr) return;
    if (send->is_call) {
        const Name name{send->sock, send->user_data};
        const std::uint32_t* const call = calls_.find(name);
        if (call != nullptr && *call == generation) calls_.erase(name);
    } else if (Some* const open = names_.find({send->ring, send->user_data})) {
        forget(*open, generation);
        if (open->empty()) names_.erase({send->ring, send->user_data});
    }
    cut_up_.erase(generation);
    sends.erase(generation);
}

// What a record says --------------------------------------------------------------------------

void Lookahead::look(KnownRecord& now, const zcv_event& event) {
    switch (event.kind) {
        case ZCV_SUBMIT:
        case ZCV_PREP_FAILED:
            return submitted(event);
        case ZCV_CALL:
            return called(event);
        case ZCV_CALL_DONE:
            if (SendFacts* const call = find(event.generation)) call->failed = event.res < 0;
            last_call_.erase(event.sock);
            return;
        case ZCV_ERRQUEUE:
            return reported(event);
        case ZCV_COMPLETE:
            return completed(event);
        case ZCV_NOTIF:
            return notified(event);
        case ZCV_CQE_OVERFLOW:
            return overflowed(now, event);
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
            return appended(now, event);
        case ZCV_DEV_QUEUE:
            last_sent_ns[event.sock] = event.time_ns;
            if (event.context == ZCV_CONTEXT_TASK) note_issuer(event);
            return head_seen(now, event, event.generation);
        case ZCV_DEV_XMIT:
        case ZCV_RX:
            return head_seen(now, event, event.generation);
        case ZCV_SKB_CONSUME:
        case ZCV_SKB_DROP:
            head_seen(now, event, event.generation);
            note_segments(now, event);
            skbs_.erase(event.skb);
            return;
        case ZCV_HEAD_FREE:
            return head_freed(now, event);
        case ZCV_UBUF_REF:
            return reference_changed(now, event);
        default:
            return;
    }
}

// A notification is there before its send is submitted, which then names what came before.
void Lookahead::reference_changed(KnownRecord& now, const zcv_event& event) {
    if (event.ring == 0) return note_calls(event);
    Changed& ubuf = changed_[event.ubuf];
    if (event.opcode == ZCV_REF_ALLOC) ubuf = {};
    now.send = ubuf.generation;
    if (ubuf.generation == 0) ubuf.unnamed.push_back(end_ - 1);
}

// Which calls a ubuf covers, the first one's id below, how many above.
void Lookahead::note_calls(const zcv_event& event) {
    const auto count = static_cast<std::uint32_t>(event.user_data >> 32);
    const auto id = static_cast<std::uint32_t>(event.user_data);
    const std::uint32_t* const call = calls_.find({event.sock, id});
    SendFacts* const first = count == 0 || call == nullptr ? nullptr : find(*call);
    if (first != nullptr) first->calls = std::max(first->calls, count);
}

void Lookahead::name_references(const zcv_event& submit) {
    Changed* const found = changed_.find(submit.ubuf);
    if (found == nullptr || found->generation != 0) return;
    found->generation = submit.generation;
    for (const std::uint64_t number : found->unnamed)
        if (KnownRecord* const before = still_at(number)) before->send = submit.generation;
    found->unnamed = {};
}

void Lookahead::appended(KnownRecord& now, const zcv_event& event) {
    streams[event.sock] = true;
    last_sent_ns[event.sock] = event.time_ns;
    note_issuer(event);
    forget_turn_that_joined(event);
    if (SendFacts* const send = find(event.generation)) {
        note_progress(*send, event.len);
        // A fresh skb would be the tail by now.
        if (send->append != no_record && event.len < send->append_left && event.head != 0 &&
            event.head == send->append_head)
            if (KnownRecord* const turn = still_at(send->append)) turn->turn.joined = true;
        if (send->append == no_record) send->bytes = event.len;
        note_turn(*send, event);
        send->append = end_ - 1;
        send->append_left = event.len;
        send->append_head = event.head;
    }
    if (event.head == 0 || event.chain == 0) return;
    head_seen(now, event, generation_of(event.chain));
    lives.at(now.life).queued_ns = event.time_ns;
}

// Where in the stream, which newer captures tell; else where in the message.
std::uint32_t Lookahead::place_of(const SendFacts& send, std::uint32_t at, std::uint32_t left) {
    return at != 0 ? at : send.bytes - std::min(send.bytes, left);
}

void Lookahead::note_turn(SendFacts& send, const zcv_event& event) {
    const std::uint32_t place = place_of(send, event.cqe_flags, event.len);
    if (event.cqe_flags != 0) send.places_known = true;
    if (send.turns.empty() || is_before(send.turns.back(), place)) send.turns.push_back(place);
}

// What the newest turn on this socket appended went into an skb that was there when the tail still
// is that one, or begins before that turn did.
void Lookahead::forget_turn_that_joined(const zcv_event& event) {
    const auto [last, first] = last_append_.insert(event.sock);
    const Appended now{event.generation, event.len, event.head, event.cqe_flags};
    const Appended before = first ? now : *last;
    *last = now;
    SendFacts* const send = find(before.generation);
    if (first || event.head == 0 || send == nullptr || send->turns.empty()) return;
    const std::uint32_t place = place_of(*send, before.at, before.left);
    if (send->turns.back() != place) return;
    const bool placed = event.addr != 0 && (send->places_known || send->begin != 0);
    const bool begins_before = placed && is_before(bytes_after(event.addr, send->begin), place);
    const bool idle = before.generation == event.generation && before.left == event.len;
    if (!idle && (begins_before || event.head == before.head)) send->turns.pop_back();
}

// The turn before this one, or before the end, appended nothing if as much is left as then.
void Lookahead::note_progress(const SendFacts& send, std::uint32_t left) {
    if (send.append == no_record || send.append_left != left) return;
    if (KnownRecord* const turn = still_at(send.append)) turn->turn.idle = true;
}

// Done with before any driver had it, or dropped with more references than when it was queued: it
// was cut into segments, about as many as there are more references.
void Lookahead::note_segments(const KnownRecord& now, const zcv_event& event) {
    const std::uint32_t* const queued = queued_refs_.find(event.skb);
    if (queued == nullptr) return;
    const std::uint32_t before = *queued;
    queued_refs_.erase(event.skb);
    const bool known = before != ZCV_REFS_UNKNOWN && event.refs != ZCV_REFS_UNKNOWN;
    const std::uint32_t more = known && event.refs > before ? event.refs - before : 0;
    const bool cut = event.kind == ZCV_SKB_CONSUME ? event.ubuf != 0 : more > 0;
    if (cut && now.life != 0) cut_up_[event.generation].push_back({now.life, more, event.time_ns});
}

void Lookahead::note_issuer(const zcv_event& event) {
    SendFacts* const send = find(event.generation);
    if (send != nullptr && send->issuer == 0) send->issuer = event.pid;
}

void Lookahead::submitted(const zcv_event& event) {
    if (event.generation == 0) return;
    SendFacts& send = sends[event.generation];
    send.submitted = true;
    send.ring = event.ring;
    send.user_data = event.user_data;
    send.ubuf = event.ubuf;
    send.submitter = event.pid;
    send.told_by_issuer = told_by_issuer_.contains(event.ring);
    open_.push_back({end_ - 1, event.generation});
    if (event.ubuf != 0) ubufs_[event.ubuf] = event.generation;
    name_references(event);
    if (event.protocol == uapi::ipproto_tcp) streams[event.sock] = true;
    names_[{event.ring, event.user_data}].push_back(event.generation);
}

// MSG_ZEROCOPY: named by its socket and id.
void Lookahead::called(const zcv_event& event) {
    calls = true;
    if (event.generation == 0 || event.zc_flags == 0) return;
    SendFacts& send = sends[event.generation];
    send.submitted = send.is_call = true;
    send.sock = event.sock;
    send.user_data = event.user_data;
    send.ubuf = event.ubuf;
    send.submitter = event.pid;
    open_.push_back({end_ - 1, event.generation});
    if (event.protocol == uapi::ipproto_tcp) streams[event.sock] = true;
    calls_[{event.sock, event.user_data}] = event.generation;
    if (const std::uint32_t* const before = last_call_.find(event.sock))
        note_failure(*before, event);
    last_call_[event.sock] = event.generation;
}

// Where no record ends a call: the next one takes its id when it has given that back.
void Lookahead::note_failure(std::uint32_t generation, const zcv_event& next) {
    SendFacts* const call = find(generation);
    if (call != nullptr && !call->copied && call->user_data == next.user_data) call->failed = true;
}

void Lookahead::reported(const zcv_event& event) {
    const std::uint32_t* const call = calls_.find({event.sock, event.user_data});
    SendFacts* const first = call == nullptr ? nullptr : find(*call);
    if (first != nullptr && !first->copied) first->copied = (event.cqe_flags & 1) != 0;
    // The newest range grows at its end.
    for (std::uint64_t id = event.addr; id >= event.user_data && id <= event.addr; --id) {
        const std::uint32_t* const found = calls_.find({event.sock, id});
        SendFacts* const told = found == nullptr ? nullptr : find(*found);
        if (told == nullptr || std::exchange(told->told, true)) break;
    }
}

void Lookahead::completed(const zcv_event& event) {
    SendFacts* const send = find(event.generation);
    if (send == nullptr || send->complete.seen) return;
    send->complete = facts_of(event);
    send->promised = (event.cqe_flags & uapi::cqe_f_more) != 0;
    forget_name(*send, event.generation);
    note_issuer(event);
    note_end(*send, event);
    note_chain(*send, event);
}

void Lookahead::note_end(const SendFacts& send, const zcv_event& event) {
    const std::uint32_t sent = event.res > 0 ? static_cast<std::uint32_t>(event.res) : 0;
    note_progress(send, send.bytes - std::min(send.bytes, sent));
}

void Lookahead::notified(const zcv_event& event) {
    SendFacts* const send = find(event.generation);
    if (send == nullptr || send->notif.seen) return;
    send->notif = facts_of(event);
    forget_name(*send, event.generation);
    note_chain(*send, event);
}

// Nothing more is to come that could go without its generation.
void Lookahead::forget_name(const SendFacts& send, std::uint32_t generation) {
    if (!send.complete.seen || !send.notif.seen || !send.submitted) return;
    Some* const open = names_.find({send.ring, send.user_data});
    if (open == nullptr) return;
    forget(*open, generation);
    if (open->empty()) names_.erase({send.ring, send.user_data});
}

void Lookahead::note_chain(SendFacts& send, const zcv_event& event) {
    send.chain_known = true;
    if (event.chain == 0 || event.chain == event.ubuf) return;
    send.chain = generation_of(event.chain);
    SendFacts* const head = find(send.chain);
    if (head == nullptr) return;
    const auto place = std::ranges::lower_bound(head->linked, event.generation);
    if (place == head->linked.end() || *place != event.generation)
        head->linked.insert(place, event.generation);
}

// The kernel gives no request here: it is the oldest send of that name that still lacks the CQE.
void Lookahead::overflowed(KnownRecord& now, const zcv_event& event) {
    const bool notif = (event.cqe_flags & uapi::cqe_f_notif) != 0;
    const Some* const open = names_.find({event.ring, event.user_data});
    if (open == nullptr) return;
    for (const std::uint32_t generation : *open) {
        SendFacts* const send = find(generation);
        if (send == nullptr) continue;
        RecordFacts& slot = notif ? send->notif : send->complete;
        if (slot.seen || (event.generation != 0 && event.generation != generation)) continue;
        slot = facts_of(event);
        now.send = generation;
        if (!notif) {
            send->promised = (event.cqe_flags & uapi::cqe_f_more) != 0;
            note_end(*send, event);
        }
        if (event.refs != ZCV_REFS_UNKNOWN) note_chain(*send, event);
        return;
    }
}

// Shared infos --------------------------------------------------------------------------------

void Lookahead::head_seen(KnownRecord& now, const zcv_event& event, std::uint32_t owner) {
    if (owner == 0) return;
    // An skb of calls names their range: the first one's id below, how many above.
    const auto covered = static_cast<std::uint32_t>(event.user_data >> 32);
    if (SendFacts* const send = covered != 0 ? find(owner) : nullptr)
        send->calls = std::max(send->calls, covered);
    std::uint32_t number = life_at(event.head, owner);
    if (number == 0) number = born(event, owner);
    now.life = number;
    if (number == 0) return;
    Life& life = lives.at(number);
    if (event.addr != 0) life.sequence = event.addr;
    if (event.kind == ZCV_TCP_APPEND) return;
    skbs_[event.skb] = number;
    if (event.kind == ZCV_DEV_QUEUE) {
        queued_refs_[event.skb] = event.refs;
        find(owner)->queued = number;
        life.bytes = event.len;
        const bool first = !std::exchange(life.queued, true);
        if (first) life.sent_bytes = event.len;
        if (first && streams.contains(event.sock)) last_sent_[event.sock] = number;
    } else if (event.kind == ZCV_DEV_XMIT) {
        queued_refs_.erase(event.skb);
    }
}

void Lookahead::head_freed(KnownRecord& now, const zcv_event& event) {
    now.life = life_at(event.head, event.generation);
    lives.at(now.life).freed_ns = event.time_ns;
    heads_.erase(event.head);
    // Heads are named after the first call of their ubuf, though nothing else is seen of them.
    SendFacts* const send = find(event.generation);
    if (send == nullptr) return;
    if (send->is_call) send->calls = std::max(send->calls, 1U);
    if (send->unacked != nullptr || !is_unacknowledged(event)) return;
    send->unacked = std::make_shared<const zcv_event>(event);
    send->unacked_life = now.life;
}

std::uint32_t Lookahead::born(const zcv_event& event, std::uint32_t owner) {
    SendFacts* const send = find(owner);
    if (send == nullptr) return 0;
    const std::uint32_t number = new_life(owner);
    Life& fresh = lives.at(number);
    fresh.seen = true;
    fresh.head = event.head;
    fresh.skb = event.skb;
    fresh.sock = event.sock;
    fresh.nr_frags = event.nr_frags;
    fresh.sequence = event.addr;
    come_from(fresh, event);
    if (fresh.birth == Birth::moved) lives.at(fresh.parent).moves = true;
    if (fresh.birth == Birth::split || fresh.birth == Birth::segment)
        lives.at(fresh.parent).children.push_back(number);
    // One that shows up only after the notification is no part of the send: it breaks S1.
    if (send->notif.seen) {
        send->late_lives.push_back(number);
    } else {
        add_in_order(send->lives, number);
        if (fresh.birth == Birth::split) add_in_order(send->splits, number);
    }
    heads_[event.head] = number;
    return number;
}

// A stream's data is appended in order, whatever order it shows up in: the tail of the queue is
// seen by the next that is appended, and what lies before it only when it is sent.
void Lookahead::add_in_order(Some& all, std::uint32_t fresh) const {
    const std::uint64_t sequence = lives.at(fresh).sequence;
    auto place = all.end();
    while (sequence != 0 && place != all.begin()) {
        const std::uint64_t before = lives.at(*(place - 1)).sequence;
        const bool is_later = before != 0 && is_before(sequence, before);
        if (!is_later) break;
        --place;
    }
    all.insert(place, fresh);
}

// An skb that had another head before got a new one. One that first shows up on its way was cut off
// a large one. One that TCP sends right after data of the same ubuf may be the rest of it.
void Lookahead::come_from(Life& fresh, const zcv_event& event) {
    const auto of_same_owner = [&](const std::uint32_t* number) -> const Life* {
        const Life* const life = number == nullptr ? nullptr : lives.find(*number);
        return life != nullptr && life->owner == fresh.owner ? life : nullptr;
    };
    const auto descend = [&](Birth birth, std::uint32_t parent) {
        fresh.birth = birth;
        fresh.parent = parent;
    };
    const bool append = event.kind == ZCV_TCP_APPEND;
    const std::uint32_t* const before = skbs_.find(event.skb);
    if (const Life* const other = append ? nullptr : of_same_owner(before)) {
        const std::uint32_t* const still = heads_.find(other->head);
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
        if (of_same_owner(last) != nullptr) return descend(Birth::split, *last);
        // A stream sends in order: what comes after another send's data was sent in it before.
        const std::uint32_t sent = find(fresh.owner)->queued;
        if (last != nullptr && sent != 0) descend(Birth::split, sent);
        return;
    }
    const auto large = cut_up_.find(fresh.owner);
    if (large != cut_up_.end()) {
        const Cut& cut = cut_with(large->second, event.addr);
        fresh.cut_ns = cut.time_ns;
        return descend(Birth::segment, cut.life);
    }
    const std::uint32_t queued = find(fresh.owner)->queued;
    if (queued != 0) descend(Birth::segment, queued);
}

// An skb that sendmsg made begins where one of its turns did; the rest of another, elsewhere.
bool Lookahead::begins_with_a_turn(std::uint32_t owner, std::uint64_t sequence) {
    SendFacts& send = *find(owner);
    if (send.turns.empty()) return false;
    if (send.begin == 0 && !send.places_known) {
        send.begin = sequence - send.turns.front();
        return true;
    }
    const std::uint32_t place = bytes_after(sequence, send.begin);
    return std::ranges::find(send.turns, place) != send.turns.end();
}

// The data of this send that lies closest before. What was not sent yet may only be split where it
// is known that no turn of sendmsg began there.
std::uint32_t Lookahead::sent_before(std::uint32_t owner, std::uint64_t sequence) {
    std::uint32_t closest = 0;
    const bool is_placed = find(owner)->places_known;
    for (const std::uint32_t number : find(owner)->lives) {
        const Life& life = lives.at(number);
        const std::uint64_t begin = life.sequence;
        const bool may_be = life.queued || (is_placed && life.birth != Birth::segment);
        if (begin == 0 || !may_be) continue;
        const std::uint32_t distance = bytes_after(sequence, begin);
        if (distance >= 1U << 31U) continue;
        if (closest == 0 || distance < bytes_after(sequence, lives.at(closest).sequence))
            closest = number;
    }
    return closest;
}

// Which cut a segment is from: the newest that held its bytes. Where that is not known, they leave
// in the order in which the large ones were cut up, and the last one has the rest.
const Lookahead::Cut& Lookahead::cut_with(std::deque<Cut>& cuts, std::uint64_t sequence) const {
    for (auto cut = cuts.rbegin(); sequence != 0 && cut != cuts.rend(); ++cut) {
        const Life& whole = lives.at(cut->life);
        if (whole.sequence != 0 && bytes_after(sequence, whole.sequence) < whole.bytes) return *cut;
    }
    while (cuts.size() > 1 && cuts.front().segments == 0) cuts.pop_front();
    if (cuts.front().segments > 0) --cuts.front().segments;
    return cuts.front();
}

std::uint32_t Lookahead::life_at(std::uint64_t head, std::uint32_t owner) const {
    const std::uint32_t* const found = heads_.find(head);
    const Life* const life = found == nullptr ? nullptr : lives.find(*found);
    if (life == nullptr) return 0;
    return owner == 0 || life->owner == owner ? *found : 0;
}

std::uint32_t Lookahead::generation_of(std::uint64_t ubuf) const {
    const std::uint32_t* const found = ubufs_.find(ubuf);
    return found == nullptr ? 0 : *found;
}

}  // namespace zcv
