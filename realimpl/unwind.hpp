#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "realimpl/capture_stream.h"
#include "traces/zct.hpp"

namespace zcv {

// The callers of a place, from registers and a copy of the stack, by what compilers write for
// exceptions and debuggers (.eh_frame, .debug_frame): programs and libraries mostly have no frame
// pointers.
class Unwinder {
  public:
    Unwinder();
    ~Unwinder();
    Unwinder(const Unwinder&) = delete;
    Unwinder& operator=(const Unwinder&) = delete;

    // The payloads of ZCV_FRAME_MAPS and ZCV_FRAME_SAMPLE. What is not sound is left alone.
    void take_maps(std::string_view json);
    void take_sample(std::span<const char> payload);
    // Lengthens the stack by what the sample of its number leads to.
    void complete(Stack& stack);

  private:
    struct Mapping {
        std::uint64_t begin = 0, end = 0, offset = 0;
        std::string module;
    };
    struct Process;
    std::optional<StackFrame> frame_at(std::uint32_t tgid, std::uint64_t ip) const;

    std::map<std::uint32_t, std::vector<Mapping>> maps_;
    std::map<std::uint32_t, std::unique_ptr<Process>> processes_;  // made when first needed
    zcv_sample sample_{};
    std::vector<std::uint64_t> memory_;  // from the sample's stack pointer up
};

}  // namespace zcv
