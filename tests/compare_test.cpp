// `zcv compare`: what was published, as data.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "model/clock/published.hpp"
#include "model/profiles.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::clock;
using namespace zcv::test;

namespace {

double ratio(std::string_view id, std::string_view as, std::uint32_t bytes) {
    const PublishedTable* table = find_published(id);
    REQUIRE(table != nullptr);
    for (const PublishedFigure& figure : table->figures)
        if (figure.as == as && figure.bytes == bytes) return ratio_of(*table, figure).value();
    FAIL(id << " has no row " << as << " of " << bytes);
    return 0;
}

Ran compare(const std::string& arguments) {
    return run_shell(shell_quoted(ZCV_PROGRAM) + " compare " + arguments);
}

}  // namespace

// The mails print speed-ups beside their rates; a figure copied wrongly would not agree with them.
TEST_CASE("the published rates give the published speed-ups", "[compare]") {
    const std::map<std::string, double> v1{{"io_uring flush=false nr_reqs=1", 2.03},
                                           {"io_uring flush=true nr_reqs=1", 1.88},
                                           {"io_uring flush=false nr_reqs=8", 2.44},
                                           {"io_uring flush=true nr_reqs=8", 2.31}};
    for (const auto& [as, speed_up] : v1)
        CHECK(ratio("rfc-v1", as, 65435) == Approx(speed_up).margin(0.01));
    CHECK(ratio("rfc-v1", "io_uring flush=false nr_reqs=8", 65435) == Approx(116079.0 / 47421));
    CHECK(ratio("rfc-v1-buffers", "fixed", 65435) == Approx(1.534).margin(0.001));

    const std::map<std::string, double> v2{
        {"msg_zerocopy", 1.12}, {"-n1 -z0", 1.47}, {"-n8 -z0", 1.78}, {"-n1 -f", 1.69},
        {"-n1", 1.77},          {"-n8 -f", 2.08},  {"-n8", 2.27}};
    for (const auto& [as, speed_up] : v2)
        CHECK(ratio("rfc-v2-dummy", as, 4096) == Approx(speed_up).margin(0.01));

    struct Percent {
        const char* table;
        std::uint32_t bytes;
        double zc, flush;
    };
    for (const Percent& row : std::vector<Percent>{{"v4-nic", 4000, 22, 12},
                                                   {"v4-nic", 1500, 4.5, 2.5},
                                                   {"v4-nic", 1000, 1.2, -4},
                                                   {"v4-nic", 600, 0.4, -6.7},
                                                   {"v4-dummy", 8000, 84, 71},
                                                   {"v4-dummy", 4000, 25, 16},
                                                   {"v4-dummy", 1200, 14, 6},
                                                   {"v4-dummy", 600, 13, 4}}) {
        INFO(row.table << " " << row.bytes);
        CHECK(100 * (ratio(row.table, "zc", row.bytes) - 1) == Approx(row.zc).margin(1));
        CHECK(100 * (ratio(row.table, "zc + flush", row.bytes) - 1) == Approx(row.flush).margin(1));
    }
    CHECK(ratio("stacking", "after", 1200) == Approx(1023.0 / 195));
}

TEST_CASE("every published table says where it is from and what it is of", "[compare]") {
    std::set<std::string_view> ids;
    for (const PublishedTable& table : published_tables()) {
        INFO(table.id);
        CHECK(ids.insert(table.id).second);
        CHECK(table.source.find("cover.") != std::string_view::npos);
        CHECK(find_profile(table.profile) != nullptr);
        const bool has_baseline = std::ranges::any_of(
            table.figures, [&](const PublishedFigure& each) { return each.as == table.baseline; });
        CHECK(has_baseline != table.baseline.empty());
        // Every row has every payload, or a table on the terminal would have holes.
        std::map<std::string_view, std::size_t> rows;
        for (const PublishedFigure& each : table.figures) ++rows[each.as];
        for (const auto& [as, count] : rows) CHECK(count == rows.begin()->second);
    }
    CHECK(find_published("rfc-v3") == nullptr);
}

TEST_CASE("compare prints the same figures in every format", "[compare]") {
    const Ran text = compare("");
    REQUIRE(text.status == 0);
    const std::size_t row = text.out.find("io_uring flush=false nr_reqs=8");
    REQUIRE(row != std::string::npos);
    const std::string line = text.out.substr(row, text.out.find('\n', row) - row);
    CHECK_THAT(line, Catch::Contains("fixed x8, no flush") && Catch::Contains(" 116079") &&
                         Catch::EndsWith(" 2.45"));
    const Ran csv = compare("--format csv");
    REQUIRE(csv.status == 0);
    std::size_t figures = 0;
    for (const PublishedTable& table : published_tables()) figures += table.figures.size();
    CHECK(std::ranges::count(csv.out, '\n') == static_cast<std::ptrdiff_t>(figures + 1));
    CHECK(csv.out.find("rfc-v1,rfc-v1,dummy,udp,io_uring flush=false nr_reqs=8,fixed,8,0,65435,"
                       "MB/s,116079,2.4478\n") != std::string::npos);
    const auto json = nlohmann::json::parse(compare("--format json").out);
    CHECK(json.at("schema_version") == 1);
    std::size_t in_json = 0;
    for (const auto& table : json.at("published")) in_json += table.at("figures").size();
    CHECK(in_json == figures);
    CHECK(compare("--format xml").status == 2);
}

