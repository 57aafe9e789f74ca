// Whether the data of a send was copied, where the kernel's own answer is wrong: members of a chain
// of notifications (B25), and calls whose ranges were joined on the error queue (B30). The same
// programs run unwatched are told the same. Needs root and BPF: skips (77) otherwise.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/capture_here.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

using namespace zcv::test;
using zcv::Payload;

namespace {

const std::string zcv_program = ZCV_PROGRAM;
const std::string client = ZCV_CLIENT;

struct Watched {
    std::string answers;  // "0110...": what the kernel told the program of each send
    std::vector<zcv::SendHistory> sends;
    zcv::ReplayReport report;
};

Watched watched(const std::string& mode) {
    const TempDir folder;
    const std::string file = folder / "t.zct";
    const Ran ran = run_shell(zcv_program + " capture -o " + file + " -- " + client + " " + mode);
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    const zcv::Trace trace = zcv::read_trace(file);
    REQUIRE(trace.totals.lost == 0);
    Watched seen{ran.out, {}, zcv::replay(trace, {})};
    seen.sends = seen.report.history;
    std::ranges::sort(seen.sends, {}, &zcv::SendHistory::user_data);
    return seen;
}

bool notes(const zcv::ReplayReport& report, std::string_view rule) {
    return std::ranges::any_of(report.notes,
                               [&](const zcv::Violation& note) { return note.rule->id == rule; });
}

}  // namespace

TEST_CASE("members of a chain were not copied, whatever the kernel says (B25)", "[root]") {
    need_capture();
    const Watched seen = watched("stacked");
    INFO("the kernel says " << seen.answers);
    REQUIRE(seen.sends.size() == 24);
    CHECK(std::ranges::count(seen.answers, '1') > 0);  // it is wrong of these
    CHECK(std::ranges::count(seen.answers, '0') > 0);  // the heads of chains
    for (std::size_t i = 0; i < 24; ++i) {
        CHECK(seen.sends[i].copied == (seen.answers.at(i) == '1'));
        CHECK(seen.sends[i].payload == Payload::zero_copied);
    }
    CHECK(seen.report.payloads_zero_copied == 24);
    CHECK(notes(seen.report, "B25"));
}

TEST_CASE("of joined ranges each call is told apart (B30)", "[root]") {
    need_capture();
    const Watched seen = watched("joined");
    INFO("the kernel says " << seen.answers);
    REQUIRE(seen.sends.size() == 24);
    CHECK(std::ranges::count(seen.answers, '1') < 12);  // of twelve that were copied
    for (std::size_t i = 0; i < 24; ++i)
        CHECK(seen.sends[i].payload == (i % 2 != 0 ? Payload::copied : Payload::zero_copied));
    CHECK(seen.report.payloads_copied == 12);
    CHECK(notes(seen.report, "B30"));
}

TEST_CASE("what the kernel tells a program is the same without zcv", "[root]") {
    need_capture();
    for (const std::string mode : {"stacked", "joined"}) DYNAMIC_SECTION(mode) {
            const Ran alone = run_shell(client + " " + mode);
            REQUIRE(alone.status == 0);
            const Watched seen = watched(mode);
            CHECK(seen.answers == alone.out);
        }
}

TEST_CASE("a packet whose end was not recorded is unknown, and no leak", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "t.zct";
    REQUIRE(run_shell(zcv_program + " capture -o " + file + " -- " + client + " joined").status ==
            0);
    zcv::Trace trace = zcv::read_trace(file);
    // The last call: everything after its packet was handed to the device goes unseen.
    const auto last = std::ranges::max_element(trace.events, {}, [](const zcv_event& event) {
        return event.kind == ZCV_CALL ? event.generation : 0;
    });
    const std::uint32_t generation = last->generation;
    std::erase_if(trace.events, [&](const zcv_event& event) {
        return event.generation == generation &&
               (event.kind == ZCV_RX || event.kind == ZCV_SKB_CONSUME ||
                event.kind == ZCV_HEAD_FREE);
    });
    const zcv::ReplayReport report = zcv::replay(trace, {});
    CHECK(report.history.back().payload == Payload::unknown);
    CHECK(report.violations.empty());
    CHECK(report.payloads_copied == 11);
}
