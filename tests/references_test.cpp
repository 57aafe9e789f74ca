// What a replay infers of counts beside what function probes saw: by hand, and on real captures.
#include "traces/references.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "tests/captured.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

std::size_t at(const Trace& trace, zcv_event_kind kind) {
    for (std::size_t i = 0; i < trace.events.size(); ++i)
        if (trace.events[i].kind == kind) return i;
    FAIL("no such record");
    return 0;
}

// A change of the one notification's count, just before the first record of that kind.
void see(Trace& trace, zcv_event_kind before, zcv_ref how, std::int32_t by, std::uint32_t left) {
    const std::size_t next = at(trace, before);
    zcv_event change{};
    change.kind = ZCV_UBUF_REF;
    change.time_ns = trace.events[next].time_ns - 1;
    change.ring = trace.events[at(trace, ZCV_SUBMIT)].ring;
    change.ubuf = trace.events[at(trace, ZCV_SUBMIT)].ubuf;
    change.opcode = static_cast<std::uint8_t>(how);
    change.res = by;
    change.refs = change.len = left;
    trace.events.insert(trace.events.begin() + static_cast<std::ptrdiff_t>(next), change);
}

// One datagram in one skb, and every reference of it as function probes see them.
Trace probed_datagram(zcv_ref how_flushed = ZCV_REF_ISSUER) {
    Trace trace = TraceBuilder{}.datagram(1).trace();
    trace.info.probes = {"io_uring_submit_req", "fexit:io_alloc_notif"};
    see(trace, ZCV_SUBMIT, ZCV_REF_ALLOC, 1, 1);
    see(trace, ZCV_DEV_QUEUE, ZCV_REF_DATAGRAM, 1, 2);
    see(trace, ZCV_COMPLETE, how_flushed, -1, 1);
    see(trace, ZCV_HEAD_FREE, ZCV_REF_RELEASE, -1, 0);
    return trace;
}

References compared(const Trace& trace) {
    return compare_references("by-hand.zct", trace, {});
}

void forget(Trace& trace, zcv_ref how) {
    std::erase_if(trace.events, [&](const zcv_event& event) {
        return event.kind == ZCV_UBUF_REF && event.opcode == how;
    });
}

bool is_refused(const Trace& trace, const std::string& profile, const std::string& why) {
    const ReplayReport report = replay(trace, {profile});
    return report.divergence && report.divergence->what.find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("what was seen of a datagram is what its replay infers", "[references]") {
    const References found = compared(probed_datagram());
    CHECK(found.why_none.empty());
    CHECK(found.probes == 1);
    CHECK(found.all.seen == 4);
    CHECK(found.all.inferred == 4);
    CHECK(found.all.same == 4);
    CHECK(found.differences.empty());
    CHECK(found.balanced == 1);
    CHECK(found.ubufs == 1);
    CHECK(found.exact == 4);
}

TEST_CASE("a change that only one of the two knows of is a difference, by send and way",
          "[references]") {
    Trace trace = probed_datagram();
    forget(trace, ZCV_REF_RELEASE);
    const References less = compared(trace);
    CHECK(less.all.seen == 3);
    CHECK(less.all.same == 3);
    REQUIRE(less.differences.size() == 1);
    CHECK(less.differences[0].send == 1);
    CHECK(less.differences[0].way == ZCV_REF_RELEASE);
    CHECK(less.balanced == 0);

    trace = probed_datagram();
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_UBUF_REF && event.opcode == ZCV_REF_RELEASE) event.len = 1;
    see(trace, ZCV_COMPLETE, ZCV_REF_CLONE, 1, 2);
    see(trace, ZCV_NOTIF, ZCV_REF_RELEASE, -1, 0);
    const References more = compared(trace);
    CHECK(more.all.seen == 6);
    CHECK(more.all.same == 4);
    CHECK(more.differences.size() == 2);
    CHECK(more.balanced == 1);

    // A clone is an skb as well, come by the data in another way.
    trace = probed_datagram();
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_UBUF_REF && event.opcode == ZCV_REF_DATAGRAM)
            event.opcode = ZCV_REF_CLONE;
    CHECK(compared(trace).all.same == 4);
    CHECK(compared(trace).all.same_way == 3);

    // A copy is no release.
    trace = probed_datagram();
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_UBUF_REF && event.opcode == ZCV_REF_RELEASE)
            event.opcode = ZCV_REF_COPY;
    CHECK(compared(trace).all.same == 3);
}

