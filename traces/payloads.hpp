#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/replay.hpp"
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
    // After the last one: fills SendHistory::payload and the report's counts, and adds notes of
    // calls that the kernel says something else of.
    void tell(ReplayReport& report);

  private:
    // What was seen of the packets that refer to one ubuf.
    struct Packets {
        bool seen = false;
        bool kept = false;      // one was done with while it still had the user's pages
        bool copied = false;    // one had lost them
        bool vanished = false;  // one was received here, and not seen again with them
        bool datagram = false;  // of a call that sends bytes: without pages it is a copy
        std::uint32_t calls = 1;
        std::uint32_t head = 0;  // generation of the chain's head, where it is another one
    };
    using Call = std::pair<std::uint64_t, std::uint64_t>;  // socket, id

    void see_reference(const zcv_event& event);
    void see_skb(const zcv_event& event);
    void see_range(const zcv_event& event);
    Payload of_packets(std::uint32_t generation) const;
    Payload of_request(const SendHistory& send) const;
    Payload of_call(const SendHistory& send) const;
    void note_joined(ReplayReport& report);

    bool of_skbs_;                      // without these nothing can be told
    bool whole_;                        // no record is missing
    ByGeneration<SendHistory*> sends_;  // in the report
    ByGeneration<Packets> packets_;
    FlatMap<std::uint64_t, std::uint32_t> generation_at_;  // by ubuf, at that time
    FlatMap<std::uint64_t, std::uint32_t> received_;       // skbs, and whose they were
    FlatMap<Call, std::uint32_t> call_at_;
    FlatMap<Call, Payload> known_;                    // by function probes
    FlatMap<std::uint64_t, std::uint32_t> range_at_;  // skb on an error queue: ids
    std::map<std::uint32_t, std::uint64_t> joined_;   // calls, when
};

}  // namespace zcv
