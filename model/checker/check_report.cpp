#include "model/checker/check_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/outcome.hpp"

namespace zcv {
namespace {

using Json = nlohmann::ordered_json;
using checker::Outcome;

constexpr int schema_version = 1;

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::vector<std::string> never_taken(const Outcome& outcome) {
    std::vector<std::string> names;
    for (const auto& step : outcome.taken)
        if (step.times == 0) names.push_back(step.step);
    return names;
}

std::string property_of(const Outcome& outcome) {
    if (outcome.verdict == Verdict::clean) return "every property holds in every state";
    if (outcome.verdict == Verdict::inconclusive) return "ended by a bound, " + outcome.limit;
    return outcome.broken + ": " + outcome.breaks;
}

std::string covered(const Outcome& outcome) {
    return fmt::format(
        "  nothing is broken in these {} states, among them all within {} steps of the "
        "start; the rest was not looked at\n",
        outcome.states, outcome.depth);
}

std::string declared_or_not(const Scenario& scenario, const Outcome& outcome) {
    if (!scenario.expect.declared) return "-";
    if (as_declared(scenario.expect, outcome)) return "as declared";
    return outcome.verdict == Verdict::inconclusive ? "undecided" : "NOT AS DECLARED";
}

Json json_of(const Expectation& expect) {
    if (!expect.declared) return nullptr;
    const auto number = [](std::uint64_t value) {
        return value == 0 ? Json(nullptr) : Json(value);
    };
    const bool broken = !expect.broken.empty();
    return {{"verdict", name_of(broken ? Verdict::violation : Verdict::clean)},
            {"property", broken ? Json(expect.broken) : Json(nullptr)},
            {"states", number(expect.states)},
            {"transitions", number(expect.transitions)},
            {"depth", number(expect.depth)}};
}

// What an inexact visited set may have cost; "" of an exact one.
std::string missed(const Outcome& outcome, checker::Visited visited) {
    if (outcome.miss_probability == 0) return "";
    if (visited == checker::Visited::bitstate)
        return fmt::format(
            "three bits a state: at the end a new state was taken for a known one with probability "
            "{:.1g}\n",
            outcome.miss_probability);
    return fmt::format(
        "64 bits a state: some state was taken for another with probability {:.1g} at most\n",
        outcome.miss_probability);
}

}  // namespace

Json json_of(const checker::CounterexampleStep& step) {
    Json changes = Json::array();
    for (const checker::Change& change : step.changes)
        changes.push_back({{"noun", change.noun},
                           {"field", change.field},
                           {"before", change.before},
                           {"after", change.after}});
    return {{"number", step.number}, {"step", step.step},
            {"params", step.params}, {"context", step.context},
            {"file", step.file},     {"function", step.function},
            {"tag", step.tag},       {"changes", std::move(changes)}};
}

std::string in_words(const Expectation& expect) {
    if (!expect.declared) return "nothing";
    std::string text = expect.broken.empty() ? "CLEAN" : "VIOLATION of " + expect.broken;
    if (expect.states != 0) text += fmt::format(", {} states", expect.states);
    if (expect.transitions != 0) text += fmt::format(", {} transitions", expect.transitions);
    if (expect.depth != 0) text += fmt::format(", depth {}", expect.depth);
    return text;
}

std::string text_report(const Scenario& scenario, const Outcome& outcome,
                        checker::Visited visited) {
    std::string text = fmt::format("{}  (profile {}, application {})\n  {}\n\n", scenario.name,
                                   scenario.profile, scenario.app, scenario.asks);
    text += fmt::format("{}  {}\n", name_of(outcome.verdict), property_of(outcome));
    if (outcome.verdict == Verdict::inconclusive) text += covered(outcome);
    if (!outcome.counterexample.empty())
        text += '\n' + checker::text_of(outcome.counterexample, outcome.repeat);
    if (outcome.verdict == Verdict::violation && !outcome.limit.empty())
        text += "  " + outcome.limit + "\n";
    text += fmt::format("\n{} states, {} transitions, depth {}, {:.2f} s, {:.1f} bytes a state\n",
                        outcome.states, outcome.transitions, outcome.depth, outcome.seconds,
                        outcome.bytes_per_state);
    text += missed(outcome, visited);
    if (outcome.verdict != Verdict::violation || outcome.counterexample.empty()) {
        const auto idle = never_taken(outcome);
        if (!idle.empty()) text += "never taken: " + joined(idle) + '\n';
        if (!outcome.unreached.empty()) text += "never true: " + joined(outcome.unreached) + '\n';
    }
    if (scenario.expect.declared)
        text +=
            fmt::format("{}: {}{}\n", declared_or_not(scenario, outcome), in_words(scenario.expect),
                        outcome.is_reduced() ? " without reduction" : "");
    return text;
}

std::string json_report(const Scenario& scenario, const Outcome& outcome,
                        const CheckSettings& settings) {
    Json json;
    json["schema_version"] = schema_version;
    json["version"] = ZCV_VERSION;
    json["scenario"] = scenario.name;
    json["asks"] = scenario.asks;
    json["profile"] = scenario.profile;
    json["app"] = scenario.app;
    json["verdict"] = name_of(outcome.verdict);
    json["property"] = outcome.broken.empty() ? Json(nullptr) : Json(outcome.broken);
    json["breaks"] = outcome.breaks.empty() ? Json(nullptr) : Json(outcome.breaks);
    json["states"] = outcome.states;
    json["transitions"] = outcome.transitions;
    json["depth"] = outcome.depth;
    json["seconds"] = outcome.seconds;
    json["bytes_per_state"] = outcome.bytes_per_state;
    json["threads"] = settings.threads;
    json["symmetry"] = name_of(outcome.symmetry);
    json["reduction"] = outcome.reduction ? "on" : "off";
    json["visited"] = name_of(settings.visited);
    json["miss_probability"] = outcome.miss_probability;
    json["states_max"] = settings.states_max;
    json["memory_max"] = settings.memory_max;
    json["time_max"] = settings.time_max_s;
    json["limit"] = outcome.limit.empty() ? Json(nullptr) : Json(outcome.limit);
    json["expected"] = json_of(scenario.expect);
    json["as_expected"] =
        scenario.expect.declared ? Json(as_declared(scenario.expect, outcome)) : Json(nullptr);
    json["unreached"] = outcome.unreached;
    json["taken"] = Json::object();
    for (const auto& step : outcome.taken) json["taken"][step.step] = step.times;
    json["counterexample"] = Json::array();
    for (const auto& step : outcome.counterexample) json["counterexample"].push_back(json_of(step));
    json["repeats_from"] = outcome.repeat ? Json(outcome.repeat->from) : Json(nullptr);
    return json.dump() + '\n';
}

CheckTable::CheckTable(const std::vector<Scenario>& rows)
    : app_width_(11), name_width_(8), profile_width_(7) {
    for (const Scenario& scenario : rows) {
        name_width_ = std::max(name_width_, scenario.name.size());
        profile_width_ = std::max(profile_width_, scenario.profile.size());
        app_width_ = std::max(app_width_, scenario.app.size());
    }
}

std::string CheckTable::header() const {
    return fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<13}  {:<15}  {:>9}  {:>11}  {:>5}  {:>8}\n",
                       "scenario", name_width_, "profile", profile_width_, "application",
                       app_width_, "verdict", "", "states", "transitions", "depth", "time");
}

