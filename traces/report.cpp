#include "traces/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "traces/event_sets.hpp"

namespace zcv {
namespace {

constexpr std::size_t shown_max = 5;
constexpr std::size_t frames_shown = 8;

std::uint64_t start_of(const ReplayReport& report) {
    return report.history.empty() ? 0 : report.history.front().submitted_ns;
}

double ms_since(std::uint64_t start, std::uint64_t time) {
    return (static_cast<double>(time) - static_cast<double>(start)) / 1e6;
}

void print_violation(std::ostream& out, const ReplayReport& report, const Violation& violation) {
    const bool call = violation.send > 0 && violation.send <= report.history.size() &&
                      report.history[violation.send - 1].is_call;
    const std::string name =
        call ? fmt::format("id {}  socket {:#x}", violation.request,
                           report.history[violation.send - 1].sock)
             : fmt::format("user_data {:#x}  ubuf {:#x}", violation.request, violation.ubuf);
    out << fmt::format("\n{}  send #{}  {}  at +{:.3f} ms\n", violation.rule, violation.send, name,
                       ms_since(start_of(report), violation.time_ns));
    out << "  " << violation.explanation << "\n  evidence: " << violation.evidence << '\n';
    for (std::size_t i = 0; i < std::min(frames_shown, violation.stack.size()); ++i)
        out << (i == 0 ? "  written by: " : "              ") << violation.stack[i] << '\n';
    if (violation.send == 0 || violation.send > report.history.size()) return;
    const SendHistory& send = report.history[violation.send - 1];
    const std::uint64_t start = send.submitted_ns;
    out << "  history: submit +0";
    const auto add = [&](const char* what, const std::optional<std::uint64_t>& when) {
        if (when) out << fmt::format(", {} +{:.3f}", what, ms_since(start, *when));
    };
    add("on the wire", send.on_wire_ns);
    add("cqe", send.completed_ns);
    if (send.reused_early) add("REUSED by", send.reused_ns);
    add("released", send.released_ns);
    add("notif", send.notified_ns);
    out << " (ms)\n";
}

// The first few, those first that say who did it.
std::vector<const Violation*> most_telling(const ReplayReport& report) {
    std::vector<const Violation*> all;
    for (const Violation& violation : report.violations) all.push_back(&violation);
    std::ranges::stable_partition(all, [](const auto* each) { return !each->stack.empty(); });
    all.resize(std::min(shown_max, all.size()));
    return all;
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

void print_text(std::ostream& out, const ReplayReport& report, const Trace& trace,
                const std::string& file) {
    out << fmt::format("{}: {}", file, name_of(report.verdict));
    if (!report.violations.empty()) {
        out << fmt::format(" ({} of {} sends)", report.violations.size(), report.sends);
    }
    out << fmt::format("\n  kernel {}, profile {}, content hashes: {}{}\n",
                       trace.info.kernel_release, report.profile,
                       trace.info.hash.empty() ? "none" : trace.info.hash,
                       records_skbs(trace.info) ? "" : ", what happens to skbs was not recorded");
    out << fmt::format("  matched {} of {} records, {} lost\n", report.matched, report.records,
                       report.lost);
    out << fmt::format(
        "  {} sends, {} completed, {} released, {} notified, {} reported as copied\n", report.sends,
        report.completed, report.released, report.notified, report.copied);
    if (report.inferred_releases > 0)
        out << fmt::format("  {} of the releases were seen only by the notification\n",
                           report.inferred_releases);
    for (const std::string& reason : report.reasons) out << "  note: " << reason << '\n';
    for (const Violation* violation : most_telling(report))
        print_violation(out, report, *violation);
    if (report.violations.size() > shown_max)
        out << fmt::format("\n... and {} more (--format json lists all)\n",
                           report.violations.size() - shown_max);
    if (report.divergence) print_divergence(out, *report.divergence);
}

nlohmann::json json_of(const ReplayReport& report, const Trace& trace, const std::string& file) {
    nlohmann::json violations = nlohmann::json::array();
    for (const Violation& v : report.violations)
        violations.push_back({{"rule", v.rule},
                              {"send", v.send},
                              {"request", v.request},
                              {"ubuf", fmt::format("{:#x}", v.ubuf)},
                              {"buffer", v.send > 0 && v.send <= report.history.size()
                                             ? fmt::format("{:#x}", report.history[v.send - 1].addr)
                                             : std::string()},
                              {"time_ns", v.time_ns},
                              {"evidence", v.evidence},
                              {"explanation", v.explanation},
                              {"stack", v.stack}});
    nlohmann::json json{{"schema_version", 1},
                        {"file", file},
                        {"kernel", trace.info.kernel_release},
                        {"profile", report.profile},
                        {"hash", trace.info.hash},
                        {"skbs_recorded", records_skbs(trace.info)},
                        {"verdict", name_of(report.verdict)},
                        {"records", report.records},
                        {"matched", report.matched},
                        {"lost", report.lost},
                        {"sends", report.sends},
                        {"completed", report.completed},
                        {"released", report.released},
                        {"inferred_releases", report.inferred_releases},
                        {"notified", report.notified},
                        {"copied", report.copied},
                        {"reasons", report.reasons},
                        {"violations", std::move(violations)},
                        {"divergence", nullptr}};
    if (report.divergence)
        json["divergence"] = {
            {"record", report.divergence->record},     {"what", report.divergence->what},
            {"previous", report.divergence->previous}, {"changed", report.divergence->changed},
            {"around", report.divergence->around},     {"instead", report.divergence->instead}};
    return json;
}

}  // namespace

void print_report(std::ostream& out, const ReplayReport& report, const Trace& trace,
                  const std::string& file, const std::string& format) {
    if (format == "json")
        out << json_of(report, trace, file)
                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
            << '\n';
    else
        print_text(out, report, trace, file);
}

}  // namespace zcv
