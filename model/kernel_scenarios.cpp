#include "model/kernel_scenarios.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "model/kernel_system.hpp"
#include "model/nearest.hpp"
#include "model/outcome.hpp"
#include "model/progress.hpp"
#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

struct Subject {
    std::string_view name;
    std::vector<KernelScenario> (*rows)();
};

// In the order in which `zcv check --all` takes them.
constexpr std::array subjects{
    Subject{"datagrams", datagrams},
    Subject{"streams", streams},
    Subject{"connections", connections},
    Subject{"mixed streams", mixed_streams},
    Subject{"pending datagrams and failing devices", pending_datagrams},
    Subject{"MTU probes", mtu_probes},
    Subject{"pages", pages},
    Subject{"broken promises", broken_promises},
    Subject{"requests", requests},
    Subject{"bugs of requests", request_bugs},
    Subject{"bugs of waiting", waiting_bugs},
    Subject{"misuses of requests", request_misuses},
    Subject{"misuses of queues", queue_misuses},
    Subject{"misuses of notifications", notif_misuses},
    Subject{"slots", slots},
    Subject{"other paths", other_paths},
    Subject{"what ends", progress},
    Subject{"who ends", teardown},
    Subject{"what runs out", exhaustion},
    Subject{"registered buffers", registered_buffers},
    Subject{"resource nodes", resource_nodes},
    Subject{"processes and rings that end", endings},
    Subject{"what is charged", accounts},
    Subject{"MSG_ZEROCOPY", msg_zerocopy_calls},
    Subject{"MSG_ZEROCOPY, mixed", msg_zerocopy_mixed},
    Subject{"misuse of MSG_ZEROCOPY", msg_zerocopy_misuse},
    Subject{"MSG_ZEROCOPY given a ubuf", given_ubufs},
    Subject{"guests", guests_of_vhost},
    Subject{"packet rings and RDS", rings_and_messages},
};

}  // namespace

const std::vector<KernelScenario>& kernel_scenario_table() {
    static const std::vector<KernelScenario> table = [] {
        std::vector<KernelScenario> all;
        for (const Subject& subject : subjects)
            for (KernelScenario& row : subject.rows()) {
                row.subject = subject.name;
                all.push_back(std::move(row));
            }
        return all;
    }();
    return table;
}

namespace {

const Profile& profile_or_refuse(const std::string& scenario, const std::string& name) {
    if (const Profile* profile = find_profile(name)) return *profile;
    std::string known;
    for (const Profile& profile : profiles()) known += " " + profile.name;
    throw Refusal(Status::usage, "check " + scenario + ": no profile is called " + shown(name) +
                                     ": there are" + known);
}

App app_or_refuse(const std::string& scenario, const std::string& name) {
    std::string known;
    for (const AppName& each : app_names) {
        if (each.name == name) return each.app;
        known += " " + std::string(each.name);
    }
    throw Refusal(Status::usage, "check " + scenario + ": no application is called " + shown(name) +
                                     ": there are" + known);
}

Scenario scenario_of(const KernelScenario& row);

struct Bound {
    std::string_view name;
    std::uint32_t Bounds::*member;
    std::uint32_t most;
};

constexpr std::array bounds_that_may_change{
    Bound{"buffers", &Bounds::buffers, Capacity::buffers},
    Bound{"requests", &Bounds::requests, Capacity::requests},
    Bound{"ubufs", &Bounds::ubufs, Capacity::ubufs},
    Bound{"shinfos", &Bounds::shinfos, Capacity::shinfos},
    Bound{"skbs", &Bounds::skbs, Capacity::skbs},
    Bound{"rings", &Bounds::rings, Capacity::rings},
    Bound{"cq_entries", &Bounds::cq_entries, FixedKind::Fifo<Cqe<FixedKind>>::capacity},
};

Scenario bounded(KernelScenario row, const std::string& name, std::uint64_t value) {
    const auto at = std::ranges::find(bounds_that_may_change, name, &Bound::name);
    std::string known;
    for (const Bound& each : bounds_that_may_change) known += " " + std::string(each.name);
    if (at == bounds_that_may_change.end())
        throw Refusal(Status::usage, "check " + row.name + " --bounds " + name +
                                         ": no bound is called that: there are" + known);
    if (value < 1 || value > at->most)
        throw Refusal(Status::usage, "check " + row.name + " --bounds " + name + "=" +
                                         std::to_string(value) + ": out of range: from 1 to " +
                                         std::to_string(at->most));
    row.world.bounds.*at->member = static_cast<std::uint32_t>(value);
    row.expect = {.broken = {}, .declared = false};
    return scenario_of(row);
}

Scenario scenario_of(const KernelScenario& row) {
    return under_profile(row, profile_or_refuse(row.name, row.profile));
}

}  // namespace

Scenario under_profile(const KernelScenario& row, const Profile& kernel) {
    World world = row.world;
    world.profile = kernel;
    world.app = row.app;
    const auto system = std::make_shared<KernelSystem>(world, row.unasked);
    const auto must_end = eventually_in(world, row.eventually);
    Scenario scenario;
    scenario.name = row.name;
    scenario.asks = row.asks;
    scenario.profile = row.profile;
    scenario.app = std::string(name_of(row.app));
    scenario.subject = row.subject;
    scenario.expect = row.expect;
    scenario.explore = [system, must_end](const checker::Limits& limits) {
        checker::Outcome outcome = checker::explore(*system, limits);
        checker::look_for_lassos(*system, must_end, limits, outcome);
        for (checker::CounterexampleStep& step : outcome.counterexample)
            step.tag = system->steps()[step.taken.step].tag;
        return outcome;
    };
    scenario.under = [row](const auto& profile, const auto& app) {
        KernelScenario other = row;
        if (profile) other.profile = *profile;
        if (app) other.app = app_or_refuse(row.name, *app);
        other.expect = {.broken = {}, .declared = false};
        return scenario_of(other);
    };
    scenario.bounded = [row](const std::string& name, std::uint64_t value) {
        return bounded(row, name, value);
    };
    return scenario;
}

std::vector<Scenario> kernel_scenarios() {
    std::vector<Scenario> all;
    for (const KernelScenario& row : kernel_scenario_table()) all.push_back(scenario_of(row));
    return all;
}

}  // namespace zcv
