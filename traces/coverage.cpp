#include "traces/coverage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "model/rules.hpp"
#include "traces/binding.hpp"

namespace zcv {
namespace {

constexpr int coverage_schema_version = 1;

// Without one of these records in a trace, a rule cannot be found broken in it. Rules that are not
// here need no more than sends, and what their `evidence` says.
struct Needs {
    std::string_view rule;
    std::vector<zcv_event_kind> any_of;
};

const std::vector<Needs>& needs() {
    static const std::vector<Needs> all{
        {"ZC-A3", {ZCV_CLOSE, ZCV_SHUTDOWN}},
        {"ZC-A7", {ZCV_REGISTER}},
        {"ZC-A10", {ZCV_CALL_DONE}},
        {"ZC-A14", {ZCV_FORK}},
        {"ZC-A15", {ZCV_UNMAP}},
        {"ZC-B2", {ZCV_PREP_FAILED, ZCV_COMPLETE}},
        {"ZC-B10", {ZCV_CQE_OVERFLOW}},
        {"ZC-B11", {ZCV_CQE_OVERFLOW}},
        {"ZC-B12", {ZCV_PREP_FAILED}},
        {"ZC-C6", {ZCV_ERRQUEUE}},
        {"ZC-C8", {ZCV_CALL}},
        {"ZC-C10", {ZCV_ERRQUEUE}},
        {"S9", {ZCV_NOTIF}},
        {"S10", {ZCV_NOTIF}},
        {"S14", {ZCV_ERRQUEUE}},
        {"B1", {ZCV_UBUF_REF, ZCV_HEAD_FREE}},
        {"B24", {ZCV_LINK_FAIL}},
        {"B30", {ZCV_ERRQUEUE}},
        {"B32", {ZCV_DEFER}},
    };
    return all;
}

// Those that are broken by a write.
bool is_about_writes(const Rule& rule) {
    return rule.evidence.starts_with("as R1") || rule.evidence.starts_with("as A1") ||
           rule.evidence.starts_with("as B2") ||
           rule.evidence.find("a write") != rule.evidence.npos;
}

// How a step is seen: the kinds of records that it explains, or what it is inferred from.
struct Seen {
    std::vector<std::string> records;
    std::string inferred_from;
};

std::map<std::string_view, Seen> how_seen() {
    std::map<std::string_view, Seen> all;
    for (const Binding& binding : bindings())
        for (const std::string_view step : binding.steps)
            all[step].records.emplace_back(name_of(binding.kind));
    for (const Unobserved& step : unobserved_steps())
        all[step.step].inferred_from = step.inferred_from;
    return all;
}

}  // namespace

struct Coverage::OfStep {
    std::string_view step;
    std::uint64_t taken = 0;
    Seen seen;

    bool can_be_taken() const { return !seen.inferred_from.starts_with("not taken"); }
    std::string how() const {
        return seen.records.empty() ? seen.inferred_from
                                    : fmt::format("{}", fmt::join(seen.records, ", "));
    }
};

struct Coverage::OfRule {
    const Rule* rule = nullptr;
    std::uint64_t findings = 0;
    std::string lacks;  // "" when it was looked for

