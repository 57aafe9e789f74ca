// Which rule a finding gets: for each rule the least that it takes, and what turns it into another.
#include "traces/naming.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <set>

#include "traces/lookahead.hpp"

using namespace zcv;

namespace {

constexpr std::uint64_t ring = 0x1000, sock = 0x2000, page = 0x7f0000001000;
constexpr std::uint32_t process = 7;
constexpr std::uint64_t ms = 1'000'000;

using Ids = std::multiset<std::string>;

// One process, one ring, one socket. Sends live from 100 to 400 ns with their CQE at 300, and are
// written too early at 350, unless a test says otherwise.
struct Program {
    Trace trace;
    ReplayReport report;

    // The reference is good until the next one.
    SendHistory& send() {
        SendHistory send;
        send.number = static_cast<std::uint32_t>(report.history.size() + 1);
        send.generation = send.number;
        send.user_data = send.number;
        send.addr = page * send.number;
        send.len = 4096;
        send.res = 4096;
        send.hash = send.number;
        send.tgid = process;
        send.ring = ring;
        send.sock = sock;
        send.submitted_ns = 100;
        send.completed_ns = 300;
        send.notified_ns = 400;
        send.more = true;
        report.history.push_back(send);
        return report.history.back();
    }
    // The newest send is written too early; seen by the content alone, or by a watchpoint.
    Program& written(std::uint64_t at = 350, std::uint32_t thread = 0) {
        SendHistory& send = report.history.back();
        send.reused_early = true;
        send.reused_ns = at;
        Violation finding;
        finding.property = "R1-no-reuse-before-release";
        finding.send = send.number;
        finding.time_ns = at;
        finding.thread = thread;
        report.violations.push_back(finding);
        return *this;
    }
    Program& broken(const std::string& property) {
        Violation finding;
        finding.property = property;
        finding.send = report.history.back().number;
        report.violations.push_back(finding);
        return *this;
    }
    zcv_event& event(zcv_event_kind kind, std::uint64_t at = 320) {
        zcv_event event{};
        event.kind = static_cast<std::uint16_t>(kind);
        event.time_ns = at;
        event.ring = ring;
        event.sock = sock;
        event.tgid = process;
        event.generation = static_cast<std::uint32_t>(report.history.size());
        trace.events.push_back(event);
        return trace.events.back();
    }

