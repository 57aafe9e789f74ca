#include "traces/profiles_held.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "model/profiles.hpp"

namespace zcv {
namespace {

constexpr int held_schema_version = 1;

struct Held {
    const Profile* profile;
    ReplayReport report;

    bool explains() const { return !report.divergence && report.matched == report.records; }
};

std::string where_it_diverges(const ReplayReport& report) {
    return report.divergence ? report.divergence->what
                             : fmt::format("matched {} records", report.matched);
}

void print_text(std::ostream& out, const std::vector<Held>& all, const Profile* own,
                const Trace& trace, const std::string& file) {
    const auto fitting = std::ranges::count_if(all, &Held::explains);
    out << fmt::format("{}: kernel {}, {} records: {} of {} profiles explain all of them\n", file,
                       trace.info.kernel_release, trace.events.size(), fitting, all.size());
    for (const bool fits : {true, false})
        for (const Held& each : all)
            if (each.explains() == fits)
                out << fmt::format(
                    "  {} {:<20}  {}\n", each.profile == own ? '*' : ' ', each.profile->name,
                    fits ? fmt::format("explains it, {}", name_of(each.report.verdict))
                         : where_it_diverges(each.report));
    if (own != nullptr) out << "  * the profile of its kernel\n";
}

void print_json(std::ostream& out, const std::vector<Held>& all, const Profile* own,
                const Trace& trace, const std::string& file) {
    using nlohmann::json;
    json whole{{"schema_version", held_schema_version},
               {"file", file},
               {"kernel", trace.info.kernel_release},
               {"own", own != nullptr ? json(own->name) : json(nullptr)},
               {"records", trace.events.size()},
               {"profiles", json::array()}};
    for (const Held& each : all) {
        json divergence = nullptr;
        if (each.report.divergence)
            divergence = {{"record", each.report.divergence->record},
                          {"what", each.report.divergence->what}};
        whole["profiles"].push_back({{"profile", each.profile->name},
                                     {"explains", each.explains()},
                                     {"verdict", name_of(each.report.verdict)},
                                     {"matched", each.report.matched},
                                     {"divergence", std::move(divergence)}});
    }
    out << whole.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

std::vector<Held> hold(const Trace& trace, const ReplayOptions& options) {
    std::vector<Held> all;
    for (const Profile& profile : profiles()) {
        ReplayOptions how = options;
        how.profile = profile.name;
        all.push_back({&profile, replay(trace, how)});
        all.back().report.history.clear();
    }
    return all;
}

Verdict verdict_of(const std::vector<Held>& all, const Profile* own) {
    Verdict verdict = Verdict::violation;
    for (const Held& each : all) {
        if (each.profile == own) return each.report.verdict;
        if (own == nullptr && each.explains()) verdict = Verdict::clean;
    }
    return verdict;
}

// The ones that profile_for_release() chooses from; the others are designs and single bugs.
constexpr std::array kernels_in_table{"6.0", "6.1", "6.6", "6.12", "6.18"};

bool is_in_table(const Held& held) {
    return std::ranges::find(kernels_in_table, held.profile->name) != kernels_in_table.end();
}

}  // namespace

Verdict hold_against_all(std::ostream& out, const Trace& trace, const std::string& file,
                         const ReplayOptions& options, const std::string& format) {
    const Profile* const own = profile_for_release(trace.info.kernel_release);
    const std::vector<Held> all = hold(trace, options);
    (format == "json" ? print_json : print_text)(out, all, own, trace, file);
    return verdict_of(all, own);
}

Verdict HeldTable::add(const Trace& trace, const std::string& file, const ReplayOptions& options) {
    const Profile* const own = profile_for_release(trace.info.kernel_release);
    const std::vector<Held> all = hold(trace, options);
    const std::string name = std::filesystem::path(file).stem().string();
    const std::string& release = trace.info.kernel_release;
    const std::string kernel = release.substr(0, release.find('.', release.find('.') + 1));
    std::string row = fmt::format("| {} | {} |", name, kernel);
    std::map<std::string, std::string> refusing;  // by where they diverge
    for (const Held& each : all) {
        if (!is_in_table(each)) continue;
        const std::string cell = each.explains() ? "explains" : "no";
        row += each.profile == own ? fmt::format(" **{}** |", cell) : fmt::format(" {} |", cell);
        if (each.explains()) continue;
        std::string& names = refusing[where_it_diverges(each.report)];
        names += (names.empty() ? "" : ", ") + each.profile->name;
    }
    for (const auto& [where, names] : refusing)
        divergences_.push_back(fmt::format("- {} of {} under {}: {}", name, kernel, names, where));
    const auto fitting = std::ranges::count_if(all, &Held::explains);
    rows_.push_back(row + fmt::format(" {} of {} |", fitting, all.size()));
    return verdict_of(all, own);
}

void HeldTable::print(std::ostream& out) const {
    out << "| capture | kernel |";
    for (const char* const kernel : kernels_in_table) out << ' ' << kernel << " |";
    out << " of all profiles |\n|---|---|";
    for (std::size_t i = 0; i < kernels_in_table.size(); ++i) out << "---|";
    out << "---|\n";
    for (const std::string& row : rows_) out << row << '\n';
    if (!divergences_.empty()) out << "\nThe first record that is not explained:\n\n";
    for (const std::string& line : divergences_) out << line << '\n';
}

}  // namespace zcv
