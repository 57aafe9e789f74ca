// The forms of a report: each one is what its readers expect, and says the same as the others.
#include "traces/report.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/captured.hpp"
#include "tests/json_schema.hpp"
#include "tests/program.hpp"
#include "traces/report_findings.hpp"

using namespace zcv;
using namespace zcv::test;
using nlohmann::json;

namespace {

std::string written(const Trace& trace, const std::string& format,
                    const std::string& file = "a.zct") {
    std::ostringstream out;
    print_report(out, replay(trace, {}), trace, file, format);
    return out.str();
}

std::vector<json> lines_of(const std::string& text) {
    std::vector<json> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
    return all;
}

// A trace with a divergence, and one with a stack.
Trace with_divergence() {
    Trace trace = capture("udp-nic-conforming");
    for (zcv_event& event : trace.events)
        if (event.kind == ZCV_COMPLETE) {
            event.refs = 7;
            break;
        }
    return trace;
}

Trace with_stack() {
    Trace trace = capture("udp-nic-first-cqe");
    trace.stacks.push_back(
        {1, {{0x1000, "/bin/app", 0x10, "fill<int>()", "src/a \"b\" & c.cc", 12}}});
    trace.events.push_back(watched_write(trace, 0x23));
    return trace;
}

}  // namespace

TEST_CASE("json reports are what the schema in the tree says", "[report]") {
    const JsonSchema schema(
        json::parse(text_of_file(std::string(ZCV_SOURCE_DIR) + "/traces/report.schema.json")));
    std::vector<Trace> traces{with_divergence(), with_stack()};
    for (const auto& file : captures()) traces.push_back(read_trace(file.string()));
    REQUIRE(traces.size() >= 31);
    for (const Trace& trace : traces)
        CHECK(schema.complaints(json::parse(written(trace, "json"))) == std::vector<std::string>{});

    json wrong = json::parse(written(traces.front(), "json"));
    wrong["verdict"] = "FINE";
    wrong["sends"] = -1;
    wrong["extra"] = 1;
    wrong.erase("lost");
    CHECK(schema.complaints(wrong).size() == 4);
}

TEST_CASE("a profile of a kernel that was never captured is said to be from its source",
          "[report]") {
    const bool tried = GENERATE(true, false);
    Trace trace = capture("udp-nic-conforming");
    trace.info.kernel_release = tried ? "6.18.3" : "6.17.12-arch1";
    const bool told =
        written(trace, "text").find("no kernel of this version was tried") != std::string::npos;
    CHECK(told != tried);
    CHECK(json::parse(written(trace, "json")).at("profile_tried") == tried);
}

TEST_CASE("jsonl has a line for each finding and one for the trace", "[report]") {
    const Trace trace = capture("udp-nic-first-cqe");
    const std::vector<json> lines = lines_of(written(trace, "jsonl"));
    REQUIRE(lines.size() == 19);
    for (std::size_t i = 0; i < 18; ++i) {
        CHECK(lines[i]["type"] == "finding");
        CHECK(lines[i]["rule"] == "ZC-A1");
        CHECK(lines[i]["file"] == "a.zct");
        CHECK(lines[i]["schema_version"] == report_schema_version);
    }
    CHECK(lines.back()["type"] == "report");
    CHECK(lines.back()["verdict"] == "VIOLATION");
    CHECK(lines.back()["findings"].front()["count"] == 18);
}

TEST_CASE("findings of one cause are told once, those of another apart", "[report]") {
    const Trace trace = with_stack();
    const ReplayReport report = replay(trace, {});
    REQUIRE(report.violations.size() == 18);
    const std::vector<Finding> findings = fold(report.violations, trace);
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].first->stack.front().starts_with("fill<int>()"));
    CHECK(findings[0].sends.size() == 1);
    CHECK(findings[1].sends.size() == 17);
    CHECK(findings[0].fingerprint != findings[1].fingerprint);

    // Another line of the same function, at another address: the same cause.
    Trace moved = trace;
    moved.stacks.front().frames.front().line = 13;
    moved.stacks.front().frames.front().ip = 0x2000;
    const ReplayReport again = replay(moved, {});
    CHECK(fold(again.violations, moved)[0].fingerprint == findings[0].fingerprint);
}

TEST_CASE("text tells verdict, what, where, who, when and the sum", "[report]") {
    const std::string text = written(with_stack(), "text");
    for (const char* part :
         {"a.zct: VIOLATION (18 of 60 sends)", "ERROR: ZC-A1 reused-after-first-cqe",
          "who     thread", "fill<int>()  src/a \"b\" & c.cc:12", "fix     Recycle",
          "zcv explain ZC-A1", "SUMMARY: 2 errors (ZC-A1 x18), 0 warnings"})
        CHECK(text.find(part) != std::string::npos);
    CHECK(written(capture("udp-nic-conforming"), "text").find("SUMMARY: 0 errors, 0 warnings") !=
          std::string::npos);
}

TEST_CASE("a time line keeps the order of its marks, however close they are", "[report]") {
    SendHistory send;
    send.submitted_ns = 1000;
    send.on_wire_ns = 1001;
    send.completed_ns = 1002;
    send.reused_ns = 1500;
    send.reused_early = true;
    send.released_ns = 1999;
    send.notified_ns = 2000;
    CHECK(timeline(send, 21) == "swc-------X========RN");
    send.reused_ns = 2001;
    CHECK(timeline(send, 21) == "swc---------------RNX");
    SendHistory lonely;
    lonely.submitted_ns = 5;
    CHECK(timeline(lonely, 5) == "s----");
}

