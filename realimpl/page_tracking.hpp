#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "traces/zcv_event.h"

// Which pages of the buffers in flight a process has written, by the kernel's soft-dirty bits
// (Documentation/admin-guide/mm/soft-dirty.rst): for sends that stay in flight long, behind a peer
// that does not read. Bits are cleared for a whole process at a time, and then each of its pages
// faults at its next write; nothing is cleared while no send has been in flight for `patience_ns`.
// Whether a write was too early is not decided here.
namespace zcv {

class PageTracking {
  public:
    // How long a send has been in flight before its pages are looked at, and how often they are.
    static constexpr std::uint64_t patience_ns = 50'000'000;

    // Why this kernel keeps no such bits, tried on a page of this process; "" when it does.
    static std::string why_not();

    // Learns from records what is in flight.
    void see(const zcv_event& event);
    // Appends a ZCV_PAGE_WRITE for each run of pages written since the last look, and begins anew
    // when it is time.
    void turn(std::vector<zcv_event>& writes);

  private:
    struct Range {
        std::uint64_t addr;
        std::uint64_t len;
    };
    struct InFlight {
        std::uint64_t submitted_ns;
        std::vector<Range> ranges;
        bool told = false;  // that it was written, which is enough
    };
    struct Process {
        std::uint64_t cleared_ns = 0;                         // 0 never
        std::map<std::uint32_t, InFlight> sends;              // by generation
        std::map<std::uint32_t, std::vector<Range>> vectors;  // of a submission to come
    };

    void look(std::uint32_t tgid, Process& process, std::vector<zcv_event>& writes);

    std::map<std::uint32_t, Process> processes_;  // by tgid
    std::uint64_t looked_ns_ = 0;
    std::uint32_t seq_ = 0;
};

}  // namespace zcv
