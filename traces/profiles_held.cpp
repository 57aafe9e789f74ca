#include "traces/profiles_held.hpp"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

Verdict hold_against_all(std::ostream& out, const Trace& trace, const std::string& file,
                         const ReplayOptions& options, const std::string& format) {
    const Profile* const own = profile_for_release(trace.info.kernel_release);
    std::vector<Held> all;
    for (const Profile& profile : profiles()) {
        ReplayOptions how = options;
        how.profile = profile.name;
        all.push_back({&profile, replay(trace, how)});
        all.back().report.history.clear();
    }
    (format == "json" ? print_json : print_text)(out, all, own, trace, file);
    Verdict verdict = Verdict::violation;
    for (const Held& each : all) {
        if (each.profile == own) return each.report.verdict;
        if (own == nullptr && each.explains()) verdict = Verdict::clean;
    }
    return verdict;
}

}  // namespace zcv
