#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/foresight.hpp"
#include "traces/records.hpp"
#include "traces/zct.hpp"

// What later records say about earlier moments. No probe sees an skb being attached; but once the
// skb shows up, it is known that it was attached, by whom, and in which order. A replay asks
// whether there is a run of the model that agrees with all records, so it may use those to come: as
// many as it takes until what is in flight has its end, up to a bound.
namespace zcv {

inline constexpr std::size_t no_record = static_cast<std::size_t>(-1);

// A few numbers without memory of their own. Most sends have one skb, most skbs no part cut off.
using Some = boost::container::small_vector<std::uint32_t, 2>;

// Takes `value` out of a list without memory of its own.
template <class List, class Value>
void forget(List& list, const Value& value) {
    list.erase(std::remove(list.begin(), list.end(), value), list.end());
}

// Of TCP's sequence numbers, which begin again after 2^32.
inline std::uint32_t bytes_after(std::uint64_t sequence, std::uint64_t other) {
    return static_cast<std::uint32_t>(sequence) - static_cast<std::uint32_t>(other);
}
inline bool is_before(std::uint64_t sequence, std::uint64_t other) {
    return static_cast<std::int32_t>(bytes_after(sequence, other)) < 0;
}

// How a shared info came about, as far as its first record tells.
enum class Birth {
    sent,      // in sendmsg
    split,     // the rest of an skb that TCP sent in part
    segment,   // cut off a large skb on its way out
    expanded,  // a private copy for an skb that shared the parent's
    moved,     // the same shared info at another address
};

// The life of one skb->head, from its first record to its free: the name of a shared info. The same
// address names another life afterwards.
struct Life {
    std::uint32_t owner = 0;   // generation of the send whose ubuf it was first seen with
    std::uint32_t parent = 0;  // the life it came from, unless from sendmsg
    Birth birth = Birth::sent;
    bool moves = false;         // its free means only that it moved
    bool queued = false;        // to a device, as far as was looked
    std::uint8_t nr_frags = 0;  // as its first record has them, and so what follows
    bool seen = false;          // a record names it
    std::uint64_t head = 0;
    std::uint64_t skb = 0;
    std::uint64_t sock = 0;
    Some children;                 // splits and segments, in order of appearance
    std::uint64_t sequence = 0;    // of its first byte in the stream, plus 2^32; 0 unknown
    std::uint32_t bytes = 0;       // with headers, when last queued
    std::uint32_t sent_bytes = 0;  // with headers, when first queued
    std::uint64_t cut_ns = 0;      // a segment: when the large skb went; 0 while it may be there
    std::uint64_t queued_ns = 0;   // last seen at the end of TCP's write queue
    std::uint64_t freed_ns = 0;    // 0: no record says so
};

// A record of a send, as far as anybody asks for it later.
struct RecordFacts {
    bool seen = false;
    std::uint32_t generation = 0;  // as it says itself
    std::uint32_t refs = 0;
    std::int32_t res = 0;
    std::uint64_t time_ns = 0;
};

struct SendFacts {
    bool submitted = false;  // or its preparation failed
    std::uint64_t ring = 0;  // as submitted, and so the next three
    std::uint64_t sock = 0;  // of a call
    std::uint64_t user_data = 0;
    std::uint64_t ubuf = 0;
    RecordFacts complete, notif;
    Some lives;               // attached by this send: a stream's in order, else as they appear
    Some splits;              // those of them that are the rest of another, in the same order
    Some late_lives;          // seen only after its notification
    std::uint32_t chain = 0;  // generation of the chain head it was linked to, 0 when alone
    Some linked;              // generations of those that are linked to it, ascending
    bool chain_known = false;
    bool waited = false;  // linked behind another request or deferred: issued by who knows whom
    bool is_call = false;
    // The newest turn of its sendmsg, bytes left at the first and at that one, and the tail then.
    std::uint64_t append = no_record;  // its number in the order of time
    std::uint32_t bytes = 0;
    std::uint32_t append_left = 0;
    std::uint64_t append_head = 0;
    // Where turns of its sendmsg began that made an skb, as far as is known, ascending: sequence
    // numbers, or else offsets in the message. Then where that begins in the stream, plus 2^32; 0
    // unknown.
    Some turns;
    bool places_known = false;
    std::uint64_t begin = 0;
    // A call: how many its ubuf came to cover, this one the first; 0 not seen. What the error queue
    // said of it, where it said that of this call and not of one before.
    std::uint32_t calls = 0;
    std::optional<bool> copied;
    bool failed = false;
    bool told = false;                         // a call: its range is in the error queue
    std::shared_ptr<const zcv_event> unacked;  // the first skb of its that TCP freed unacknowledged
    std::uint32_t unacked_life = 0;
    std::uint32_t queued = 0;     // its life that was queued to a device last, as far as was looked
    std::uint32_t submitter = 0;  // the thread that submitted it, and the one that issued it
    std::uint32_t issuer = 0;     // 0: not seen
    bool told_by_issuer = false;  // its CQE is posted by who issued it: so its ring was made

    // Whether no more is to come that a replay asks for before it comes.
    bool is_settled() const {
        if (is_call) return failed || told;
        return complete.seen && (notif.seen || !promised);
    }
    bool promised = false;  // its CQE has F_MORE
};

// What became of a turn of sendmsg: it found no room; its data went to the tail, and more was left.
struct Turn {
    bool idle : 1 = false;
    bool joined : 1 = false;
};

// A record that was looked at, and what it turned out to name.
struct KnownRecord {
    Placed placed;
    std::uint32_t life = 0;  // 0 when it names no head
    std::uint32_t send = 0;  // its generation; 0 when it names no send
    Turn turn;               // of a turn of sendmsg

