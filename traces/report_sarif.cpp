#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traces/report_findings.hpp"
#include "traces/report_forms.hpp"

namespace zcv {
namespace {

using nlohmann::json;

json message(const std::string& text) {
    return {{"text", text}};
}

json rule_descriptions() {
    json all = json::array();
    for (const Rule& rule : rules())
        all.push_back({{"id", rule.id},
                       {"name", short_name(rule)},
                       {"shortDescription", message(std::string(rule.says))},
                       {"help", message(fmt::format("{} zcv explain {}", rule.fix, rule.id))},
                       {"defaultConfiguration", {{"level", name_of(rule.severity)}}}});
    all.push_back({{"id", "divergence"},
                   {"name", "not-in-the-model"},
                   {"shortDescription", message("A record that no step of the model explains.")},
                   {"defaultConfiguration", {{"level", "error"}}}});
    return all;
}

// Where the source is known the line that wrote, else the trace itself.
json location_of(const Violation& violation, const Judged& judged) {
    for (const StackFrame& frame : frames_of(violation, judged.trace)) {
        if (frame.file.empty() || frame.line == 0) continue;
        return {{"physicalLocation",
                 {{"artifactLocation", {{"uri", frame.file}}},
                  {"region", {{"startLine", frame.line}}}}}};
    }
    return {{"physicalLocation", {{"artifactLocation", {{"uri", judged.file}}}}}};
}

json stack_of(const Violation& violation, const Trace& trace) {
    json frames = json::array();
    for (const StackFrame& frame : frames_of(violation, trace)) {
        json location{{"message", message(frame.function)}};
        if (!frame.file.empty() && frame.line > 0)
            location["physicalLocation"] = {{"artifactLocation", {{"uri", frame.file}}},
                                            {"region", {{"startLine", frame.line}}}};
        frames.push_back({{"location", std::move(location)}, {"module", frame.module}});
    }
    return json::array({{{"message", message("written by")}, {"frames", std::move(frames)}}});
}

json result_of(const Finding& finding, const Judged& judged) {
    const Violation& violation = *finding.first;
    json result{{"ruleId", violation.rule->id},
                {"level", name_of(violation.severity)},
                {"message", message(violation.explanation + " Seen: " + violation.evidence)},
                {"locations", json::array({location_of(violation, judged)})},
                {"partialFingerprints", {{"zcv/v1", finding.fingerprint}}},
                {"occurrenceCount", finding.sends.size()},
                {"properties", {{"trace", judged.file}, {"sends", finding.sends}}}};
    if (violation.suppressed_by)
        result["suppressions"] = json::array(
            {{{"kind", "external"},
              {"justification", judged.report.suppressions[*violation.suppressed_by].reason}}});
    if (!frames_of(violation, judged.trace).empty())
        result["stacks"] = stack_of(violation, judged.trace);
    return result;
}

}  // namespace

json sarif_results(const Judged& judged) {
    json all = json::array();
    for (const auto* violations :
         {&judged.report.violations, &judged.report.notes, &judged.report.suppressed})
        for (const Finding& finding : fold(*violations, judged.trace))
            all.push_back(result_of(finding, judged));
    if (const auto& divergence = judged.report.divergence)
        all.push_back(
            {{"ruleId", "divergence"},
             {"level", judged.report.verdict == Verdict::violation ? "error" : "warning"},
             {"message", message(divergence->what)},
             {"locations", json::array({{{"physicalLocation",
                                          {{"artifactLocation", {{"uri", judged.file}}}}}}})}});
    return all;
}

// What is not a finding: why a verdict is no better than it is.
json sarif_invocation(const Judged& judged) {
    json reasons = json::array();
    for (const std::string& reason : judged.report.reasons)
        reasons.push_back({{"level", "note"}, {"message", message(judged.file + ": " + reason)}});
    for (const Suppression& each : judged.report.suppressions)
        reasons.push_back(
            {{"level", each.expired ? "warning" : "note"},
             {"message", message(fmt::format("{}: suppression {} {}: {}", judged.file,
                                             place_of(each), use_of(each), each.reason))}});
    return {{"executionSuccessful", judged.report.verdict != Verdict::inconclusive},
            {"toolExecutionNotifications", std::move(reasons)},
            {"properties", {{"trace", judged.file}, {"verdict", name_of(judged.report.verdict)}}}};
}

json sarif_document(json results, json invocations) {
    return {
        {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
        {"version", "2.1.0"},
        {"runs",
         json::array(
             {{{"tool",
                {{"driver",
                  {{"name", "zcv"}, {"version", ZCV_VERSION}, {"rules", rule_descriptions()}}}}},
               {"invocations", std::move(invocations)},
               {"results", std::move(results)}}})}};
}

}  // namespace zcv
