#include "traces/references.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "model/profiles.hpp"
#include "traces/binding.hpp"

namespace zcv {
namespace {

constexpr int references_schema_version = 1;
constexpr const char* probes_name = "function probes";

// In the order of zcv_ref.
constexpr std::array ref_names{
    "none",    "alloc",  "extend",      "call",   "attach", "attach",
    "attach",  "member", "clone",       "expand", "issuer", "call-over",
    "release", "copy",   "member-gone", "abort",  "issuer",
};
static_assert(ref_names.size() == ZCV_REF_COUNT, "every way needs a name");

// Which function attaches or flushes differs between kernels; that it was done does not.
zcv_ref comparable(std::uint8_t how) {
    if (how == ZCV_REF_LINK_SKB || how == ZCV_REF_DATAGRAM) return ZCV_REF_STREAM;
    if (how == ZCV_REF_FLUSH) return ZCV_REF_ISSUER;
    return how < ZCV_REF_COUNT ? static_cast<zcv_ref>(how) : ZCV_REF_NONE;
}

// Who takes it: an skb is one however it came by the data. What an skb gives up it was done with,
// or had copied, which the application is told.
int holder_of(zcv_ref way) {
    return way == ZCV_REF_CLONE || way == ZCV_REF_EXPAND ? ZCV_REF_STREAM : way;
}

// The probes against themselves: what they say must add up, and be what the kernel counts.
class Account {
  public:
    explicit Account(References& into) : into_(into) {}

    void see(const zcv_event& event) {
        if (event.opcode == ZCV_REF_ALLOC) {
            close(event.ubuf);
            sums_[event.ubuf] = 0;
        }
        const auto sum = sums_.find(event.ubuf);
        if (sum == sums_.end()) return;
        sum->second += event.res;
        ++into_.records;
        into_.exact += event.refs == event.len;
    }
    void close() {
        while (!sums_.empty()) close(sums_.begin()->first);
    }

  private:
    void close(std::uint64_t ubuf) {
        const auto sum = sums_.find(ubuf);
        if (sum == sums_.end()) return;
        ++into_.ubufs;
        into_.balanced += sum->second == 0;
        sums_.erase(sum);
    }

