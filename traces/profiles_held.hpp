#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "model/outcome.hpp"
#include "traces/replay.hpp"

// A trace held against every profile: which kernels could have done what it says.
namespace zcv {

// Writes which profiles explain the trace, and where each other one first diverges. `format` is
// "text" or "json". The verdict is that of the trace's own kernel; where no profile speaks for that
// one, CLEAN if any explains the trace.
Verdict hold_against_all(std::ostream& out, const Trace& trace, const std::string& file,
                         const ReplayOptions& options, const std::string& format);

// The same of many traces as one table of markdown: a row a trace, a column a kernel, and below it
// where each kernel that does not explain a trace first diverges.
class HeldTable {
  public:
    Verdict add(const Trace& trace, const std::string& file, const ReplayOptions& options);
    void print(std::ostream& out) const;

  private:
    std::vector<std::string> rows_;
    std::vector<std::string> divergences_;
};

}  // namespace zcv
