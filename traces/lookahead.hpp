#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/zct.hpp"

// What later records say about earlier moments. No probe sees an skb being attached; but once the
// skb shows up, it is known that it was attached, by whom, and in which order. A replay asks
// whether there is a run of the model that agrees with all records, so it may use all of them.
namespace zcv {

inline constexpr std::size_t no_record = static_cast<std::size_t>(-1);

// Two CPUs write records of one moment: what happened first may be recorded last. By no more than
// this, nanoseconds.
inline constexpr std::uint64_t skew_ns = 1'000'000;

// A few numbers without memory of their own. Most sends have one skb, most skbs no part cut off.
using Some = boost::container::small_vector<std::uint32_t, 2>;

// Takes `value` out of a list without memory of its own.
template <class List, class Value>
void forget(List& list, const Value& value) {
    list.erase(std::remove(list.begin(), list.end(), value), list.end());
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
    std::uint32_t owner = 0;  // generation of the send whose ubuf it was first seen with
    std::size_t first = no_record;
    Birth birth = Birth::sent;
    std::uint32_t parent = 0;     // the life it came from, unless from sendmsg
    Some children;                // splits and segments, in order of appearance
    std::uint64_t sequence = 0;   // of its first byte in the stream, plus 2^32; 0 unknown
    std::uint32_t bytes = 0;      // with headers, when last queued
    std::uint64_t cut_ns = 0;     // a segment: when the large skb went; 0 while it may be there
    std::uint64_t queued_ns = 0;  // last seen at the end of TCP's write queue
    std::uint64_t freed_ns = 0;   // 0: no record says so
    bool moves = false;           // its free means only that it moved
    bool queued = false;          // to a device, as far as was looked
};

struct SendFacts {
    std::size_t submit = no_record;  // or the failed preparation
    std::size_t complete = no_record;
    std::size_t notif = no_record;
    Some lives;               // attached by this send, in order of appearance
    std::uint32_t chain = 0;  // generation of the chain head it was linked to, 0 when alone
    Some linked;              // generations of those that are linked to it, ascending
    bool chain_known = false;
    bool waited = false;  // linked behind another request or deferred: issued by who knows whom
    std::size_t append = no_record;  // the newest turn of its sendmsg, and bytes left at the first
    std::uint32_t bytes = 0;
    // Where turns of its sendmsg began that made an skb, as far as is known: offsets in the
    // message, ascending. Where its message begins in the stream, plus 2^32; 0 unknown.
    Some turns;
    std::uint64_t begin = 0;
    // A call: how many its ubuf came to cover, this one the first; 0 not seen. What the error queue
    // said of it, where it said that of this call and not of one before.
    std::uint32_t calls = 0;
    std::optional<bool> copied;
    bool failed = false;
    std::size_t unacked = no_record;  // the first skb of its that TCP freed unacknowledged
    std::uint32_t queued = 0;     // its life that was queued to a device last, as far as was looked
    std::uint32_t submitter = 0;  // the thread that submitted it, and the one that issued it
    std::uint32_t issuer = 0;     // 0: not seen
    bool told_by_issuer = false;  // its CQE is posted by who issued it: so its ring was made
};

// What became of a turn of sendmsg: it found no room; its data went to the tail, and more was left.
struct Turn {
    bool idle : 1 = false;
    bool joined : 1 = false;
};

struct Lookahead {
    std::vector<std::size_t> order;      // the records by time
    std::vector<std::uint32_t> life_of;  // of each record; 0 when it names no head
    std::vector<Life> lives;             // from 1
    ByGeneration<SendFacts> sends;
    bool calls = false;                  // any with MSG_ZEROCOPY
    std::vector<std::uint32_t> send_of;  // of each record: its generation; 0 when it names no send
    std::vector<Turn> turn_of;           // of each record of a turn of sendmsg
    FlatMap<std::uint64_t, bool> streams;                // sockets known to be TCP
    FlatMap<std::uint64_t, std::uint64_t> last_sent_ns;  // by socket
};

// The records by time; those of one time as they are stored.
std::vector<std::size_t> order_by_time(const Trace& trace);

Lookahead look_ahead(const Trace& trace);

}  // namespace zcv