TEST_CASE("junit has a case for each rule, and a failure for each that is broken", "[report]") {
    using boost::property_tree::ptree;
    const auto suite_of = [](const Trace& trace) {
        std::istringstream text(written(trace, "junit", "a<b>&\"c\".zct"));
        ptree root;
        read_xml(text, root);
        return root.get_child("testsuites.testsuite");
    };
    const auto outcomes = [](const ptree& suite, const char* what) {
        std::set<std::string> names;
        std::size_t cases = 0;
        for (const auto& [tag, test] : suite) {
            if (tag != "testcase") continue;
            ++cases;
            if (test.find(what) != test.not_found())
                names.insert(test.get<std::string>("<xmlattr>.name"));
        }
        CHECK(suite.get<std::size_t>("<xmlattr>.tests") == cases);
        return names;
    };
    const ptree broken = suite_of(with_stack());
    CHECK(broken.get<std::string>("<xmlattr>.name") == "a<b>&\"c\".zct");
    CHECK(outcomes(broken, "failure") == std::set<std::string>{"ZC-A1-reused-after-first-cqe"});
    CHECK(broken.get<int>("<xmlattr>.failures") == 1);
    CHECK(outcomes(suite_of(capture("udp-nic-conforming")), "failure").empty());
    CHECK(outcomes(suite_of(capture("udp-nic-conforming")), "skipped").empty());
    CHECK(outcomes(suite_of(with_divergence()), "failure") ==
          std::set<std::string>{"every record is explained"});
    // Nothing was checked, so nothing passed.
    const ptree empty = suite_of(capture("no-zero-copy-send"));
    CHECK(outcomes(empty, "skipped").size() == empty.get<std::size_t>("<xmlattr>.tests"));
}

TEST_CASE("sarif results name declared rules, places and fingerprints", "[report]") {
    const json document = json::parse(written(with_stack(), "sarif"));
    CHECK(document["version"] == "2.1.0");
    REQUIRE(document["runs"].size() == 1);
    const json& run = document["runs"][0];
    std::set<std::string> declared;
    for (const json& rule : run["tool"]["driver"]["rules"]) {
        CHECK(declared.insert(rule["id"]).second);
        CHECK_FALSE(rule["shortDescription"]["text"].get<std::string>().empty());
    }
    REQUIRE(run["results"].size() == 2);
    std::set<std::string> fingerprints;
    for (const json& result : run["results"]) {
        CHECK(declared.contains(result["ruleId"]));
        CHECK(result["level"] == "error");
        CHECK_FALSE(result["message"]["text"].get<std::string>().empty());
        fingerprints.insert(result["partialFingerprints"]["zcv/v1"]);
    }
    CHECK(fingerprints.size() == 2);
    const json& place = run["results"][0]["locations"][0]["physicalLocation"];
    CHECK(place["artifactLocation"]["uri"] == "src/a \"b\" & c.cc");
    CHECK(place["region"]["startLine"] == 12);
    CHECK(run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
          "a.zct");
    const json diverged = json::parse(written(with_divergence(), "sarif"));
    CHECK(diverged["runs"][0]["results"][0]["ruleId"] == "divergence");
}

TEST_CASE("several traces are one document of junit and of sarif", "[report][cli]") {
    const auto replayed = [](const std::string& format) {
        return run_shell("cd " + shell_quoted(captured) + " && " + shell_quoted(ZCV_PROGRAM) +
                         " replay --format " + format +
                         " udp-nic-first-cqe.zct udp-nic-conforming.zct no-zero-copy-send.zct");
    };
    const Ran junit = replayed("junit");
    CHECK(junit.status == 1);
    boost::property_tree::ptree root;
    std::istringstream text(junit.out);
    read_xml(text, root);
    CHECK(root.get_child("testsuites").count("testsuite") == 3);
    const json sarif = json::parse(replayed("sarif").out);
    CHECK(sarif["runs"][0]["invocations"].size() == 3);
    CHECK(lines_of(replayed("json").out).size() == 3);
}

TEST_CASE("a block that is freed too early is a finding of the buffers in it alone", "[report]") {
    Trace trace = capture("udp-nic-conforming");
    REQUIRE(replay(trace, {}).verdict == Verdict::clean);
    const auto submit =
        std::ranges::find(trace.events, std::uint16_t{ZCV_SUBMIT}, &zcv_event::kind);
    zcv_event freed = watched_write(trace, submit->user_data);
    freed.kind = ZCV_FREE;
    freed.time_ns = submit->time_ns + 1;
    freed.addr = submit->addr - 64;
    freed.len = 64;
    SECTION("the block ends before the buffer") {
        trace.events.push_back(freed);
        CHECK(replay(trace, {}).verdict == Verdict::clean);
    }
    SECTION("the buffer begins in it") {
        freed.len = 65;
        trace.events.push_back(freed);
        const ReplayReport report = replay(trace, {});
        REQUIRE(report.violations.size() == 1);
        CHECK(report.violations[0].seen_by == std::vector{Evidence::allocator});
        CHECK(report.violations[0].send == 1);
        CHECK(report.violations[0].explanation.find("was freed") != std::string::npos);
        // No byte was seen to change.
        CHECK(report.violations[0].explanation.find("later bytes") == std::string::npos);
    }
    SECTION("another process has a block there") {
        freed.len = 65;
        ++freed.tgid;
        trace.events.push_back(freed);
        CHECK(replay(trace, {}).verdict == Verdict::clean);
    }
}
