// The kernel scenarios against an explorer that is obviously right, and against themselves with
// their kernel changed: whatever the model promises must be shown able to fail.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "model/checker/search.hpp"
#include "model/gallery.hpp"
#include "tests/any_kernel.hpp"
#include "tests/mutations.hpp"
#include "tests/naive.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using checker::Taken;

TEST_CASE("every kernel scenario counts what a naive explorer counts, and what it declares",
          "[scenarios]") {
    std::size_t compared = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        ++compared;
        DYNAMIC_SECTION(row.name) {
            const AnyKernel system(world_of(row), row.unasked);
            const naive::Counts counts = naive::explore(system);
            const checker::Outcome outcome = find_scenario(row.name)->explore({});
            CHECK(outcome.states == counts.states);
            CHECK(outcome.transitions == counts.transitions);
            CHECK(row.expect.states != 0);
            CHECK(as_declared(row.expect, outcome));
            // What must end is for liveness_test: no single state shows it.
            if (outcome.repeat) {
                CHECK(counts.broken.empty());
                continue;
            }
            CHECK(outcome.broken == counts.broken);
            const bool holds = counts.broken.empty();
            CHECK(outcome.depth == (holds ? counts.depth : counts.broken_depth));
            CHECK(outcome.counterexample.size() == (holds ? 0 : counts.broken_depth));
        }
    }
    CHECK(compared >= 10);
}

TEST_CASE("every step of the model is taken in some scenario", "[scenarios]") {
    std::vector<const KernelScenario*> rows;
    for (const KernelScenario& row : kernel_scenario_table()) rows.push_back(&row);
    std::ranges::sort(rows, {}, [](const auto* row) { return row->expect.states; });
    std::set<std::string> missing;
    for (const auto& step : AnyKernel(World{}).steps()) missing.emplace(step.name);
    CHECK(missing.size() == Steps::size);
    for (const KernelScenario* row : rows) {
        if (missing.empty()) break;
        for (const auto& [step, times] : find_scenario(row->name)->explore({}).taken)
            if (times > 0) missing.erase(step);
    }
    for (const std::string& step : missing) UNSCOPED_INFO("never taken: " << step);
    CHECK(missing.empty());
}

TEST_CASE("the switches of a profile change the world that is explored", "[scenarios][profile]") {
    const auto counts_under = [](const Profile& profile) {
        World world = two_streamed();
        world.profile = profile;
        return naive::explore(AnyKernel(world));
    };
    Profile profile;
    const naive::Counts stacked = counts_under(profile);
    profile.chains = false;
    const naive::Counts alone = counts_under(profile);
    profile.sendmsg_holds_ubuf = true;
    const naive::Counts holding = counts_under(profile);
    CHECK(stacked.broken.empty());
    CHECK(alone.broken.empty());
    CHECK(holding.broken.empty());
    CHECK(stacked.states > alone.states);
    // The request's own reference outlives the call's, so that one can release nothing early.
    CHECK(holding.states == alone.states);
    CHECK(holding.transitions == alone.transitions);
    // The profiles are those switches and no others.
    CHECK(counts_under(*find_profile("6.1")).transitions == holding.transitions);
    CHECK(counts_under(*find_profile("6.12")).transitions == stacked.transitions);
}

TEST_CASE("a cancelled link is a violation under 6.18 and none under intended",
          "[scenarios][profile]") {
    const auto verdict_of = [](const std::string& name, const std::string& profile) {
        return with(*find_scenario(name), profile, std::nullopt).explore({}).broken;
    };
    CHECK(verdict_of("link-cancel", "intended").empty());
    CHECK(verdict_of("link-cancel", "6.1") == "S10-more-iff-notif");
    CHECK(verdict_of("link-cancel-intended", "6.18") == "S10-more-iff-notif");
}

