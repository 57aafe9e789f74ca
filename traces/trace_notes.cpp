#include "traces/trace_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "traces/by_generation.hpp"

namespace zcv {
namespace {

constexpr std::int32_t enomem = 12, emsgsize = 90, enobufs = 105, ecanceled = 125;
constexpr std::uint8_t sqe_cqe_skip_success = 1U << 6U;
constexpr std::uint64_t long_ns = 50'000'000;
constexpr std::size_t sends_that_tell = 16;

bool is_short(const SendHistory& send) {
    return send.stream && send.res > 0 && static_cast<std::uint32_t>(send.res) < send.len;
}

Violation finding_of(const char* rule, const SendHistory& send, std::uint64_t time_ns,
                     std::string evidence) {
    Violation found;
    found.rule = find_rule(rule);
    found.severity = found.rule->severity;
    found.send = send.number;
    found.request = send.user_data;
    found.time_ns = time_ns;
    found.evidence = std::move(evidence);
    found.explanation = std::string(found.rule->says);
    found.seen_by = {Evidence::cqes};
    return found;
}

// Sends one after another on each socket.
std::map<std::uint64_t, std::vector<const SendHistory*>> by_socket(const ReplayReport& report) {
    std::map<std::uint64_t, std::vector<const SendHistory*>> sockets;
    for (const SendHistory& send : report.history)
        if (send.stream) sockets[send.sock].push_back(&send);
    return sockets;
}

void add_holes(const std::vector<const SendHistory*>& sends, ReplayReport& report) {
    for (auto at = sends.begin(); at != sends.end(); ++at) {
        const SendHistory& first = **at;
        if (!is_short(first) || !first.completed_ns) continue;
        const auto behind = std::find_if(at + 1, sends.end(), [&](const SendHistory* each) {
            return each->submitted_ns < *first.completed_ns && each->res > 0;
        });
        if (behind == sends.end()) continue;
        report.notes.push_back(finding_of(
            "ZC-D7", first, *first.completed_ns,
            fmt::format("{} of {} bytes were sent; send #{}, submitted before that was known, "
                        "sent {} behind them",
                        first.res, first.len, (*behind)->number, (*behind)->res)));
    }
}

// Who sends the same content whole more than once does not do so because progress was lost.
void add_repeats(const std::vector<const SendHistory*>& sends, ReplayReport& report) {
    const auto cut_short =
        std::ranges::find_if(sends, [](const SendHistory* send) { return is_short(*send); });
    if (cut_short == sends.end()) return;
    using Content = std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>;
    std::map<Content, const SendHistory*> cut;  // the newest short one of that content
    std::set<Content> whole;
    std::vector<Violation> found;
    for (const SendHistory* send : sends) {
        const Content content{send->addr, send->len, send->hash};
        if (send->hash == 0) continue;
        const auto before = cut.find(content);
        if (before != cut.end() && before->second->completed_ns &&
            *before->second->completed_ns < send->submitted_ns && send->res > 0) {
            found.push_back(finding_of(
                "ZC-A17", *send, send->submitted_ns,
                fmt::format("send #{} of the same {} bytes had sent {}; this one sent them again "
                            "(content hash {:#018x})",
                            before->second->number, send->len, before->second->res, send->hash)));
            cut.erase(before);
        }
        if (is_short(*send)) cut[content] = send;
        if (send->res > 0 && !is_short(*send) && !whole.insert(content).second) return;
    }
    report.notes.insert(report.notes.end(), found.begin(), found.end());
}

// How many sends something is true of, and the first of them.
struct SendCount {
    std::uint64_t count = 0;
    const SendHistory* first = nullptr;

