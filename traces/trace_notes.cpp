#include "traces/trace_notes.hpp"

#include <fmt/format.h>

#include <algorithm>

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

Note finding_of(const char* rule, const SendHistory& send, std::uint64_t time_ns,
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
    return {std::move(found), send};
}

constexpr std::size_t contents_max = 4096;   // of a stream that are remembered
constexpr std::size_t answers_max = 16384;   // of sends that are over
constexpr std::uint32_t behind_max = 65536;  // sends that are looked at for one behind a short one

void note(ReplayReport& report, const char* rule, const SendCount& some,
          const std::string& evidence) {
    if (some.count == 0) return;
    const SendHistory& first = some.first;
    add_note(finding_of(rule, first, first.completed_ns.value_or(first.submitted_ns),
                        fmt::format("{} {}", some.count, evidence)),
             report);
}

// The first one behind it on its stream that was sent before this one's result was known.
const SendHistory* sent_behind(const SendHistory& first, const OtherSends& others) {
    for (std::uint32_t number = first.number + 1; number < first.number + behind_max; ++number) {
        const SendHistory* const each = others.numbered(number);
        if (each == nullptr || each->submitted_ns >= *first.completed_ns) return nullptr;
        if (each->stream && each->sock == first.sock && each->res > 0) return each;
    }
    return nullptr;
}

}  // namespace

void add_note(Note note, ReplayReport& report) {
    report.notes.push_back(std::move(note.finding));
    if (note.send.number != 0) report.history.push_back(std::move(note.send));
}

// Who sends the same content whole more than once does not do so because progress was lost.
void StreamWarnings::count(const SendHistory& send, const OtherSends& others) {
    if (!send.stream) return;
    Stream& stream = streams_[send.sock];
    if (is_short(send) && send.completed_ns)
        if (const SendHistory* const behind = sent_behind(send, others))
            stream.holes.push_back(finding_of(
                "ZC-D7", send, *send.completed_ns,
                fmt::format("{} of {} bytes were sent; send #{}, submitted before that was known, "
                            "sent {} behind them",
                            send.res, send.len, behind->number, behind->res)));
    if (send.hash == 0 || stream.repeats) return;
    const Content content{send.addr, send.len, send.hash};
    const auto before = stream.cut.find(content);
    if (before != stream.cut.end() && before->second.completed_ns &&
        *before->second.completed_ns < send.submitted_ns && send.res > 0) {
        stream.again.push_back(finding_of(
            "ZC-A17", send, send.submitted_ns,
            fmt::format("send #{} of the same {} bytes had sent {}; this one sent them again "
                        "(content hash {:#018x})",
                        before->second.number, send.len, before->second.res, send.hash)));
        stream.cut.erase(before);
    }
    if (is_short(send)) {
        if (stream.cut.size() >= contents_max) stream.cut.erase(stream.cut.begin());
        stream.cut[content] = send;
    } else if (send.res > 0) {
        const std::uint64_t whole =
            spread(std::pair(spread(content.addr) ^ content.len, content.hash));
        stream.repeats = !stream.whole.insert(whole).second;
        stream.order.push_back(whole);
        if (stream.order.size() <= contents_max && !stream.repeats) return;
        stream.whole.erase(stream.order.front());
        stream.order.pop_front();
        if (stream.repeats)
            stream = {.cut = {},
                      .whole = {},
                      .order = {},
                      .repeats = true,
                      .holes = std::move(stream.holes),
                      .again = {}};
    }
}

void StreamWarnings::add(ReplayReport& report) {
    for (auto& [sock, stream] : streams_)
        for (std::vector<Note>* const found : {&stream.holes, &stream.again}) {
            std::ranges::stable_sort(*found, {}, [](const Note& note) { return note.send.number; });
            for (Note& note : *found) add_note(std::move(note), report);
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
            if (Queue& queue = queues_[event.sock]; queue.since_ns == 0)
                queue.since_ns = event.time_ns;
            return;
        case ZCV_ERRQUEUE_READ:
            if (event.res == 0) queues_[event.sock].read = true;
            return;
        case ZCV_SUBMIT:
            at_[event.ubuf] = event.generation;
            return;
        case ZCV_PREP_FAILED:
            if ((event.sqe_flags & sqe_cqe_skip_success) != 0)
                note_said(skipping_, event.generation);
            return;
        case ZCV_DEFER:
            note_said(deferred_, event.generation);
            return;
        case ZCV_NOTIF:
            if (event.chain == 0 || event.chain == event.ubuf) return;
            if (const std::uint32_t* const head = at_.find(event.chain)) {
                note_said(members_, event.generation);
                members_[event.generation].head = *head;
            }
            return;
        default:
            return;
    }
}

void Notes::note_said(FlatMap<std::uint32_t, Said>& of, std::uint32_t generation) {
    const auto [said, is_new] = of.insert(generation);
    if (is_new) *said = {++said_, 0, 0};
    ++said->times;
}

void Notes::count(const SendHistory& send, std::uint32_t last, const AppView& app,
                  const OtherSends& others) {
    all_.add(send);
    if (send.generation != 0) count_request(send, others);
    count_result(send, app);
    count_depth(send, last, others);
    if (send.is_call) count_call(send, app);
}

