#pragma once

#include <cstddef>
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
//   kinds  = info (JSON of TraceInfo, first), events (zcv_event[]), stack (JSON of Stack,
//   since 1.1),
//            totals (JSON of Totals, last)
//
// traces/zct_format.hpp has the two headers field by field, zct_words.hpp how records are packed.
//
// Written as NAME.part and renamed when the totals are in. A file that ends anywhere else reads up
// to its last whole block and is reported as cut off. Unknown block kinds are skipped.
//
// A newer minor version may add block kinds, event kinds, JSON fields, and fields at the end of a
// record: this reader takes what it knows and says what it left out. Anything that would change the
// meaning of what is there already needs a newer major version, which is refused.
namespace zcv {

inline constexpr std::uint16_t zct_version_major = 1;
inline constexpr std::uint16_t zct_version_minor = 3;

// Who was watched, where, and how.
struct TraceInfo {
    std::string tool;            // "zcv 0.1.0"
    std::string kernel_release;  // uname -r of the machine captured on
    std::string boot_id;
    std::string clock;    // "CLOCK_MONOTONIC"
    std::string started;  // wall clock, ISO 8601 UTC
    std::string hash;     // "none", "sampled", "full"
    std::string events;   // which sets or kinds were wanted; empty in the first captures
    std::vector<std::string> command;
    std::vector<std::uint32_t> watched;          // process ids at the start
    std::vector<std::string> probes;             // attached
    std::map<std::string, std::string> missing;  // probe -> why it did not attach
};

// Counted where the records are made, so that a loss anywhere on the way shows.
struct Totals {
    std::uint64_t records = 0;  // handed to the ring buffer
    std::uint64_t lost = 0;     // the ring buffer was full
    std::uint64_t recursion_misses =
        0;                           // the kernel skipped a probe because it was already running
    std::uint64_t map_failures = 0;  // a map update was refused: some events may be unattributed
    // Times that packets may have gone unseen: no probe fires on a CPU while a task runs there that
    // the kernel shields from them.
    std::uint64_t blind_spells = 0;
    std::map<std::string, std::uint64_t> by_kind;
    std::map<std::string, std::uint64_t> lost_by_kind;
};

// One place on a stack, as far as it could be found out; what could not is empty or 0.
struct StackFrame {
    std::uint64_t ip = 0;
    std::string module;        // path of the program or library
    std::uint64_t offset = 0;  // into its file
    std::string function;
    std::string file;
    std::uint32_t line = 0;
};

// A stack that records refer to by its number, innermost frame first.
struct Stack {
    std::uint32_t number = 0;
    std::vector<StackFrame> frames;
};

struct Trace {
    TraceInfo info;
    std::vector<zcv_event> events;  // as stored
    std::vector<Stack> stacks;
    Totals totals;                    // zeros when cut off
    bool cut_off = false;             // ended before its totals
    std::string cut_reason;           // one clause: "ends inside block 3 at byte 8192"
    std::uint64_t sequence_gaps = 0;  // records missing by the per-CPU sequence numbers
    // Records of a kind this build does not know. From a newer minor version they are left out of
    // `events`; from our own they should not exist, and stay there for the replay to stumble over.
    std::uint64_t unknown_kinds = 0;
};

// Throws Refusal(usage): no such file, a directory, not a .zct, cut before any record could be, a
// newer major version, unreadable. Refusal(unable): the disk or the memory does not suffice.
Trace read_trace(const std::string& path);

// The same for a file already in memory; `name` is what refusals call it.
Trace parse_trace(std::span<const std::byte> bytes, const std::string& name);

// The same without the records: their blocks are looked at as far as their checksums.
// sequence_gaps and unknown_kinds stay 0.
Trace about_trace(const std::string& path);

// A trace file read block by block: what is in memory does not grow with it, but for the stacks.
class TraceReader {
  public:
    // Throws what read_trace() throws. So does next().
    explicit TraceReader(const std::string& path);
    ~TraceReader();
    TraceReader(const TraceReader&) = delete;
    TraceReader& operator=(const TraceReader&) = delete;

    // The records of the next block, which may be none, instead of what is there; false at the end.
    bool next(std::vector<zcv_event>& events);
    // What the file says of itself, without records: all of it once next() said false.
    const Trace& about() const;

  private:
    class Parser;
    friend Trace parse_trace(std::span<const std::byte> bytes, const std::string& name);
    friend Trace read_trace(const std::string& path);
    friend Trace about_trace(const std::string& path);

    std::unique_ptr<Parser> parser_;
};

// Appends blocks to `path`.part, readable by its owner only: kernel addresses tell where the kernel
// lies. Every member throws Refusal(unable) naming the path when the disk refuses; whole blocks
// written before that stay readable, and every later call refuses again. The constructor throws
// Refusal(usage) when the path cannot be made: no such directory, not permitted, a directory, a
// .part that another capture is writing or that is not a trace. An older .part trace is replaced.
class TraceWriter {
  public:
    TraceWriter(const std::string& path, const TraceInfo& info);
    ~TraceWriter();  // without close() the .part file stays, with every record appended
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    void append(std::span<const zcv_event> events);  // keeps less than a block back
    void append(const Stack& stack);
    void flush();                      // writes what is kept back, as a short block
    void close(const Totals& totals);  // flushes, writes totals, renames; the last call

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A kind this build has a name for; files may hold others.
constexpr bool is_known(std::uint16_t kind) {
    return kind > ZCV_NONE && kind < ZCV_KIND_COUNT;
}

// "submit", "complete", "notif" ...: the names used by convert, reports and plots. "unknown" for
// what is not a kind.
const char* name_of(zcv_event_kind kind);

}  // namespace zcv
