#pragma once

#include <cstdint>
#include <vector>

namespace zcv {

// Counts the records that a capture numbered but the file does not hold. Each CPU numbers its
// records from 0 in 32 bits that wrap; neighbours may be stored in the other order, because a
// record's place is reserved before its number is taken.
class SequenceGaps {
  public:
    void see(std::uint16_t cpu, std::uint32_t seq) {
        if (cpu < cpus_.size() && cpus_[cpu].next == seq && !cpus_[cpu].runs.empty()) [[likely]] {
            ++cpus_[cpu].next;
            ++cpus_[cpu].runs.back().last;
        } else {
            see_apart(cpu, seq);
        }
    }
    std::uint64_t missing() const;

  private:
    // Numbers widened to 64 bits; almost always one run a CPU.
    struct Run {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    struct Cpu {
        std::uint32_t next = 0;  // behind the newest run
        std::vector<Run> runs;
    };

    void see_apart(std::uint16_t cpu, std::uint32_t seq);

    std::vector<Cpu> cpus_;
};

}  // namespace zcv