    const zcv_event& event() const { return *placed.event; }
};

class Lookahead {
  public:
    Lookahead(std::unique_ptr<Records> records, const Foresight& foresight);

    // The next record by time, with all that is known of it; nothing at the end. The one before is
    // done with.
    const KnownRecord* next();
    // Looks as far as next() will, so that what is known of the first record is known.
    void look();

    // A new shared info, by its number.
    std::uint32_t new_life(std::uint32_t owner);

    // Nothing more is to be asked of it.
    void forget_life(std::uint32_t life) { lives.erase(life); }
    void forget_send(std::uint32_t generation);

    ByGeneration<Life> lives;  // from 1; 0 stands for none
    ByGeneration<SendFacts> sends;
    bool calls = false;                                  // any with MSG_ZEROCOPY
    FlatMap<std::uint64_t, bool> streams;                // sockets known to be TCP
    FlatMap<std::uint64_t, std::uint64_t> last_sent_ns;  // by socket

    bool has_seen_all() const { return at_end_; }
    // Whether a record had to be gone on from although a send before it had no end yet.
    bool is_cut_short() const { return cut_short_; }

  private:
    // The end of a large skb, and how many of its segments have not shown up yet.
    struct Cut {
        std::uint32_t life;
        std::uint32_t segments;
        std::uint64_t time_ns;
    };
    using Name = std::pair<std::uint64_t, std::uint64_t>;  // ring, user_data; or socket, id
    // A ubuf since its allocation, as function probes saw it.
    struct Changed {
        std::uint32_t generation = 0;  // 0 until it is submitted
        std::vector<std::uint64_t> unnamed;
    };
    // The newest turn of sendmsg on a socket.
    struct Appended {
        std::uint32_t generation = 0;
        std::uint32_t left = 0;
        std::uint64_t head = 0;
        std::uint32_t at = 0;  // sequence number; 0 unknown
    };
    struct Submitted {
        std::uint64_t at;
        std::uint32_t generation;
    };

    bool is_far_enough();
    bool look_at_one();
    KnownRecord& at(std::uint64_t number) { return window_[number & (window_.size() - 1)]; }
    // Null when that one is done with.
    KnownRecord* still_at(std::uint64_t number) { return number < begin_ ? nullptr : &at(number); }

    void look(KnownRecord& now, const zcv_event& event);
    void reference_changed(KnownRecord& now, const zcv_event& event);
    void note_calls(const zcv_event& event);
    void head_freed(KnownRecord& now, const zcv_event& event);
    void name_references(const zcv_event& submit);
    void appended(KnownRecord& now, const zcv_event& event);
    static std::uint32_t place_of(const SendFacts& send, std::uint32_t at, std::uint32_t left);
    static void note_turn(SendFacts& send, const zcv_event& event);
    void forget_turn_that_joined(const zcv_event& event);
    void note_progress(const SendFacts& send, std::uint32_t left);
    void note_segments(const KnownRecord& now, const zcv_event& event);
    void note_issuer(const zcv_event& event);
    void submitted(const zcv_event& event);
    void called(const zcv_event& event);
    void note_failure(std::uint32_t generation, const zcv_event& next);
    void reported(const zcv_event& event);
    void completed(const zcv_event& event);
    void note_end(const SendFacts& send, const zcv_event& event);
    void notified(const zcv_event& event);
    void forget_name(const SendFacts& send, std::uint32_t generation);
    void note_chain(SendFacts& send, const zcv_event& event);
    void overflowed(KnownRecord& now, const zcv_event& event);
    void head_seen(KnownRecord& now, const zcv_event& event, std::uint32_t owner);
    void add_in_order(Some& all, std::uint32_t fresh) const;
    std::uint32_t born(const zcv_event& event, std::uint32_t owner);
    void come_from(Life& fresh, const zcv_event& event);
    bool begins_with_a_turn(std::uint32_t owner, std::uint64_t sequence);
    std::uint32_t sent_before(std::uint32_t owner, std::uint64_t sequence);
    const Cut& cut_with(std::deque<Cut>& cuts, std::uint64_t sequence) const;
    std::uint32_t life_at(std::uint64_t head, std::uint32_t owner) const;
    std::uint32_t generation_of(std::uint64_t ubuf) const;
    SendFacts* find(std::uint32_t generation) { return sends.find(generation); }

    std::unique_ptr<Records> records_;
    Foresight foresight_;
    std::span<const Placed> batch_;  // not looked at yet
    // Looked at and not done with: the one with number n is at n modulo its size.
    std::vector<KnownRecord> window_;
    std::uint64_t begin_ = 0, next_ = 0, end_ = 0;  // numbers in the order of time
    std::uint64_t sure_ = 0;                        // those before it are looked far enough for
    std::uint64_t timely_ = 0;                      // those before it are long enough ago
    std::uint64_t newest_ns_ = 0;
    bool at_end_ = false;
    bool cut_short_ = false;
    std::deque<Submitted> open_;  // not known to be settled, by when they were submitted
    std::uint32_t lives_made_ = 0;

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
    FlatMap<std::uint64_t, Appended> last_append_;               // by socket
    FlatMap<std::uint64_t, std::uint32_t> last_sent_;            // socket -> newest life sent
};

}  // namespace zcv
