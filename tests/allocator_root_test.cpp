// Memory that a program gives back to its allocator while it is being sent, seen by uprobes on
// free() and realloc(). Needs root and BPF: skips (77) otherwise.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <set>

#include "tests/capture_here.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

using namespace zcv::test;

namespace {

const std::string zcv_program = ZCV_PROGRAM;

struct Watched {
    zcv::Trace trace;
    std::string err;
};

Watched watched(const std::string& command) {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "t.zct";
    const Ran ran = run_shell(zcv_program + " capture -o " + file +
                              " --events default,free --hash sampled -- " + command);
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    Watched seen{zcv::read_trace(file), ran.err};
    REQUIRE(seen.trace.totals.lost == 0);
    if (const auto why = seen.trace.info.missing.find("free"); why != seen.trace.info.missing.end())
        skip("free: " + why->second);
    return seen;
}

std::size_t frees_in(const zcv::Trace& trace) {
    return static_cast<std::size_t>(std::ranges::count(trace.events, ZCV_FREE, &zcv_event::kind));
}

}  // namespace

TEST_CASE("whoever frees at the first CQE is shown by the line of its free()", "[root]") {
    const Watched seen = watched(std::string(ZCV_CLIENT) + " misuse-heap");
    REQUIRE(frees_in(seen.trace) > 0);
    const zcv::ReplayReport report = zcv::replay(seen.trace, {});
    CHECK(report.verdict == zcv::Verdict::violation);
    CHECK(report.matched == report.records);
    std::size_t by_free = 0;
    for (const zcv::Violation& finding : report.violations) {
        CHECK(finding.rule->id == "ZC-A1");
        if (std::ranges::count(finding.seen_by, zcv::Evidence::allocator) == 0) continue;
        ++by_free;
        CHECK(finding.explanation.find("was freed") != std::string::npos);
        REQUIRE(finding.stack.size() > 1);
        CHECK(finding.stack[0].starts_with("free "));
        CHECK(finding.stack[1].find("pools.c:") != std::string::npos);
    }
    // Sends before the probes were in have other evidence.
    CHECK(by_free >= 50);
}

TEST_CASE("whoever waits for the notification may free, and does", "[root]") {
    const Watched seen = watched(std::string(ZCV_CLIENT) + " heap");
    CHECK(frees_in(seen.trace) > 50);
    const zcv::ReplayReport report = zcv::replay(seen.trace, {});
    CHECK(report.verdict == zcv::Verdict::clean);
    CHECK(report.matched == report.records);
    // glibc's header says how large a block is, and the buffers are of 4096 bytes.
    for (const zcv_event& event : seen.trace.events)
        if (event.kind == ZCV_FREE) CHECK(event.len >= 4096);
}

TEST_CASE("realloc() that moves gives the old block back, and one that stays does not", "[root]") {
    const Watched early = watched(std::string(ZCV_CLIENT) + " misuse-grown");
    const zcv::ReplayReport found = zcv::replay(early.trace, {});
    CHECK(found.verdict == zcv::Verdict::violation);
    const auto by_realloc = std::ranges::count_if(found.violations, [](const auto& finding) {
        return !finding.stack.empty() && finding.stack[0].starts_with("realloc ");
    });
    CHECK(by_realloc > 0);
    const Watched right = watched(std::string(ZCV_CLIENT) + " grown");
    CHECK(frees_in(right.trace) > 0);
    CHECK(zcv::replay(right.trace, {}).verdict == zcv::Verdict::clean);
    // Eight blocks grow a thousand times by little: most of the time there is room behind them.
    CHECK(frees_in(right.trace) < 900);
}

TEST_CASE("a program's other memory makes no records", "[root]") {
    const Watched seen = watched(std::string(ZCV_CLIENT) + " pool");
    std::set<std::uint64_t> buffers;
    for (const zcv_event& event : seen.trace.events)
        if (event.kind == ZCV_SUBMIT) buffers.insert(event.addr);
    CHECK(frees_in(seen.trace) <= buffers.size());
}

TEST_CASE("where a program has no free() that can be found, that is said", "[root]") {
    // A copy without its symbols, and nothing else in it, as static programs often are.
    const Watched seen = watched(std::string(ZCV_STATIC_CALLER) + " udp 100");
    CHECK(frees_in(seen.trace) == 0);
    CHECK(seen.err.find("without free of process ") != std::string::npos);
    CHECK(zcv::replay(seen.trace, {}).verdict == zcv::Verdict::clean);
}
