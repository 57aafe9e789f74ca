#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "traces/zct.hpp"

// What later records say about earlier moments. No probe sees an skb being attached; but once the
// skb shows up, it is known that it was attached, by whom, and in which order. A replay asks
// whether there is a run of the model that agrees with all records, so it may use all of them.
namespace zcv {

inline constexpr std::size_t no_record = static_cast<std::size_t>(-1);

// The life of one skb->head, from its first record to its free: the name of a shared info. The same
// address names another life afterwards.
struct Life {
    std::uint32_t owner = 0;  // generation of the send whose ubuf it was first seen with
    std::size_t first = no_record;
    bool segment = false;  // split off another skb on its way out
};

struct SendFacts {
    std::size_t submit = no_record;  // or the failed preparation
    std::size_t complete = no_record;
    std::size_t notif = no_record;
    std::vector<std::uint32_t> lives;  // attached by this send, in order of appearance
    std::uint32_t chain = 0;  // generation of the chain head it was linked to, 0 when alone
};

struct Lookahead {
    std::vector<std::size_t> order;                      // the records by time
    std::vector<std::uint32_t> life_of;                  // of each record; 0 when it names no head
    std::vector<Life> lives;                             // from 1
    std::unordered_map<std::uint32_t, SendFacts> sends;  // by generation
    std::vector<std::uint32_t> send_of;  // of each record: its generation; 0 when it names no send
    std::unordered_set<std::uint64_t> streams;                      // sockets known to be TCP
    std::unordered_map<std::uint64_t, std::uint64_t> last_sent_ns;  // by socket
};

Lookahead look_ahead(const Trace& trace);

}  // namespace zcv
