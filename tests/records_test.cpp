// The records of a trace one after another: from its file the same as from memory, and a replay
// that looks ahead a little and forgets what is over says the same as one that does neither.
#include "traces/records.hpp"

#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <sstream>
#include <vector>

#include "tests/captured.hpp"
#include "tests/program.hpp"
#include "tests/trace_builder.hpp"
#include "traces/replay.hpp"
#include "traces/report.hpp"

namespace {

using namespace zcv;
using namespace zcv::test;

void write(const Trace& trace, const std::string& path) {
    TraceWriter writer(path, trace.info);
    for (const Stack& stack : trace.stacks) writer.append(stack);
    writer.append(trace.events);
    writer.close(trace.totals);
}

// Their places, and whether each was what is stored there.
std::vector<std::size_t> places(Records& records, const Trace& trace) {
    std::vector<std::size_t> order;
    for (auto some = records.next(); !some.empty(); some = records.next())
        for (const Placed& each : some) {
            REQUIRE(std::memcmp(each.event, &trace.events.at(each.record), sizeof(zcv_event)) == 0);
            REQUIRE(each.time_ns == each.event->time_ns);
            order.push_back(each.record);
            records.done(each);
        }
    return order;
}

// Times that go up but for some, which are so many records late.
Trace disordered(std::size_t count, std::size_t late) {
    Trace trace;
    trace.events.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        trace.events[i].kind = ZCV_DEV_QUEUE;
        trace.events[i].seq = static_cast<std::uint32_t>(i);
        trace.events[i].time_ns = 1'000'000 + 10 * i;
        if (i % 7 == 3) trace.events[i].time_ns -= 10 * std::min(i, late) + 5;
    }
    trace.totals.records = count;
    return trace;
}

TEST_CASE("records come from a file in the order of time", "[records]") {
    const TempDir dir;
    for (const std::size_t late : {0U, 3U, 500U, 5000U}) {
        INFO(late << " records late");
        const Trace trace = disordered(30000, late);
        write(trace, dir / "late.zct");
        TraceFile file(dir / "late.zct");
        const std::vector<std::size_t> order = order_by_time(trace);
        CHECK(std::ranges::is_sorted(order, {},
                                     [&](std::size_t at) { return trace.events[at].time_ns; }));
        CHECK(places(*records_of(trace), trace) == order);
        CHECK(places(*file.records(), trace) == order);
        CHECK(places(*file.records(), trace) == order);  // as often as they are wanted
        CHECK(file.about().sequence_gaps == 0);
    }
}

TEST_CASE("what is stored too far from where it belongs is said, and the trace read as a whole",
          "[records]") {
    const TempDir dir;
    const Trace trace = disordered(60000, 50000);
    write(trace, dir / "far.zct");
    TraceFile file(dir / "far.zct");
    CHECK_THROWS_AS(places(*file.records(), trace), OutOfOrder);
    const ReplayReport report = replay(file, {.profile = "6.18"});
    CHECK(report.records == trace.events.size());
    CHECK(report.matched == replay(trace, {.profile = "6.18"}).matched);
}

TEST_CASE("gaps in the numbers of records are known of a trace that stays in its file",
          "[records]") {
    const TempDir dir;
    Trace trace = capture("udp-nic-conforming");
    for (zcv_event& event : trace.events) event.seq += 10;
    write(trace, dir / "gaps.zct");
    TraceFile file(dir / "gaps.zct");
    CHECK(file.about().sequence_gaps == 0);
    const ReplayReport report = replay(file, {});
    CHECK(file.about().sequence_gaps > 0);
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.lost == file.about().sequence_gaps);
}

std::string told(const ReplayReport& report, const Trace& about) {
    std::ostringstream out;
    print_report(out, report, about, "a.zct", "json");
    print_report(out, report, about, "a.zct", "text");
    return out.str();
}

TEST_CASE("a replay that forgets what is over and looks ahead a little says the same",
          "[records][replay]") {
    // As many records as pass while these captures' late ones come.
    const Foresight little{.records_min = 300, .ns_min = 10'000'000, .lag = 300};
    for (const auto& path : captures()) {
        DYNAMIC_SECTION(path.lexically_relative(captured).string()) {
            const Trace trace = read_trace(path.string());
            TraceFile file(path.string());
            for (const std::string profile : {"", "6.1", "6.18"}) {
                const ReplayReport whole = replay(trace, {.profile = profile});
                const ReplayReport streamed =
                    replay(file, {.profile = profile, .foresight = little, .keep_history = false});
                CHECK(told(streamed, file.about()) == told(whole, trace));
            }
        }
    }
}

// What is known of a send goes when it is over: else the second would take five times as much.
TEST_CASE("zcv replay takes no more memory for a trace ten times as long", "[records][replay]") {
    const TempDir dir;
    const Trace trace = capture("tcp-nic-stacked");
    const auto mib = [&](std::uint32_t times) {
        const std::string path = dir / "long.zct";
        write_longer(trace, path, times);
        // What a sanitizer holds back of freed memory is not the replay's.
        return cost_of("env ASAN_OPTIONS=\"$ASAN_OPTIONS:quarantine_size_mb=1\" " ZCV_PROGRAM
                       " replay " +
                       shell_quoted(path))
            .mib;
    };
    const double once = mib(100);
    CHECK(mib(1000) < 2 * once);
}

}  // namespace
