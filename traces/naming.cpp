#include "traces/naming.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/ensure.hpp"
#include "traces/trace_notes.hpp"

namespace zcv {
namespace {

constexpr std::int32_t ecanceled = 125;

// One early write, and when it can have been.
struct Case {
    Violation* finding;
    const SendHistory* send;
    std::uint64_t from;   // the submission
    std::uint64_t until;  // the write, or the latest moment that it can have been
    bool exact;           // a watchpoint saw it, or it was seen before the pages were others
};

struct Candidate {
    const char* rule;
    bool (*fits)(const AppView&, const Case&);
};

// The most exact first: something the application did or was told that it can have gone by.
constexpr Candidate candidates[]{
    {"ZC-A6", [](const AppView& app,
                 const Case& c) { return app.closed_ring(c.send->ring, c.from, c.until); }},
    {"ZC-A3",
     [](const AppView& app, const Case& c) { return app.closed(c.send->sock, c.from, c.until); }},
    {"ZC-A4", [](const AppView& app, const Case& c) { return app.cancelled(*c.send, c.until); }},
    {"ZC-A5",
     [](const AppView& app, const Case& c) { return app.timed_out(*c.send, c.from, c.until); }},
    {"ZC-A7",
     [](const AppView& app, const Case& c) {
         return c.send->fixed && app.unregistered(c.send->ring, c.from, c.until);
     }},
    {"ZC-A14",
     // What changed in a page that a fork shares was written before the fork.
     [](const AppView& app, const Case& c) {
         return (c.send->fixed || c.send->pages != Pages::same) &&
                app.forked(c.send->tgid, c.from, c.until);
     }},
    {"ZC-B11", [](const AppView& app,
                  const Case& c) { return app.overflown(c.send->ring, c.from, c.until); }},
    {"ZC-B5", [](const AppView& app, const Case& c) { return app.shares_name(*c.send); }},
    {"ZC-C10",
     [](const AppView& app, const Case& c) {
         return c.send->is_call &&
                app.counting_reaches(*c.send, c.until, AppView::LeftOut::nothing);
     }},
    {"ZC-B4",
     [](const AppView& app, const Case& c) {
         return app.counting_reaches(*c.send, c.until, AppView::LeftOut::nothing);
     }},
    {"ZC-B3",
     [](const AppView& app, const Case& c) {
         return app.counting_reaches(*c.send, c.until, AppView::LeftOut::cancelled);
     }},
    {"ZC-B2",
     [](const AppView& app, const Case& c) {
         return app.counting_reaches(*c.send, c.until, AppView::LeftOut::failed);
     }},
    {"ZC-A9",
     [](const AppView& app, const Case& c) {
         return c.send->completed_ns &&
                app.copied_behind(c.send->sock, *c.send->completed_ns, c.until);
     }},
    {"ZC-A8",
     [](const AppView& app, const Case& c) {
         return c.finding->again_as == 0 && app.left_alone(c.send->tgid) > 0 &&
                c.send->completed_ns && c.until > *c.send->completed_ns;
     }},
    {"ZC-A2",
     [](const AppView& app, const Case& c) {
         return app.all_copied(c.send->sock) && c.send->completed_ns &&
                c.until > *c.send->completed_ns;
     }},
    {"ZC-A1",
     [](const AppView&, const Case& c) {
         return c.send->completed_ns && c.until > *c.send->completed_ns;
     }},
    {"ZC-R1", [](const AppView&, const Case&) { return true; }},
};

void name(Case& c, const char* id) {
    c.finding->rule = find_rule(id);
    c.finding->severity = c.finding->rule->severity;
    // A page that is not pinned is copied at the first write after a fork.
    if (c.finding->rule->id == "ZC-A14" && !c.send->fixed) c.finding->severity = Severity::note;
    if (c.send->pages == Pages::unknown) return;
    c.finding->seen_by.push_back(Evidence::pages);
    c.finding->evidence += c.send->pages == Pages::same
                               ? "; its address still led to the pages that were sent"
                               : "; its address led to other pages by then";
}

// Other pages were at that address before the write, or may have been.
bool is_of_other_pages(const AppView& app, const Case& c) {
    if (c.send->pages == Pages::same) return false;
    if (c.send->pages == Pages::other && !c.exact && !app.forked(c.send->tgid, c.from, c.until))
        return true;
    const std::uint64_t last = c.exact ? c.until : c.send->notified_ns.value_or(app.end_ns());
    return app.unmapped(*c.send, c.from, last);
}

// What must be true of a program beyond each of its cases, of which so many fit.
bool fits_the_program(const AppView& app, std::string_view rule, const std::vector<Case>& cases,
                      std::size_t fitting, std::size_t all) {
    // A fork explains nothing where something else happened as well.
    if (rule == "ZC-A14") return fitting == all;
    if (rule == "ZC-A8") return app.left_alone(cases.front().send->tgid) >= fitting;
    // Whoever mixes up two sends acts when the other's notification comes.
    if (rule == "ZC-B5")
        return 2 * static_cast<std::size_t>(std::ranges::count_if(
                       cases,
                       [&](const Case& c) { return app.namesake_told(*c.send, c.until); })) >=
               fitting;
    return true;
}

// Of one program: the first rule that fits all, else the one that fits most, and so on for the
// rest.
void name_all(const AppView& app, std::vector<Case> cases) {
    const std::size_t all = cases.size();
    while (!cases.empty()) {
        const Candidate* best = nullptr;
        std::size_t most = 0;
        for (const Candidate& candidate : candidates) {
            const auto fitting = static_cast<std::size_t>(std::ranges::count_if(
                cases, [&](const Case& c) { return candidate.fits(app, c); }));
            if (fitting <= most || !fits_the_program(app, candidate.rule, cases, fitting, all))
                continue;
            best = &candidate;
            most = fitting;
        }
        for (Case& c : cases)
            if (best->fits(app, c)) name(c, best->rule);
        std::erase_if(cases, [](const Case& c) { return c.finding->rule != nullptr; });
    }
}

void name_early_writes(AppView& app, ReplayReport& report) {
    if (std::ranges::none_of(report.violations, is_early_write)) return;
    app.count_sends();
    std::map<std::uint32_t, std::vector<Case>> programs;
    for (Violation& finding : report.violations) {
        if (!is_early_write(finding)) continue;
        const SendHistory& send = *send_named(report, finding.send);
        Case c{&finding, &send, send.submitted_ns, finding.time_ns,
               finding.thread != 0 || finding.before_unmapping};
        if (is_of_other_pages(app, c)) {
            if (send.pages != Pages::other) finding.seen_by.push_back(Evidence::unmapping);
            name(c, "ZC-A15");
        } else {
            programs[send.tgid].push_back(c);
        }
    }
    for (auto& [tgid, cases] : programs) name_all(app, std::move(cases));
}

// What the kernel did: a bug of the gallery where its shape is seen, else the property.
void name_kernel_side(ReplayReport& report) {
    for (Violation& finding : report.violations) {
        if (finding.rule != nullptr) continue;
        std::string_view id{finding.property};
        id = id.substr(0, id.find('-'));
        const SendHistory* const send =
            finding.send == 0 ? nullptr : send_named(report, finding.send);
        if (id == "S10" && (send->link_failed || send->res == -ecanceled)) id = "B24";
        if (id == "S1" && send->eaten) id = "B1";
        finding.rule = find_rule(id);
        ZCV_CHECK(finding.rule != nullptr);
        finding.severity = finding.rule->severity;
    }
}

// Content that differs at the end may have been changed before the pages were others or after.
void doubt_notes(ReplayReport& report) {
    const auto unseen = std::ranges::count_if(report.violations, [](const Violation& each) {
        return each.severity == Severity::note && each.thread == 0;
    });
    if (unseen > 0)
        report.reasons.push_back(fmt::format(
            "{} buffers changed, and other pages may have been at their addresses by then (ZC-A14, "
            "ZC-A15): which came first only a watchpoint can tell, and none was on them",
            unseen));
}

// The number of the newest send.
std::uint32_t newest_in(const ReplayReport& report) {
    const std::uint32_t left = report.history.empty() ? 0 : report.history.back().number;
    return std::max(report.histories, left);
}

// Those that were not given up.
void count_the_rest(Witness& witness, ReplayReport& report) {
    ByGeneration<const SendHistory*> newest;
    for (const SendHistory& send : report.history)
        if (send.generation != 0) newest[send.generation] = &send;
    const OtherSends others{[&](std::uint32_t number) { return send_named(report, number); },
                            [&](std::uint32_t generation) {
                                const SendHistory* const* const send = newest.find(generation);
                                return send == nullptr ? nullptr : *send;
                            }};
    witness.payloads.end();
    for (SendHistory& send : report.history) witness.count(send, newest_in(report), others);
}

}  // namespace

bool is_early_write(const Violation& finding) {
    return finding.property.starts_with("R1-");
}

SendHistory* send_named(ReplayReport& report, std::uint32_t number) {
    const auto found = std::ranges::lower_bound(report.history, number, {}, &SendHistory::number);
    return found == report.history.end() || found->number != number ? nullptr : &*found;
}

void name_findings(Witness& witness, ReplayReport& report) {
    count_the_rest(witness, report);
    name_early_writes(witness.app, report);
    name_kernel_side(report);
    doubt_notes(report);
    for (const Violation& finding : report.violations)
        if (finding.severity != Severity::error) report.notes.push_back(finding);
    std::erase_if(report.violations,
                  [](const Violation& each) { return each.severity != Severity::error; });
    witness.streams.add(report);
    witness.notes.add(newest_in(report), report);
    witness.payloads.tell(report);
    // Notes may have brought back some that had been given up, or are there.
    std::ranges::stable_sort(report.history, {}, &SendHistory::number);
    const auto again = std::ranges::unique(report.history, {}, &SendHistory::number);
    report.history.erase(again.begin(), again.end());
}

}  // namespace zcv
