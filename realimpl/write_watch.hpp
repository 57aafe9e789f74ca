#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "realimpl/capture_stream.h"
#include "traces/zcv_event.h"

// Hardware watchpoints on a rotating sample of the buffers that a process sends from
// (perf_event_open, PERF_TYPE_BREAKPOINT): they name the instruction that wrote. Whether a write
// was too early is not decided here; every write to a watched word becomes a record.
namespace zcv {

// Where a thread was, innermost first: a place in a file that was mapped into it.
struct RawFrame {
    std::uint64_t ip = 0;
    std::string module;        // path of the mapped file; "" when it was no file's
    std::uint64_t offset = 0;  // into that file
};

// Code that is mapped into a process.
struct RawMapping {
    std::uint64_t begin = 0, end = 0, offset = 0;
    std::string module;  // "" when it is no file's
};

struct RawStack {
    std::uint32_t number = 0;      // from 1: zcv_event.res of the writes that have it
    std::vector<RawFrame> frames;  // as far as frame pointers lead
    std::vector<RawMapping> maps;  // of its process, where they have changed
    // What a debugger would go by: see zcv_sample. `memory` is empty where there is none.
    zcv_sample sample{};
    std::vector<std::uint64_t> memory;
};

class WriteWatch {
  public:
    // How many words can be watched at a time: the processor has four.
    static constexpr std::size_t slots = 4;

    WriteWatch();
    ~WriteWatch();
    WriteWatch(const WriteWatch&) = delete;
    WriteWatch& operator=(const WriteWatch&) = delete;

    // Why this machine has no watchpoints for this process; "" when it does.
    static std::string why_not();

    // Learns from submissions which buffers there are.
    void see(const zcv_event& event);
    // Appends the writes seen since the last turn, and what stacks are new with them; then moves
    // the watchpoints on when their time is over.
    void turn(std::vector<zcv_event>& writes, std::vector<RawStack>& stacks);

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
    void collect(Watchpoint& watchpoint, std::vector<zcv_event>& writes,
                 std::vector<RawStack>& stacks);
    std::optional<zcv_event> write_in(const std::vector<std::uint64_t>& sample, bool by_kernel,
                                      std::vector<RawStack>& stacks);
    struct Place;  // where a thread was when it wrote
    std::uint32_t number_of(std::uint32_t tgid, Place place, std::vector<RawStack>& stacks);
    std::optional<RawFrame> frame_at(std::uint32_t tgid, std::uint64_t ip);
    std::uint64_t code_words(std::uint32_t tgid, const std::vector<std::uint64_t>& memory);

    // The code mapped into a process, and whether it has been handed on as it is.
    struct Code {
        std::vector<RawMapping> maps;
        bool told = false;
    };
    void read_maps(std::uint32_t tgid);
    std::vector<Slot> watched_;
    std::size_t next_slot_ = 0;
    Clock::time_point moved_{};
    std::vector<Buffer> buffers_;  // lately submitted, each once
    std::size_t oldest_ = 0;
    std::minstd_rand random_{std::random_device{}()};
    // By process, frame pointers' chain, and what else on the stack looks like return addresses.
    using Key = std::tuple<std::uint32_t, std::vector<std::uint64_t>, std::uint64_t>;
    std::map<Key, std::uint32_t> numbers_;
    std::size_t samples_ = 0;             // handed on
    std::map<std::uint32_t, Code> code_;  // by process
    std::uint32_t seq_ = 0;
    std::uint64_t armed_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace zcv
