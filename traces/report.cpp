#include "traces/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "model/profiles.hpp"
#include "traces/event_sets.hpp"
#include "traces/report_findings.hpp"
#include "traces/report_forms.hpp"

namespace zcv {
namespace {

constexpr std::size_t shown_max = 8;
constexpr std::size_t frames_shown = 8;
constexpr std::size_t sends_shown = 12;
constexpr std::size_t timeline_columns = 72;

std::uint64_t start_of(const ReplayReport& report) {
    return report.start_ns;
}

double ms_since(std::uint64_t start, std::uint64_t time) {
    return (static_cast<double>(time) - static_cast<double>(start)) / 1e6;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

void print_where(std::ostream& out, const ReplayReport& report, const Violation& violation,
                 const SendHistory& send) {
    out << fmt::format("  where   send #{}, {}, ", send.number, kind_of(send));
    if (send.is_call)
        out << fmt::format("id {}, socket {:#x}", send.user_data, send.sock);
    else
        out << fmt::format("user_data {:#x}, ubuf {:#x}", send.user_data, violation.ubuf);
    out << fmt::format(", process {}, at +{:.3f} ms\n", send.tgid,
                       ms_since(start_of(report), violation.time_ns));
}

void print_stack(std::ostream& out, const std::string& head,
                 const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < std::min(frames_shown, frames.size()); ++i)
        out << (i == 0 ? head : std::string(12, ' ')) << frames[i] << '\n';
}

void print_who(std::ostream& out, const Violation& violation) {
    print_stack(out, "  sent    ", violation.sent_by);
    print_stack(out, "  kernel  ", violation.in_kernel);
    print_stack(out, fmt::format("  who     thread {}: ", violation.thread), violation.stack);
}

void print_when(std::ostream& out, const SendHistory& send) {
    const std::uint64_t start = send.submitted_ns;
    out << "  when    submit +0";
    const auto add = [&](const char* what, const std::optional<std::uint64_t>& when) {
        if (when) out << fmt::format(", {} +{:.3f}", what, ms_since(start, *when));
    };
    add("on the wire", send.on_wire_ns);
    add(send.is_call ? "returned" : "cqe", send.completed_ns);
    if (send.reused_early) add("REUSED by", send.reused_ns);
    add("released", send.released_ns);
    add(send.is_call ? "range read" : "notif", send.notified_ns);
    out << " (ms)\n          " << timeline(send, timeline_columns) << '\n';
}

void print_finding(std::ostream& out, const ReplayReport& report, const Finding& finding) {
    const Violation& first = *finding.first;
    const Rule& rule = *first.rule;
    const std::size_t count = finding.sends.size();
    out << fmt::format("\n{}: {} {}  ({}){}\n", upper(name_of(first.severity)), rule.id,
                       short_name(rule), rule.harm,
                       count > 1 ? fmt::format(", {} times", count) : "");
    out << fmt::format("  what    {}\n", rule.says);
    if (first.explanation != rule.says) out << "          " << first.explanation << '\n';
    const SendHistory* const send = send_of(first, report);
    if (send != nullptr) print_where(out, report, first, *send);
    out << "  seen    " << first.evidence << '\n';
    print_who(out, first);
    if (send != nullptr) print_when(out, *send);
    out << fmt::format("  {}  {}\n", is_of_the_kernel(rule) ? "kernel" : "fix   ", rule.fix);
    out << fmt::format("  more    zcv explain {}\n", rule.id);
    if (count == 1) return;
    out << "  also    sends";
    for (std::size_t i = 0; i < std::min(count, sends_shown); ++i)
        if (finding.sends[i] != first.send) out << fmt::format(" #{}", finding.sends[i]);
    out << (count > sends_shown ? fmt::format(" and {} more\n", count - sends_shown) : "\n");
}

void print_note(std::ostream& out, const Finding& finding) {
    const Violation& first = *finding.first;
    out << fmt::format(
        "  {}: {} {}: {}{} (zcv explain {})\n", name_of(first.severity), first.rule->id,
        short_name(*first.rule),
        first.seen_by.empty() || first.property.empty()
            ? first.evidence
            : fmt::format("{} {}", first.explanation, first.evidence),
        finding.sends.size() > 1 ? fmt::format(" ({} sends)", finding.sends.size()) : "",
        first.rule->id);
}

void print_suppressions(std::ostream& out, const ReplayReport& report) {
    for (const Suppression& each : report.suppressions)
        out << fmt::format("  suppression {}: {} {}, {}: {}\n", place_of(each), each.rule,
                           each.where, use_of(each), each.reason);
}

void print_divergence(std::ostream& out, const Divergence& divergence) {
    out << "\nFIRST DIVERGENCE  " << divergence.what << '\n';
    if (!divergence.previous.empty()) {
        out << "  before that, " << divergence.previous << '\n';
        for (const std::string& line : divergence.changed) out << "    " << line << '\n';
    }
    if (!divergence.around.empty()) out << "  the model here:\n";
    for (const std::string& line : divergence.around) out << "    " << line << '\n';
    if (divergence.instead.empty()) return;
    out << "  could have happened instead:";
    for (const std::string& step : divergence.instead) out << ' ' << step;
    out << '\n';
}

void print_head(std::ostream& out, const Judged& judged) {
    const ReplayReport& report = judged.report;
    const TraceInfo& info = judged.trace.info;
    out << fmt::format("{}: {}", judged.file, name_of(report.verdict));
    if (!report.violations.empty())
        out << fmt::format(" ({} of {} sends)", report.violations.size(), report.sends);
    out << fmt::format("\n  kernel {}, profile {}{}, content hashes: {}{}\n", info.kernel_release,
                       report.profile,
                       was_captured(info.kernel_release)
                           ? ""
                           : " (from its source: no kernel of this version was tried)",
                       info.hash.empty() ? "none" : info.hash,
                       records_skbs(info) ? "" : ", what happens to skbs was not recorded");
    out << fmt::format("  matched {} of {} records, {} lost\n", report.matched, report.records,
                       report.lost);
    if (report.blind_spells > 0)
        out << fmt::format(
            "  {} times packets may have gone unseen: no probe fires on a CPU while a task runs "
            "there that this kernel shields\n",
            report.blind_spells);
    // What the kernel reports is only what it was asked about.
    const std::string were = report.payloads_copied > report.copied
                                 ? fmt::format(" ({} were)", report.payloads_copied)
                                 : "";
    out << fmt::format(
        "  {} sends, {} completed, {} released, {} notified, {} reported as copied{}\n",
        report.sends, report.completed, report.released, report.notified, report.copied, were);
    if (report.inferred_releases > 0)
        out << fmt::format("  {} of the releases were seen only by the notification\n",
                           report.inferred_releases);
    for (const std::string& reason : report.reasons) out << "  because: " << reason << '\n';
}

void print_summary(std::ostream& out, const ReplayReport& report,
                   const std::vector<Finding>& findings, const std::vector<Finding>& notes) {
    std::map<std::string_view, std::size_t> by_rule;
    for (const Finding& finding : findings)
        by_rule[finding.first->rule->id] += finding.sends.size();
    std::string rules;
    for (const auto& [rule, count] : by_rule)
        rules += fmt::format("{}{} x{}", rules.empty() ? " (" : ", ", rule, count);
    const auto of = [&](Severity severity) {
        return std::ranges::count_if(
            notes, [&](const Finding& each) { return each.first->severity == severity; });
    };
    const auto counted = [](auto count, const char* what) {
        return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    };
    const std::string known =
        report.suppressions.empty() ? "" : fmt::format(", {} suppressed", report.suppressed.size());
    out << fmt::format("SUMMARY: {}{}{}, {}, {}{}; {}, matched {} of {} records, {} lost\n",
                       counted(findings.size(), "error"), rules, rules.empty() ? "" : ")",
                       counted(of(Severity::warning), "warning"),
                       counted(of(Severity::note), "note"), known, counted(report.sends, "send"),
                       report.matched, report.records, report.lost);
}

}  // namespace

void print_text(std::ostream& out, const Judged& judged) {
    const ReplayReport& report = judged.report;
    const std::vector<Finding> findings = fold(report.violations, judged.trace);
    const std::vector<Finding> notes = fold(report.notes, judged.trace);
    print_head(out, judged);
    for (const Finding& finding : notes) print_note(out, finding);
    print_suppressions(out, report);
    for (std::size_t i = 0; i < std::min(shown_max, findings.size()); ++i)
        print_finding(out, report, findings[i]);
    if (findings.size() > shown_max)
        out << fmt::format("\n... and {} more (--format json lists all)\n",
                           findings.size() - shown_max);
    if (report.divergence) print_divergence(out, *report.divergence);
    if (!findings.empty() || report.divergence) out << '\n';
    if (!findings.empty()) out << "  " << timeline_legend << '\n';
    print_summary(out, report, findings, notes);
}

const std::vector<std::string>& report_formats() {
    static const std::vector<std::string> all{"text", "json", "jsonl", "junit", "sarif"};
    return all;
}

struct ReportPrinter::Form {
    std::ostream& out;
    std::string name;
    std::string suites = {};
    nlohmann::json results = nlohmann::json::array();
    nlohmann::json invocations = nlohmann::json::array();
};

ReportPrinter::ReportPrinter(std::ostream& out, const std::string& format)
    : form_(new Form{out, format}) {}
ReportPrinter::~ReportPrinter() = default;

void ReportPrinter::add(const ReplayReport& report, const Trace& trace, const std::string& file) {
    const Judged judged{report, trace, file};
    if (form_->name == "json") {
        form_->out << text_of(json_of(judged)) << '\n';
    } else if (form_->name == "jsonl") {
        print_jsonl(form_->out, judged);
    } else if (form_->name == "junit") {
        form_->suites += junit_suite(judged);
    } else if (form_->name == "sarif") {
        for (nlohmann::json& each : sarif_results(judged)) form_->results.push_back(each);
        form_->invocations.push_back(sarif_invocation(judged));
    } else {
        print_text(form_->out, judged);
    }
}

void ReportPrinter::finish() {
    if (form_->name == "junit") form_->out << junit_document(form_->suites);
    if (form_->name == "sarif")
        form_->out << text_of(
                          sarif_document(std::move(form_->results), std::move(form_->invocations)))
                   << '\n';
}

void print_report(std::ostream& out, const ReplayReport& report, const Trace& trace,
                  const std::string& file, const std::string& format) {
    ReportPrinter printer(out, format);
    printer.add(report, trace, file);
    printer.finish();
}

}  // namespace zcv