    const char* state() const {
        return findings > 0 ? "found" : lacks.empty() ? "not found" : "not looked for";
    }
};

void Coverage::add(const std::string& file, const Trace& trace, const ReplayReport& report) {
    files_.push_back(file);
    records_ += report.records;
    matched_ += report.matched;
    sends_ += report.sends;
    steps_.resize(all_steps().size());
    for (std::size_t i = 0; i < report.steps.size(); ++i) steps_[i] += report.steps[i];
    kinds_.resize(ZCV_KIND_COUNT);
    for (const zcv_event& event : trace.events)
        if (event.kind < ZCV_KIND_COUNT) ++kinds_[event.kind];
    rules_.resize(rules().size());
    for (const auto* const findings : {&report.violations, &report.notes, &report.suppressed})
        for (const Violation& finding : *findings)
            if (finding.rule != nullptr)
                ++rules_[static_cast<std::size_t>(finding.rule - rules().data())];
    writes_seen_ = writes_seen_ || (!trace.info.hash.empty() && trace.info.hash != "none");
}

std::vector<Coverage::OfStep> Coverage::of_steps() const {
    const std::map<std::string_view, Seen> seen = how_seen();
    std::vector<OfStep> all;
    for (std::size_t i = 0; i < all_steps().size(); ++i) {
        const auto found = seen.find(all_steps()[i]);
        all.push_back({all_steps()[i], i < steps_.size() ? steps_[i] : 0,
                       found == seen.end() ? Seen{} : found->second});
    }
    return all;
}

std::vector<Coverage::OfRule> Coverage::of_rules() const {
    std::vector<OfRule> all;
    for (std::size_t i = 0; i < rules().size(); ++i) {
        OfRule each{&rules()[i], i < rules_.size() ? rules_[i] : 0, ""};
        const auto found = std::ranges::find(needs(), each.rule->id, &Needs::rule);
        if (sends_ == 0) {
            each.lacks = "a zero-copy send";
        } else if (is_about_writes(*each.rule) && !writes_seen_ && kinds_[ZCV_WRITE] == 0 &&
                   kinds_[ZCV_FREE] == 0 && kinds_[ZCV_PAGE_WRITE] == 0) {
            each.lacks = "content hashes or watchpoints";
        } else if (found != needs().end() &&
                   std::ranges::all_of(found->any_of,
                                       [&](zcv_event_kind kind) { return kinds_[kind] == 0; })) {
            std::vector<std::string> names;
            for (const zcv_event_kind kind : found->any_of) names.emplace_back(name_of(kind));
            each.lacks = fmt::format("records of the kind {}", fmt::join(names, " or "));
        }
        all.push_back(std::move(each));
    }
    return all;
}

void Coverage::print(std::ostream& out, const std::string& format) const {
    if (format == "json") return print_json(out);
    if (format == "markdown") return print_markdown(out);
    print_text(out);
}

void Coverage::print_text(std::ostream& out) const {
    const std::vector<OfStep> steps = of_steps();
    const auto taken = std::ranges::count_if(steps, [](const OfStep& s) { return s.taken > 0; });
    const auto possible = std::ranges::count_if(steps, &OfStep::can_be_taken);
    out << fmt::format("{} trace{}: {} sends, matched {} of {} records\n\n", files_.size(),
                       files_.size() == 1 ? "" : "s", sends_, matched_, records_);
    out << fmt::format("STEPS: {} taken, of {} that a replay takes\n", taken, possible);
    for (const OfStep& each : steps)
        if (each.taken > 0)
            out << fmt::format("  {:>9}  {:<30}  {}\n", each.taken, each.step, each.how());
    for (const OfStep& each : steps)
        if (each.taken == 0 && each.can_be_taken())
            out << fmt::format("  {:>9}  {:<30}  {}\n", "-", each.step, each.how());
    const std::vector<OfRule> rules = of_rules();
    const auto in = [&](const char* state) {
        return std::ranges::count_if(
            rules, [&](const OfRule& each) { return std::string_view(each.state()) == state; });
    };
    out << fmt::format("\nRULES: {} found, {} looked for and not found, {} not looked for\n",
                       in("found"), in("not found"), in("not looked for"));
    for (const OfRule& each : rules)
        out << fmt::format("  {:>9}  {:<30}  {}\n",
                           each.findings > 0 ? std::to_string(each.findings) : "-",
                           full_name(*each.rule),
                           each.lacks.empty() ? each.state() : "no trace has " + each.lacks);
}

void Coverage::print_json(std::ostream& out) const {
    using nlohmann::json;
    json all{{"schema_version", coverage_schema_version},
             {"files", files_},
             {"records", records_},
             {"matched", matched_},
             {"sends", sends_},
             {"steps", json::array()},
             {"rules", json::array()},
             {"kinds", json::array()}};
    for (const OfStep& each : of_steps())
        all["steps"].push_back({{"step", each.step},
                                {"taken", each.taken},
                                {"can_be_taken", each.can_be_taken()},
                                {"records", each.seen.records},
                                {"inferred_from", each.seen.inferred_from}});
    for (const OfRule& each : of_rules())
        all["rules"].push_back({{"rule", each.rule->id},
                                {"state", each.state()},
                                {"findings", each.findings},
                                {"lacks", each.lacks}});
    for (std::size_t kind = 1; kind < ZCV_KIND_COUNT; ++kind)
        all["kinds"].push_back({{"kind", name_of(static_cast<zcv_event_kind>(kind))},
                                {"records", kind < kinds_.size() ? kinds_[kind] : 0}});
    out << all.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

void Coverage::print_markdown(std::ostream& out) const {
    out << "| step | taken | seen by |\n|---|---|---|\n";
    for (const OfStep& each : of_steps())
        if (each.can_be_taken())
            out << fmt::format("| {} | {} | {} |\n", each.step, each.taken, each.how());
    out << "\n| rule | state | findings |\n|---|---|---|\n";
    for (const OfRule& each : of_rules())
        out << fmt::format("| {} | {} | {} |\n", full_name(*each.rule),
                           each.lacks.empty() ? each.state() : "no trace has " + each.lacks,
                           each.findings);
}

}  // namespace zcv
