#include "model/explain_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "model/checker/check_report.hpp"
#include "model/explain.hpp"
#include "model/gallery.hpp"
#include "model/world/misuses.hpp"

namespace zcv {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::vector<std::string> names;
    bool bugs = false;
    bool misuses = false;
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

std::string list(bool json) {
    std::string text;
    std::string kind;
    std::size_t width = 0;
    for (const Topic& topic : topics()) width = std::max(width, topic.name.size());
    for (const Topic& topic : topics()) {
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

// Everything of the kinds asked for, or else what is named.
std::vector<std::string> names_in(const Options& options) {
    std::vector<std::string> names = options.names;
    if (options.bugs)
        for (const Bug& bug : gallery()) names.emplace_back(bug.id);
    if (options.misuses)
        for (const Misuse& misuse : misuses()) names.emplace_back(misuse.id);
    return names;
}

void refuse_contradictions(const Options& options) {
    const bool markdown = options.format == "markdown";
    if (options.format != "text" && options.format != "json" && !markdown)
        throw Refusal(Status::usage,
                      "explain --format " + options.format +
                          ": choose text or json, or markdown with --bugs or --misuses");
    if (options.bugs && options.misuses)
        throw Refusal(Status::usage,
                      "explain --bugs --misuses: B1 is one of each: leave out one option");
    const std::string all = options.bugs ? "--bugs" : options.misuses ? "--misuses" : "";
    if (markdown && all.empty())
        throw Refusal(Status::usage,
                      "explain --format markdown: is for the tables of bugs and of "
                      "misuses: add --bugs or --misuses");
    if (!all.empty() && !options.names.empty())
        throw Refusal(Status::usage, "explain " + all + " " + options.names.front() + ": " + all +
                                         " takes them all: leave out one");
}

void run(const Options& options) {
    refuse_contradictions(options);
    if (options.format == "markdown") {
        std::cout << (options.bugs ? markdown_of_bugs() : markdown_of_misuses());
        return;
    }
    const bool json = options.format == "json";
    const std::vector<std::string> names = names_in(options);
    if (names.empty()) std::cout << list(json);
    const std::string_view kind = options.bugs ? "bug" : options.misuses ? "misuse" : "";
    bool first = true;
    for (const std::string& name : names)
        for (const Explanation& explanation : explain(name, kind)) {
            if (!json && !first) std::cout << '\n';
            std::cout << (json ? json_of(explanation) : text_of(explanation));
            first = false;
        }
}

}  // namespace

void add_explain_verb(CLI::App& app, Status& status) {
    CLI::App* const verb = app.add_subcommand(
        "explain",
        "what a rule, bug, scenario, step, profile, switch, application or misuse means");
    auto options = std::make_shared<Options>();
    verb->add_option("name", options->names, "what to explain; without one, what there is");
    verb->add_flag("--bugs", options->bugs, "every known bug");
    verb->add_flag("--misuses", options->misuses,
                   "every known misuse: the policy that is it, or why none is");
    verb->add_option("--format", options->format,
                     "text or json; with --bugs or --misuses also markdown");
    verb->footer(
        "\nExamples are explored when they are asked for, not recorded.\n\nExamples:\n"
        "  zcv explain\n"
        "  zcv explain S1\n"
        "  zcv explain B24\n"
        "  zcv explain io_notif_flush\n"
        "  zcv explain --misuses\n"
        "  zcv explain --bugs --format markdown");
    verb->callback([options, &status] {
        run(*options);
        status = Status::clean;
        if (!std::cout.flush())
            throw Refusal(Status::unable,
                          "explain: standard output: cannot be written: the answer is incomplete");
    });
}

}  // namespace zcv
