#include "model/explain_verb.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "model/checker/check_report.hpp"
#include "model/explain.hpp"
#include "model/gallery.hpp"
#include "model/rules.hpp"
#include "model/world/misuses.hpp"

namespace zcv {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::vector<std::string> names;
    std::string kind;  // "": all
    std::string format = "text";
};

// Words below each other from column `left` on, the first line excepted: it is there already.
std::string wrapped(const std::string& text, std::size_t left) {
    constexpr std::size_t right = 100;
    std::istringstream words(text);
    std::string result;
    std::size_t column = left;
    for (std::string word; words >> word;) {
        const bool first = column == left;
        if (!first && column + 1 + word.size() > right) {
            result += "\n" + std::string(left, ' ');
            column = left;
        } else if (!first) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
    }
    return result + '\n';
}

std::string text_of(const Explanation& explanation) {
    const Topic& topic = explanation.topic;
    std::string text =
        fmt::format("{}  ({})\n  {}", topic.name, topic.kind, wrapped(topic.says, 2));
    std::size_t width = 0;
    for (const auto& [name, what] : explanation.facts) width = std::max(width, name.size());
    text += '\n';
    for (const auto& [name, what] : explanation.facts)
        text += fmt::format("  {:<{}}  {}", name, width, wrapped(what, width + 4));
    if (!explanation.example) return text;
    return text + '\n' + explanation.example->title + "\n\n" +
           checker::text_of(explanation.example->steps, explanation.example->repeat);
}

std::string json_of(const Explanation& explanation) {
    Json json{{"schema_version", 1},
              {"kind", explanation.topic.kind},
              {"name", explanation.topic.name},
              {"says", explanation.topic.says},
              {"facts", Json::object()},
              {"example", nullptr}};
    for (const auto& [name, what] : explanation.facts) json["facts"][name] = what;
    if (const auto& example = explanation.example) {
        json["example"] = {{"title", example->title}, {"steps", Json::array()}};
        for (const auto& step : example->steps)
            json["example"]["steps"].push_back(zcv::json_of(step));
        json["example"]["repeats_from"] =
            example->repeat ? Json(example->repeat->from) : Json(nullptr);
    }
    return json.dump() + '\n';
}

std::string list(const std::vector<Topic>& all, bool json) {
    std::string text;
    std::string kind;
    std::size_t width = 0;
    for (const Topic& topic : all) width = std::max(width, topic.name.size());
    for (const Topic& topic : all) {
        if (json) {
            text += Json{{"schema_version", 1},
                         {"kind", topic.kind},
                         {"name", topic.name},
                         {"says", topic.says}}
                        .dump() +
                    '\n';
            continue;
        }
        if (topic.kind != kind) text += (kind.empty() ? "" : "\n") + topic.kind + ":\n";
        kind = topic.kind;
        text += fmt::format("  {:<{}}  {}", topic.name, width, wrapped(topic.says, width + 4));
    }
    return text + (json ? "" : "\nzcv explain NAME tells more.\n");
}

std::string markdown_of_bugs() {
    std::string text =
        "| bug | what the kernel does wrong | scenario | without it |\n|---|---|---|---|\n";
    for (const Bug& bug : gallery())
        text += bug.scenario.empty() ? fmt::format("| {} | {} | not shown: {} | |\n", bug.id,
                                                   bug.title, bug.left_out)
                                     : fmt::format("| {} | {} | `{}` | `{}` |\n", bug.id, bug.title,
                                                   bug.scenario, bug.twin);
    return text;
}

std::string markdown_of_misuses() {
    std::string text = "| misuse | what happens | policy, or why it is none |\n|---|---|---|\n";
    for (const Misuse& misuse : misuses()) {
        std::string policies;
        for (const std::string& policy : policies_of(misuse.id))
            policies += (policies.empty() ? "`" : ", `") + policy + "`";
        text += fmt::format("| {} {} | {} | {}{} |\n", misuse.id, misuse.name, misuse.says,
                            policies, misuse.why_not);
    }
    return text;
}

std::string markdown_of_rules() {
    std::string text = "| rule | what was seen | evidence | no error when |\n|---|---|---|---|\n";
    for (const Rule& rule : rules())
        text += fmt::format(
            "| {} {} | {} | {} | {} |\n", rule.id, short_name(rule), rule.says, rule.evidence,
            rule.severity == Severity::error ? std::string(rule.unless)
                                             : fmt::format("always: a {}", name_of(rule.severity)));
    return text;
}

