// What zcv explain says: everything that has a name is explained, and with an example where there
// is one.
#include "model/explain.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "model/gallery.hpp"
#include "model/outcome.hpp"
#include "model/progress.hpp"
#include "model/rules.hpp"
#include "model/scenarios.hpp"
#include "model/world/misuses.hpp"
#include "model/world/policies.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

std::string fact_of(const Explanation& explanation, const std::string& name) {
    const auto at =
        std::ranges::find(explanation.facts, name, &std::pair<std::string, std::string>::first);
    return at == explanation.facts.end() ? "" : at->second;
}

Ran run(const std::string& arguments) {
    return run_shell(std::string(ZCV_PROGRAM) + " explain " + arguments);
}

}  // namespace

TEST_CASE("everything that has a name has something said about it", "[explain]") {
    for (const Topic& topic : topics()) {
        INFO(topic.kind << " " << topic.name);
        CHECK(!topic.says.empty());
        if (topic.kind == "scenario") continue;
        const auto all = explain(topic.name);
        const auto mine = std::ranges::find_if(
            all, [&](const auto& each) { return each.topic.kind == topic.kind; });
        REQUIRE(mine != all.end());
        CHECK(!mine->facts.empty());
        if (topic.kind == "step") CHECK(mine->example.has_value());
        if (topic.kind == "property" || topic.kind == "eventually-property")
            CHECK(!fact_of(*mine, "asked by").empty());
        if (topic.kind == "bug")
            CHECK(mine->example.has_value() == fact_of(*mine, "not shown").empty());
        if (topic.kind == "application") {
            CHECK(!fact_of(*mine, "believes").empty());
            CHECK(fact_of(*mine, "scenarios") != "none");
        }
    }
}

TEST_CASE("an example is what the scenario does when it is explored", "[explain]") {
    const auto all = explain("S10");
    REQUIRE(all.size() == 1);
    REQUIRE(all.front().example.has_value());
    const auto& steps = all.front().example->steps;
    CHECK(steps.back().step == "io_submit_flush_completions");
    CHECK(steps.size() == find_scenario("link-cancel")->explore({}).depth);

    const auto step = explain("io_notif_flush");
    REQUIRE(step.front().example.has_value());
    REQUIRE(step.front().example->steps.size() == 1);
    CHECK(step.front().example->steps.front().step == "io_notif_flush");
}

TEST_CASE("what must happen in the end says on whom it rests, and shows a run in which it does not",
          "[explain][liveness]") {
    std::size_t explained = 0;
    for (const char* number : {"L1", "L2", "L3", "L4"}) {
        for (const Explanation& each : explain(number)) {
            if (each.topic.kind != "eventually-property") continue;
            INFO(each.topic.name);
            ++explained;
            for (const char* fact : {"pending", "assumes", "rests on"})
                CHECK(!fact_of(each, fact).empty());
            CHECK(fact_of(each, "asked by").find(',') != std::string::npos);
            CHECK(fact_of(each, "broken by") != "none");
            REQUIRE(each.example.has_value());
            CHECK(each.example->repeat.has_value());
            const bool sends = fact_of(each, "assumes").find("app_submit") != std::string::npos;
            CHECK(sends == each.topic.name.starts_with("L4"));
        }
    }
    CHECK(explained == kernel_eventually().size());
    const auto told = explain("L2-told");
    for (const char* scenario : {"deferred-end", "peek-only"}) {
        CHECK(fact_of(told.front(), "rests on").find(scenario) != std::string::npos);
        CHECK(fact_of(told.front(), "asked by").find(scenario) != std::string::npos);
    }
    CHECK(fact_of(told.front(), "broken by").find("deferred-end") == std::string::npos);
    CHECK(fact_of(explain("device_dma").front(), "must it happen").starts_with("yes"));
    CHECK(fact_of(explain("app_submit").front(), "must it happen") ==
          "no, it is the application's choice: it sends when it likes");
}

TEST_CASE("a name of two things explains both", "[explain]") {
    const auto all = explain("first-cqe");
    REQUIRE(all.size() == 2);
    CHECK(all[0].topic.kind == "scenario");
    CHECK(all[1].topic.kind == "application");
    CHECK(fact_of(all[1], "misuse") == "A1, A2");
}

TEST_CASE("every known misuse is a policy of the model, or says why it is none",
          "[explain][misuse]") {
    std::map<char, std::vector<std::string>> numbers;
    std::set<std::string> policies;
    for (const Misuse& misuse : misuses()) {
        INFO(misuse.id);
        numbers[misuse.id.front()].emplace_back(misuse.id.substr(1));
        const auto mine = policies_of(misuse.id);
        policies.insert(mine.begin(), mine.end());
        CHECK(!misuse.says.empty());
        CHECK(mine.empty() == !misuse.why_not.empty());
        const bool is_bug = std::ranges::find(gallery(), misuse.shown, &Bug::id) != gallery().end();
        const bool is_scenario = find_scenario(std::string(misuse.shown)).has_value();
        CHECK((misuse.shown.empty() || is_bug || is_scenario));
    }
    const std::map<char, std::size_t> known{{'A', 17}, {'B', 13}, {'C', 12},
                                            {'D', 9},  {'E', 4},  {'F', 6}};
    CHECK(numbers.size() == known.size());
    for (const auto& [letter, count] : known) {
        INFO(letter);
        REQUIRE(numbers[letter].size() == count);
        for (std::size_t i = 0; i < count; ++i) CHECK(numbers[letter][i] == std::to_string(i + 1));
    }
    // And the other way round: a policy that is no misuse is the contract itself.
    for (const AppName& app : app_names) {
        INFO(app.name);
        CHECK(policies.contains(std::string(app.name)) == (app.app != App::conforming));
    }
}

