#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "traces/replay.hpp"
#include "traces/sequence_gaps.hpp"
#include "traces/zct.hpp"

// Captures with one thing wrong: a record less, one twice, two that changed places, or one value of
// one record. Either the rest is left as it is, or what the file knows of itself (its sequence
// numbers) is put in order again, so that only what the records say can give the change away.
namespace zcv::test {

enum class How { dropped, doubled, moved, changed };

inline const char* in_words(How how) {
    constexpr const char* names[]{"dropped", "doubled", "moved", "changed"};
    return names[static_cast<std::size_t>(how)];
}

// A field of a record, as one number.
struct FieldOfRecord {
    const char* name;
    std::uint64_t (*get)(const zcv_event&);
    void (*set)(zcv_event&, std::uint64_t);
};

#define ZCV_FIELD(field)                                  \
    FieldOfRecord {                                       \
#field,                                                 \
                  [](const zcv_event& e) -> std::uint64_t {               \
                      return static_cast<std::uint64_t>(e.field);         \
                  },                                                      \
                  [](zcv_event& e, std::uint64_t v) {                     \
                      e.field = static_cast<decltype(zcv_event::field)>(v); \
                  } \
    }

inline const std::vector<FieldOfRecord>& fields_of_records() {
    static const std::vector<FieldOfRecord> all{
        ZCV_FIELD(kind),      ZCV_FIELD(req),        ZCV_FIELD(ring),        ZCV_FIELD(sock),
        ZCV_FIELD(ubuf),      ZCV_FIELD(chain),      ZCV_FIELD(owner),       ZCV_FIELD(skb),
        ZCV_FIELD(head),      ZCV_FIELD(addr),       ZCV_FIELD(user_data),   ZCV_FIELD(hash),
        ZCV_FIELD(len),       ZCV_FIELD(tgid),       ZCV_FIELD(refs),        ZCV_FIELD(res),
        ZCV_FIELD(cqe_flags), ZCV_FIELD(generation), ZCV_FIELD(dataref),     ZCV_FIELD(zc_flags),
        ZCV_FIELD(opcode),    ZCV_FIELD(sqe_flags),  ZCV_FIELD(shinfo_flags)};
    return all;
}

#undef ZCV_FIELD

struct Mutation {
    How how = How::dropped;
    std::uint16_t kind = 0;          // of the record it is about
    std::string field;               // of a change
    std::size_t record = 0;          // where it is now, or was
    std::vector<zcv_event> touched;  // the records it is about, before and after
    std::string words;
};

// Where a mutation shows, or that it does not.
enum class Seen { at_place, elsewhere, as_a_whole, not_at_all };

class Mutator {
  public:
    // The capture's records in the order of time.
    Mutator(Trace trace, std::uint32_t seed, bool mends)
        : whole_(std::move(trace)), mends_(mends), random_(seed) {
        std::ranges::stable_sort(whole_.events, {}, &zcv_event::time_ns);
    }

    const Trace& whole() const { return whole_; }
    std::size_t below(std::size_t end) { return random_() % end; }

    // Nothing where this cannot be done to that record.
    std::optional<Mutation> mutate(Trace& trace, How how, std::size_t record,
                                   const FieldOfRecord* field) {
        trace = whole_;
        auto& events = trace.events;
        Mutation m{how,    events[record].kind, field == nullptr ? "" : field->name,
                   record, {events[record]},    ""};
        const auto at = events.begin() + static_cast<std::ptrdiff_t>(record);
        switch (how) {
            case How::dropped:
                events.erase(at);
                break;
            case How::doubled: {
                // Halfway to the next one, where there is room.
                zcv_event again = events[record];
                if (record + 1 < events.size())
                    again.time_ns += (events[record + 1].time_ns - again.time_ns) / 2;
                events.insert(at + 1, again);
                break;
            }
            case How::moved: {
                const std::size_t other = next_of_the_same(record);
                if (other == 0) return std::nullopt;
                m.touched.push_back(events[other]);
                std::swap(events[record].time_ns, events[other].time_ns);
                std::rotate(at, at + 1, events.begin() + static_cast<std::ptrdiff_t>(other) + 1);
                std::ranges::stable_sort(events, {}, &zcv_event::time_ns);
                break;
            }
            case How::changed:
                if (!change(events[record], *field)) return std::nullopt;
                m.touched.push_back(events[record]);
                break;
        }
        if (mends_) renumber(events);
        SequenceGaps gaps;
        for (const zcv_event& event : events) gaps.see(event.cpu, event.seq);
        trace.sequence_gaps = gaps.missing();
        m.words =
            fmt::format("{} {} {}", zcv::name_of(zcv_event_kind(m.kind)), in_words(how), m.field);
        return m;
    }

