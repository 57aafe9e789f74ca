#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "realimpl/capture_pipe.hpp"
#include "realimpl/capture_stream.h"
#include "traces/zct.hpp"

namespace zcv {

// Lies in the buffer of its CaptureProcess, until that takes in more.
struct Frame {
    zcv_frame_kind kind;
    std::span<const char> payload;
};

std::vector<zcv_event> events_of(const Frame& frame);
Totals totals_of(const Frame& frame);
// Empty when it is none.
std::optional<Stack> stack_of(const Frame& frame);
void read_ready(const Frame& frame, TraceInfo& info);
// What a frame of kind ZCV_FRAME_TOTALS says was missing only later.
void read_missing_later(const Frame& frame, TraceInfo& info);

// What zcv-capture is asked to look at beyond the events themselves.
struct Watched {
    std::string hash;
    std::uint64_t buffer_bytes = 0;
    std::uint64_t kinds = 0;  // a bit for each zcv_event_kind
    bool write_watch = false;
    bool stacks = false;
    bool kernel_stacks = false;
};

// zcv-capture as a child, and the frames it writes.
class CaptureProcess {
  public:
    // Throws Refusal(unable) when there is no such program.
    CaptureProcess(std::uint32_t pid, const Watched& watched, const sigset_t& signals);
    ~CaptureProcess();
    CaptureProcess(const CaptureProcess&) = delete;
    CaptureProcess& operator=(const CaptureProcess&) = delete;

    int fd() const { return frames_.read_end.get(); }
    // Takes in what the pipe holds now; false at its end.
    bool fill();
    // The next whole frame taken in so far. Throws Refusal(internal) for what is none.
    std::optional<Frame> next();
    // Asks for the orderly end: totals follow.
    void stop() { control_.write_end.close(); }
    // After the end of the pipe: "exited with status 4", "was killed by signal 9".
    std::string how_it_ended();

  private:
    Pipe frames_;
    Pipe control_;
    pid_t pid_ = -1;
    int status_ = -1;
    std::vector<char> bytes_;
    std::size_t filled_ = 0;    // of bytes_
    std::size_t consumed_ = 0;  // of those
};

}  // namespace zcv
