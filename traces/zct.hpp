#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "traces/zcv_event.h"

// The .zct file: a header, checksummed blocks of records, totals. All little endian.
//
//   file   = FileHeader block*
//   block  = BlockHeader payload          payload padded to 8 bytes with zeros
//   kinds  = info (JSON of TraceInfo, first), events (zcv_event[]), totals (JSON of Totals, last)
//
// Written as NAME.part and renamed when the totals are in. A file that ends anywhere else reads up to
// its last whole block and is reported as cut off. Unknown block kinds are skipped.
namespace zcv {

inline constexpr std::uint16_t zct_version_major = 1;
inline constexpr std::uint16_t zct_version_minor = 0;

// Who was watched, where, and how.
struct TraceInfo {
    std::string tool;            // "zcv 0.1.0"
    std::string kernel_release;  // uname -r of the machine captured on
    std::string boot_id;
    std::string clock;           // "CLOCK_MONOTONIC"
    std::string started;         // wall clock, ISO 8601 UTC
    std::string hash;            // "none", "sampled", "full"
    std::vector<std::string> command;
    std::vector<std::uint32_t> watched;         // process ids at the start
    std::vector<std::string> probes;            // attached
    std::map<std::string, std::string> missing; // probe -> why it did not attach
};

// Counted where the records are made, so that a loss anywhere on the way shows.
struct Totals {
    std::uint64_t records = 0;           // handed to the ring buffer
    std::uint64_t lost = 0;              // the ring buffer was full
    std::uint64_t recursion_misses = 0;  // the kernel skipped a probe because it was already running
    std::uint64_t map_failures = 0;      // a map update was refused: some events may be unattributed
    std::map<std::string, std::uint64_t> by_kind;
};

struct Trace {
    TraceInfo info;
    std::vector<zcv_event> events;  // as stored
    Totals totals;                  // zeros when cut off
    bool cut_off = false;           // ended before its totals
    std::string cut_reason;         // one clause: "ends inside block 3 at byte 8192"
    std::uint64_t sequence_gaps = 0;  // records missing by the per-CPU sequence numbers
};

// Throws Refusal(usage): no such file, a directory, not a .zct, a newer major version, unreadable.
Trace read_trace(const std::string& path);

// Appends blocks to `path`.part. Every member throws Refusal(unable) naming the path when the disk
// refuses; what was written stays readable.
class TraceWriter {
  public:
    TraceWriter(const std::string& path, const TraceInfo& info);
    ~TraceWriter();  // without close() the .part file stays
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    void append(std::span<const zcv_event> events);
    void close(const Totals& totals);  // flushes, writes totals, renames

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// "submit", "complete", "notif" ...: the names used by convert, reports and plots.
const char* name_of(zcv_event_kind kind);

}  // namespace zcv