    void name() {
        Witness witness(trace, report);
        for (const std::size_t record : order_by_time(trace)) witness.see(trace.events[record]);
        name_findings(witness, report);
    }
    static Ids ids(const std::vector<Violation>& findings) {
        Ids ids;
        for (const Violation& finding : findings) ids.insert(std::string(finding.rule->id));
        return ids;
    }
    Ids errors() const { return ids(report.violations); }
    Ids notes() const { return ids(report.notes); }
};

struct Case {
    std::function<void(Program&)> build;
    Ids errors;
    Ids notes = {};
};

void unmap(Program& program, std::uint64_t at) {
    zcv_event& event = program.event(ZCV_UNMAP, at);
    event.addr = page;
    event.len = 4096;
}

constexpr std::uint8_t async_cancel = 14, link_timeout = 15, plain_send = 26;

zcv_event& answer(Program& program, std::uint8_t opcode, std::int32_t res) {
    zcv_event& event = program.event(ZCV_CQE);
    event.opcode = opcode;
    event.res = res;
    return event;
}

void chain(Program& program) {
    for (const bool copied : {false, true}) {
        SendHistory& send = program.send();
        send.asked_usage = true;
        send.copied = copied;
        program.event(ZCV_SUBMIT, 100).ubuf = send.number;
        zcv_event& notif = program.event(ZCV_NOTIF, 400);
        notif.ubuf = send.number;
        notif.chain = 1;
    }
}

// Two calls in one range, whose code says that nothing was copied. The second's packet lost its
// pages, or did not.
void joined(Program& program, bool copied) {
    for (const std::uint32_t id : {0U, 1U}) {
        SendHistory& send = program.send();
        send.is_call = true;
        send.user_data = id;
        send.asked_usage = true;
        zcv_event& call = program.event(ZCV_CALL, 100 + id);
        call.user_data = id;
        call.zc_flags = 1;
        program.event(ZCV_SKB_CONSUME, 200 + id).ubuf = copied && id == 1 ? 0 : id + 1;
        zcv_event& range = program.event(ZCV_ERRQUEUE, 300 + id);
        range.skb = 9;
        range.addr = id;
        range.len = id + 1;
        program.event(ZCV_ERRQUEUE_READ, 400);
    }
}

void short_and_again(Program& program, std::uint64_t again_at, std::uint64_t hash) {
    SendHistory& first = program.send();
    first.stream = true;
    first.res = 100;
    first.hash = 5;
    SendHistory& second = program.send();
    second.stream = true;
    second.addr = page;
    second.hash = hash;
    second.submitted_ns = again_at;
    second.completed_ns = again_at + 200;
    second.notified_ns = again_at + 300;
}

const std::map<std::string, Case> early_writes{
    {"before anything was told", {[](Program& p) { p.send(), p.written(200); }, {"ZC-R1"}}},
    {"after the first CQE", {[](Program& p) { p.send(), p.written(); }, {"ZC-A1"}}},
    {"where all is copied",
     {[](Program& p) {
          SendHistory& send = p.send();
          send.asked_usage = send.copied = true;
          p.written();
      },
      {"ZC-A2"},
      {"ZC-D1"}}},
    {"after close()", {[](Program& p) { p.send(), p.written().event(ZCV_CLOSE); }, {"ZC-A3"}}},
    {"after shutdown()",
     {[](Program& p) { p.send(), p.written().event(ZCV_SHUTDOWN); }, {"ZC-A3"}}},
    {"before close()",
     {[](Program& p) { p.send(), p.written().event(ZCV_CLOSE, 360); }, {"ZC-A1"}}},
    {"after its ring was closed",
     {[](Program& p) { p.send(), p.written().event(ZCV_RING_CLOSE); }, {"ZC-A6"}}},
    {"after another ring was closed",
     {[](Program& p) { p.send(), p.written().event(ZCV_RING_CLOSE).ring = 1; }, {"ZC-A1"}}},
    {"at the answer of its cancel",
     {[](Program& p) { p.send(), p.written(), answer(p, async_cancel, 0).addr = 1; }, {"ZC-A4"}}},
    {"at the answer of another's cancel",
     {[](Program& p) { p.send(), p.written(), answer(p, async_cancel, 0).addr = 2; }, {"ZC-A1"}}},
    {"when its timeout had run out",
     {[](Program& p) { p.send().res = 100, p.written(), answer(p, link_timeout, -62); },
      {"ZC-A5"}}},
    {"when a timeout was taken back",
     {[](Program& p) { p.send().res = 100, p.written(), answer(p, link_timeout, -125); },
      {"ZC-A1"}}},
    {"when the last part had been copied",
     {[](Program& p) { p.send(), p.written(), answer(p, plain_send, 10); }, {"ZC-A9"}}},
    {"when a part on another stream had been copied",
     {[](Program& p) { p.send(), p.written(), answer(p, plain_send, 10).sock = 1; }, {"ZC-A1"}}},
    {"after unregistering",
     {[](Program& p) {
          p.send().fixed = true;
          p.written().event(ZCV_REGISTER).opcode = 1;
      },
      {"ZC-A7"}}},
    {"of a buffer that is not registered, after unregistering",
     {[](Program& p) { p.send(), p.written().event(ZCV_REGISTER).opcode = 1; }, {"ZC-A1"}}},
    {"of some sends",
     {[](Program& p) { p.send(), p.written().send().notified_ns = 500; }, {"ZC-A8"}}},
    {"of a registered buffer after fork()",
     {[](Program& p) {
          p.send().fixed = true;
          p.written().event(ZCV_FORK);
      },
      {"ZC-A14"}}},
    {"after an overflow",
     {[](Program& p) { p.send(), p.written().event(ZCV_CQE_OVERFLOW); }, {"ZC-B11"}, {"ZC-B10"}}},
};

// Whoever takes one notification for another's.
const std::map<std::string, Case> mixed_up{
    {"at the notification of its namesake",
     {[](Program& p) {
          p.send(), p.written();
          SendHistory& other = p.send();
          other.user_data = 1;
          other.completed_ns = 305;
          other.notified_ns = 340;
      },
      {"ZC-B5"}}},
    {"at the notification of another",
     {[](Program& p) {
          p.send(), p.written();
          SendHistory& other = p.send();
          other.completed_ns = 305;
          other.notified_ns = 340;
      },
      {"ZC-B4"}}},
    {"at the range of another call",
     {[](Program& p) {
          p.send().is_call = true;
          p.written();
          SendHistory& other = p.send();
          other.is_call = true;
          other.completed_ns = 305;
          other.notified_ns = 340;
      },
      {"ZC-C10"}}},
    {"at the notification of a failed one",
     {[](Program& p) {
          p.send(), p.written();
          SendHistory& failed = p.send();
          failed.res = -32;
          failed.completed_ns = 290;
          failed.notified_ns = 340;
      },
      {"ZC-B2"}}},
    {"at the notification of a cancelled one",
     {[](Program& p) {
          p.send(), p.written();
          SendHistory& cancelled = p.send();
          cancelled.res = -125;
          cancelled.more = false;
          cancelled.completed_ns = 290;
          cancelled.notified_ns = 340;
      },
      {"ZC-B3"}}},
};

const std::map<std::string, Case> of_the_kernel{
    {"S1", {[](Program& p) { p.send(), p.broken("S1-no-early-release"); }, {"S1"}}},
    {"S9", {[](Program& p) { p.send(), p.broken("S9-one-notif-after-cqe"); }, {"S9"}}},
    {"S10", {[](Program& p) { p.send(), p.broken("S10-more-iff-notif"); }, {"S10"}}},
    {"S14", {[](Program& p) { p.send(), p.broken("S14-ids-dense"); }, {"S14"}}},
    {"S1 of data that TCP let go of",
     {[](Program& p) { p.send().eaten = true, p.broken("S1-no-early-release"); }, {"B1"}}},
    {"S10 of a cancelled send",
     {[](Program& p) { p.send().res = -125, p.broken("S10-more-iff-notif"); }, {"B24"}}},
};

const std::map<std::string, Case> no_errors{
    {"nothing", {[](Program& p) { p.send(); }, {}}},
    {"sent again after a short send",
     {[](Program& p) { short_and_again(p, 500, 5); }, {}, {"ZC-A17"}}},
    {"other content after a short send", {[](Program& p) { short_and_again(p, 500, 6); }, {}}},
    {"sent behind a short send", {[](Program& p) { short_and_again(p, 200, 6); }, {}, {"ZC-D7"}}},
    {"no memory", {[](Program& p) { p.send().res = -12; }, {}, {"ZC-D6"}}},
    {"too large", {[](Program& p) { p.send().res = -90; }, {}, {"ZC-D8"}}},
    {"a refused flag",
     {[](Program& p) { p.send(), p.event(ZCV_PREP_FAILED).sqe_flags = 1U << 6U; }, {}, {"ZC-B12"}}},
    {"drained for ever",
     {[](Program& p) { p.send().completed_ns.reset(), p.event(ZCV_DEFER); }, {}, {"B32"}}},
    {"drained and done", {[](Program& p) { p.send(), p.event(ZCV_DEFER); }, {}}},
    {"a member that says more than its head", {chain, {}, {"B25"}}},
    {"a copied call in a range of others", {[](Program& p) { joined(p, true); }, {}, {"B30"}}},
    {"calls in a range that is right", {[](Program& p) { joined(p, false); }, {}}},
    {"one at a time",
     {[](Program& p) {
          for (std::uint64_t i = 0; i < 16; ++i) {
              SendHistory& send = p.send();
              send.submitted_ns += i * 1000;
              send.notified_ns = send.submitted_ns + 300;
          }
      },
      {},
      {"ZC-B8"}}},
    {"released and not told",
     {[](Program& p) {
          p.event(ZCV_RING_CREATE, 1).zc_flags = 1U << 13U;
          SendHistory& send = p.send();
          send.released_ns = 350;
          send.notified_ns.reset();
          p.event(ZCV_EXIT, 100 * ms);
      },
      {},
      {"ZC-B9"}}},
    {"ranges that nobody reads",
     {[](Program& p) {
          SendHistory& send = p.send();
          send.is_call = true;
          send.notified_ns.reset();
          p.event(ZCV_ERRQUEUE, 400);
          p.event(ZCV_EXIT, 100 * ms);
      },
      {},
      {"ZC-C6"}}},
    {"ranges that nobody can read any more",
     {[](Program& p) {
          SendHistory& send = p.send();
          send.is_call = true;
          send.notified_ns.reset();
          p.event(ZCV_ERRQUEUE, 400);
          p.event(ZCV_ERRQUEUE_READ, 450);
          p.event(ZCV_CLOSE, 500);
          p.event(ZCV_EXIT, 100 * ms);
      },
      {},
      {"ZC-A10"}}},
    {"a socket that is closed when all was read",
     {[](Program& p) {
          p.send().is_call = true;
          p.event(ZCV_CLOSE, 500);
      },
      {},
      {}}},
    {"a call on a socket without the option",
     {[](Program& p) { p.event(ZCV_CALL).zc_flags = 0; }, {}, {"ZC-C8"}}},
};

const std::vector<std::map<std::string, Case>> tables{early_writes, mixed_up, of_the_kernel,
                                                      no_errors};

Program named(const Case& of) {
    Program program;
    of.build(program);
    program.name();
    return program;
}

}  // namespace

