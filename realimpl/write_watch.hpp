#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "realimpl/raw_stacks.hpp"
#include "traces/zcv_event.h"

// Hardware watchpoints on a rotating sample of the buffers that a process sends from
// (perf_event_open, PERF_TYPE_BREAKPOINT): they name the instruction that wrote. Whether a write
// was too early is not decided here; every write to a watched word becomes a record.
namespace zcv {

class WriteWatch {
  public:
    // How many words can be watched at a time: the processor has four.
    static constexpr std::size_t slots = 4;

    explicit WriteWatch(RawStacks& stacks);
    ~WriteWatch();
    WriteWatch(const WriteWatch&) = delete;
    WriteWatch& operator=(const WriteWatch&) = delete;

    // Why this machine has no watchpoints for this process; "" when it does.
    static std::string why_not();

    // Learns from submissions which buffers there are.
    void see(const zcv_event& event);
    // Appends the writes seen since the last turn, then moves the watchpoints on when their time is
    // over.
    void turn(std::vector<zcv_event>& writes);

    std::uint64_t armed() const { return armed_; }
    std::uint64_t lost() const { return lost_; }

  private:
    using Clock = std::chrono::steady_clock;
    struct Buffer {
        std::uint32_t tgid = 0;
        std::uint64_t addr = 0;
        std::uint32_t len = 0;
        friend bool operator==(const Buffer&, const Buffer&) = default;
    };
    struct Watchpoint;  // on one thread
    struct Slot;

    void arm(Slot& slot);
    void collect(Watchpoint& watchpoint, std::vector<zcv_event>& writes);
    std::optional<zcv_event> write_in(const std::vector<std::uint64_t>& sample, bool by_kernel);

    RawStacks& stacks_;
    std::vector<Slot> watched_;
    std::size_t next_slot_ = 0;
    Clock::time_point moved_{};
    std::vector<Buffer> buffers_;  // lately submitted, each once
    std::size_t oldest_ = 0;
    std::minstd_rand random_{std::random_device{}()};
    std::uint32_t seq_ = 0;
    std::uint64_t armed_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace zcv