std::string markdown_of_unseen() {
    std::string text = "| misuse | why no trace shows it |\n|---|---|\n";
    for (const Unseen& each : unseen_misuses()) {
        const auto at = std::ranges::find(misuses(), each.misuse, &Misuse::id);
        text += fmt::format("| {} {} | {} |\n", at->id, at->name, each.why);
    }
    return text;
}

std::string markdown_of(const std::string& kind, const std::vector<Topic>& all) {
    if (kind == "bug") return markdown_of_bugs();
    if (kind == "misuse") return markdown_of_misuses();
    if (kind == "rule") return markdown_of_rules() + "\n" + markdown_of_unseen();
    static const std::map<std::string, std::string> columns{
        {"property", "broken means"}, {"eventually-property", "broken means"},
        {"scenario", "asks"},         {"step", "who, where"},
        {"profile", "stands for"},    {"switch", "on means"},
        {"application", "believes"}};
    std::string text = fmt::format("| {} | {} |\n|---|---|\n", kind, columns.at(kind));
    for (const Topic& topic : all) text += fmt::format("| `{}` | {} |\n", topic.name, topic.says);
    return text;
}

// Everything, or what is of that kind.
std::vector<Topic> topics_of(const std::string& kind) {
    std::vector<Topic> all = topics();
    if (kind.empty()) return all;
    std::vector<std::string> kinds;
    for (const Topic& topic : all)
        if (kinds.empty() || kinds.back() != topic.kind) kinds.push_back(topic.kind);
    std::erase_if(all, [&](const Topic& topic) { return topic.kind != kind; });
    if (all.empty())
        throw Refusal(Status::usage,
                      fmt::format("explain --kind {}: there is no such kind: choose one of {}",
                                  kind, fmt::join(kinds, ", ")));
    return all;
}

void refuse_contradictions(const Options& options) {
    const bool markdown = options.format == "markdown";
    if (options.format != "text" && options.format != "json" && !markdown)
        throw Refusal(Status::usage, "explain --format " + options.format +
                                         ": choose text or json, or markdown with --kind");
    if (markdown && (options.kind.empty() || !options.names.empty()))
        throw Refusal(Status::usage,
                      "explain --format markdown: is for the table of one kind: give --kind bug, "
                      "say, and no name");
}

void run(const Options& options) {
    refuse_contradictions(options);
    const bool json = options.format == "json";
    const auto listed = topics_of(options.kind);
    if (options.names.empty())
        std::cout << (options.format == "markdown" ? markdown_of(options.kind, listed)
                                                   : list(listed, json));
    // All of them before the first is printed: one that does not exist ends it with one line.
    std::vector<Explanation> all;
    for (const std::string& name : options.names)
        for (Explanation& explanation : explain(name, options.kind))
            all.push_back(std::move(explanation));
    bool first = true;
    for (const Explanation& explanation : all) {
        if (!json && !first) std::cout << '\n';
        std::cout << (json ? json_of(explanation) : text_of(explanation));
        first = false;
    }
}

}  // namespace

void add_explain_verb(CLI::App& app, Status& status) {
    CLI::App* const verb = app.add_subcommand(
        "explain",
        "what a rule, property, bug, scenario, step, profile, switch, application or misuse "
        "means");
    auto options = std::make_shared<Options>();
    verb->add_option("name", options->names, "what to explain; without one, what there is");
    verb->add_option("--kind", options->kind,
                     "of one kind only: property, eventually-property, bug, scenario, step, "
                     "profile, switch, application, misuse or rule");
    verb->add_option("--format", options->format, "text or json; with --kind also markdown");
    verb->footer(
        "\nExamples are explored when they are asked for, not recorded.\n\nExamples:\n"
        "  zcv explain\n"
        "  zcv explain ZC-A1\n"
        "  zcv explain S1\n"
        "  zcv explain B24\n"
        "  zcv explain io_notif_flush\n"
        "  zcv explain --kind misuse B1\n"
        "  zcv explain --kind bug --format markdown");
    verb->callback([options, &status] {
        run(*options);
        status = Status::clean;
        if (!std::cout.flush())
            throw Refusal(Status::unable,
                          "explain: standard output: cannot be written: the answer is incomplete");
    });
}

}  // namespace zcv