TEST_CASE("each finding gets its rule, and no other is added", "[naming]") {
    for (const auto& table : tables)
        for (const auto& [what, one] : table) {
            INFO(what);
            const Program program = named(one);
            CHECK(program.errors() == one.errors);
            CHECK(program.notes() == one.notes);
            CHECK(program.report.reasons.empty());
        }
}

TEST_CASE("every rule that is listed can be found", "[naming]") {
    std::set<std::string> found{"ZC-A15"};  // below
    for (const auto& table : tables)
        for (const auto& [what, one] : table) {
            found.insert(one.errors.begin(), one.errors.end());
            found.insert(one.notes.begin(), one.notes.end());
        }
    std::set<std::string> listed;
    for (const Rule& rule : rules()) listed.insert(std::string(rule.id));
    CHECK(found == listed);
}

TEST_CASE("a write to other pages is no error, and CLEAN only where the order was seen",
          "[naming]") {
    const bool forked = GENERATE(true, false);
    const std::uint32_t thread = GENERATE(0U, 9U);
    Program program;
    program.send();
    program.written(350, thread);
    if (forked)
        program.event(ZCV_FORK);
    else
        unmap(program, 320);
    program.name();
    CHECK(program.errors().empty());
    CHECK(program.notes() == Ids{forked ? "ZC-A14" : "ZC-A15"});
    CHECK(program.report.reasons.size() == (thread == 0 ? 1 : 0));
}

