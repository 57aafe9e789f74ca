// Which pages a send was made from, and who made it: what tells a buffer that was written from the
// same address with other pages. Needs root and BPF: skips (77) otherwise.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/capture_here.hpp"
#include "traces/replay.hpp"
#include "traces/stacks.hpp"
#include "traces/zct.hpp"

using namespace zcv::test;

namespace {

const std::string zcv_program = ZCV_PROGRAM;
const std::string client = ZCV_CLIENT;

zcv::Trace captured(const std::string& options, const std::string& command) {
    const TempDir folder;
    const std::string file = folder / "t.zct";
    const Ran ran =
        run_shell(zcv_program + " capture -o " + file + " " + options + " -- " + command);
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    zcv::Trace trace = zcv::read_trace(file);
    REQUIRE(trace.totals.lost == 0);
    return trace;
}

zcv::Trace driven(const std::string& options, const std::string& workload) {
    return captured(options, zcv_program + " drive " + workload);
}

bool has_probe(const zcv::Trace& trace, const char* name) {
    return std::ranges::find(trace.info.probes, name) != trace.info.probes.end();
}

void need_probe(const zcv::Trace& trace, const std::string& name) {
    if (has_probe(trace, name.c_str())) return;
    const auto why = trace.info.missing.find(name);
    skip(name + ": " + (why == trace.info.missing.end() ? "not attached" : why->second));
}

// How many looks at pages found the same, and how many found others.
std::pair<int, int> pages_of(const zcv::Trace& trace) {
    std::pair<int, int> seen{0, 0};
    for (const zcv_event& event : trace.events)
        if (event.kind == ZCV_PAGES) ++(event.zc_flags == 1 ? seen.first : seen.second);
    return seen;
}

}  // namespace

TEST_CASE("what is written too early is in the pages that are sent", "[root]") {
    need_capture();
    const std::string api = GENERATE("send_zc", "sendmsg_zc --vectors 3", "msg_zerocopy");
    INFO(api);
    const zcv::Trace conforming = driven("--hash sampled", "udp --sends 200 --api " + api);
    need_probe(conforming, "pages");
    CHECK(pages_of(conforming) == std::pair(0, 0));
    const zcv::Trace misuse =
        driven("--hash sampled", "udp --sends 200 --misuse first-cqe --api " + api);
    const auto [same, other] = pages_of(misuse);
    CHECK(same > 0);
    CHECK(other == 0);
    const zcv::ReplayReport report = zcv::replay(misuse, {});
    CHECK(report.verdict == zcv::Verdict::violation);
    for (const zcv::Violation& finding : report.violations)
        if (finding.property.starts_with("R1-"))
            CHECK(std::ranges::count(finding.seen_by, zcv::Evidence::pages) == 1);
}

TEST_CASE("after a fork a write goes to another page, unless the page is pinned", "[root]") {
    need_capture();
    const bool fixed = GENERATE(false, true);
    const zcv::Trace trace =
        driven("--hash sampled", "udp --buffers 128 --rate 50mbit --sends 200 --misuse fork" +
                                     std::string(fixed ? " --fixed" : ""));
    need_probe(trace, "pages");
    const auto [same, other] = pages_of(trace);
    CHECK((fixed ? same : other) > 0);
    CHECK((fixed ? other : same) == 0);
    const zcv::ReplayReport report = zcv::replay(trace, {});
    const auto& findings = fixed ? report.violations : report.notes;
    REQUIRE_FALSE(findings.empty());
    for (const zcv::Violation& finding : findings) CHECK(finding.rule->id == "ZC-A14");
}

TEST_CASE("an skb's pieces are the pages of the buffer", "[root]") {
    need_capture();
    const zcv::Trace trace = driven("--events default,frag", "udp --sends 200 --buffers 8");
    using Piece = std::pair<std::uint64_t, std::uint64_t>;  // page, offset
    std::map<std::uint32_t, std::uint64_t> addr_of;         // of sends, by generation
    std::map<std::uint64_t, std::set<std::vector<Piece>>> pieces_at;
    std::map<std::uint32_t, std::vector<Piece>> pieces_of;
    std::map<std::uint32_t, std::uint64_t> bytes_of;
    for (const zcv_event& event : trace.events) {
        if (event.kind == ZCV_SUBMIT) addr_of[event.generation] = event.addr;
        if (event.kind != ZCV_FRAG) continue;
        CHECK(event.opcode < event.nr_frags);
        pieces_of[event.generation].emplace_back(event.addr, event.user_data);
        bytes_of[event.generation] += event.len;
    }
    REQUIRE(pieces_of.size() == 200);
    for (const auto& [generation, pieces] : pieces_of) {
        CHECK(bytes_of[generation] == 4096);
        CHECK(pieces.front().second == addr_of.at(generation) % 4096);
        pieces_at[addr_of.at(generation)].insert(pieces);
    }
    CHECK(pieces_at.size() == 8);
    std::set<std::vector<Piece>> different;
    for (const auto& [addr, all] : pieces_at) {
        CHECK(all.size() == 1);  // the buffer stays where it is
        different.insert(all.begin(), all.end());
    }
    CHECK(different.size() == 8);
}

