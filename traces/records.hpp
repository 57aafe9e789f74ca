#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace zcv {

// A record where it lies, and its place in the trace, from 0.
struct Placed {
    const zcv_event* event = nullptr;
    std::size_t record = 0;
    std::uint64_t time_ns = 0;
    std::uint32_t block = 0;  // whoever gave it knows it again by this
};

// A record came so much later than one with a later time that it can no longer take its place.
struct OutOfOrder : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The records of a trace by time, those of one time as they are stored: what several CPUs wrote
// apart is one row.
class Records {
  public:
    Records() = default;
    Records(const Records&) = delete;
    Records& operator=(const Records&) = delete;
    virtual ~Records() = default;

    // The next ones, at least one; none at the end. Throws OutOfOrder.
    virtual std::span<const Placed> next() = 0;
    // It is needed no more. Until then it stays where it is.
    virtual void done(const Placed& record) = 0;
};

// Of a trace in memory, which has to stay there: in whatever order they are stored.
std::unique_ptr<Records> records_of(const Trace& trace);

// The places of a trace's records by time.
std::vector<std::size_t> order_by_time(const Trace& trace);

// A trace that stays in its file: what it says of itself is in memory, its records are read as
// often as somebody wants them, and no more of them is in memory than he is not done with.
class TraceFile {
  public:
    // Throws what read_trace() throws.
    explicit TraceFile(std::string path);

    // All but the records. What only they tell (gaps in their numbers, a block that does not
    // decompress) is in it once they have been read to their end.
    const Trace& about() const { return about_; }
    const std::string& path() const { return path_; }

    // The file has to outlive them.
    std::unique_ptr<Records> records();

  private:
    friend class RecordsInFile;

    void learn(Trace about);

    std::string path_;
    Trace about_;
};

}  // namespace zcv