TEST_CASE("a misuse is found by its number, also where a bug has the same", "[explain][misuse]") {
    const auto close = explain("A3");
    REQUIRE(close.size() == 1);
    CHECK(close[0].topic.name == "A3-released-on-close");
    CHECK(fact_of(close[0], "policy") == "close");
    const auto both = explain("B1");
    REQUIRE(both.size() == 3);
    CHECK(both[0].topic.kind == "bug");
    CHECK(both[1].topic.kind == "profile");
    CHECK(fact_of(both[2], "policy") == "always-expect-two");
    REQUIRE(explain("B1", "bug").size() == 1);
    CHECK(run("--kind misuse").out.find("  C4-eagain-as-failure ") != std::string::npos);
    CHECK(run("--kind misuse --format markdown").out.find("| `close` |\n") != std::string::npos);
    CHECK(run("--kind bug B1").out.find("(misuse)") == std::string::npos);
    CHECK(run("--kind misuse B1").out.find("(bug)") == std::string::npos);
}

TEST_CASE("every misuse has a rule that a trace is held against, or a reason why it has none",
          "[explain][rule]") {
    for (const Misuse& misuse : misuses()) {
        INFO(misuse.id);
        const bool ruled = find_rule("ZC-" + std::string(misuse.id)) != nullptr;
        const bool unseen = std::ranges::any_of(
            unseen_misuses(), [&](const Unseen& each) { return each.misuse == misuse.id; });
        CHECK(ruled != unseen);
    }
    std::set<std::string> ids;
    for (const Rule& rule : rules()) {
        INFO(rule.id);
        CHECK(ids.insert(std::string(rule.id)).second);
        CHECK_FALSE(short_name(rule).empty());  // of a misuse, property or bug that exists
        for (const std::string_view text : {rule.harm, rule.says, rule.sequence, rule.evidence})
            CHECK_FALSE(text.empty());
        CHECK((!rule.fix.empty() || rule.severity == Severity::note));
    }
}

TEST_CASE("a rule is explained with its story, its evidence, and a run of the model",
          "[explain][rule]") {
    const auto first = explain("ZC-A1");
    REQUIRE(first.size() == 1);
    CHECK(first[0].topic.name == "ZC-A1-reused-after-first-cqe");
    CHECK(fact_of(first[0], "in a trace") == "SUBMIT < CQE(F_MORE) < WRITE < NOTIF");
    CHECK(fact_of(first[0], "no error when").find("A15") != std::string::npos);
    CHECK(fact_of(first[0], "believes") == find_policy("first-cqe")->believes);
    REQUIRE(first[0].example.has_value());
    CHECK(first[0].example->steps.back().step == "app_write");
    CHECK(explain("ZC-B4").front().example->title.find("fifo-notifs") != std::string::npos);
    CHECK(fact_of(explain("A1").front(), "in a trace") == "ZC-A1");
    CHECK(explain("a1").front().topic.name == explain("A1").front().topic.name);
    CHECK(fact_of(explain("A16").front(), "in a trace").starts_with("no: "));
    // The kernel's side is explained where its property or bug is.
    CHECK(fact_of(explain("S1").front(), "kernel functions").find("io_notif_tw_complete") !=
          std::string::npos);
    CHECK(fact_of(explain("B24", "bug").front(), "in a trace").find("NOTIF") != std::string::npos);
}

TEST_CASE("explain answers in text, JSON and markdown, and refuses in one line", "[cli]") {
    const Ran text = run("L1");
    CHECK(text.status == 0);
    CHECK(text.out.find("L1-release  (eventually-property)") == 0);
    CHECK(text.out.find("-- from here it repeats --") != std::string::npos);

    const auto json = nlohmann::json::parse(run("peer-gone --format json").out);
    CHECK(json["kind"] == "scenario");
    CHECK(json["example"]["steps"].size() == 13);
    CHECK(json["example"]["repeats_from"] == 10);

    CHECK(run("").out.find("zcv explain NAME") != std::string::npos);
    CHECK(run("--kind bug --format markdown").out.find("| B24 |") != std::string::npos);
    for (const char* wrong : {"S1x", "no-such-thing", "S1 --format xml", "S1 --format markdown",
                              "--kind bug S1", "--kind bugs", "--kind bug A1",
                              "--kind bug B1 --format markdown", "S10 nowhere", "S10 ''", "''"}) {
        INFO(wrong);
        const Ran refused = run(wrong);
        CHECK(refused.status == 2);
        CHECK(refused.out.empty());
        CHECK(lines_in(refused.err) == 1);
    }
    CHECK(run("--kind bugs").err.find("eventually-property, bug,") != std::string::npos);
    CHECK(run("S1x").err.find("did you mean S1") != std::string::npos);
}
