#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zcv {

// The kernel's own stacks, which the observer keeps once each under a number.
class KernelStacks {
  public:
    // The observer's map of them, which must outlive this.
    explicit KernelStacks(int map_fd) : map_fd_(map_fd) {}

    // Of a number that is asked for the first time: the functions with the bytes into each,
    // innermost first, as /proc/kallsyms has them ("0xffff..." where that is not readable). Nothing
    // when it was told before, or is still being written.
    std::optional<std::vector<std::string>> take(std::uint16_t number);

  private:
    void read_symbols();
    std::string name_of(std::uint64_t address) const;

    int map_fd_;
    std::bitset<1U << 16U> told_;
    std::map<std::uint64_t, std::string> symbols_;  // by address; empty until the first stack
};

}  // namespace zcv