void Notes::count_request(const SendHistory& send, const OtherSends& others) {
    if (const Said* const said = skipping_.find(send.generation)) {
        skipped_.add(send, said->place, said->times);
        skipping_.erase(send.generation);
    }
    if (const Said* const said = deferred_.find(send.generation)) {
        const bool never_started = !send.completed_ns || send.res == -ecanceled;
        if (never_started) drained_.add(send, said->place, said->times);
        deferred_.erase(send.generation);
    }
    if (const Said* const said = members_.find(send.generation)) {
        const Answer answer = answer_of(said->head, others);
        if (send.copied && answer.asked && answer.told && !answer.copied)
            linked_.add(send, said->place, said->times);
        members_.erase(send.generation);
    }
    answers_[send.generation] = {send.asked_usage, send.notified_ns.has_value(), send.copied};
    answered_.push_back(send.generation);
    if (answered_.size() <= answers_max) return;
    answers_.erase(answered_.front());
    answered_.pop_front();
}

Notes::Answer Notes::answer_of(std::uint32_t generation, const OtherSends& others) const {
    if (const SendHistory* const send = others.of_generation(generation))
        return {send->asked_usage, send->notified_ns.has_value(), send->copied};
    const Answer* const known = answers_.find(generation);
    return known == nullptr ? Answer{} : *known;
}

void Notes::count_result(const SendHistory& send, const AppView& app) {
    if (send.res == -enomem || send.res == -enobufs) no_memory_.add(send);
    if (send.res == -emsgsize) too_large_.add(send);
    if (send.released_ns && send.more && app.is_deferred_taskrun(send.ring) &&
        send.notified_ns.value_or(app.end_ns()) > *send.released_ns + long_ns)
        waiting_.add(send);
    else if (send.notified_ns)
        told_rings_[send.ring] = true;
    if (!send.asked_usage || !send.notified_ns || send.res <= 0) return;
    ++asked_;
    if (send.copied) copied_.add(send);
}

// Whether it was still in flight when the next one was submitted. One that is known no more was
// submitted and done with while this one was in flight.
void Notes::count_depth(const SendHistory& send, std::uint32_t last, const OtherSends& others) {
    if (deep_) return;
    if (!send.notified_ns) {
        if (open_first_ == 0 || send.number < open_first_) open_first_ = send.number;
        return;
    }
    if (send.number == last) return;
    const SendHistory* const next = others.numbered(send.number + 1);
    deep_ = next == nullptr || *send.notified_ns > next->submitted_ns;
}

void Notes::count_call(const SendHistory& send, const AppView& app) {
    Queue* const queue = queues_.find(send.sock);
    if (queue != nullptr && queue->since_ns != 0 && !queue->read &&
        app.end_ns() > queue->since_ns + long_ns) {
        queue->unread.add(send);
        return;
    }
    // A call that failed has given its id back.
    const bool returned = send.completed_ns && send.res >= 0;
    if (returned && !send.notified_ns && app.closed(send.sock, send.submitted_ns, app.end_ns()))
        closed_.add(send);
}

void Notes::add(std::uint32_t last, ReplayReport& report) {
    note(report, "ZC-B12", skipped_, "requests had IOSQE_CQE_SKIP_SUCCESS");
    note(report, "B32", drained_, "deferred requests never started");
    note(report, "B25", linked_, "sends say COPIED, and the head of their chain that it was not");
    note(report, "ZC-D6", no_memory_, "sends failed with ENOMEM or ENOBUFS");
    note(report, "ZC-D8", too_large_, "sends failed with EMSGSIZE");
    if (waiting_.count > 0 && !told_rings_.contains(waiting_.first.ring))
        note(report, "ZC-B9", waiting_, "sends were released and not told of for 50 ms or more");
    if (asked_ > 0 && copied_.count == asked_)
        note(report, "ZC-D1", copied_, "sends were asked about, and all of them were copied");
    const bool overlapped = deep_ || (open_first_ != 0 && open_first_ < last);
    if (!overlapped && all_.count >= sends_that_tell)
        note(report, "ZC-B8", all_, "sends, never two in flight");
    of_error_queues(report);
}

void Notes::of_error_queues(ReplayReport& report) {
    if (overflows_ > 0 && all_.count > 0)
        add_note(finding_of("ZC-B10", all_.first, 0, fmt::format("{} CQEs overflowed", overflows_)),
                 report);
    if (ignored_ > 0)
        add_note(finding_of("ZC-C8", {}, 0,
                            fmt::format("{} calls with MSG_ZEROCOPY on a socket without "
                                        "SO_ZEROCOPY",
                                        ignored_)),
                 report);
    queues_.for_each([&](std::uint64_t, const Queue& queue) {
        if (!queue.read) unread_.add(queue.unread);
    });
    note(report, "ZC-C6", unread_, "calls, and no range was read in 50 ms or more");
    note(report, "ZC-A10", closed_, "calls that nobody was told of when their socket was closed");
}

}  // namespace zcv
