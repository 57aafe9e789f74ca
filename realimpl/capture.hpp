#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace zcv {

struct CaptureOptions {
    std::vector<std::string> command;  // or
    std::uint32_t pid = 0;
    std::string hash = "none";
    std::string events = "default";  // see event_set()
    std::uint64_t buffer_bytes = 128u << 20;
    bool write_watch = false;    // hardware watchpoints on a sample of the buffers
    bool stacks = false;         // of those who send
    bool kernel_stacks = false;  // the kernel's own, of each record
    double grace_s = 2;     // how long notifications may still come after the end of the command
    double time_max_s = 0;  // 0: no bound
    std::string output;     // the .zct; empty: none is written
};

struct CaptureResult {
    TraceInfo info;
    Totals totals;
    std::vector<Stack> stacks;
    std::uint64_t records = 0;  // received
    std::uint64_t sends = 0;
    std::uint64_t unnotified = 0;  // sends whose notification was not seen
    std::uint64_t sequence_gaps = 0;
    bool cut_off = false;  // zcv-capture ended before its totals
    std::string cut_reason;
    int command_status = 0;
    std::string unwritten;  // why the file holds the beginning only, where on_events had it all
};

using OnEvents = std::function<void(std::span<const zcv_event>)>;

// Runs the command, or attaches to the process, and hands every batch of records to `on_events` and
// to the file. Returns when it ended and its notifications are in. When the file cannot be written
// any more, it goes on if there is an `on_events`, and ends with a Refusal if not. Every refusal
// that can be known beforehand comes before the command is started.
CaptureResult capture(const CaptureOptions& options, const OnEvents& on_events);

}  // namespace zcv
