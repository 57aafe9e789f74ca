#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "traces/app_view.hpp"
#include "traces/flat_map.hpp"
#include "traces/replay.hpp"

// Findings that are not of one early write: what is wrong with a stream, and what is worth knowing
// of a trace as a whole.
namespace zcv {

// Holes (D7) and data that is there twice (A17), of sends that were short.
void add_stream_warnings(ReplayReport& report);

// Warnings and notes: one of each rule, with how many sends it is about.
class Notes {
  public:
    // The next record in order of time.
    void see(const zcv_event& event);
    // After the last one; the report has the sends.
    void add(const AppView& app, ReplayReport& report);

  private:
    struct Member {
        std::uint32_t generation;
        std::uint32_t head;  // of its chain
    };

    void of_requests(ReplayReport& report);
    void of_results(const AppView& app, ReplayReport& report);
    void of_usage(ReplayReport& report);
    void of_depth(ReplayReport& report);
    void of_error_queues(const AppView& app, ReplayReport& report);

    // Generations of sends.
    std::vector<std::uint32_t> skipping_, deferred_;
    std::vector<Member> members_;
    FlatMap<std::uint64_t, std::uint32_t> at_;      // by ubuf, at that time
    FlatMap<std::uint64_t, std::uint64_t> queued_;  // socket: its first range
    std::set<std::uint64_t> read_, told_rings_;
    std::uint64_t overflows_ = 0, ignored_ = 0;
};

}  // namespace zcv