TEST_CASE("an MTU probe releases early since 6.5, and not in a kernel that makes none of such data",
          "[scenarios][profile]") {
    const auto verdict_of = [](const std::string& name, const std::string& profile) {
        return with(*find_scenario(name), profile, std::nullopt).explore({}).broken;
    };
    for (const char* kernel : {"6.6", "6.12", "6.18", "B1"})
        CHECK(verdict_of("mtu-probe", kernel) == "S1-no-early-release");
    for (const char* kernel : {"6.0", "6.1", "intended"})
        CHECK(verdict_of("mtu-probe", kernel).empty());
}

TEST_CASE("a kernel that is changed for the worse is noticed by the right property",
          "[scenarios][mutation]") {
    for (const Mutation& mutation : mutations()) {
        DYNAMIC_SECTION(mutation.claim) {
            CHECK(naive::explore(AnyKernel(mutation.world, mutation.unasked)).broken.empty());
            const AnyKernel changed(mutation.world, mutation.unasked, mutation.mutate);
            CHECK(naive::explore(changed).broken == mutation.breaks);
        }
    }
}

TEST_CASE("every property of the model can fail", "[scenarios][mutation]") {
    std::set<std::string> broken;
    for (const Mutation& mutation : mutations()) broken.insert(mutation.breaks);
    std::set<std::string> promised;
    for (const auto& property : kernel_properties())
        if (property.must == checker::Must::always) promised.emplace(property.name);
    CHECK(broken == promised);
}

TEST_CASE("a kernel that never lets go is not called clean", "[scenarios][mutation]") {
    // Nothing bad happens in it, because nothing happens: the premises are never reached.
    const auto unreached = [](const std::set<std::string, std::less<>>& steps) {
        const AnyKernel stuck(small(udp_nic), {}, without(steps));
        const checker::Outcome outcome = checker::explore(stuck, {});
        CHECK(outcome.verdict == Verdict::violation);
        return std::set<std::string>(outcome.unreached.begin(), outcome.unreached.end());
    };
    CHECK(unreached({"io_notif_flush"}).contains("S9-one-notif-after-cqe-reached"));
    CHECK(unreached({"consume_skb"}).contains("S1-no-early-release-reached"));
    CHECK(unreached({"device_dma"}).contains("S2-stable-data-reached"));
    CHECK(unreached({"ip_append_data"}).contains("S3-refs-exact-reached"));
    CHECK(unreached({"ip_append_data"}).contains("R1-no-reuse-before-release-reached"));
    CHECK(unreached({"io_submit_flush_completions"}).contains("S10-more-iff-notif-reached"));
}

TEST_CASE("each always property is followed by the premise it needs", "[scenarios]") {
    const auto& all = kernel_properties();
    REQUIRE(all.size() % 2 == 0);
    for (std::size_t i = 0; i < all.size(); i += 2) {
        CHECK(all[i].must == checker::Must::always);
        CHECK(all[i + 1].must == checker::Must::sometimes);
        CHECK(std::string(all[i + 1].name) == std::string(all[i].name) + "-reached");
    }
}

TEST_CASE("every known bug has a scenario that breaks and a twin that holds, or says why not",
          "[scenarios][gallery]") {
    const auto& table = kernel_scenario_table();
    const auto named = [&](std::string_view name) {
        return std::ranges::find(table, name, &KernelScenario::name);
    };
    for (const Bug& bug : gallery()) {
        INFO(bug.id);
        CHECK(!bug.title.empty());
        CHECK(!bug.story.empty());
        CHECK(!bug.source.empty());
        CHECK(bug.scenario.empty() == !bug.left_out.empty());
        CHECK(bug.scenario.empty() == bug.twin.empty());
        if (bug.scenario.empty()) continue;
        const auto scenario = named(bug.scenario);
        const auto twin = named(bug.twin);
        REQUIRE(scenario != table.end());
        REQUIRE(twin != table.end());
        CHECK(!scenario->expect.broken.empty());
        CHECK(twin->expect.broken.empty());
    }
}
