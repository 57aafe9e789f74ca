#pragma once

#include <cstdint>
#include <set>

#include "traces/app_view.hpp"
#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/replay.hpp"

// Findings that are not of one early write: what is wrong with a stream, and what is worth knowing
// of a trace as a whole.
namespace zcv {

// Holes (D7) and data that is there twice (A17), of sends that were short.
void add_stream_warnings(ReplayReport& report);

// How many sends something is true of, and the first of them.
struct SendCount {
    std::uint64_t count = 0;
    const SendHistory* first = nullptr;

    void add(const SendHistory& send) {
        if (count++ == 0) first = &send;
    }
};

// Warnings and notes: one of each rule, with how many sends it is about.
class Notes {
  public:
    // Of a trace that was walked: the report has its sends.
    explicit Notes(const ReplayReport& report);

    // The next record in order of time.
    void see(const zcv_event& event);
    // After the last one.
    void add(const AppView& app, ReplayReport& report);

  private:
    const SendHistory* send_of(const zcv_event& event) const;
    void see_notification(const zcv_event& event);
    void of_results(const AppView& app, ReplayReport& report);
    void of_usage(ReplayReport& report);
    void of_depth(ReplayReport& report);
    void of_error_queues(const AppView& app, ReplayReport& report);

    ByGeneration<const SendHistory*> by_generation_;
    FlatMap<std::uint64_t, const SendHistory*> at_;  // by ubuf, at that time
    FlatMap<std::uint64_t, std::uint64_t> queued_;   // socket: its first range
    std::set<std::uint64_t> read_, told_rings_;
    SendCount skipping_, drained_, linked_;
    std::uint64_t overflows_ = 0, ignored_ = 0;
};

}  // namespace zcv
