#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/replay.hpp"
#include "traces/trace_notes.hpp"
#include "traces/zct.hpp"

namespace zcv {

// Whether the payload of each send was copied on its way, told from what became of its packets, and
// not from what the kernel says: that is wrong for members of a chain (B25) and where ranges of the
// error queue were joined (B30). A packet was copied when its shared info has lost the user's
// pages, or when it was received here and never seen with them again.
class Payloads {
  public:
    explicit Payloads(const Trace& trace);

    // The next record in order of time.
    void see(const zcv_event& event);
    // Fills SendHistory::payload of one that is over, or that the trace ends with, and counts it.
    void count(SendHistory& send, const OtherSends& others);
    // After the last record, before the rest is counted.
    void end();
    // Fills the report's counts, and adds a note of calls that the kernel says something else of.
    void tell(ReplayReport& report);

  private:
    // What was seen of the packets that refer to one ubuf.
    struct Packets {
        bool seen = false;
        bool kept = false;      // one was done with while it still had the user's pages
        bool copied = false;    // one had lost them
        bool vanished = false;  // one was received here, and not seen again with them
        bool datagram = false;  // of a call that sends bytes: without pages it is a copy
        bool answers = false;   // the kernel said whether it copied, and this:
        bool said_copied = false;
        std::uint32_t calls = 1;
        std::uint32_t head = 0;      // generation of the chain's head, where it is another one
        std::uint32_t received = 0;  // skbs in received_
    };
    using Call = std::pair<std::uint64_t, std::uint64_t>;  // socket, id

    void see_reference(const zcv_event& event);
    void see_skb(const zcv_event& event);
    void see_range(const zcv_event& event);
    void forget_received(std::uint64_t skb);
    Payload of_packets(std::uint32_t generation) const;
    Payload of_send(std::uint32_t generation, const OtherSends& others) const;
    Payload of_request(const SendHistory& send, const OtherSends& others) const;
    Payload of_call(const SendHistory& send) const;
    void note_joined(const SendHistory& send);
    void forget_the_oldest();

    bool of_skbs_;  // without these nothing can be told
    bool whole_;    // no record is missing
    ByGeneration<Packets> packets_;
    FlatMap<std::uint64_t, std::uint32_t> generation_at_;  // by ubuf, at that time
    FlatMap<std::uint64_t, std::uint32_t> received_;       // skbs, and whose they were
    FlatMap<Call, std::uint32_t> call_at_;
    FlatMap<Call, Payload> known_;                             // by function probes
    FlatMap<std::uint64_t, std::uint32_t> range_at_;           // skb on an error queue: ids
    std::unordered_map<std::uint32_t, std::uint64_t> joined_;  // calls, when
    // What others may ask of those that are counted, oldest first.
    struct Counted {
        std::uint32_t generation;
        bool is_call;
        Call call;
    };
    std::deque<Counted> counted_;
    std::uint64_t copied_ = 0, zero_copied_ = 0;
    std::uint64_t wrong_ = 0;  // calls that were joined to a range that says something else
    SendHistory first_wrong_;
    std::uint64_t first_wrong_ns_ = 0;
};

}  // namespace zcv