TEST_CASE("each send has the stack of who made it", "[root]") {
    need_capture();
    const zcv::Trace trace = captured("--stacks", client + " pool");
    need_probe(trace, "stacks");
    std::size_t sends = 0;
    std::set<std::int32_t> stacks;
    for (const zcv_event& event : trace.events) {
        if (event.kind != ZCV_SUBMIT) continue;
        ++sends;
        REQUIRE(event.res > 0);
        stacks.insert(event.res);
    }
    CHECK(sends == 1000);
    CHECK(stacks.size() < 10);  // equal ones are kept once
    for (const std::int32_t number : stacks) {
        const auto lines = zcv::lines_of(trace, static_cast<std::uint32_t>(number));
        const auto has = [&](const std::string& words) {
            return std::ranges::any_of(lines, [&](const std::string& line) {
                return line.find(words) != std::string::npos;
            });
        };
        CAPTURE(lines);
        CHECK(has("misuses.c:"));
        CHECK(has("main  "));
    }
}

TEST_CASE("each record has the kernel's own stack where that is wanted", "[root]") {
    need_capture();
    const zcv::Trace trace = captured("--kernel-stacks", client + " pool");
    need_probe(trace, "kernel-stacks");
    const auto passes = [&](const zcv_event& event, const std::string& function) {
        return std::ranges::any_of(
            zcv::lines_of(trace, ZCV_KERNEL_STACKS | event.kernel_stack),
            [&](const std::string& line) { return line.starts_with(function); });
    };
    std::size_t with = 0;
    for (const zcv_event& event : trace.events) {
        // The stack below an interrupt is not given where that found the processor idle.
        if (event.context == ZCV_CONTEXT_TASK) CHECK(event.kernel_stack != 0);
        if (event.kernel_stack == 0) continue;
        ++with;
        const auto lines = zcv::lines_of(trace, ZCV_KERNEL_STACKS | event.kernel_stack);
        CAPTURE(event.kind, lines);
        REQUIRE_FALSE(lines.empty());
        CHECK_FALSE(lines.front().starts_with("bpf_"));
        if (event.kind == ZCV_SUBMIT) CHECK(passes(event, "io_submit_sqe"));
        if (event.kind == ZCV_HEAD_FREE) CHECK(passes(event, "skb_release_data"));
        if (event.kind == ZCV_DEV_QUEUE) CHECK(passes(event, "__dev_queue_xmit"));
    }
    CHECK(trace.stacks.size() < with / 4);  // equal ones are kept once
    CHECK(zcv::replay(trace, {}).matched == trace.events.size());
}

TEST_CASE("convert tells the stacks that records name", "[root]") {
    need_capture();
    const TempDir folder;
    const std::string file = folder / "t.zct";
    REQUIRE(run_shell(zcv_program + " capture -o " + file + " --stacks -- " + client + " pool")
                .status == 0);
    const zcv::Trace trace = zcv::read_trace(file);
    need_probe(trace, "stacks");
    const Ran ran = run_shell(zcv_program + " convert " + file + " --to jsonl");
    std::set<std::uint32_t> told, named;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) {
        const auto json = nlohmann::json::parse(line);
        if (json["type"] == "stack") {
            told.insert(json["number"].get<std::uint32_t>());
            CHECK_FALSE(json["frames"].empty());
        }
        if (json["type"] != "record" || json["kind"] != "submit") continue;
        named.insert(json["res"].get<std::uint32_t>());
        CHECK(told.count(json["res"]) == 1);  // before the records that name it
    }
    CHECK_FALSE(named.empty());
    CHECK(told == named);
}

TEST_CASE("a finding names who had sent the buffer", "[root]") {
    need_capture();
    const Ran ran = run_shell(zcv_program + " run --stacks -- " + client + " misuse-pool");
    INFO(ran.out << ran.err);
    CHECK(ran.status == 1);
    const std::size_t sent = ran.out.find("\n  sent    ");
    REQUIRE(sent != std::string::npos);
    CHECK(ran.out.find("misuses.c:", sent) != std::string::npos);
}
