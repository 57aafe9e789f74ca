#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "model/profiles.hpp"
#include "traces/event_sets.hpp"
#include "traces/report.hpp"
#include "traces/report_findings.hpp"
#include "traces/report_forms.hpp"

namespace zcv {
namespace {

using nlohmann::json;

json json_of(const Violation& violation, const ReplayReport& report) {
    const SendHistory* const send = send_of(violation, report);
    json seen_by = json::array();
    for (const Evidence evidence : violation.seen_by) seen_by.push_back(name_of(evidence));
    json all{{"rule", violation.rule->id},
             {"name", short_name(*violation.rule)},
             {"severity", name_of(violation.severity)},
             {"harm", violation.rule->harm},
             {"property", violation.property},
             {"send", violation.send},
             {"request", violation.request},
             {"ubuf", fmt::format("{:#x}", violation.ubuf)},
             {"buffer", send != nullptr ? fmt::format("{:#x}", send->addr) : std::string()},
             {"time_ns", violation.time_ns},
             {"seen_by", std::move(seen_by)},
             {"evidence", violation.evidence},
             {"explanation", violation.explanation},
             {"stack", violation.stack}};
    if (!violation.sent_by.empty()) all["sent_by"] = violation.sent_by;
    if (!violation.in_kernel.empty()) all["in_kernel"] = violation.in_kernel;
    if (violation.suppressed_by)
        all["suppressed_by"] = place_of(report.suppressions[*violation.suppressed_by]);
    return all;
}

json json_of(const Suppression& each) {
    return {{"file", each.file},   {"line", each.line},      {"rule", each.rule},
            {"where", each.where}, {"until", each.until},    {"reason", each.reason},
            {"used", each.used},   {"expired", each.expired}};
}

json all_of(const std::vector<Violation>& violations, const ReplayReport& report) {
    json all = json::array();
    for (const Violation& violation : violations) all.push_back(json_of(violation, report));
    return all;
}

json folded(const Judged& judged) {
    json all = json::array();
    for (const auto* violations : {&judged.report.violations, &judged.report.notes})
        for (const Finding& finding : fold(*violations, judged.trace))
            all.push_back({{"rule", finding.first->rule->id},
                           {"severity", name_of(finding.first->severity)},
                           {"fingerprint", finding.fingerprint},
                           {"count", finding.sends.size()},
                           {"sends", finding.sends},
                           {"stack", finding.first->stack}});
    return all;
}

json json_of(const Divergence& divergence) {
    return {{"record", divergence.record},     {"what", divergence.what},
            {"previous", divergence.previous}, {"changed", divergence.changed},
            {"around", divergence.around},     {"instead", divergence.instead}};
}

json json_of_payloads(const ReplayReport& report) {
    const std::uint64_t known = report.payloads_copied + report.payloads_zero_copied;
    return {{"copied", report.payloads_copied},
            {"zero_copied", report.payloads_zero_copied},
            {"unknown", report.histories - known}};
}

}  // namespace

json json_of(const Judged& judged) {
    const ReplayReport& report = judged.report;
    json all{{"schema_version", report_schema_version},
             {"file", judged.file},
             {"tool", "zcv " ZCV_VERSION},
             {"kernel", judged.trace.info.kernel_release},
             {"profile", report.profile},
             {"profile_tried", was_captured(judged.trace.info.kernel_release)},
             {"hash", judged.trace.info.hash},
             {"skbs_recorded", records_skbs(judged.trace.info)},
             {"verdict", name_of(report.verdict)},
             {"records", report.records},
             {"matched", report.matched},
             {"lost", report.lost},
             {"blind_spells", report.blind_spells},
             {"sends", report.sends},
             {"completed", report.completed},
             {"released", report.released},
             {"inferred_releases", report.inferred_releases},
             {"notified", report.notified},
             {"copied", report.copied},
             {"payloads", json_of_payloads(report)},
             {"reasons", report.reasons},
             {"violations", all_of(report.violations, report)},
             {"notes", all_of(report.notes, report)},
             {"suppressed", all_of(report.suppressed, report)},
             {"suppressions", json::array()},
             {"findings", folded(judged)},
             {"divergence", nullptr}};
    for (const Suppression& each : report.suppressions)
        all["suppressions"].push_back(json_of(each));
    if (report.divergence) all["divergence"] = json_of(*report.divergence);
    return all;
}

std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Each finding as it is, then what json has without them.
void print_jsonl(std::ostream& out, const Judged& judged) {
    json whole = json_of(judged);
    for (const char* list : {"violations", "notes", "suppressed"}) {
        for (json& each : whole[list]) {
            each["schema_version"] = report_schema_version;
            each["type"] = "finding";
            each["file"] = judged.file;
            out << text_of(each) << '\n';
        }
        whole.erase(list);
    }
    whole["type"] = "report";
    out << text_of(whole) << '\n';
}

}  // namespace zcv
