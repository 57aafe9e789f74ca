#include "traces/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "model/profiles.hpp"
#include "traces/binding.hpp"
#include "traces/naming.hpp"
#include "traces/stacks.hpp"

namespace zcv {
namespace {

constexpr const char* overflow_probe = "io_uring_cqe_overflow";

const Profile& profile_for(const std::string& name, const std::string& release) {
    if (!name.empty()) {
        if (const Profile* profile = find_profile(name)) return *profile;
        std::string known;
        for (const Profile& profile : profiles()) known += " " + profile.name;
        throw Refusal(Status::usage,
                      "replay: no profile is called " + name + ": there are" + known);
    }
    if (const Profile* profile = profile_for_release(release)) return *profile;
    throw Refusal(Status::usage,
                  "replay: no profile speaks for kernel \"" + release +
                      "\": choose one with --profile (zcv replay --help lists them)");
}

std::string in_words(const zcv_event& event, std::size_t record, std::uint64_t start_ns) {
    std::string text = fmt::format("record {}: {} at +{:.3f} ms", record,
                                   name_of(static_cast<zcv_event_kind>(event.kind)),
                                   static_cast<double>(event.time_ns - start_ns) / 1e6);
    if (event.generation != 0) text += fmt::format(", send {}", event.generation);
    if (event.user_data != 0) text += fmt::format(", user_data {:#x}", event.user_data);
    if (event.head != 0) text += fmt::format(", head {:#x}", event.head);
    return text;
}

// What one record changed in the model, told as in a counterexample.
std::vector<std::string> changes(const std::vector<checker::Field>& before,
                                 const std::vector<checker::Field>& after) {
    std::map<std::pair<std::string, std::string>, std::string> old;
    for (const checker::Field& field : before) old[{field.noun, field.name}] = field.value;
    std::vector<std::string> lines;
    for (const checker::Field& field : after) {
        const auto found = old.find({field.noun, field.name});
        if (found == old.end()) continue;
        if (found->second != field.value)
            lines.push_back(
                fmt::format("{} {} {} -> {}", field.noun, field.name, found->second, field.value));
    }
    return lines;
}

// Walks the same way again up to the divergence, to see what its send's last record did.
void look_back(const Trace& trace, const Profile& profile, const std::vector<std::size_t>& order,
               Divergence& divergence) {
    ReplayReport scratch;
    Walk walk(trace, profile, scratch);
    const std::uint32_t send = walk.send_of(divergence.record);
    std::size_t last = no_record;
    for (const std::size_t record : order) {
        if (record == divergence.record) break;
        if (send != 0 && walk.send_of(record) == send) last = record;
    }
    if (last == no_record) return;
    for (const std::size_t record : order) {
        const std::vector<checker::Field> before =
            record == last ? walk.fields_of(send) : std::vector<checker::Field>{};
        walk.explain(record);
        if (record != last) continue;
        divergence.previous =
            in_words(trace.events[last], last, trace.events[order.front()].time_ns);
        divergence.changed = changes(before, walk.fields_of(send));
        return;
    }
}

void set_known_aside(const Trace& trace, ReplayReport& report) {
    for (auto* const findings : {&report.violations, &report.notes}) {
        std::vector<Violation> others;
        for (Violation& finding : *findings) {
            Suppression* const known = suppression_of(finding, trace, report.suppressions);
            if (known == nullptr) {
                others.push_back(std::move(finding));
                continue;
            }
            ++known->used;
            finding.suppressed_by = static_cast<std::size_t>(known - report.suppressions.data());
            report.suppressed.push_back(std::move(finding));
        }
        *findings = std::move(others);
    }
}

// A CPU numbers its records in the order in which it takes their time.
class Numbers {
  public:
    // The next record in order of time.
    void see(const zcv_event& event) {
        if (event.cpu == ZCV_CPU_WATCH || event.cpu == ZCV_CPU_PAGES)
            return;  // whose clock is another one's
        if (event.cpu >= last_.size()) last_.resize(event.cpu + std::size_t{1});
        Last& before = last_[event.cpu];
        const auto ahead = static_cast<std::int32_t>(event.seq - before.seq);
        misnumbered_ +=
            before.is_any && (ahead == 0 || (ahead < 0 && event.time_ns != before.time_ns));
        before = {event.seq, true, event.time_ns};
    }
    std::uint64_t misnumbered() const { return misnumbered_; }

