#include "traces/report_findings.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

namespace zcv {
namespace {

constexpr std::uint8_t op_sendmsg_zc = 48;

// What stays the same from run to run and build to build: no addresses, lines or numbers of sends.
// Two lines of one function are one cause.
std::string cause_of(const Violation& violation, const Trace& trace) {
    std::string cause(violation.rule->id);
    for (const StackFrame& frame : frames_of(violation, trace))
        cause += frame.function.empty() ? fmt::format("\n{}+{:#x}", frame.module, frame.offset)
                                        : fmt::format("\n{} {}", frame.function, frame.file);
    return cause;
}

}  // namespace

const std::vector<StackFrame>& frames_of(const Violation& violation, const Trace& trace) {
    static const std::vector<StackFrame> none;
    if (violation.stack_number == 0) return none;
    const auto found = std::ranges::find(trace.stacks, violation.stack_number, &Stack::number);
    return found == trace.stacks.end() ? none : found->frames;
}

const SendHistory* send_of(const Violation& violation, const ReplayReport& report) {
    const auto found =
        std::ranges::lower_bound(report.history, violation.send, {}, &SendHistory::number);
    return found == report.history.end() || found->number != violation.send ? nullptr : &*found;
}

std::vector<Finding> fold(const std::vector<Violation>& violations, const Trace& trace) {
    std::vector<Finding> all;
    std::map<std::string, std::size_t> known;
    for (const Violation& violation : violations) {
        const std::string cause = cause_of(violation, trace);
        const std::string key = fmt::format("{} {}", name_of(violation.severity), cause);
        const auto [at, fresh] = known.emplace(key, all.size());
        if (fresh)
            all.push_back(
                {&violation, {}, fmt::format("{:016x}", XXH3_64bits(cause.data(), cause.size()))});
        all[at->second].sends.push_back(violation.send);
    }
    // Not the one of std::ranges, which clang 14 cannot compile from this library.
    std::stable_partition(all.begin(), all.end(),
                          [](const auto& each) { return each.first->thread != 0; });
    return all;
}

const char* const timeline_legend =
    "s submitted, w on the wire, c its CQE or the call's end, X written again, = too early, "
    "R released, N notified";

std::string timeline(const SendHistory& send, std::size_t columns) {
    std::uint64_t end = send.submitted_ns;
    const auto last = [&](const std::optional<std::uint64_t>& when) {
        if (when) end = std::max(end, *when);
    };
    for (const auto& when :
         {send.on_wire_ns, send.completed_ns, send.released_ns, send.notified_ns, send.reused_ns})
        last(when);
    const std::uint64_t span = std::max<std::uint64_t>(end - send.submitted_ns, 1);
    std::string line(columns, '-');
    const auto column = [&](std::uint64_t when) {
        const std::uint64_t since = when - std::min(when, send.submitted_ns);
        return static_cast<std::size_t>(since * (columns - 1) / span);
    };
    if (send.reused_early && send.reused_ns)
        for (std::size_t i = column(*send.reused_ns); i < columns; ++i) line[i] = '=';
    // Of two in one column the later one is shown where it is free, and both keep their order.
    std::size_t next = 0;
    std::vector<std::pair<std::uint64_t, char>> marks{{send.submitted_ns, 's'}};
    const auto add = [&](const std::optional<std::uint64_t>& when, char mark) {
        if (when) marks.emplace_back(*when, mark);
    };
    add(send.on_wire_ns, 'w');
    add(send.completed_ns, 'c');
    if (send.reused_early) add(send.reused_ns, 'X');
    add(send.released_ns, 'R');
    add(send.notified_ns, 'N');
    std::ranges::stable_sort(marks, {}, &std::pair<std::uint64_t, char>::first);
    for (std::size_t i = 0; i < marks.size(); ++i) {
        const std::size_t latest = columns - (marks.size() - i);
        next = std::min(std::max(next, column(marks[i].first)), latest);
        line[next++] = marks[i].second;
    }
    return line;
}

const char* name_of(Evidence evidence) {
    switch (evidence) {
        case Evidence::content_hash:
            return "content hash";
        case Evidence::resubmission:
            return "submission";
        case Evidence::write_watch:
            return "write watch";
        case Evidence::allocator:
            return "allocator";
        case Evidence::page_tracking:
            return "page tracking";
        case Evidence::unmapping:
            return "unmapping";
        case Evidence::pages:
            return "pages";
        case Evidence::cqes:
            return "CQEs";
        case Evidence::error_queue:
            return "error queue";
        case Evidence::references:
            return "function probes";
        case Evidence::skbs:
            return "skbs";
    }
    return "";
}

const char* kind_of(const SendHistory& send) {
    if (send.is_call) return "MSG_ZEROCOPY call";
    return send.opcode == op_sendmsg_zc ? "SENDMSG_ZC" : "SEND_ZC";
}

}  // namespace zcv
