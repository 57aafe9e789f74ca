#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "realimpl/capture_stream.h"

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

// What a process executes from; empty when it is gone.
std::vector<RawMapping> code_mapped_into(std::uint32_t tgid);

struct RawStack {
    std::uint32_t number = 0;      // from 1: zcv_event.res of the records that have it
    std::vector<RawFrame> frames;  // as far as frame pointers lead
    std::vector<RawMapping> maps;  // of its process, where they have changed
    // What a debugger would go by: see zcv_sample. `memory` is empty where there is none.
    zcv_sample sample{};
    std::vector<std::uint64_t> memory;
};

// Gives each stack of a watched process a number, and says each of them once. Two samples are of
// one stack when their frame pointers lead to the same places and the same code addresses lie
// about.
class RawStacks {
  public:
    struct Place {
        std::vector<std::uint64_t> ips;  // innermost first, as far as frame pointers lead
        std::array<std::uint64_t, ZCV_SAMPLE_REGISTERS> registers{};
        std::vector<std::uint64_t> memory;  // from the stack pointer up; empty when it is not known
    };

    // 0 when the place is empty.
    std::uint32_t number_of(std::uint32_t tgid, Place place);
    std::uint32_t number_of(const zcv_stack_sample& sample);
    // Those that were numbered since the last turn.
    std::vector<RawStack> take_new();

  private:
    std::optional<RawFrame> frame_at(std::uint32_t tgid, std::uint64_t ip);
    std::uint64_t code_words(std::uint32_t tgid, const std::vector<std::uint64_t>& memory);

    // The code mapped into a process, and whether it has been handed on as it is.
    struct Code {
        std::vector<RawMapping> maps;
        bool told = false;
    };
    void read_maps(std::uint32_t tgid);

    // By process, frame pointers' chain, and what else on the stack looks like return addresses.
    using Key = std::tuple<std::uint32_t, std::vector<std::uint64_t>, std::uint64_t>;
    std::map<Key, std::uint32_t> numbers_;
    std::size_t samples_ = 0;             // handed on
    std::map<std::uint32_t, Code> code_;  // by process
    std::vector<RawStack> new_;
};

}  // namespace zcv