TEST_CASE("a count that the kernel has otherwise is told, and so are changes of no send",
          "[references]") {
    Trace trace = probed_datagram();
    trace.events[at(trace, ZCV_UBUF_REF)].refs = 7;
    CHECK(compared(trace).exact == 3);

    trace = probed_datagram();
    std::erase_if(trace.events, [](const zcv_event& event) { return event.kind != ZCV_UBUF_REF; });
    const References found = compared(trace);
    CHECK(found.unnamed == 4);
    CHECK(found.all.seen == 0);
    CHECK(found.all.inferred == 0);
}

TEST_CASE("a trace without function probes has nothing to compare, and says why", "[references]") {
    Trace trace = TraceBuilder{}.datagram(1).trace();
    CHECK_THAT(compared(trace).why_none, Catch::Contains("capture with --events"));
    trace.info.missing["function probes"] = "this kernel refuses them: Operation not permitted";
    CHECK_THAT(compared(trace).why_none, Catch::Contains("refuses them"));
}

TEST_CASE("functions that ran tell kernels apart", "[references][profiles]") {
    const Trace plain = probed_datagram();
    for (const std::string profile : {"6.6", "6.12", "6.18"})
        CHECK_FALSE(replay(plain, {profile}).divergence);
    CHECK(is_refused(plain, "6.1", "io_notif_flush() does so itself"));

    const Trace old = probed_datagram(ZCV_REF_FLUSH);
    for (const std::string profile : {"6.1", "6.6"}) CHECK_FALSE(replay(old, {profile}).divergence);
    CHECK(is_refused(old, "6.12", "it has the completion callback do so"));

    Trace trace = plain;
    see(trace, ZCV_DEV_XMIT, ZCV_REF_LINK_SKB, 1, 3);
    CHECK(is_refused(trace, "6.6", "no chains"));
    CHECK_FALSE(is_refused(trace, "6.12", "io_link_skb"));

    trace = old;
    see(trace, ZCV_DEV_XMIT, ZCV_REF_CALL, 1, 3);
    CHECK(is_refused(trace, "6.6", "for as long as it runs"));
    CHECK_FALSE(is_refused(trace, "6.1", "for as long as it runs"));

    trace = plain;
    see(trace, ZCV_DEV_XMIT, ZCV_REF_STREAM, 1, 3);
    CHECK(is_refused(trace, "6.12", "io_link_skb() does"));
    CHECK_FALSE(is_refused(trace, "6.6", "io_link_skb() does"));
}

TEST_CASE("a change of a count that does not follow from those before is no part of a run",
          "[references]") {
    const Trace whole = probed_datagram();
    REQUIRE_FALSE(replay(whole, {}).divergence);
    const auto changed = [&](zcv_ref how, const std::function<void(zcv_event&)>& change) {
        Trace trace = whole;
        for (zcv_event& event : trace.events)
            if (event.kind == ZCV_UBUF_REF && event.opcode == how) change(event);
        const auto found = replay(trace, {}).divergence;
        return found ? found->what : "";
    };
    const auto with = [](auto field, auto value) {
        return [=](zcv_event& event) {
            event.*field = static_cast<std::decay_t<decltype(event.*field)>>(value);
        };
    };
    CHECK_THAT(changed(ZCV_REF_DATAGRAM, with(&zcv_event::len, 3)), Catch::Contains("2 by all"));
    CHECK_THAT(changed(ZCV_REF_ISSUER, with(&zcv_event::res, 1)), Catch::Contains("it cannot"));
    CHECK_THAT(changed(ZCV_REF_RELEASE, with(&zcv_event::ubuf, 0x10)),
               Catch::Contains("no ubuf that is alive"));
    CHECK_THAT(changed(ZCV_REF_RELEASE, with(&zcv_event::ring, 0x10)),
               Catch::Contains("not those that the ubuf was made for"));
    CHECK_THAT(changed(ZCV_REF_RELEASE, with(&zcv_event::opcode, 99)),
               Catch::Contains("no way to change"));

    Trace trace = whole;
    forget(trace, ZCV_REF_RELEASE);
    const ReplayReport held = replay(trace, {});
    REQUIRE(held.violations.size() == 1);
    CHECK(held.violations[0].property == "S1-no-early-release");
    CHECK_THAT(held.violations[0].evidence, Catch::Contains("1 references left"));
    // Where the kernel skipped probes that proves nothing, nor that the memory is another ubuf's.
    zcv_event again = trace.events[at(trace, ZCV_UBUF_REF)];
    again.time_ns = trace.events.back().time_ns + 1;
    trace.events.push_back(again);
    CHECK(is_refused(trace, "", "had 1 references left"));
    trace.totals.recursion_misses = 1;
    CHECK(replay(trace, {}).violations.empty());
    CHECK_FALSE(replay(trace, {}).divergence);
}