    void add(const SendHistory& send) {
        if (count++ == 0) first = &send;
    }
};

void note(ReplayReport& report, const char* rule, const SendCount& some,
          const std::string& evidence) {
    if (some.count == 0) return;
    const SendHistory& first = *some.first;
    report.notes.push_back(finding_of(rule, first, first.completed_ns.value_or(first.submitted_ns),
                                      fmt::format("{} {}", some.count, evidence)));
}

}  // namespace

void add_stream_warnings(ReplayReport& report) {
    for (const auto& [sock, sends] : by_socket(report)) {
        add_holes(sends, report);
        add_repeats(sends, report);
    }
}

void Notes::see(const zcv_event& event) {
    switch (event.kind) {
        case ZCV_CQE_OVERFLOW:
            ++overflows_;
            return;
        case ZCV_CALL:
            ignored_ += event.zc_flags == 0;
            return;
        case ZCV_ERRQUEUE:
            if (const auto [first, is_new] = queued_.insert(event.sock); is_new)
                *first = event.time_ns;
            return;
        case ZCV_ERRQUEUE_READ:
            if (event.res == 0) read_.insert(event.sock);
            return;
        case ZCV_SUBMIT:
            at_[event.ubuf] = event.generation;
            return;
        case ZCV_PREP_FAILED:
            if ((event.sqe_flags & sqe_cqe_skip_success) != 0)
                skipping_.push_back(event.generation);
            return;
        case ZCV_DEFER:
            deferred_.push_back(event.generation);
            return;
        case ZCV_NOTIF:
            if (event.chain == 0 || event.chain == event.ubuf) return;
            if (const std::uint32_t* const head = at_.find(event.chain))
                members_.push_back({event.generation, *head});
            return;
        default:
            return;
    }
}

void Notes::add(const AppView& app, ReplayReport& report) {
    of_requests(report);
    of_results(app, report);
    of_usage(report);
    of_depth(report);
    of_error_queues(app, report);
}

void Notes::of_requests(ReplayReport& report) {
    if (skipping_.empty() && deferred_.empty() && members_.empty()) return;
    ByGeneration<const SendHistory*> sends;
    for (const SendHistory& send : report.history)
        if (send.generation != 0) sends[send.generation] = &send;
    SendCount skipping, drained, linked;
    for (const std::uint32_t generation : skipping_)
        if (const SendHistory* const* const send = sends.find(generation)) skipping.add(**send);
    for (const std::uint32_t generation : deferred_) {
        const SendHistory* const* const send = sends.find(generation);
        if (send != nullptr && (!(*send)->completed_ns || (*send)->res == -ecanceled))
            drained.add(**send);
    }
    for (const Member& member : members_) {
        const SendHistory* const* const send = sends.find(member.generation);
        const SendHistory* const* const found = sends.find(member.head);
        if (send == nullptr || found == nullptr) continue;
        const SendHistory& head = **found;
        if ((*send)->copied && head.asked_usage && head.notified_ns && !head.copied)
            linked.add(**send);
    }
    note(report, "ZC-B12", skipping, "requests had IOSQE_CQE_SKIP_SUCCESS");
    note(report, "B32", drained, "deferred requests never started");
    note(report, "B25", linked, "sends say COPIED, and the head of their chain that it was not");
}

void Notes::of_results(const AppView& app, ReplayReport& report) {
    SendCount no_memory, too_large, waiting;
    for (const SendHistory& send : report.history) {
        if (send.res == -enomem || send.res == -enobufs) no_memory.add(send);
        if (send.res == -emsgsize) too_large.add(send);
        if (send.released_ns && send.more && app.is_deferred_taskrun(send.ring) &&
            send.notified_ns.value_or(app.end_ns()) > *send.released_ns + long_ns)
            waiting.add(send);
        else if (send.notified_ns)
            told_rings_.insert(send.ring);
    }
    note(report, "ZC-D6", no_memory, "sends failed with ENOMEM or ENOBUFS");
    note(report, "ZC-D8", too_large, "sends failed with EMSGSIZE");
    if (waiting.count > 0 && !told_rings_.contains(waiting.first->ring))
        note(report, "ZC-B9", waiting, "sends were released and not told of for 50 ms or more");
}

void Notes::of_usage(ReplayReport& report) {
    SendCount copied;
    std::uint64_t asked = 0;
    for (const SendHistory& send : report.history) {
        if (!send.asked_usage || !send.notified_ns || send.res <= 0) continue;
        ++asked;
        if (send.copied) copied.add(send);
    }
    if (asked > 0 && copied.count == asked)
        note(report, "ZC-D1", copied, "sends were asked about, and all of them were copied");
}

void Notes::of_depth(ReplayReport& report) {
    SendCount sends;
    const SendHistory* before = nullptr;
    for (const SendHistory& send : report.history) {
        if (before != nullptr && (!before->notified_ns || *before->notified_ns > send.submitted_ns))
            return;
        before = &send;
        sends.add(send);
    }
    if (sends.count >= sends_that_tell) note(report, "ZC-B8", sends, "sends, never two in flight");
}

void Notes::of_error_queues(const AppView& app, ReplayReport& report) {
    if (overflows_ > 0 && !report.history.empty())
        report.notes.push_back(finding_of("ZC-B10", report.history.front(), 0,
                                          fmt::format("{} CQEs overflowed", overflows_)));
    if (ignored_ > 0)
        report.notes.push_back(
            finding_of("ZC-C8", {}, 0,
                       fmt::format("{} calls with MSG_ZEROCOPY on a socket without "
                                   "SO_ZEROCOPY",
                                   ignored_)));
    SendCount unread, closed;
    for (const SendHistory& send : report.history) {
        const std::uint64_t* const since = queued_.find(send.sock);
        if (!send.is_call) continue;
        const bool nobody_reads =
            since != nullptr && !read_.contains(send.sock) && app.end_ns() > *since + long_ns;
        // A call that failed has given its id back.
        const bool returned = send.completed_ns && send.res >= 0;
        if (nobody_reads)
            unread.add(send);
        else if (returned && !send.notified_ns &&
                 app.closed(send.sock, send.submitted_ns, app.end_ns()))
            closed.add(send);
    }
    note(report, "ZC-C6", unread, "calls, and no range was read in 50 ms or more");
    note(report, "ZC-A10", closed, "calls that nobody was told of when their socket was closed");
}

}  // namespace zcv
