#include "traces/sequence_gaps.hpp"

#include <algorithm>

namespace zcv {
namespace {

// The 64-bit number nearest to `before` that has these low bits. Before 0 there is nothing, so
// there the next one up is meant.
std::uint64_t widened(std::uint64_t before, std::uint32_t seq) {
    const auto ahead = static_cast<std::int32_t>(seq - static_cast<std::uint32_t>(before));
    const auto near = static_cast<std::int64_t>(before) + ahead;
    return static_cast<std::uint64_t>(near < 0 ? near + (std::int64_t{1} << 32) : near);
}

}  // namespace

void SequenceGaps::see_apart(std::uint16_t cpu, std::uint32_t seq) {
    if (cpu >= cpus_.size()) cpus_.resize(cpu + 1U);
    std::vector<Run>& runs = cpus_[cpu].runs;
    const std::uint64_t number = runs.empty() ? seq : widened(runs.back().last, seq);
    runs.push_back({number, number});
    cpus_[cpu].next = seq + 1;
}

std::uint64_t SequenceGaps::missing() const {
    std::uint64_t gaps = 0;
    for (const Cpu& cpu : cpus_) {
        std::vector<Run> runs = cpu.runs;
        std::ranges::sort(runs, {}, &Run::first);
        std::uint64_t next = 0;  // every number below is present or counted
        for (const Run& run : runs) {
            if (run.first > next) gaps += run.first - next;
            next = std::max(next, run.last + 1);
        }
    }
    return gaps;
}

}  // namespace zcv
