#include "traces/kernel_bugs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <ostream>
#include <string_view>

#include "traces/event_sets.hpp"

namespace zcv {
namespace {

std::uint64_t records_of(const Trace& trace, zcv_event_kind kind) {
    return static_cast<std::uint64_t>(
        std::ranges::count(trace.events, static_cast<std::uint16_t>(kind), &zcv_event::kind));
}

// A member of a link that failed.
bool cancels_a_link(const Trace&, const ReplayReport& report) {
    return std::ranges::any_of(report.history,
                               [](const SendHistory& send) { return send.link_failed; });
}

// Several sends on one stream, asked whether their data was copied, of which one was not.
bool asks_usage_on_a_stream(const Trace& trace, const ReplayReport& report) {
    const bool several = std::ranges::count_if(report.history, [](const SendHistory& send) {
                             return send.stream && send.asked_usage && !send.is_call;
                         }) > 1;
    return several && report.copied < report.history.size() && records_of(trace, ZCV_NOTIF) > 1;
}

// Calls of which some were copied and some not.
bool has_calls_of_both_codes(const Trace&, const ReplayReport& report) {
    const auto has = [&](Payload payload) {
        return std::ranges::any_of(report.history, [&](const SendHistory& send) {
            return send.is_call && send.payload == payload;
        });
    };
    return has(Payload::copied) && has(Payload::zero_copied);
}

// TCP let go of what was not acknowledged, and the connection went on.
bool makes_mtu_probes(const Trace& trace, const ReplayReport&) {
    return records_of(trace, ZCV_RESET) == 0 &&
           std::ranges::any_of(trace.events, is_unacknowledged);
}

bool drains(const Trace& trace, const ReplayReport&) {
    return records_of(trace, ZCV_DEFER) > 0;
}

struct Bug {
    std::string_view id;
    std::string_view what;
    bool (*has_occasion)(const Trace&, const ReplayReport&);
};

constexpr std::array bugs{
    Bug{"B1", "an MTU probe takes the pages along, and not the reference", makes_mtu_probes},
    Bug{"B24", "a cancelled link member's CQE lacks F_MORE", cancels_a_link},
    Bug{"B25", "members of a chain say COPIED whatever happened", asks_usage_on_a_stream},
    Bug{"B30", "a range of the error queue has a code that is not its calls'",
        has_calls_of_both_codes},
    Bug{"B32", "a drained send never starts", drains},
};

std::uint64_t times(const ReplayReport& report, std::string_view id) {
    std::uint64_t found = 0;
    for (const auto* const list : {&report.violations, &report.notes, &report.suppressed})
        found += static_cast<std::uint64_t>(std::ranges::count_if(
            *list, [&](const Violation& each) { return each.rule && each.rule->id == id; }));
    return found;
}

std::pair<int, int> numbers_of(const std::string& release) {
    std::pair<int, int> numbers{0, 0};
    std::sscanf(release.c_str(), "%d.%d", &numbers.first, &numbers.second);
    return numbers;
}

}  // namespace

void KernelBugs::add(const std::string& file, const Trace& trace, const ReplayReport& report) {
    const auto kernel = numbers_of(trace.info.kernel_release);
    const std::string name = std::filesystem::path(file).stem().string();
    ++kernels_[kernel];
    for (const Bug& bug : bugs) {
        Shown& shown = bugs_[std::string(bug.id)][kernel];
        if (times(report, bug.id) > 0)
            shown.in.push_back(name);
        else if (bug.has_occasion(trace, report))
            shown.not_in.push_back(name);
    }
}

void KernelBugs::print(std::ostream& out, const std::string& format) const {
    const bool table = format == "markdown";
    const auto name_of = [](const std::pair<int, int>& kernel) {
        return fmt::format("{}.{}", kernel.first, kernel.second);
    };
    const auto in_words = [](const Shown& shown) -> std::string {
        if (!shown.in.empty()) return fmt::format("present: {}", fmt::join(shown.in, ", "));
        if (!shown.not_in.empty()) return fmt::format("absent: {}", fmt::join(shown.not_in, ", "));
        return "no capture";
    };
    if (table) {
        out << "| bug |";
        for (const auto& [kernel, captures] : kernels_) out << ' ' << name_of(kernel) << " |";
        out << "\n|---|";
        for (std::size_t i = 0; i < kernels_.size(); ++i) out << "---|";
        out << '\n';
    }
    for (const Bug& bug : bugs) {
        const std::string bug_in_words = fmt::format("{} {}", bug.id, bug.what);
        out << (table ? "| " + bug_in_words + " |" : bug_in_words + "\n");
        const auto of_bug = bugs_.find(std::string(bug.id));
        for (const auto& [kernel, captures] : kernels_) {
            const std::string words =
                of_bug == bugs_.end() ? "no capture" : in_words(of_bug->second.at(kernel));
            out << (table ? fmt::format(" {} |", words)
                          : fmt::format("  {:<5} {}\n", name_of(kernel), words));
        }
        if (table) out << '\n';
    }
}

}  // namespace zcv