  private:
    struct Last {
        std::uint32_t seq = 0;
        bool is_any = false;
        std::uint64_t time_ns = 0;
    };
    std::vector<Last> last_;  // by CPU
    std::uint64_t misnumbered_ = 0;
};

void decide(const Trace& trace, ReplayReport& report) {
    const bool complete = is_whole(trace);
    if (trace.cut_off) report.reasons.push_back("the trace is cut off: it " + trace.cut_reason);
    if (trace.info.missing.contains(overflow_probe))
        report.reasons.push_back("overflown completions were not recorded: without " +
                                 std::string(overflow_probe));
    if (report.lost > 0) report.reasons.push_back(fmt::format("{} records were lost", report.lost));
    if (trace.totals.map_failures > 0)
        report.reasons.push_back(
            fmt::format("{} events could not be attributed to a send", trace.totals.map_failures));
    if (report.sends == 0) report.reasons.push_back("nothing to check: no zero-copy send");

    const bool diverged = report.divergence.has_value();
    if (!report.violations.empty() || (diverged && complete && !report.ambiguous))
        report.verdict = Verdict::violation;
    else if (!complete || diverged || !report.reasons.empty())
        report.verdict = Verdict::inconclusive;
    else
        report.verdict = Verdict::clean;
}

// Who had sent what is found, and where the kernel was at the record that shows it.
void tell_stacks(const Trace& trace, ReplayReport& report) {
    std::unordered_map<std::uint64_t, std::uint32_t> kernel_at;  // by time
    if (report.violations.empty()) return;
    for (const zcv_event& event : trace.events)
        if (event.kernel_stack != 0)
            kernel_at[event.time_ns] = ZCV_KERNEL_STACKS | event.kernel_stack;
    for (Violation& finding : report.violations) {
        if (finding.send != 0)
            finding.sent_by = lines_of(trace, report.history[finding.send - 1].stack);
        if (const auto found = kernel_at.find(finding.time_ns); found != kernel_at.end())
            finding.in_kernel = lines_of(trace, found->second);
    }
}

}  // namespace

void check_profile(const std::string& profile, const std::string& kernel_release) {
    profile_for(profile, kernel_release);
}

bool is_whole(const Trace& trace) {
    return !trace.cut_off && trace.totals.lost == 0 && trace.sequence_gaps == 0 &&
           !trace.info.missing.contains(overflow_probe);
}

ReplayReport replay(const Trace& trace, const ReplayOptions& options) {
    ReplayReport report;
    const Profile& profile = profile_for(options.profile, trace.info.kernel_release);
    report.profile = profile.name;
    report.records = trace.events.size();
    report.lost = std::max(trace.totals.lost, trace.sequence_gaps);

    Walk walk(trace, profile, report);
    const std::vector<std::size_t>& order = walk.lookahead().order;
    Numbers numbers;
    Witness witness(trace, report);
    bool certain = false;
    for (const std::size_t record : order) {
        const zcv_event& event = trace.events[record];
        numbers.see(event);
        witness.see(event);
        std::optional<Mismatch> mismatch = walk.explain(record);
        if (!mismatch) {
            ++report.matched;
        } else if (!report.divergence || (mismatch->certain && !certain)) {
            certain = mismatch->certain;
            const std::uint64_t start = trace.events[order.front()].time_ns;
            report.divergence = Divergence{record,
                                           in_words(event, record, start) + ": " + mismatch->why,
                                           {},
                                           {},
                                           std::move(mismatch->around),
                                           std::move(mismatch->instead)};
            look_back(trace, profile, order, *report.divergence);
        }
    }
    walk.finish();
    if (const std::uint64_t count = numbers.misnumbered())
        report.reasons.push_back(fmt::format(
            "{} records are numbered twice or against their time: no capture writes them so",
            count));
    if (report.divergence && !certain) {
        report.ambiguous = true;
        report.reasons.push_back(
            "on a connection that split or retransmitted skbs a record was not explained: only one "
            "of several ways to read it was followed");
    }
    tell_stacks(trace, report);
    name_findings(witness, report);
    report.suppressions = options.suppressions;
    set_known_aside(trace, report);
    decide(trace, report);
    return report;
}

}  // namespace zcv