TEST_CASE("compare explains the early tables in words and numbers", "[compare]") {
    const Ran text = compare("--explain");
    REQUIRE(text.status == 0);
    CHECK_THAT(text.out, Catch::Contains("solved from") &&
                             Catch::Contains("in the published order") &&
                             Catch::Contains("without") && Catch::Contains("task work"));
    // All six ideas of the first series, each taken back, in both of its tables.
    for (const char* idea :
         {"1 buffers are registered", "2 many sends share", "3 requests are handed",
          "4 notifications are CQEs", "5 nobody polls", "6 ubufs are cached"}) {
        const std::size_t first = text.out.find(idea);
        REQUIRE(first != std::string::npos);
        CHECK(text.out.find(idea, first + 1) != std::string::npos);
    }
    for (const char* table : {"rfc-v1, ", "rfc-v2, ", "rfc-v2-nic, ", "v4-dummy, ", "v4-nic, "})
        CHECK_THAT(text.out, Catch::Contains(table));
    const auto json = nlohmann::json::parse(compare("--explain --format json").out);
    for (const auto& environment : json.at("explained").at("environments"))
        for (const auto& row : environment.at("rows")) {
            double ns = 0;
            for (const auto& step : row.at("steps")) ns += step.at("ns").get<double>();
            CHECK(ns == Approx(row.at("ns").get<double>()));
        }
    CHECK(compare("--explain --format csv").status == 2);
}

TEST_CASE("a comparison is drawn, and what is none is refused", "[compare][plot]") {
    const TempDir dir;
    const std::string zcv = shell_quoted(ZCV_PROGRAM);
    for (const char* what : {"", "--explain"}) {
        const Ran ran =
            run_shell(zcv + " compare " + what + " --format json >" + shell_quoted(dir / "c.json") +
                      " && " + zcv + " plot compare " + shell_quoted(dir / "c.json") + " -o " +
                      shell_quoted(dir / "c.svg"));
        INFO(ran.err);
        REQUIRE(ran.status == 0);
        const std::string picture = text_of_file(dir / "c.svg");
        CHECK_THAT(picture, Catch::Contains("</svg>") && Catch::Contains("fixed x8") ||
                                Catch::Contains("nr_reqs=8"));
    }
    const auto plot = [&](const std::string& options) {
        return run_shell(zcv + " plot compare " + shell_quoted(dir / "c.json") + " -o " +
                         shell_quoted(dir / "c.svg") + ' ' + options);
    };
    // What is stacked are the times that --explain prints.
    REQUIRE(plot("--by-step --theme dark --csv " + shell_quoted(dir / "c.csv")).status == 0);
    CHECK_THAT(text_of_file(dir / "c.svg"),
               Catch::Contains("copying") && Catch::Contains("notifications"));
    std::map<std::string, double> stacked;
    std::istringstream csv(text_of_file(dir / "c.csv"));
    std::string line;
    REQUIRE(std::getline(csv, line));
    CHECK(line == "panel,path,step,cost,ns");
    while (std::getline(csv, line))
        // "panel, with a comma",path,step,cost,ns
        stacked[line.substr(0, line.find(',', line.find("\",") + 2))] +=
            std::stod(line.substr(line.rfind(',') + 1));
    const auto explained = nlohmann::json::parse(text_of_file(dir / "c.json")).at("explained");
    std::size_t rows = 0;
    for (const auto& environment : explained.at("environments"))
        for (const auto& row : environment.at("rows")) {
            const std::string name = environment.at("name");
            const std::string as = row.at("as_published");
            INFO(name << ": " << as);
            const std::string panel = "\"" + name + ", " + row.at("bytes").dump() + " bytes\"";
            CHECK(stacked.at(panel + ',' + as) == Approx(row.at("ns").get<double>()).margin(0.1));
            ++rows;
        }
    CHECK(stacked.size() == rows);
    CHECK(plot("--theme pink").status == 2);
    // What was published has no steps.
    REQUIRE(run_shell(zcv + " compare --format json >" + shell_quoted(dir / "c.json")).status == 0);
    const Ran no_steps = plot("--by-step");
    CHECK(no_steps.status == 2);
    CHECK_THAT(no_steps.err, Catch::Contains("--by-step") && Catch::Contains("--simulate"));
    const Ran refused = run_shell("echo '{}' >" + shell_quoted(dir / "none.json") + " && " + zcv +
                                  " plot compare " + shell_quoted(dir / "none.json") + " -o " +
                                  shell_quoted(dir / "n.png"));
    CHECK(refused.status == 2);
    CHECK_THAT(refused.err, Catch::Contains("none.json") && Catch::Contains("zcv compare"));
}