TEST_CASE("the pages under the address tell a reuse from another buffer's content", "[naming]") {
    const bool same = GENERATE(true, false);
    const bool forked = GENERATE(true, false);
    const bool fixed = GENERATE(true, false);
    Program program;
    SendHistory& send = program.send();
    send.pages = same ? Pages::same : Pages::other;
    send.fixed = fixed;
    program.written();
    if (forked)
        program.event(ZCV_FORK);
    else
        unmap(program, 320);
    program.name();
    // Registered pages are pinned: a fork leaves the writer his own.
    const bool error = same || (forked && fixed);
    const Ids found{forked && (fixed || !same) ? "ZC-A14" : same ? "ZC-A1" : "ZC-A15"};
    CHECK(program.errors() == (error ? found : Ids{}));
    CHECK(program.notes() == (error ? Ids{} : found));
    CHECK(program.report.reasons.size() == (error ? 0 : 1));
    const auto& findings = error ? program.report.violations : program.report.notes;
    REQUIRE(findings.size() == 1);
    CHECK(std::ranges::count(findings.front().seen_by, Evidence::pages) == 1);
}

TEST_CASE("other pages at the address excuse nobody who was seen to write", "[naming]") {
    Program program;
    program.send().pages = Pages::other;
    program.written(350, 9);
    program.name();
    CHECK(program.errors() == Ids{"ZC-A1"});
}

TEST_CASE("a change seen before the pages went is not excused by their going", "[naming]") {
    Program program;
    program.send();
    program.written(319).report.violations.back().before_unmapping = true;
    unmap(program, 320);
    program.name();
    CHECK(program.errors() == Ids{"ZC-A1"});
}

TEST_CASE("what happened after a write that was seen does not excuse it", "[naming]") {
    Program program;
    program.send();
    program.written(350, 9);
    unmap(program, 360);
    program.event(ZCV_FORK, 360);
    program.name();
    CHECK(program.errors() == Ids{"ZC-A1"});
}

TEST_CASE("a program has one belief rather than several", "[naming]") {
    // Two writes after close() and one before: the first CQE explains all three.
    Program program;
    for (const std::uint64_t at : {340U, 350U, 310U}) {
        program.send();
        program.written(at);
    }
    program.event(ZCV_CLOSE, 320);
    program.name();
    CHECK(program.errors() == Ids{"ZC-A1", "ZC-A1", "ZC-A1"});
}
