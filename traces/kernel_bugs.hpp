#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "traces/replay.hpp"

// Bugs of the kernel's own that traces show, kernel by kernel. A trace in which a bug could have
// shown, and did not, speaks for its absence; one without the occasion says nothing.
namespace zcv {

class KernelBugs {
  public:
    void add(const std::string& file, const Trace& trace, const ReplayReport& report);
    // "text" or "markdown": a row a bug, a column a kernel.
    void print(std::ostream& out, const std::string& format) const;

  private:
    struct Shown {
        std::vector<std::string> in;      // captures that show it
        std::vector<std::string> not_in;  // that had the occasion
    };
    using ByKernel = std::map<std::pair<int, int>, Shown>;  // by major and minor number

    std::map<std::string, ByKernel> bugs_;  // by id
    std::map<std::pair<int, int>, int> kernels_;
};

}  // namespace zcv
