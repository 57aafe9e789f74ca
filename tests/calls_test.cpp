// The calls of sendmsg(MSG_ZEROCOPY) in a trace: ids, ranges and content. No kernel needed.
#include "traces/calls.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/trace_builder.hpp"
#include "traces/replay.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr std::uint64_t sock = 0xffff888100002000;

// What one socket's calls leave in a trace.
class Socket {
  public:
    TraceBuilder trace;

    // A call that sends all it was given, from buffer `buffer` with that content.
    void send(std::uint32_t id, std::uint64_t buffer, std::uint64_t hash) {
        begin(id, buffer, hash);
        done(id, 4096, 1);
    }
    void begin(std::uint32_t id, std::uint64_t buffer, std::uint64_t hash) {
        zcv_event& event = add(ZCV_CALL, id);
        event.addr = 0x7f0000000000 + buffer * 4096;
        event.len = 4096;
        event.hash = hash;
        event.zc_flags = 1;
        event.generation = generations_[id] = ++generation_;
    }
    void done(std::uint32_t id, std::int32_t res, std::uint32_t ids, std::uint64_t hash = 0) {
        zcv_event& event = add(ZCV_CALL_DONE, id);
        event.res = res;
        event.len = ids;
        event.hash = hash;
        event.generation = generations_[id];
    }
    void range(zcv_event_kind kind, std::uint32_t first, std::uint32_t last) {
        zcv_event& event = add(kind, first);
        event.skb = 0xffff888100003000 + first * 0x100;
        event.addr = last;
        event.len = last - first + 1;
    }
    void told(std::uint32_t id, std::uint64_t hash) {
        zcv_event& event = add(ZCV_CALL_TOLD, id);
        event.hash = hash;
        event.generation = generations_[id];
    }

  private:
    zcv_event& add(zcv_event_kind kind, std::uint32_t id) {
        zcv_event& event = trace.add(kind);
        event.sock = sock;
        event.user_data = id;
        return event;
    }
    std::uint32_t generation_ = 0;
    std::map<std::uint32_t, std::uint32_t> generations_;
};

std::vector<std::string> broken(const ReplayReport& report) {
    std::vector<std::string> rules;
    for (const Violation& violation : report.violations)
        rules.push_back(violation.property + " " + std::to_string(violation.request));
    return rules;
}

bool says(const ReplayReport& report, const std::string& part) {
    return std::ranges::any_of(
        report.reasons, [&](const auto& reason) { return reason.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("calls whose content is as it was when their range is read break nothing", "[calls]") {
    Socket socket;
    for (std::uint32_t id = 0; id < 3; ++id) socket.send(id, id, 100 + id);
    socket.range(ZCV_ERRQUEUE, 0, 0);
    socket.range(ZCV_ERRQUEUE, 0, 2);
    socket.range(ZCV_ERRQUEUE_READ, 0, 2);
    for (std::uint32_t id = 0; id < 3; ++id) socket.told(id, 100 + id);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report).empty());
    CHECK(report.sends == 3);
    CHECK(report.released == 3);
    CHECK(report.notified == 3);
    CHECK(report.matched == report.records);
    CHECK(report.verdict == Verdict::clean);
}

TEST_CASE("a range may be read before its end is recorded, or recorded as read late", "[calls]") {
    const bool read_first = GENERATE(false, true);
    Socket socket;
    for (std::uint32_t id = 0; id < 4; ++id) socket.send(id, id, 100 + id);
    socket.range(ZCV_ERRQUEUE, 0, 0);
    if (read_first) {  // the other CPU says later that it queued the second one
        socket.range(ZCV_ERRQUEUE_READ, 0, 1);
        socket.range(ZCV_ERRQUEUE, 0, 1);
        socket.range(ZCV_ERRQUEUE, 2, 3);
    } else {  // it had left the queue, or the next one would be part of it
        socket.range(ZCV_ERRQUEUE, 0, 1);
        socket.range(ZCV_ERRQUEUE, 2, 3);
        socket.range(ZCV_ERRQUEUE_READ, 0, 1);
    }
    socket.range(ZCV_ERRQUEUE_READ, 2, 3);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report).empty());
    CHECK(report.released == 4);
    CHECK(report.notified == 4);
    CHECK(report.matched == report.records);
    CHECK(report.verdict == Verdict::clean);
}

TEST_CASE("where no record ends a call, the next one of its thread does", "[calls]") {
    Socket socket;
    for (std::uint32_t id = 0; id < 3; ++id) socket.begin(id, id, 100 + id);
    socket.begin(3, 3, 103);  // fails: the next one takes its id
    socket.begin(3, 4, 104);
    socket.range(ZCV_ERRQUEUE, 0, 3);
    socket.range(ZCV_ERRQUEUE_READ, 0, 3);
    Trace trace = socket.trace.trace();
    const ReplayReport report = replay(trace, {});
    CHECK(report.matched == report.records);
    CHECK(report.verdict == Verdict::clean);
    CHECK(report.notified == 4);

    // Another thread's call says nothing of it.
    trace.events[1].pid = trace.events[0].pid + 1;
    CHECK(replay(trace, {}).matched < report.records);
}

