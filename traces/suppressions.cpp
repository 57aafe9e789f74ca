#include "traces/suppressions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>

#include "model/outcome.hpp"
#include "model/rules.hpp"
#include "traces/file_words.hpp"
#include "traces/report_findings.hpp"

namespace zcv {
namespace {

constexpr std::string_view mutable_by_design = "mutable";
constexpr std::string_view without_end = "never";
constexpr std::array<std::string_view, 3> places{"function:", "file:", "command:"};

bool is_date(const std::string& text) {
    unsigned year = 0, month = 0, day = 0;
    int read = 0;
    if (text.size() != 10 || text.find_first_not_of("0123456789-") != std::string::npos ||
        std::sscanf(text.c_str(), "%4u-%2u-%2u%n", &year, &month, &day, &read) != 3 || read != 10)
        return false;
    return std::chrono::year_month_day{std::chrono::year(static_cast<int>(year)),
                                       std::chrono::month(month), std::chrono::day(day)}
        .ok();
}

bool is_place(std::string_view where) {
    return where == "*" || std::ranges::any_of(places, [&](std::string_view place) {
               return where.starts_with(place) && where.size() > place.size();
           });
}

// What is wrong with it, or "".
std::string mistake_in(const Suppression& given) {
    if (given.rule != mutable_by_design && find_rule(given.rule) == nullptr)
        return fmt::format(
            "no rule is called '{}': use an id that zcv explain --kind rule lists, or mutable",
            printable(given.rule));
    if (given.until.empty()) return "it is not RULE WHERE UNTIL REASON, as ZC-A1 * never known";
    if (!is_place(given.where))
        return fmt::format(
            "'{}' is no place: use *, function:GLOB, file:GLOB or command:GLOB, without spaces",
            printable(given.where));
    if (given.until != without_end && !is_date(given.until))
        return fmt::format("'{}' is no day: use YYYY-MM-DD, or never", printable(given.until));
    if (given.reason.empty()) return "it has no reason: say why, after the day";
    return "";
}

bool is_of_rule(const Suppression& suppression, const Violation& finding) {
    if (suppression.rule == mutable_by_design) return finding.property.starts_with("R1-");
    return finding.rule != nullptr && suppression.rule == finding.rule->id;
}

bool is_like(std::string_view glob, const std::string& text) {
    return !text.empty() && ::fnmatch(std::string(glob).c_str(), text.c_str(), FNM_NOESCAPE) == 0;
}

bool is_there(std::string_view where, const Violation& finding, const Trace& trace) {
    if (where == "*") return true;
    const std::string_view glob = where.substr(where.find(':') + 1);
    if (where.starts_with("command:"))
        return is_like(glob, fmt::format("{}", fmt::join(trace.info.command, " ")));
    const bool by_function = where.starts_with("function:");
    return std::ranges::any_of(frames_of(finding, trace), [&](const StackFrame& frame) {
        return is_like(glob, by_function ? frame.function : frame.file);
    });
}

}  // namespace

std::string today() {
    const std::chrono::year_month_day day{
        std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                       static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::vector<Suppression> read_suppressions(const std::string& file, std::string_view today) {
    std::ifstream in(file);
    std::vector<Suppression> all;
    std::uint32_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        std::istringstream words(line);
        Suppression given;
        given.file = file;
        given.line = number;
        if (!(words >> given.rule) || given.rule.starts_with('#')) continue;
        words >> given.where >> given.until;
        for (std::string word; words >> word;)
            given.reason += (given.reason.empty() ? "" : " ") + word;
        if (const std::string mistake = mistake_in(given); !mistake.empty())
            throw Refusal(Status::usage,
                          fmt::format("{}:{}: {}", printable(file), number, mistake));
        // Days are written so that their order is that of their texts.
        given.expired = given.until != without_end && given.until < today;
        all.push_back(std::move(given));
    }
    if (!in.eof())
        throw Refusal(Status::usage, fmt::format("{}: cannot be read: name a file of suppressions",
                                                 printable(file)));
    return all;
}

Suppression* suppression_of(const Violation& finding, const Trace& trace,
                            std::vector<Suppression>& all) {
    const auto found = std::ranges::find_if(all, [&](const Suppression& each) {
        return !each.expired && is_of_rule(each, finding) && is_there(each.where, finding, trace);
    });
    return found == all.end() ? nullptr : &*found;
}

std::string use_of(const Suppression& suppression) {
    if (suppression.expired)
        return "expired: it was good until " + suppression.until + " and does not apply";
    if (suppression.used == 0) return "unused";
    return fmt::format("used {} time{}", suppression.used, suppression.used == 1 ? "" : "s");
}

std::string place_of(const Suppression& suppression) {
    return fmt::format("{}:{}", suppression.file, suppression.line);
}

}  // namespace zcv