  private:
    // Numbers as a capture that lost nothing would have.
    static void renumber(std::vector<zcv_event>& events) {
        std::map<std::uint16_t, std::uint32_t> next;
        for (zcv_event& event : events) event.seq = next[event.cpu]++;
    }

    // The next record of the same send, skb or request but of another kind or other content.
    std::size_t next_of_the_same(std::size_t record) const {
        const zcv_event& one = whole_.events[record];
        for (std::size_t i = record + 1; i < whole_.events.size(); ++i) {
            const zcv_event& other = whole_.events[i];
            const bool same = (one.generation != 0 && one.generation == other.generation) ||
                              (one.skb != 0 && one.skb == other.skb) ||
                              (one.req != 0 && one.req == other.req);
            if (same && other.time_ns != one.time_ns) return i;
        }
        return 0;
    }

    // To a value that this field has elsewhere in the capture, or to one next to it. What was not
    // recorded stays so, and what was does not become so.
    bool change(zcv_event& event, const FieldOfRecord& field) {
        const auto unknown = [](std::uint64_t value) {
            return value == 0 || value == ZCV_REFS_UNKNOWN;
        };
        const std::uint64_t before = field.get(event);
        if (unknown(before)) return false;
        std::uint64_t value = before;
        for (int tries = 0; tries < 8 && (value == before || unknown(value)); ++tries)
            value = field.get(whole_.events[random_() % whole_.events.size()]);
        if (value == before || unknown(value)) value = before ^ (1ULL << (random_() % 4));
        field.set(event, value);
        return field.get(event) != before && !unknown(field.get(event));
    }

    Trace whole_;
    bool mends_;
    std::mt19937 random_;
};

// A change that leaves what could as well have been recorded.
struct AsValid {
    std::vector<std::uint16_t> kinds;  // of record
    std::vector<How> hows;
    std::vector<std::string> fields;  // of How::changed; empty: all
    std::string because;

