// What traces put to use, and which kernels could have done what they say.
#include "traces/coverage.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "model/profiles.hpp"
#include "model/rules.hpp"
#include "tests/captured.hpp"
#include "tests/program.hpp"
#include "traces/binding.hpp"
#include "traces/profiles_held.hpp"

using namespace zcv;
using namespace zcv::test;
using nlohmann::json;

namespace {

json covered(const std::vector<Trace>& traces) {
    Coverage coverage;
    for (const Trace& trace : traces) coverage.add("a.zct", trace, replay(trace, {}));
    std::ostringstream out;
    coverage.print(out, "json");
    return json::parse(out.str());
}

const json& item(const json& list, const char* key, const std::string& name) {
    const auto found = std::ranges::find_if(list, [&](const json& e) { return e[key] == name; });
    REQUIRE(found != list.end());
    return *found;
}

std::uint64_t taken(const json& all, const std::string& step) {
    return item(all["steps"], "step", step)["taken"].get<std::uint64_t>();
}

std::string state(const json& all, const std::string& rule) {
    return item(all["rules"], "rule", rule)["state"].get<std::string>();
}

json held(const Trace& trace, Verdict& verdict) {
    std::ostringstream out;
    verdict = hold_against_all(out, trace, "a.zct", {}, "json");
    return json::parse(out.str());
}

}  // namespace

TEST_CASE("coverage counts the steps that explained the records", "[coverage]") {
    const Trace udp = capture("udp-nic-conforming");
    const json all = covered({udp});
    const auto sends = all["sends"].get<std::uint64_t>();
    REQUIRE(sends > 0);
    for (const char* step : {"io_send_zc_prep", "io_send_zc_success", "io_notif_flush",
                             "io_notif_tw_complete", "ip_append_data", "device_dma", "consume_skb"})
        CHECK(taken(all, step) == sends);
    CHECK(taken(all, "app_reap") == 2 * sends);  // the CQE and the notification
    CHECK(taken(all, "tcp_write_xmit") == 0);
    CHECK(taken(all, "skb_copy_ubufs") == 0);
    CHECK(item(all["kinds"], "kind", "submit")["records"] == sends);

    const json both = covered({udp, capture("tcp-loopback-copied"), udp});
    CHECK(both["files"].size() == 3);
    CHECK(taken(both, "ip_append_data") == 2 * sends);
    CHECK(taken(both, "tcp_write_xmit") > 0);
    CHECK(taken(both, "skb_copy_ubufs") > 0);
}

TEST_CASE("coverage lists every step and rule once, and how each is seen", "[coverage]") {
    const json all = covered({capture("udp-nic-conforming")});
    CHECK(all["steps"].size() == all_steps().size());
    CHECK(all["rules"].size() == rules().size());
    std::set<std::string> names;
    for (const json& step : all["steps"]) {
        INFO(step.dump());
        CHECK(names.insert(step["step"].get<std::string>()).second);
        CHECK(step["records"].empty() == !step["inferred_from"].get<std::string>().empty());
        // What cannot be taken was not.
        CHECK((step["can_be_taken"] == true || step["taken"] == 0));
    }
}

TEST_CASE("no step that is said never to be taken is taken by any shipped capture", "[coverage]") {
    std::vector<Trace> traces;
    for (const auto& file : captures()) traces.push_back(read_trace(file.string()));
    REQUIRE(traces.size() >= 31);
    const json all = covered(traces);
    for (const json& step : all["steps"]) {
        INFO(step.dump());
        CHECK((step["can_be_taken"] == true || step["taken"] == 0));
    }
}

TEST_CASE("a rule is looked for where the records are that can show it", "[coverage]") {
    Trace trace = capture("udp-nic-first-cqe");
    json all = covered({trace});
    CHECK(state(all, "ZC-A1") == "found");
    CHECK(item(all["rules"], "rule", "ZC-A1")["findings"] == 18);
    CHECK(state(all, "S10") == "not found");
    CHECK(state(all, "ZC-C6") == "not looked for");
    CHECK(item(all["rules"], "rule", "ZC-C6")["lacks"] == "records of the kind errqueue");
    CHECK(state(all, "B32") == "not looked for");

    trace.info.hash = "none";
    for (zcv_event& event : trace.events) event.hash = 0;
    all = covered({trace});
    CHECK(state(all, "ZC-A1") == "not looked for");
    CHECK(item(all["rules"], "rule", "ZC-A1")["lacks"] == "content hashes or watchpoints");
    CHECK(state(covered({capture("no-zero-copy-send")}), "S9") == "not looked for");
    CHECK(state(covered({capture("tcp-nic-peer-reset")}), "B24") == "found");
}

TEST_CASE("stacked notifications are explained by kernels that have chains alone", "[profiles]") {
    Verdict verdict{};
    const json all = held(capture("tcp-nic-stacked"), verdict);
    CHECK(verdict == Verdict::clean);
    CHECK(all["own"] == "6.18");
    CHECK(all["profiles"].size() == profiles().size());
    for (const char* chains : {"6.12", "6.18", "intended"}) {
        CHECK(item(all["profiles"], "profile", chains)["explains"] == true);
        CHECK(item(all["profiles"], "profile", chains)["divergence"].is_null());
    }
    for (const char* before : {"6.0", "6.1", "6.6"}) {
        const json& each = item(all["profiles"], "profile", before);
        CHECK(each["explains"] == false);
        CHECK(each["matched"] < all["records"]);
        const auto record = each["divergence"]["record"].get<std::size_t>();
        const zcv_event event = capture("tcp-nic-stacked").events.at(record);
        CHECK(event.chain != 0);  // the first that names a chain
    }
}

TEST_CASE("the verdict over all profiles is that of the trace's kernel, if one is known",
          "[profiles]") {
    Verdict verdict{};
    Trace trace = capture("udp-nic-first-cqe");
    held(trace, verdict);
    CHECK(verdict == Verdict::violation);  // explained, and the program is wrong
    trace.info.kernel_release = "5.10.0";
    const json all = held(trace, verdict);
    CHECK(all["own"].is_null());
    CHECK(verdict == Verdict::clean);
}

TEST_CASE("zcv coverage and zcv replay --profile all, as a user meets them", "[coverage][cli]") {
    const std::string zcv = ZCV_PROGRAM;
    const std::string trace = shell_quoted((captured / "tcp-nic-stacked.zct").string());
    const Ran text = run_shell(zcv + " coverage " + trace);
    CHECK(text.status == 0);
    for (const char* part : {"1 trace: ", "STEPS: ", "io_link_skb", "RULES: ", "no trace has "})
        CHECK_THAT(text.out, Catch::Contains(part));
    const Ran markdown = run_shell(zcv + " coverage --format markdown " + trace);
    CHECK_THAT(markdown.out, Catch::Contains("| io_send_zc_prep |"));
    CHECK(run_shell(zcv + " coverage " + (captured / "missing.zct").string()).status == 2);
    CHECK(run_shell(zcv + " coverage").status == 2);

    const Ran all = run_shell(zcv + " replay --profile all " + trace);
    CHECK(all.status == 0);
    CHECK_THAT(all.out, Catch::Contains("* 6.18 "));
    CHECK_THAT(all.out, Catch::Contains("explains it, CLEAN"));
    const Ran refused = run_shell(zcv + " replay --profile all --format junit " + trace);
    CHECK(refused.status == 2);
    CHECK(lines_in(refused.err) == 1);
}