TEST_CASE("what no run of the kernel's own steps leaves is not explained, and proves nothing",
          "[calls]") {
    const auto judged = [](auto&& calls) {
        Socket socket;
        calls(socket);
        return replay(socket.trace.trace(), {});
    };
    const ReplayReport skipped = judged([](Socket& socket) {
        socket.send(0, 0, 100);
        socket.send(2, 1, 101);  // whose id was 1's
    });
    REQUIRE(skipped.divergence);
    CHECK(skipped.divergence->what.find(
              "about to take id 2, and the next one of its socket is 1") != std::string::npos);
    const ReplayReport twice = judged([](Socket& socket) {
        socket.send(0, 0, 100);
        socket.range(ZCV_ERRQUEUE, 0, 0);
        socket.range(ZCV_ERRQUEUE_READ, 0, 0);
        socket.range(ZCV_ERRQUEUE_READ, 0, 0);
    });
    REQUIRE(twice.divergence);
    CHECK(twice.divergence->record == 4);
    const ReplayReport newest_first = judged([](Socket& socket) {
        for (std::uint32_t id = 0; id < 3; ++id) socket.send(id, id, 100 + id);
        socket.range(ZCV_ERRQUEUE, 2, 2);
        socket.range(ZCV_ERRQUEUE, 0, 0);
        socket.range(ZCV_ERRQUEUE_READ, 0, 0);  // not the oldest in the queue
    });
    REQUIRE(newest_first.divergence);
    CHECK(newest_first.divergence->record == 8);
    for (const ReplayReport& report : {skipped, twice, newest_first})
        CHECK(report.verdict == Verdict::inconclusive);
}

TEST_CASE("a call whose content changed before its range was read is named", "[calls]") {
    Socket socket;
    socket.send(0, 0, 100);
    socket.send(1, 1, 101);
    socket.range(ZCV_ERRQUEUE, 0, 1);
    socket.range(ZCV_ERRQUEUE_READ, 0, 1);
    socket.told(0, 100);
    socket.told(1, 999);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report) == std::vector<std::string>{"R1-no-reuse-before-release 1"});
    CHECK(report.verdict == Verdict::violation);
}

TEST_CASE("the same memory sent with other content before it was given back is named", "[calls]") {
    Socket socket;
    socket.send(0, 0, 100);
    socket.send(1, 0, 101);
    socket.range(ZCV_ERRQUEUE, 0, 1);
    socket.range(ZCV_ERRQUEUE_READ, 0, 1);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report) == std::vector<std::string>{"R1-no-reuse-before-release 0"});
}

TEST_CASE("of a short send only what was taken counts", "[calls]") {
    Socket socket;
    socket.begin(0, 0, 100);
    socket.done(0, 1000, 1, 55);
    socket.range(ZCV_ERRQUEUE, 0, 0);
    socket.range(ZCV_ERRQUEUE_READ, 0, 0);
    SECTION("unchanged") {
        socket.told(0, 55);
        CHECK(broken(replay(socket.trace.trace(), {})).empty());
    }
    SECTION("changed") {
        socket.told(0, 56);
        CHECK(broken(replay(socket.trace.trace(), {})).size() == 1);
    }
}

TEST_CASE("a failed call has no release, and its id and buffer go on", "[calls]") {
    Socket socket;
    socket.begin(0, 0, 100);
    socket.done(0, -105, 0);
    socket.send(0, 0, 200);
    socket.range(ZCV_ERRQUEUE, 0, 0);
    socket.range(ZCV_ERRQUEUE_READ, 0, 0);
    socket.told(0, 200);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report).empty());
    CHECK(report.sends == 1);
    CHECK_FALSE(says(report, "nobody had read"));
}

TEST_CASE("an id that is given back twice breaks S14", "[calls]") {
    Socket socket;
    for (std::uint32_t id = 0; id < 3; ++id) socket.send(id, id, 100 + id);
    socket.range(ZCV_ERRQUEUE, 0, 1);
    socket.range(ZCV_ERRQUEUE, 1, 2);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report) == std::vector<std::string>{"S14-ids-dense 1"});
}

TEST_CASE("ids go on from the largest to 0", "[calls]") {
    Socket socket;
    socket.send(0xffffffff, 0, 100);
    socket.send(0, 1, 101);
    socket.range(ZCV_ERRQUEUE, 0xffffffff, 0);
    socket.range(ZCV_ERRQUEUE_READ, 0xffffffff, 0);
    socket.told(0xffffffff, 100);
    socket.told(0, 101);
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(broken(report).empty());
    CHECK(report.notified == 2);
}

TEST_CASE("what nobody reads, and what the kernel ignores, is said", "[calls]") {
    Socket socket;
    socket.send(0, 0, 100);
    zcv_event& ignored = socket.trace.add(ZCV_CALL);
    ignored.sock = sock + 0x1000;
    ignored.generation = 99;
    const ReplayReport report = replay(socket.trace.trace(), {});
    CHECK(report.sends == 1);
    CHECK(says(report, "of 1 MSG_ZEROCOPY calls nobody had read the release"));
    CHECK(says(report, "1 calls with MSG_ZEROCOPY on a socket without SO_ZEROCOPY"));
}