std::string CheckTable::row(const Scenario& scenario, const Outcome& outcome) {
    std::string text;
    if (scenario.subject != subject_) text += '\n' + scenario.subject + ":\n";
    subject_ = scenario.subject;
    // Of a property the number says enough here: "S10" of "S10-more-iff-notif".
    const std::string number = outcome.broken.substr(0, outcome.broken.find('-'));
    const bool numbered = number.find_first_of("0123456789") != std::string::npos;
    const std::string verdict =
        std::string(name_of(outcome.verdict)) + (numbered ? " " + number : "");
    text +=
        fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<13}  {:<15}  {:>9}  {:>11}  {:>5}  {:>6.2f} s\n",
                    scenario.name, name_width_, scenario.profile, profile_width_, scenario.app,
                    app_width_, verdict, declared_or_not(scenario, outcome), outcome.states,
                    outcome.transitions, outcome.depth, outcome.seconds);
    return text + fmt::format("    {}\n", scenario.asks);
}

std::string markdown_list(const std::vector<Scenario>& all) {
    std::string text =
        "| scenario | asks | profile | application | outcome | states "
        "|\n|---|---|---|---|---|---|\n";
    for (const Scenario& scenario : all)
        text += fmt::format(
            "| `{}` | {} | {} | {} | {} | {} |\n", scenario.name, scenario.asks, scenario.profile,
            scenario.app,
            scenario.expect.broken.empty() ? "holds" : "breaks " + scenario.expect.broken,
            scenario.expect.states);
    return text;
}

std::string text_report(const std::vector<Covered>& all) {
    std::string text;
    std::string kind;
    std::size_t width = 0;
    for (const Covered& each : all) width = std::max(width, each.name.size());
    for (const Covered& each : all) {
        if (each.kind != kind) text += (kind.empty() ? "" : "\n") + each.kind + ":\n";
        kind = each.kind;
        text += fmt::format("  {:<{}}  {:>3}  {}\n", each.name, width, each.times,
                            each.is_missing() ? "IN NO SCENARIO"
                            : each.times == 0 ? each.unseen
                                              : each.where);
    }
    const auto missing = std::count_if(all.begin(), all.end(),
                                       [](const Covered& each) { return each.is_missing(); });
    return text + fmt::format("\n{} things, {} in no scenario\n", all.size(), missing);
}

std::string json_report(const std::vector<Covered>& all) {
    std::string text;
    for (const Covered& each : all)
        text += Json{{"schema_version", schema_version},
                     {"kind", each.kind},
                     {"name", each.name},
                     {"scenarios", each.times},
                     {"smallest", each.where},
                     {"unseen", each.unseen}}
                    .dump() +
                '\n';
    return text;
}

std::string text_list(const std::vector<Scenario>& all) {
    std::size_t name_width = 0, profile_width = 0, app_width = 0;
    for (const Scenario& scenario : all) {
        name_width = std::max(name_width, scenario.name.size());
        profile_width = std::max(profile_width, scenario.profile.size());
        app_width = std::max(app_width, scenario.app.size());
    }
    std::string text;
    for (const Scenario& scenario : all)
        text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n{:<{}}  {}{}\n", scenario.name, name_width,
                            scenario.profile, profile_width, scenario.app, app_width, scenario.asks,
                            "", name_width, in_words(scenario.expect),
                            scenario.in_all ? "" : " (large: not part of --all)");
    return text +
           "\nFamilies: reference-B-R-K-Q and reference-bug-B-R-K-Q, B, R and K from 1 to 4 "
           "and Q from 1 to 6.\n";
}

std::string json_list(const std::vector<Scenario>& all) {
    std::string text;
    for (const Scenario& scenario : all) {
        const Json json{{"schema_version", schema_version},
                        {"scenario", scenario.name},
                        {"asks", scenario.asks},
                        {"profile", scenario.profile},
                        {"app", scenario.app},
                        {"in_all", scenario.in_all},
                        {"expected", json_of(scenario.expect)}};
        text += json.dump() + '\n';
    }
    return text;
}

}  // namespace zcv
