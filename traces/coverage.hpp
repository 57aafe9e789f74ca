#pragma once

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "traces/replay.hpp"

// What traces put to use: which steps of the model explained their records, and which rules their
// records could have shown broken.
namespace zcv {

class Coverage {
  public:
    void add(const std::string& file, const Trace& trace, const ReplayReport& report);
    // "text", "json" or "markdown".
    void print(std::ostream& out, const std::string& format) const;

  private:
    struct OfStep;
    struct OfRule;
    std::vector<OfStep> of_steps() const;
    std::vector<OfRule> of_rules() const;
    void print_text(std::ostream& out) const;
    void print_json(std::ostream& out) const;
    void print_markdown(std::ostream& out) const;

    std::vector<std::string> files_;
    std::uint64_t records_ = 0;
    std::uint64_t matched_ = 0;
    std::uint64_t sends_ = 0;
    std::vector<std::uint64_t> steps_;  // as ReplayReport::steps
    std::vector<std::uint64_t> kinds_;  // records, by zcv_event_kind
    std::vector<std::uint64_t> rules_;  // findings, in the order of rules()
    bool writes_seen_ = false;          // by content hashes or watchpoints
};

}  // namespace zcv