    bool holds_for(const Mutation& m) const {
        const auto has = [](const auto& list, const auto& value) {
            return std::ranges::find(list, value) != list.end();
        };
        return has(kinds, m.kind) && has(hows, m.how) &&
               (m.how != How::changed || fields.empty() || has(fields, m.field));
    }
    std::string words() const {
        std::vector<std::string> names, ways;
        for (const std::uint16_t kind : kinds)
            names.emplace_back(zcv::name_of(zcv_event_kind(kind)));
        for (const How how : hows) ways.emplace_back(in_words(how));
        return fmt::format("{}: {}{}{}", fmt::join(names, ", "), fmt::join(ways, ", "),
                           fields.empty() ? "" : " ", fmt::join(fields, ", "));
    }
};

inline AsValid of_counts() {
    return {{ZCV_UBUF_REF},
            {How::changed, How::dropped},
            {"refs", "skb", "head", "opcode", "sock", "user_data", "zc_flags"},
            "other CPUs change the count at the same time; any skb on the data may be the one that "
            "takes or drops a reference, in any way that skbs have; a call's last one, and which "
            "call that was, the error queue tells"};
}

inline AsValid of_order() {
    return {{ZCV_COMPLETE, ZCV_NOTIF, ZCV_CQE_OVERFLOW},
            {How::moved},
            {},
            "what happens on another CPU in the same moment may be recorded before or after"};
}

inline const std::vector<AsValid>& valid_all_the_same() {
    const std::vector<std::uint16_t> skb{ZCV_DEV_QUEUE,   ZCV_DEV_XMIT, ZCV_RX,
                                         ZCV_SKB_CONSUME, ZCV_SKB_DROP, ZCV_RETRANSMIT};
    const std::vector<std::uint16_t> way{ZCV_POLL_ARM, ZCV_ASYNC, ZCV_LINK, ZCV_DEFER,
                                         ZCV_LINK_FAIL};
    const std::vector<How> any{How::dropped, How::doubled, How::moved, How::changed};
    static const std::vector<AsValid> all{
        {{ZCV_FORK, ZCV_EXEC, ZCV_EXIT, ZCV_RING_CREATE, ZCV_RING_CLOSE, ZCV_REGISTER, ZCV_CLOSE,
          ZCV_SHUTDOWN, ZCV_UNMAP, ZCV_SOCK_STATE, ZCV_RESET, ZCV_ACK, ZCV_TASK_WORK, ZCV_CQE},
         any,
         {},
         "a program, or its peer, that did something else, or twice, or not: no send depends on "
         "it"},
        {{ZCV_CALL_DONE, ZCV_CALL_TOLD},
         any,
         {"generation", "kind", "tgid", "res", "len", "hash"},
         "not every kernel tells of a call's end, nor every capture of content; of other threads' "
         "calls the ids are taken in between"},
        {{ZCV_CALL},
         {How::changed},
         {"addr", "len", "tgid", "zc_flags", "hash"},
         "named once only where the content is not compared when the range is read"},
        {{ZCV_ERRQUEUE, ZCV_ERRQUEUE_READ},
         any,
         {"kind", "tgid", "skb", "sock"},
         "a range can become part of the next one before it is told of, and be told of again"},
        {skb,
         {How::dropped, How::doubled, How::moved},
         {},
         "skbs are cloned, handed on, sent again and freed where no tracepoint looks"},
        {skb, {How::changed}, {"kind"}, "an skb can take another way through the network stack"},
        {skb,
         {How::changed},
         {"skb", "head"},
         "a clone or a new head, made where no tracepoint looks"},
        {skb,
         {How::changed},
         {"sock", "len", "dataref", "refs", "shinfo_flags", "addr", "chain", "res", "generation",
          "user_data"},
         "what others do with an skb at the same time; not bound to a step"},
        {{ZCV_HEAD_FREE},
         {How::dropped, How::moved, How::changed},
         {"kind", "refs"},
         "a head can be freed where no tracepoint looks, or later"},
        {{ZCV_TCP_APPEND},
         any,
         {"kind", "chain", "skb", "head", "owner", "addr", "refs", "dataref", "shinfo_flags"},
         "sendmsg takes as many turns as the socket has room for, with any skb at the tail"},
        {way, any, {"kind", "refs", "generation"}, "a send may wait for its turn, or not"},
        {{ZCV_SUBMIT, ZCV_PREP_FAILED},
         {How::changed, How::moved},
         {"sqe_flags", "zc_flags", "refs"},
         "a program that asked for it otherwise"},
        {{ZCV_SUBMIT},
         {How::changed},
         {"addr", "len", "opcode", "req", "sock", "hash"},
         "sends whose CQEs overflow or whose memory is not read again name these once only"},
        {{ZCV_COMPLETE, ZCV_NOTIF, ZCV_CQE_OVERFLOW},
         {How::changed},
         {"refs", "chain", "hash"},
         "references can go just before the record that shows it; content not read at both ends"},
        {{ZCV_COMPLETE}, {How::changed}, {"res"}, "a stream takes as much as it has room for"},
        of_counts(),
        of_order(),
    };
    return all;
}

inline const AsValid* reason_to_be_valid(const Mutation& mutation) {
    for (const AsValid& valid : valid_all_the_same())
        if (valid.holds_for(mutation)) return &valid;
    return nullptr;
}

inline bool about_the_same(const zcv_event& one, const zcv_event& other) {
    const auto same = [](auto a, auto b) { return a != 0 && a == b; };
    return same(one.generation, other.generation) || same(one.ubuf, other.ubuf) ||
           same(one.skb, other.skb) || same(one.head, other.head) || same(one.req, other.req) ||
           same(one.owner, other.ubuf) || same(one.ubuf, other.owner) ||
           same(one.owner, other.owner) || same(one.user_data, other.user_data) ||
           same(one.sock, other.sock);
}

// Held against what the whole capture gave.
inline Seen seen(const ReplayReport& whole, const ReplayReport& mutated, const Trace& trace,
                 const Mutation& mutation) {
    const bool new_divergence =
        mutated.divergence &&
        (!whole.divergence || whole.divergence->what != mutated.divergence->what);
    if (new_divergence) {
        const zcv_event& where = trace.events[mutated.divergence->record];
        const bool here = std::ranges::any_of(mutation.touched, [&](const zcv_event& touched) {
            return about_the_same(touched, where);
        });
        return here ? Seen::at_place : Seen::elsewhere;
    }
    const bool new_finding = mutated.violations.size() != whole.violations.size();
    const bool new_reason = mutated.reasons != whole.reasons && mutated.verdict != Verdict::clean;
    return new_finding || new_reason ? Seen::as_a_whole : Seen::not_at_all;
}

}  // namespace zcv::test
