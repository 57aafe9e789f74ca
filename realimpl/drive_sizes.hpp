#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace zcv::drive {

// How many bytes each message has: one size, or a mix of sizes and ranges. Like the bytes, it
// follows from the seed and the message's number, so that the receiver knows it too.
class Sizes {
  public:
    // One size for all of them.
    Sizes(std::uint64_t bytes = 4096) : ranges_{{bytes, bytes}} {}
    // "4096", "1-64k", "1,100-2000,1m"; nothing if the text is no such thing.
    static std::optional<Sizes> parsed(const std::string& text);

    std::uint64_t of(std::uint64_t seed, std::uint64_t sequence) const;
    std::uint64_t min() const;
    std::uint64_t max() const;

  private:
    struct Range {
        std::uint64_t low;
        std::uint64_t high;
    };
    std::vector<Range> ranges_;
};

// splitmix64: one multiplication chain a word, good enough that no two messages look alike.
std::uint64_t mixed(std::uint64_t x);

}  // namespace zcv::drive