    References& into_;
    std::map<std::uint64_t, std::int64_t> sums_;  // by ubuf that is alive
};

using BySend = std::map<std::pair<std::uint32_t, zcv_ref>, RefCounts>;  // generation, way

void add_up(const BySend& by_send, const std::map<std::uint32_t, std::uint32_t>& numbers,
            References& into) {
    std::map<std::pair<std::uint32_t, int>, RefCounts> by_holder;
    for (const auto& [key, counts] : by_send) {
        const auto [generation, way] = key;
        RefCounts& held = by_holder[{generation, holder_of(way)}];
        for (RefCounts* const sum : {&held, &into.by_way[way]}) {
            sum->seen += counts.seen;
            sum->inferred += counts.inferred;
            sum->same_way += std::min(counts.seen, counts.inferred);
        }
        if (counts.seen == counts.inferred) continue;
        const auto number = numbers.find(generation);
        into.differences.push_back({number == numbers.end() ? 0 : number->second, way, counts});
    }
    for (const auto& [key, counts] : by_holder) {
        into.all.seen += counts.seen;
        into.all.inferred += counts.inferred;
        into.all.same += std::min(counts.seen, counts.inferred);
        into.all.same_way += counts.same_way;
    }
}

// Percent of all that either knows of.
double agreement(const RefCounts& counts, std::uint64_t same) {
    const std::uint64_t either = counts.seen + counts.inferred - same;
    return either == 0 ? 100.0 : 100.0 * static_cast<double>(same) / static_cast<double>(either);
}

std::string in_words(const RefDifference& difference) {
    return fmt::format("send #{}: {} {} times seen, {} inferred", difference.send,
                       ref_names[difference.way], difference.counts.seen,
                       difference.counts.inferred);
}

std::string missed_in_words(const References& of) {
    return fmt::format("the probes missed {} moments that interrupted one of themselves",
                       of.missed);
}

void print_text(std::ostream& out, const References& of) {
    out << fmt::format("{}: kernel {}, profile {}, {} function probes\n", of.file, of.kernel,
                       of.profile, of.probes);
    if (!of.why_none.empty()) {
        out << "  nothing to compare: " << of.why_none << '\n';
        return;
    }
    out << fmt::format(
        "  {} changes of counts seen, {} inferred, {} the same: {:.2f} %; in the same way {}: "
        "{:.2f} %\n",
        of.all.seen, of.all.inferred, of.all.same, agreement(of.all, of.all.same), of.all.same_way,
        agreement(of.all, of.all.same_way));
    for (std::size_t way = 0; way < of.by_way.size(); ++way)
        if (const RefCounts& each = of.by_way[way]; each.seen + each.inferred > 0)
            out << fmt::format("    {:<12} {:>6} seen {:>6} inferred {:>6} the same\n",
                               ref_names[way], each.seen, each.inferred, each.same_way);
    for (const RefDifference& difference : of.differences)
        out << "  " << in_words(difference) << '\n';
    if (of.missed > 0) out << "  " << missed_in_words(of) << '\n';
    if (of.unnamed > 0) out << fmt::format("  {} of notifications never submitted\n", of.unnamed);
    if (of.of_calls > 0)
        out << fmt::format("  {} of MSG_ZEROCOPY calls: seen, not compared\n", of.of_calls);
    out << fmt::format("  of {} ubufs the changes of {} add up to nothing\n", of.ubufs,
                       of.balanced);
    out << fmt::format("  the kernel's own count is what they add up to in {} of {} records\n",
                       of.exact, of.records);
}

void print_json(std::ostream& out, const References& of) {
    using nlohmann::json;
    const auto object = [](const RefCounts& counts) {
        return json{
            {"seen", counts.seen}, {"inferred", counts.inferred}, {"same_way", counts.same_way}};
    };
    json by_way = json::object(), differences = json::array(), all = object(of.all);
    all["same"] = of.all.same;
    for (std::size_t way = 0; way < of.by_way.size(); ++way)
        if (of.by_way[way].seen + of.by_way[way].inferred > 0)
            by_way[ref_names[way]] = object(of.by_way[way]);
    for (const RefDifference& each : of.differences) {
        json one = object(each.counts);
        one["send"] = each.send;
        one["way"] = ref_names[each.way];
        one.erase("same_way");
        differences.push_back(std::move(one));
    }
    const json whole{{"schema_version", references_schema_version},
                     {"file", of.file},
                     {"kernel", of.kernel},
                     {"profile", of.profile},
                     {"probes", of.probes},
                     {"why_none", of.why_none},
                     {"all", std::move(all)},
                     {"agreement_percent", agreement(of.all, of.all.same)},
                     {"by_way", std::move(by_way)},
                     {"differences", std::move(differences)},
                     {"missed", of.missed},
                     {"unnamed", of.unnamed},
                     {"of_calls", of.of_calls},
                     {"ubufs", of.ubufs},
                     {"ubufs_balanced", of.balanced},
                     {"records", of.records},
                     {"records_exact", of.exact}};
    out << whole.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

void print_markdown(std::ostream& out, const std::vector<References>& all) {
    out << "| capture | kernel | seen | inferred | the same | agreement | same way | ubufs that "
           "add "
           "up | kernel's own count |\n|---|---|---|---|---|---|---|---|---|\n";
    RefCounts sum;
    std::string words;
    for (const References& of : all) {
        const std::string name = std::filesystem::path(of.file).stem().string();
        const std::string kernel =
            of.kernel.substr(0, of.kernel.find('.', of.kernel.find('.') + 1));
        const auto percent = [&](std::uint64_t same) -> std::string {
            if (of.all.seen + of.all.inferred == 0) return "-";
            return fmt::format("{:.2f} %", agreement(of.all, same));
        };
        out << fmt::format("| {} | {} | {} | {} | {} | {} | {} | {}/{} | {}/{} |\n", name, kernel,
                           of.all.seen, of.all.inferred, of.all.same, percent(of.all.same),
                           percent(of.all.same_way), of.balanced, of.ubufs, of.exact, of.records);
        sum.seen += of.all.seen;
        sum.inferred += of.all.inferred;
        sum.same += of.all.same;
        sum.same_way += of.all.same_way;
        for (const RefDifference& difference : of.differences)
            words += fmt::format("- {} on {}: {}\n", name, kernel, in_words(difference));
        if (of.missed > 0 && !of.differences.empty())
            words += fmt::format("- {} on {}: {}\n", name, kernel, missed_in_words(of));
    }
    out << fmt::format(
        "\n{} of {} changes that either knows of are the same: {:.3f} %; {} in the same way: "
        "{:.3f} "
        "%.\n",
        sum.same, sum.seen + sum.inferred - sum.same, agreement(sum, sum.same), sum.same_way,
        agreement(sum, sum.same_way));
    if (!words.empty()) out << "\nIn another way:\n\n" << words;
}

// From what a kernel without function probes would have recorded.
std::vector<RefChange> inferred_in(const Trace& trace, const Profile& profile) {
    Trace plain = trace;
    std::erase_if(plain.events, [](const zcv_event& event) { return event.kind == ZCV_UBUF_REF; });
    ReplayReport scratch;
    Walk walk(records_of(plain), plain, profile, scratch);
    std::vector<RefChange> inferred;
    walk.note_references(inferred);
    while (const KnownRecord* const record = walk.next()) walk.explain(*record);
    return inferred;
}

}  // namespace

References compare_references(const std::string& file, const Trace& trace,
                              const ReplayOptions& options) {
    const ReplayReport report = replay(trace, options);
    References found;
    found.file = file;
    found.kernel = trace.info.kernel_release;
    found.profile = report.profile;
    found.probes = static_cast<std::uint64_t>(std::ranges::count_if(
        trace.info.probes, [](const std::string& name) { return name.find(':') != name.npos; }));
    found.missed = trace.totals.recursion_misses;
    std::map<std::uint32_t, std::uint32_t> numbers;
    for (const SendHistory& send : report.history) numbers[send.generation] = send.number;

    BySend by_send;
    Account account(found);
    Lookahead ahead(records_of(trace), {});
    while (const KnownRecord* const record = ahead.next()) {
        const zcv_event& event = record->event();
        if (event.kind != ZCV_UBUF_REF) continue;
        account.see(event);
        if (event.res == 0) continue;
        const std::uint32_t generation = record->send;
        if (event.ring == 0)
            ++found.of_calls;
        else if (generation == 0)
            ++found.unnamed;
        else
            ++by_send[{generation, comparable(event.opcode)}].seen;
    }
    account.close();
    if (found.records == 0) {
        const auto missing = trace.info.missing.find(probes_name);
        found.why_none = missing == trace.info.missing.end()
                             ? "no function probe wrote a record: capture with --events "
                               "default,ubuf-ref where the kernel takes them (zcv guest)"
                             : missing->second;
        return found;
    }
    for (const RefChange& change : inferred_in(trace, *find_profile(report.profile)))
        ++by_send[{change.generation, comparable(static_cast<std::uint8_t>(change.how))}].inferred;
    add_up(by_send, numbers, found);
    return found;
}

void print_references(std::ostream& out, const std::vector<References>& all,
                      const std::string& format) {
    if (format == "markdown") return print_markdown(out, all);
    for (const References& of : all) (format == "json" ? print_json : print_text)(out, of);
}

}  // namespace zcv
