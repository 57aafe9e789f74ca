// Who holds the references of a ubuf, as function probes tell: the holders are named, and their
// number is the kernel's own count at every moment.
#include "traces/ref_history.hpp"

#include <catch2/catch.hpp>

#include "tests/captured.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

std::uint32_t held_at(const RefLife& life, std::uint64_t ns) {
    return static_cast<std::uint32_t>(std::count_if(
        life.holds.begin(), life.holds.end(),
        [&](const Hold& hold) { return hold.from_ns <= ns && (!hold.to_ns || *hold.to_ns > ns); }));
}

}  // namespace

TEST_CASE("as many hold a reference as the kernel counts", "[refs]") {
    const std::string name =
        GENERATE("6.1/udp-nic-conforming", "6.1/tcp-nic-segments", "6.12/udp-nic-conforming",
                 "6.12/tcp-nic-corked", "6.12/udp-loopback-copied");
    const Trace trace = capture(name);
    const ReplayReport report = replay(trace, {});
    std::size_t checked = 0;
    for (std::uint32_t send = 1; send <= report.history.size(); ++send) {
        for (const RefLife& life : family_of(trace, report, send)) {
            INFO(name << " send #" << send << " ubuf " << std::hex << life.ubuf);
            for (const RefLife::Count& count : life.counts) {
                CHECK(held_at(life, count.time_ns) == count.refs);
                ++checked;
            }
            for (const Hold& hold : life.holds) CHECK(hold.to_ns.has_value());
        }
    }
    CHECK(checked > 20);
}

TEST_CASE("stacked notifications are one family, whichever is asked for", "[refs]") {
    const Trace trace = capture("6.12/tcp-nic-corked");
    const ReplayReport report = replay(trace, {});
    const std::vector<RefLife> longest = family_of(trace, report, std::nullopt);
    REQUIRE(longest.size() == 8);
    const RefLife& head = longest.front();
    CHECK(head.holds.front().holder == "issuer");
    for (std::size_t i = 1; i < longest.size(); ++i) {
        const std::string name = "send #" + std::to_string(longest[i].send);
        CHECK(std::any_of(head.holds.begin(), head.holds.end(),
                          [&](const Hold& hold) { return hold.holder == name; }));
        CHECK(family_of(trace, report, longest[i].send).front().ubuf == head.ubuf);
    }
}

TEST_CASE("zcv plot refs draws them, or says why it cannot", "[refs][plot]") {
    const TempDir dir;
    const auto plot = [&](const std::string& trace, const std::string& more) {
        return run_shell(ZCV_PROGRAM " plot refs " + (captured / (trace + ".zct")).string() +
                         " -o " + (dir / "r.svg") + ' ' + more);
    };
    const Ran drawn = plot("6.12/tcp-nic-corked", "--csv " + (dir / "r.csv"));
    INFO(drawn.err);
    CHECK(drawn.status == 0);
    CHECK(text_of_file(dir / "r.svg").find("stacked on the first") != std::string::npos);
    CHECK(lines_in(text_of_file(dir / "r.csv")) == 1 + 9 + 7);
    const auto refused = [&](const std::string& trace, const std::string& more, int status,
                             const std::string& says) {
        const Ran ran = plot(trace, more);
        INFO(ran.err);
        CHECK(ran.status == status);
        CHECK(lines_in(ran.err) == 1);
        CHECK(ran.err.find(says) != std::string::npos);
    };
    refused("udp-nic-conforming", "", 3, "no function probe saw references");
    refused("6.12/tcp-nic-corked", "--send 5000", 2, "name one of them");
    refused("6.12/tcp-nic-corked", "--send x", 2, "not a number");
}
