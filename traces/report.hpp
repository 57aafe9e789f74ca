#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "traces/replay.hpp"

namespace zcv {

inline constexpr int report_schema_version = 4;

// "text", "json" (one object a trace), "jsonl" (one object a finding, then one for the trace),
// "junit", "sarif".
const std::vector<std::string>& report_formats();

// Writes verdicts and what led to them. Text, json and jsonl come with each trace; junit and sarif
// are one document of all traces, which finish() writes.
class ReportPrinter {
  public:
    ReportPrinter(std::ostream& out, const std::string& format);
    ~ReportPrinter();
    ReportPrinter(const ReportPrinter&) = delete;
    ReportPrinter& operator=(const ReportPrinter&) = delete;

    // `file` is how the report names the trace.
    void add(const ReplayReport& report, const Trace& trace, const std::string& file);
    void finish();  // the last call

  private:
    struct Form;
    std::unique_ptr<Form> form_;
};

// All of it for one trace.
void print_report(std::ostream& out, const ReplayReport& report, const Trace& trace,
                  const std::string& file, const std::string& format);

}  // namespace zcv
