// Who holds the references of a ubuf, as function probes tell: the holders are named, and their
// number is the kernel's own count at every moment.
#include "traces/ref_history.hpp"

#include <catch2/catch.hpp>
#include <set>

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

std::multiset<std::string> names_of(const RefLife& life) {
    std::multiset<std::string> names;
    for (const Hold& hold : life.holds) names.insert(hold.holder);
    return names;
}

// Of several changes at one moment only the last can be told from the holders.
std::uint32_t last_count(const RefLife& life, const RefLife::Count& at) {
    std::uint32_t refs = at.refs;
    for (const RefLife::Count& count : life.counts)
        if (count.time_ns == at.time_ns) refs = count.refs;
    return refs;
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

TEST_CASE("a replay infers the same holders as function probes see", "[refs]") {
    const std::string name = GENERATE("6.1/udp-nic-conforming", "6.12/udp-nic-conforming",
                                      "6.12/tcp-nic-corked", "6.1/tcp-nic-segments");
    const Trace trace = capture(name);
    const ReplayReport report = replay(trace, {});
    std::size_t compared = 0;
    for (std::uint32_t send = 1; send <= report.history.size(); ++send) {
        const std::vector<RefLife> seen = family_of(trace, report, send);
        const std::vector<RefLife> inferred = inferred_family_of(trace, report, send);
        INFO(name << " send #" << send);
        REQUIRE(inferred.size() == seen.size());
        for (std::size_t i = 0; i < seen.size(); ++i) {
            CHECK(inferred[i].send == seen[i].send);
            CHECK(inferred[i].ubuf == seen[i].ubuf);
            CHECK(inferred[i].holds.size() == seen[i].holds.size());
            // TCP sends clones, whose addresses records have; probes see the originals.
            if (name.find("udp") != std::string::npos)
                CHECK(names_of(inferred[i]) == names_of(seen[i]));
            for (const RefLife::Count& count : inferred[i].counts)
                CHECK(held_at(inferred[i], count.time_ns) == last_count(inferred[i], count));
            for (const Hold& hold : inferred[i].holds) CHECK(hold.to_ns.has_value());
            ++compared;
        }
    }
    CHECK(compared >= 8);
}

TEST_CASE("the kernel's count, where a record read it, is the inferred one", "[refs]") {
    const std::string name = GENERATE("udp-nic-conforming", "6.18/udp-nic-conforming");
    const Trace trace = capture(name);
    const ReplayReport report = replay(trace, {});
    std::size_t checked = 0;
    for (const SendSteps& send : steps_of(trace, report)) {
        for (const RefLife::Count& read : send.refs.read) {
            INFO(name << " send #" << send.refs.send << " at " << read.time_ns);
            // A record may be made just before or just after the change that it shows.
            std::set<std::uint32_t> around{held_at(send.refs, read.time_ns),
                                           held_at(send.refs, read.time_ns - 1)};
            CHECK(around.contains(read.refs));
            ++checked;
        }
    }
    CHECK(checked > 50);
}

TEST_CASE("of a send the kernel's functions are told in the order they worked", "[refs]") {
    const Trace trace = capture("udp-nic-conforming");
    const std::vector<SendSteps> all = steps_of(trace, replay(trace, {}));
    REQUIRE(all.size() == 24);
    std::vector<std::string_view> functions;
    for (const SendSteps::Step& step : all[2].steps) functions.push_back(step.function);
    CHECK(functions == std::vector<std::string_view>{
                           "io_send_zc_prep", "io_send_zc", "__ip_append_data", "__dev_queue_xmit",
                           "dev_hard_start_xmit", "consume_skb", "io_send_zc", "io_notif_flush",
                           "__io_submit_flush_completions", "io_notif_tw_complete",
                           "__io_submit_flush_completions"});
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
    // A chain of thirty has rows for those whose issuer alone held them.
    CHECK(plot("tcp-nic-stacked", "").status == 0);
    CHECK(text_of_file(dir / "r.svg").find("send #36, stacked: issuer") != std::string::npos);
    CHECK(text_of_file(dir / "r.svg").find("stacked on the first") != std::string::npos);
    const auto refused = [&](const std::string& trace, const std::string& more, int status,
                             const std::string& says) {
        const Ran ran = plot(trace, more);
        INFO(ran.err);
        CHECK(ran.status == status);
        CHECK(lines_in(ran.err) == 1);
        CHECK(ran.err.find(says) != std::string::npos);
    };
    const Ran inferred = plot("udp-nic-conforming", "--send 3");
    CHECK(inferred.status == 0);
    CHECK(text_of_file(dir / "r.svg").find("as a replay infers it") != std::string::npos);
    refused("6.18/tcp-nic-msg-zerocopy", "", 3, "zcv guest 6.12");
    refused("no-zero-copy-send", "", 3, "no zero-copy send");
    refused("6.12/tcp-nic-corked", "--send 5000", 2, "name one of them");
    refused("6.12/tcp-nic-corked", "--send x", 2, "not a number");
}
