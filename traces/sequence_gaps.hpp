#pragma once

#include <cstdint>
#include <vector>

namespace zcv {

// Counts the records that a capture numbered but the file does not hold. Each CPU numbers its
// records from 0 in 32 bits that wrap; neighbours may be stored in the other order, because a
// record's place is reserved before its number is taken.
class SequenceGaps {
  public:
    void see(std::uint16_t cpu, std::uint32_t seq);
    std::uint64_t missing() const;

  private:
    // Numbers widened to 64 bits; almost always one run a CPU.
    struct Run {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    std::vector<std::vector<Run>> cpus_;
};

}  // namespace zcv
