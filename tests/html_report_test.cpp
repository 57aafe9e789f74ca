// `zcv report`: all that a reader needs is in the page, and nothing that the page would have to
// fetch.
#include "plots/html_report.hpp"

#include <catch2/catch.hpp>

#include "tests/captured.hpp"
#include "tests/program.hpp"
#include "traces/report_findings.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

std::string page_of(const Trace& trace, const ReplayReport& report, const std::string& file,
                    const std::string& picture = "") {
    return html_of({report, trace, file, picture, picture});
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Anything that makes a browser look elsewhere.
void check_alone(const std::string& page) {
    for (const char* const outside : {"http:", "https:", "src=", "@import", "<script", "<link",
                                      "<iframe", "<object", "url(http", "url('", "url(\"", "file:"})
        CHECK_FALSE(has(page, outside));
    for (std::size_t at = 0; (at = page.find("url(", at)) != std::string::npos; ++at)
        CHECK(page[at + 4] == '#');
    for (std::size_t at = 0; (at = page.find("href=", at)) != std::string::npos; ++at)
        CHECK(page[at + 6] == '#');
}

}  // namespace

TEST_CASE("a report tells verdict, every finding with its fix, and every send", "[report]") {
    const std::string name = GENERATE("tcp-nic-first-cqe", "udp-nic-conforming",
                                      "no-zero-copy-send", "tcp-nic-peer-reset");
    INFO(name);
    const Trace trace = capture(name);
    const ReplayReport report = replay(trace, {});
    const std::string page = page_of(trace, report, name + ".zct");
    CHECK(has(page, "class=\"verdict " + std::string(name_of(report.verdict)) + "\""));
    for (const std::string& reason : report.reasons) CHECK(has(page, reason.substr(0, 20)));
    for (const Finding& finding : fold(report.violations, trace)) {
        CHECK(has(page, std::string(finding.first->rule->id) + ' '));
        CHECK(has(page, "zcv explain " + std::string(finding.first->rule->id)));
    }
    std::size_t rows = 0;
    for (std::size_t at = 0; (at = page.find("<td class=\"number\">", at)) != std::string::npos;
         ++at)
        ++rows;
    CHECK(rows == 6 * report.history.size());
    check_alone(page);
}

TEST_CASE("what a trace says cannot become a part of the page", "[report]") {
    Trace trace = TraceBuilder().datagram(1).trace();
    trace.info.command = {"<script>alert(1)</script>", "a&b"};
    const std::string page = page_of(trace, replay(trace, {}), "\"><img src=x>.zct");
    CHECK(has(page, "&lt;script&gt;alert(1)&lt;/script&gt; a&amp;b"));
    CHECK(has(page, "&quot;&gt;&lt;img"));
    CHECK_FALSE(has(page, "<img"));
    CHECK_FALSE(has(page, "<script"));
}

TEST_CASE("pictures in one page keep their names apart", "[report]") {
    const Trace trace = TraceBuilder().datagram(1).trace();
    const std::string svg =
        "<?xml version='1.0'?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
        "xmlns:xlink=\"http://www.w3.org/1999/xlink\"><g id=\"a\"/><use xlink:href='#a'/>"
        "<rect fill='url(#a)'/></svg>\n";
    const std::string page = page_of(trace, replay(trace, {}), "t.zct", svg);
    CHECK(has(page, "<svg><g id=\"light-a\"/><use href='#light-a'/><rect fill='url(#light-a)'/>"));
    CHECK(has(page, "id=\"dark-a\""));
    check_alone(page);
}

TEST_CASE("the verb writes the page with its pictures", "[report]") {
    const TempDir dir;
    const std::string trace = (captured / "tcp-nic-first-cqe.zct").string();
    const Ran ran = run_shell(ZCV_PROGRAM " report " + trace + " -o " + (dir / "r.html"));
    INFO(ran.err);
    REQUIRE(ran.status == 0);
    CHECK(has(ran.out, "VIOLATION"));
    const std::string page = text_of_file(dir / "r.html");
    CHECK(has(page, "<svg"));
    CHECK(has(page, "</html>"));
    check_alone(page);
    const Ran nowhere = run_shell(ZCV_PROGRAM " report " + trace + " -o /no/such/folder/r.html");
    CHECK(nowhere.status == 2);
    CHECK(lines_in(nowhere.err) == 1);
}

TEST_CASE("without gnuplot a report has all but the picture, and says so", "[report]") {
    const TempDir dir;
    const std::string page = dir / "report.html";
    const Ran ran = run_shell("PATH=/nowhere " + shell_quoted(ZCV_PROGRAM) + " report " +
                              shell_quoted((captured / "tcp-nic-first-cqe.zct").string()) + " -o " +
                              shell_quoted(page));
    INFO(ran.err);
    CHECK(ran.status == 0);
    CHECK(lines_in(ran.err) == 1);
    CHECK(has(ran.err, "without its picture: gnuplot: not found"));
    const std::string text = text_of_file(page);
    CHECK(has(text, "class=\"verdict VIOLATION\""));
    CHECK_FALSE(has(text, "<svg"));
}
