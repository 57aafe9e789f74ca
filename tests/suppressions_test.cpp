// Findings that are known: what a file may say, which findings it takes out of a report, and that
// every form of the report says so.
#include "traces/suppressions.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/outcome.hpp"
#include "tests/captured.hpp"
#include "tests/json_schema.hpp"
#include "tests/program.hpp"
#include "traces/replay.hpp"
#include "traces/report.hpp"

using namespace zcv;
using namespace zcv::test;
using nlohmann::json;

namespace {

constexpr const char* the_day = "2026-11-26";

struct Written {
    TempDir dir;
    std::string path = dir / "known.txt";

    explicit Written(const std::string& text) { std::ofstream(path) << text; }
};

std::vector<Suppression> read(const std::string& text) {
    const Written file(text);
    return read_suppressions(file.path, the_day);
}

std::string refusal_of(const std::string& text) {
    const Written file(text);
    try {
        read_suppressions(file.path, the_day);
    } catch (const Refusal& refusal) {
        CHECK(refusal.status() == Status::usage);
        const std::string what = refusal.what();
        CHECK(lines_in(what) == 0);
        REQUIRE(what.starts_with(file.path));
        return what.substr(file.path.size());
    }
    return "nothing";
}

// 18 early writes, one of them with the stack of who wrote.
Trace early_writes() {
    Trace trace = capture("udp-nic-first-cqe");
    trace.stacks.push_back({1, {{0x1000, "/bin/app", 0x10, "fill<int>()", "src/pool.cc", 12}}});
    trace.events.push_back(watched_write(trace, 0x23));
    return trace;
}

ReplayReport judged(const std::string& text) {
    return replay(early_writes(), {.profile = "", .suppressions = read(text)});
}

std::string printed(const std::string& text, const std::string& format) {
    std::ostringstream out;
    print_report(out, judged(text), early_writes(), "a.zct", format);
    return out.str();
}

}  // namespace

TEST_CASE("a line names a rule, a place, a day and a reason", "[suppressions]") {
    const auto all = read(
        "# of the pool\n"
        "\n"
        "ZC-A1   function:*fill*  2027-01-31  issue #7: given back too early\n"
        "  \t mutable command:*qemu* never\tdirty pages are sent again\n"
        "B24 * 2026-11-25 gone\n"
        "B25 * 2026-11-26 still good");
    REQUIRE(all.size() == 4);
    CHECK(all[0].rule == "ZC-A1");
    CHECK(all[0].where == "function:*fill*");
    CHECK(all[0].until == "2027-01-31");
    CHECK(all[0].reason == "issue #7: given back too early");
    CHECK(all[0].line == 3);
    CHECK(all[1].line == 4);
    CHECK(all[1].reason == "dirty pages are sent again");
    CHECK_FALSE(all[1].expired);
    CHECK(all[2].expired);
    CHECK_FALSE(all[3].expired);  // its last day
    CHECK(read("").empty());
}

TEST_CASE("what is no suppression is refused with file, line and remedy", "[suppressions]") {
    const std::string fine = "ZC-A1 * never known\n";
    CHECK(
        refusal_of(fine + "ZC-A99 * never known") ==
        ":2: no rule is called 'ZC-A99': use an id that zcv explain --kind rule lists, or mutable");
    CHECK(refusal_of("# x\nA1 * never known").starts_with(":2: no rule is called 'A1'"));
    CHECK(refusal_of("ZC-A1 func:x never known").starts_with(":1: 'func:x' is no place: use *, "));
    CHECK(refusal_of("ZC-A1 function: never known").starts_with(":1: 'function:' is no place"));
    for (const std::string part : {"ZC-A1", "ZC-A1 *"})
        CHECK(refusal_of(part) == ":1: it is not RULE WHERE UNTIL REASON, as ZC-A1 * never known");
    for (const std::string day : {"2027-13-01", "2027-02-29", "2027-2-1", "27-02-01", "soon",
                                  "2027-02-01x", "20270201", "2027--2-01"})
        CHECK(refusal_of("ZC-A1 * " + day + " known") ==
              ":1: '" + day + "' is no day: use YYYY-MM-DD, or never");
    CHECK(refusal_of("ZC-A1 * 2028-02-29 \n") == ":1: it has no reason: say why, after the day");
    CHECK(refusal_of("ZC-\x1b[31m * never x").find('\x1b') == std::string::npos);

    const TempDir dir;
    for (const std::string& path : {dir / "missing", dir / ""})
        CHECK_THROWS_WITH(read_suppressions(path, the_day), Catch::Contains("cannot be read"));
}

TEST_CASE("a suppressed finding is no part of the verdict", "[suppressions]") {
    CHECK(judged("").violations.size() == 18);
    CHECK(judged("").verdict == Verdict::violation);
    for (const std::string rule : {"ZC-A1", "mutable"}) {
        const ReplayReport report = judged(rule + " * never known");
        CHECK(report.verdict == Verdict::clean);
        CHECK(report.violations.empty());
        CHECK(report.suppressed.size() == 18);
        CHECK(report.suppressions.front().used == 18);
        CHECK(report.matched == report.records);
    }
    CHECK(judged("mutable command:*first-cqe* never known").suppressed.size() == 18);
}

