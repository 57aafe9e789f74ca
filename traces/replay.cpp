#include "traces/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

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

// What a replay needs of a trace, in memory or in its file.
struct Source {
    const Trace& about;  // without records
    std::function<std::unique_ptr<Records>()> records;
};

// Of the send that the divergence is about, which is told too.
std::size_t last_before(const Source& source, const Profile& profile, std::size_t diverged,
                        std::uint32_t& send) {
    ReplayReport scratch;
    Walk walk(source.records(), source.about, profile, scratch);
    std::unordered_map<std::uint32_t, std::size_t> last;  // by generation
    while (const KnownRecord* const next = walk.next()) {
        send = walk.send_of(*next);
        if (next->placed.record == diverged) break;
        last[send] = next->placed.record;
    }
    const auto found = last.find(send);
    return send == 0 || found == last.end() ? no_record : found->second;
}

// Walks the same way again up to the divergence, to see what its send's last record did.
void look_back(const Source& source, const Profile& profile, std::uint64_t start_ns,
               Divergence& divergence) {
    std::uint32_t send = 0;
    const std::size_t last = last_before(source, profile, divergence.record, send);
    if (last == no_record) return;
    ReplayReport scratch;
    Walk walk(source.records(), source.about, profile, scratch);
    while (const KnownRecord* const next = walk.next()) {
        const bool is_last = next->placed.record == last;
        const std::vector<checker::Field> before =
            is_last ? walk.fields_of(send) : std::vector<checker::Field>{};
        walk.explain(*next);
        if (!is_last) continue;
        divergence.previous = in_words(next->event(), last, start_ns);
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

// Where the kernel was at each of these times, by its stack's number.
std::unordered_map<std::uint64_t, std::uint32_t> kernel_stacks(
    const Source& source, const std::vector<Violation>& findings) {
    std::unordered_map<std::uint64_t, std::uint32_t> at;
    for (const Violation& finding : findings) at[finding.time_ns] = 0;
    const std::unique_ptr<Records> records = source.records();
    for (auto some = records->next(); !some.empty(); some = records->next())
        for (const Placed& record : some) {
            if (record.event->kernel_stack != 0)
                if (const auto found = at.find(record.event->time_ns); found != at.end())
                    found->second = ZCV_KERNEL_STACKS | record.event->kernel_stack;
            records->done(record);
        }
    return at;
}

// Who had sent what is found, and where the kernel was at the record that shows it.
void tell_stacks(const Source& source, bool has_kernel_stacks, ReplayReport& report) {
    for (Violation& finding : report.violations)
        if (finding.send != 0)
            finding.sent_by = lines_of(source.about, send_named(report, finding.send)->stack);
    if (report.violations.empty() || !has_kernel_stacks) return;
    const auto at = kernel_stacks(source, report.violations);
    for (Violation& finding : report.violations)
        if (const std::uint32_t stack = at.at(finding.time_ns); stack != 0)
            finding.in_kernel = lines_of(source.about, stack);
}

// One walk through the trace.
class Replayed {
  public:
    Replayed(const Source& source, const ReplayOptions& options)
        : source_(source),
          profile_(profile_for(options.profile, source.about.info.kernel_release)),
          witness_(source.about, report_),
          walk_(source.records(), source.about, profile_, report_, options.foresight) {
        report_.profile = profile_.name;
        report_.suppressions = options.suppressions;
        if (!options.keep_history) walk_.forget_sends([this](SendHistory& send) { count(send); });
    }

    // Nothing when it takes all sends to name what was found, and they were given up.
    std::optional<ReplayReport> run(bool keeps_history) {
        while (const KnownRecord* const next = walk_.next()) take(*next);
        walk_.finish();
        if (!keeps_history && std::ranges::any_of(report_.violations, is_early_write))
            return std::nullopt;
        close();
        return std::move(report_);
    }

  private:
    void take(const KnownRecord& record) {
        const zcv_event& event = record.event();
        if (report_.records++ == 0) start_ns_ = event.time_ns;
        numbers_.see(event);
        witness_.see(event);
        has_kernel_stacks_ |= event.kernel_stack != 0;
        std::optional<Mismatch> mismatch = walk_.explain(record);
        if (!mismatch) [[likely]] {
            ++report_.matched;
            return;
        }
        if (report_.divergence && (!mismatch->certain || certain_)) return;
        certain_ = mismatch->certain;
        const std::size_t number = record.placed.record;
        report_.divergence = Divergence{number,
                                        in_words(event, number, start_ns_) + ": " + mismatch->why,
                                        {},
                                        {},
                                        std::move(mismatch->around),
                                        std::move(mismatch->instead)};
    }

    void count(SendHistory& send) {
        const Histories& all = walk_.histories();
        const OtherSends others{
            [&](std::uint32_t number) { return all.find(number); },
            [&](std::uint32_t generation) { return all.of_generation(generation); }};
        witness_.count(send, all.count(), others);
    }

    void close() {
        const Trace& about = source_.about;
        report_.history = walk_.histories().left();
        report_.histories = walk_.histories().count();
        report_.start_ns = walk_.histories().start_ns();
        report_.lost = std::max(about.totals.lost, about.sequence_gaps);
        report_.blind_spells = about.totals.blind_spells;
        if (report_.divergence) look_back(source_, profile_, start_ns_, *report_.divergence);
        if (const std::uint64_t count = numbers_.misnumbered())
            report_.reasons.push_back(fmt::format(
                "{} records are numbered twice or against their time: no capture writes them so",
                count));
        if (report_.divergence && !certain_) {
            report_.ambiguous = true;
            report_.reasons.push_back(
                "on a connection that split or retransmitted skbs a record was not explained: only "
                "one of several ways to read it was followed");
        }
        if (report_.divergence && report_.blind_spells > 0) {
            report_.ambiguous = true;
            report_.reasons.push_back(
                "packets may have gone unseen before a record that was not explained");
        }
        tell_stacks(source_, has_kernel_stacks_, report_);
        name_findings(witness_, report_);
        set_known_aside(about, report_);
        decide(about, report_);
    }

    const Source& source_;
    ReplayReport report_;
    const Profile& profile_;
    Numbers numbers_;
    Witness witness_;
    Walk walk_;
    std::uint64_t start_ns_ = 0;
    bool certain_ = false;
    bool has_kernel_stacks_ = false;
};

}  // namespace

void check_profile(const std::string& profile, const std::string& kernel_release) {
    profile_for(profile, kernel_release);
}

bool is_whole(const Trace& trace) {
    return !trace.cut_off && trace.totals.lost == 0 && trace.sequence_gaps == 0 &&
           !trace.info.missing.contains(overflow_probe);
}

// What a send was written too early by is named by all sends of its program: such a trace is walked
// a second time, with all of them kept.
ReplayReport replay(const Source& source, ReplayOptions options) {
    for (;; options.keep_history = true)
        if (auto report = Replayed(source, options).run(options.keep_history))
            return std::move(*report);
}

ReplayReport replay(const Trace& trace, const ReplayOptions& options) {
    return replay(Source{trace, [&] { return records_of(trace); }}, options);
}

ReplayReport replay(TraceFile& file, const ReplayOptions& options) {
    const Source source{file.about(), [&] { return file.records(); }};
    try {
        for (;;) {
            const bool whole = is_whole(file.about());
            const bool cut_off = file.about().cut_off;
            ReplayReport report = replay(source, options);
            // What only the records told may have changed what is claimed of them.
            if (whole == is_whole(file.about()) && cut_off == file.about().cut_off) return report;
        }
    } catch (const OutOfOrder&) {
        return replay(read_trace(file.path()), options);
    }
}

}  // namespace zcv