TEST_CASE("a softirq may come between a change of a count and its record", "[references]") {
    Trace trace = probed_datagram();
    forget(trace, ZCV_REF_ISSUER);
    forget(trace, ZCV_REF_RELEASE);
    // The flush has been added up, and the release is recorded first: with both, and the kernel's
    // count in which the flush is still to come.
    see(trace, ZCV_HEAD_FREE, ZCV_REF_RELEASE, -1, 0);
    see(trace, ZCV_HEAD_FREE, ZCV_REF_ISSUER, -1, 1);
    const std::size_t free = at(trace, ZCV_HEAD_FREE);
    zcv_event& release = trace.events[free - 2];
    zcv_event& flush = trace.events[free - 1];
    release.context = ZCV_CONTEXT_SOFTIRQ;
    release.refs = 1;
    flush.context = ZCV_CONTEXT_TASK;
    flush.refs = 0;
    CHECK_FALSE(replay(trace, {}).divergence);

    release.context = ZCV_CONTEXT_TASK;  // does not come between
    CHECK(is_refused(trace, "", "by all before"));
    release.context = ZCV_CONTEXT_SOFTIRQ;
    release.refs = 0;  // the kernel's order is the other one
    CHECK(is_refused(trace, "", "by all before"));
}

TEST_CASE("inference does not look at what function probes saw", "[references]") {
    Trace trace = probed_datagram();
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_UBUF_REF) event.len = 77;  // refused where it is looked at
    REQUIRE(replay(trace, {}).divergence);
    const References found = compared(trace);
    CHECK(found.all.inferred == 4);
    CHECK(found.all.same == 4);
    CHECK(found.exact == 0);
}

// MTU probes of 6.1 are copies, and eat skbs that no tracepoint ever shows: the count at the
// completion tells them. A device without scatter-gather is sent segments that are copies.
TEST_CASE("skbs that no record names are inferred, and copies are none", "[references]") {
    const References probes = compared(capture("6.1/tcp-nic-mtu-probe"));
    CHECK(probes.all.seen > 500);
    CHECK(probes.all.same == probes.all.seen);
    CHECK(probes.all.same == probes.all.inferred);
    CHECK(probes.differences.empty());

    const References linear = compared(capture("6.12/tcp-virtio-conforming"));
    CHECK(linear.by_way[ZCV_REF_COPY].inferred == linear.by_way[ZCV_REF_COPY].seen);
    CHECK(linear.by_way[ZCV_REF_COPY].seen > 0);
    CHECK(linear.differences.size() <= linear.missed);
}

TEST_CASE("zcv references, as a user meets it", "[references][cli]") {
    const TempDir dir;
    const auto written = [&](const std::string& name, const Trace& trace) {
        TraceWriter writer(dir / name, trace.info);
        writer.append(trace.events);
        Totals totals;
        totals.records = trace.events.size();
        writer.close(totals);
        return shell_quoted(dir / name);
    };
    const std::string zcv = shell_quoted(ZCV_PROGRAM) + " references ";
    const std::string good = written("good.zct", probed_datagram());
    const Ran text = run_shell(zcv + good);
    CHECK(text.status == 0);
    CHECK_THAT(text.out, Catch::Contains("4 the same: 100.00 %; in the same way 4"));
    const auto json = nlohmann::json::parse(run_shell(zcv + "--format json " + good).out);
    CHECK(json["all"]["same"] == 4);
    CHECK(json["by_way"]["alloc"]["seen"] == 1);
    CHECK_THAT(run_shell(zcv + "--format markdown " + good).out, Catch::Contains("100.000 %"));

    Trace trace = probed_datagram();
    forget(trace, ZCV_REF_RELEASE);
    const Ran less = run_shell(zcv + written("less.zct", trace));
    CHECK(less.status == 1);
    CHECK_THAT(less.out, Catch::Contains("send #1: release 0 times seen, 1 inferred"));
    CHECK(run_shell(zcv + written("none.zct", TraceBuilder{}.datagram(1).trace())).status == 3);
    CHECK(run_shell(zcv + shell_quoted(dir / "nowhere.zct")).status == 2);
}
