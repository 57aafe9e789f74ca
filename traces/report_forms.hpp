#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "traces/replay.hpp"

// The forms in which a report is written; report.cpp chooses.
namespace zcv {

// One trace, judged.
struct Judged {
    const ReplayReport& report;
    const Trace& trace;
    const std::string& file;
};

void print_text(std::ostream& out, const Judged& judged);

nlohmann::json json_of(const Judged& judged);
void print_jsonl(std::ostream& out, const Judged& judged);
std::string text_of(const nlohmann::json& json);

// One <testsuite>: a test case for each rule, and one for the walk through the model.
std::string junit_suite(const Judged& judged);
std::string junit_document(const std::string& suites);

// A run's results.
nlohmann::json sarif_results(const Judged& judged);
nlohmann::json sarif_document(nlohmann::json results, nlohmann::json invocations);
nlohmann::json sarif_invocation(const Judged& judged);

}  // namespace zcv