TEST_CASE("one that is expired, of another rule or place, suppresses nothing", "[suppressions]") {
    for (const std::string line :
         {"ZC-A1 * 2026-11-25 known", "ZC-A2 * never known", "ZC-A1 function:fill never known",
          "ZC-A1 file:pool.cc never known", "ZC-A1 command:fill* never known"}) {
        INFO(line);
        const ReplayReport report = judged(line);
        CHECK(report.violations.size() == 18);
        CHECK(report.verdict == Verdict::violation);
        CHECK(report.suppressions.front().used == 0);
    }
}

TEST_CASE("a place is looked for in the stack of who wrote, and the first line wins",
          "[suppressions]") {
    for (const std::string where : {"function:fill*", "function:*<int>*", "file:*/pool.cc"}) {
        INFO(where);
        const ReplayReport report =
            judged("ZC-A1 " + where + " never known\nZC-A1 " + where + " never again");
        CHECK(report.suppressed.size() == 1);
        CHECK(report.violations.size() == 17);
        CHECK(report.verdict == Verdict::violation);
        CHECK(report.suppressions[0].used == 1);
        CHECK(report.suppressions[1].used == 0);
    }
}

TEST_CASE("every form of the report tells used, unused and expired ones", "[suppressions]") {
    const std::string lines =
        "ZC-A1 function:fill* never the pool\n"
        "ZC-B4 * 2027-01-01 nobody\n"
        "ZC-A1 * 2026-01-01 was known\n";
    const std::string text = printed(lines, "text");
    for (const char* part : {"known.txt:1: ZC-A1 function:fill*, used 1 time: the pool",
                             "known.txt:2: ZC-B4 *, unused: nobody",
                             "known.txt:3: ZC-A1 *, expired: it was good until 2026-01-01 and does "
                             "not apply: was known",
                             "1 suppressed;"})
        CHECK_THAT(text, Catch::Contains(part));

    const json report = json::parse(printed(lines, "json"));
    const JsonSchema schema(
        json::parse(text_of_file(std::string(ZCV_SOURCE_DIR) + "/traces/report.schema.json")));
    CHECK(schema.complaints(report) == std::vector<std::string>{});
    REQUIRE(report["suppressions"].size() == 3);
    CHECK(report["suppressions"][0]["used"] == 1);
    CHECK(report["suppressions"][2]["expired"] == true);
    REQUIRE(report["suppressed"].size() == 1);
    CHECK_THAT(report["suppressed"][0]["suppressed_by"].get<std::string>(),
               Catch::EndsWith("known.txt:1"));

    std::istringstream jsonl(printed(lines, "jsonl"));
    std::size_t findings = 0, set_aside = 0;
    for (std::string line; std::getline(jsonl, line);) {
        const json each = json::parse(line);
        findings += each["type"] == "finding";
        set_aside += each.contains("suppressed_by");
    }
    CHECK(findings == 18);
    CHECK(set_aside == 1);

    const std::string junit = printed(lines, "junit");
    CHECK_THAT(junit, Catch::Contains("value=\"used 1 time: the pool\""));
    CHECK_THAT(junit, Catch::Contains("value=\"unused: nobody\""));
    CHECK_THAT(printed("ZC-A1 * never known", "junit"), Catch::Contains("suppressed 18 times"));

    const json run = json::parse(printed(lines, "sarif"))["runs"][0];
    std::size_t suppressed = 0;
    for (const json& result : run["results"])
        if (result.contains("suppressions")) {
            ++suppressed;
            CHECK(result["suppressions"][0]["kind"] == "external");
            CHECK(result["suppressions"][0]["justification"] == "the pool");
        }
    CHECK(suppressed == 1);
    CHECK(run["invocations"][0]["toolExecutionNotifications"].size() == 3);
}

TEST_CASE("zcv replay takes a file of suppressions, or says what is wrong with it",
          "[suppressions][cli]") {
    const std::string trace =
        std::string(ZCV_SOURCE_DIR) + "/traces/captured/udp-nic-first-cqe.zct";
    const auto replayed = [&](const std::string& file) {
        return run_shell(std::string(ZCV_PROGRAM) + " replay --suppressions " + shell_quoted(file) +
                         " " + shell_quoted(trace));
    };
    const Written known("ZC-A1 * never known\n");
    const Ran clean = replayed(known.path);
    CHECK(clean.status == 0);
    CHECK_THAT(clean.out, Catch::Contains("used 18 times"));
    const Written wrong("ZC-A1 * never\n");
    const Ran refused = replayed(wrong.path);
    CHECK(refused.status == 2);
    CHECK(refused.out.empty());
    CHECK(lines_in(refused.err) == 1);
    CHECK_THAT(refused.err, Catch::Contains("known.txt:1: it has no reason"));
}
