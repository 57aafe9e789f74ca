#include "model/explain.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "model/gallery.hpp"
#include "model/kernel_scenarios.hpp"
#include "model/kernel_system.hpp"
#include "model/nearest.hpp"
#include "model/outcome.hpp"
#include "model/progress.hpp"
#include "model/rules.hpp"
#include "model/world/misuses.hpp"
#include "model/world/policies.hpp"

namespace zcv {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
}

World world_of(const KernelScenario& row) {
    World world = row.world;
    world.profile = *find_profile(row.profile);
    world.app = row.app;
    return world;
}

template <class Wanted>
std::vector<std::string> scenarios_where(Wanted&& wanted) {
    std::vector<std::string> names;
    for (const KernelScenario& row : kernel_scenario_table())
        if (wanted(row)) names.push_back(row.name);
    return names;
}

// The one with the fewest states, null when there is none.
template <class Wanted>
const KernelScenario* smallest_where(Wanted&& wanted) {
    const KernelScenario* smallest = nullptr;
    for (const KernelScenario& row : kernel_scenario_table())
        if (wanted(row) && (!smallest || row.expect.states < smallest->expect.states))
            smallest = &row;
    return smallest;
}

std::optional<Example> counterexample_of(const std::string& scenario) {
    const std::optional<Scenario> found = find_scenario(scenario);
    if (!found || found->expect.broken.empty()) return std::nullopt;
    const checker::Outcome outcome = found->explore({});
    return Example{"How " + outcome.broken + " breaks in " + found->name + " (profile " +
                       found->profile + ", application " + found->app + "):",
                   outcome.counterexample, outcome.repeat};
}

// The smallest scenario that breaks it, "" when none does.
std::string broken_scenario(const std::string& property) {
    const KernelScenario* row =
        smallest_where([&](const auto& each) { return each.expect.broken == property; });
    return row == nullptr ? "" : row->name;
}

std::optional<Example> broken_example(const std::string& property) {
    return counterexample_of(broken_scenario(property));
}

// "ZC-A1" of "ZC-A1-reused-after-first-cqe", "S1" of "S1-no-early-release".
std::string number_of(const std::string& name) {
    return name.substr(0, name.find('-', name.starts_with("ZC-") ? 3 : 0));
}

std::string broken_by(const std::string& property) {
    return joined(scenarios_where([&](const auto& row) { return row.expect.broken == property; }));
}

std::vector<std::string> asking(const std::string& property) {
    return scenarios_where([&](const auto& row) {
        const KernelSystem system(world_of(row), row.unasked);
        return std::ranges::any_of(system.properties(),
                                   [&](const auto& each) { return each.name == property; });
    });
}

Explanation of_property(const Topic& topic) {
    Explanation all{.topic = topic};
    const auto& known = kernel_properties();
    const auto at = std::ranges::find(known, topic.name, &KernelProperty::name);
    ZCV_CHECK(at != known.end());
    all.facts = {{"mood", "always: it holds in every state that can be reached"}};
    if (at + 1 != known.end() && at[1].must == checker::Must::sometimes)
        all.facts.emplace_back("its premise is missed when", std::string(at[1].breaks));
    all.facts.emplace_back("asked by", joined(asking(topic.name)));
    all.facts.emplace_back("broken by", broken_by(topic.name));
    all.example = broken_example(topic.name);
    return all;
}

std::string duties_in_words() {
    std::string text;
    for (const Duty& duty : kernel_duties())
        text +=
            (duty.who.empty() ? ", " : (text.empty() ? "" : "; ") + std::string(duty.who) + ": ") +
            std::string(duty.step);
    return text;
}

std::string going_on(const KernelEventually& property) {
    if (!property.goes_on_sending) return "";
    std::string text;
    for (const FreeStep& each : kernel_free_steps())
        if (is_sending(each.step)) text += (text.empty() ? "" : ", ") + std::string(each.step);
    return "; and here the application goes on sending: " + text;
}

Explanation of_eventually(const Topic& topic) {
    const auto at = std::ranges::find(kernel_eventually(), topic.name, &KernelEventually::name);
    const auto asks = [&](const KernelScenario& row) {
        return std::ranges::any_of(row.eventually, [&](const std::string& name) {
            return topic.name == name || topic.name.starts_with(name + "-");
        });
    };
    return {.topic = topic,
            .facts = {{"mood", "eventually: what is pending is not so for ever"},
                      {"pending", std::string(at->premise)},
                      {"assumes",
                       "weak fairness. What can be done all the time is done at some "
                       "time, for these: " +
                           duties_in_words() + going_on(*at)},
                      {"rests on", std::string(at->rests_on)},
                      {"asked by", joined(scenarios_where(asks))},
                      {"broken by", broken_by(topic.name)}},
            .example = broken_example(topic.name)};
}

// In which switches two kernels differ.
std::string differences(const Profile& a, const Profile& b) {
    std::vector<std::string> names;
    for (const Switch& each : switches())
        if (a.*each.member != b.*each.member)
            names.push_back(std::string(each.name) + (a.*each.member ? " on" : " off"));
    return joined(names);
}

Explanation of_bug(const Topic& topic) {
    const auto bug = std::ranges::find(gallery(), topic.name, &Bug::id);
    Explanation all{.topic = topic,
                    .facts = {{"what breaks for a user", std::string(bug->story)},
                              {"source", std::string(bug->source)}}};
    if (bug->scenario.empty()) {
        all.facts.emplace_back("not shown", std::string(bug->left_out));
        return all;
    }
    const auto scenario = find_scenario(std::string(bug->scenario));
    const auto twin = find_scenario(std::string(bug->twin));
    ZCV_CHECK(scenario && twin);
    all.facts.emplace_back("breaks", scenario->expect.broken);
    all.facts.emplace_back("scenario", scenario->name + " (profile " + scenario->profile + ")");
    all.facts.emplace_back("holds without it", twin->name + " (profile " + twin->profile + ")");
    all.facts.emplace_back("switches that differ", differences(*find_profile(scenario->profile),
                                                               *find_profile(twin->profile)));
    all.facts.emplace_back("see for yourself", "zcv check " + scenario->name);
    all.example = counterexample_of(scenario->name);
    return all;
}

std::string yes_no(bool value) {
    return value ? "on" : "off";
}

std::string names_of_apis(const World& world) {
    std::vector<std::string> used;
    for (const Api api : world.apis) used.emplace_back(name_of(api));
    return joined(used);
}

std::string counted(std::uint32_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string world_in_words(const World& world) {
    const Bounds& bounds = world.bounds;
    std::string socks;
    for (const SockConfig& sock : world.socks)
        socks += (socks.empty() ? "" : " and ") +
                 std::string(sock.transport == Transport::udp ? "UDP" : "TCP") +
                 (sock.dma ? ", a network card" : "") + (sock.sink ? ", a sink" : "") +
                 (sock.receives ? ", received on this machine" : "");
    return socks + "; sends by " + names_of_apis(world) + "; " + counted(bounds.buffers, "buffer") +
           ", " + counted(bounds.requests, "request") + ", " + counted(bounds.ubufs, "ubuf") +
           ", " + counted(bounds.shinfos, "shared info") + ", " + counted(bounds.skbs, "skb") +
           ", " + counted(bounds.rings, "ring") + ", a CQ ring of " +
           std::to_string(bounds.cq_entries);
}

Explanation of_scenario(const Topic& topic) {
    const std::optional<Scenario> scenario = find_scenario(topic.name);
    Explanation all{.topic = topic,
                    .facts = {{"profile", scenario->profile},
                              {"application", scenario->app},
                              {"subject", scenario->subject}}};
    const auto& table = kernel_scenario_table();
    const auto row = std::ranges::find(table, topic.name, &KernelScenario::name);
    if (row != table.end()) {
        all.facts.emplace_back("world", world_in_words(row->world));
        all.facts.emplace_back("not asked", joined(row->unasked));
        all.facts.emplace_back("eventually", joined(row->eventually));
    }
    const Expectation& expect = scenario->expect;
    all.facts.emplace_back(
        "expected", (expect.broken.empty() ? "everything holds" : "breaks " + expect.broken) +
                        ", " + std::to_string(expect.states) + " states");
    all.facts.emplace_back("see for yourself", "zcv check " + scenario->name);
    all.example = counterexample_of(topic.name);
    return all;
}

bool is_broken(const KernelSystem& system, const FixedStore& state) {
    return std::ranges::any_of(system.properties(), [&](const auto& property) {
        return property.must == checker::Must::always && !property.holds(state);
    });
}

// The shortest way to the first time that a step is taken, within some states. What comes after a
// broken property is nobody's business: counts may be anything there.
std::vector<checker::Taken> way_to(const KernelSystem& system, std::uint8_t step) {
    constexpr std::size_t states_max = 60'000;
    struct Found {
        std::size_t from;
        checker::Taken by;
    };
    std::map<std::vector<std::uint64_t>, std::size_t> known;
    std::vector<const std::vector<std::uint64_t>*> states;
    std::vector<Found> found;
    std::optional<Found> last;
    const auto meet = [&](const FixedStore& state, const Found& how) {
        std::vector<std::uint64_t> words(system.words());
        system.pack(state, words.data());
        const auto [at, fresh] = known.emplace(std::move(words), states.size());
        if (!fresh) return;
        states.push_back(&at->first);
        found.push_back(how);
    };
    FixedStore state = system.initial();
    meet(state, {0, {}});
    for (std::size_t at = 0; at < states.size() && !last && states.size() < states_max; ++at) {
        system.unpack(states[at]->data(), state);
        if (is_broken(system, state)) continue;
        const KernelSystem::AnyVisit visit = [&](checker::Taken by, const FixedStore& after) {
            if (by.step == step && !last) last = Found{at, by};
            meet(after, {at, by});
        };
        system.for_each_next<const KernelSystem::AnyVisit&>(state, visit);
    }
    if (!last) return {};
    std::vector<checker::Taken> path{last->by};
    for (std::size_t at = last->from; at != 0; at = found[at].from) path.push_back(found[at].by);
    std::reverse(path.begin(), path.end());
    return path;
}

Explanation of_step(const Topic& topic) {
    const KernelSystem any{World{}};
    const auto infos = any.steps();
    const auto info = std::ranges::find(infos, topic.name, &checker::StepInfo::name);
    const auto number = static_cast<std::uint8_t>(info - infos.begin());
    const auto has_it = [&](const KernelScenario& row) {
        return KernelSystem(world_of(row)).has_step(number);
    };
    Explanation all{
        .topic = topic,
        .facts = {
            {"who", std::string(info->context)},
            {"where", info->file.empty() ? "the world around the kernel"
                                         : std::string(info->tag) + ":" + std::string(info->file) +
                                               " " + std::string(info->function) + "()"},
            {"worlds that have it", joined(scenarios_where(has_it))}}};
    all.facts.emplace_back("must it happen", fairness_of(topic.name));
    std::vector<const KernelScenario*> rows;
    for (const KernelScenario& row : kernel_scenario_table()) rows.push_back(&row);
    std::ranges::stable_sort(rows, {}, [](const auto* row) { return row->expect.states; });
    for (const KernelScenario* row : rows) {
        if (!has_it(*row)) continue;
        const KernelSystem system(world_of(*row));
        const auto path = way_to(system, number);
        if (path.empty()) continue;
        auto steps = checker::in_words(system, path);
        steps.back().tag = info->tag;
        all.example = Example{"What it changes, step " + std::to_string(steps.size()) +
                                  " of the shortest way to it in " + row->name + ":",
                              {steps.back()}};
        break;
    }
    return all;
}

Explanation of_profile(const Topic& topic) {
    Explanation all{.topic = topic};
    const Profile& profile = *find_profile(topic.name);
    for (const Switch& each : switches())
        all.facts.emplace_back(each.name,
                               yes_no(profile.*each.member) + ": " + std::string(each.means));
    all.facts.emplace_back(
        "scenarios",
        joined(scenarios_where([&](const auto& row) { return row.profile == topic.name; })));
    return all;
}

Explanation of_switch(const Topic& topic) {
    const auto at = std::ranges::find(switches(), topic.name, &Switch::name);
    std::vector<std::string> on, off;
    for (const Profile& profile : profiles())
        (profile.*at->member ? on : off).push_back(profile.name);
    return {.topic = topic, .facts = {{"on in", joined(on)}, {"off in", joined(off)}}};
}

Explanation of_policy(const Topic& topic) {
    Explanation all{.topic = topic};
    if (const PolicyStory* story = find_policy(topic.name)) {
        if (!story->id.empty()) all.facts.emplace_back("misuse", std::string(story->id));
        all.facts.emplace_back("believes", std::string(story->believes));
        all.facts.emplace_back("really", std::string(story->really));
    }
    const auto mine = [&](const auto& row) { return name_of(row.app) == topic.name; };
    all.facts.emplace_back("scenarios", joined(scenarios_where(mine)));
    const KernelScenario* row =
        smallest_where([&](const auto& each) { return mine(each) && !each.expect.broken.empty(); });
    const bool misuse = topic.name != name_of(App::conforming);
    if (row != nullptr && misuse) all.example = counterexample_of(row->name);
    return all;
}

std::string full_name(const Misuse& misuse) {
    return std::string(misuse.id) + "-" + std::string(misuse.name);
}

// What records show of it.
Facts seen_in_a_trace(const Rule& rule) {
    Facts facts{{"in a trace", std::string(rule.sequence)},
                {"evidence", std::string(rule.evidence)}};
    if (!rule.unless.empty()) facts.emplace_back("no error when", std::string(rule.unless));
    facts.emplace_back(is_of_the_kernel(rule) ? "kernel functions" : "fix", std::string(rule.fix));
    return facts;
}

// The kernel's side has the ids of properties and bugs.
void add_what_a_trace_shows(Explanation& all) {
    const Rule* const rule = find_rule(number_of(all.topic.name));
    if (rule == nullptr) return;
    const Facts facts = seen_in_a_trace(*rule);
    all.facts.insert(all.facts.end(), facts.begin(), facts.end());
}

Explanation of_rule(const Topic& topic) {
    const auto at = std::ranges::find_if(
        rules(), [&](const Rule& rule) { return full_name(rule) == topic.name; });
    Explanation all{.topic = topic,
                    .facts = {{"severity", std::string(name_of(at->severity))},
                              {"comes of it", std::string(at->harm)}}};
    const std::string_view id = at->id.substr(3);
    const auto misuse = std::ranges::find(misuses(), id, &Misuse::id);
    if (misuse != misuses().end()) all.facts.emplace_back("misuse", std::string(misuse->says));
    std::string example;
    for (const std::string& policy : policies_of(id)) {
        const PolicyStory* story = find_policy(policy);
        all.facts.insert(all.facts.end(), {{"believes", std::string(story->believes)},
                                           {"really", std::string(story->really)}});
        const KernelScenario* const row = smallest_where([&](const auto& each) {
            return name_of(each.app) == policy && each.profile == "6.18" &&
                   !each.expect.broken.empty();
        });
        if (row != nullptr && example.empty()) example = row->name;
    }
    if (id == "R1") example = broken_scenario("R1-no-reuse-before-release");
    const Facts facts = seen_in_a_trace(*at);
    all.facts.insert(all.facts.end(), facts.begin(), facts.end());
    if (!at->sources.empty()) all.facts.emplace_back("met in", std::string(at->sources));
    if (!example.empty()) all.example = counterexample_of(example);
    return all;
}

Explanation of_misuse(const Topic& topic) {
    const auto at = std::ranges::find_if(
        misuses(), [&](const Misuse& misuse) { return full_name(misuse) == topic.name; });
    Explanation all{.topic = topic};
    for (const std::string& policy : policies_of(at->id)) {
        const PolicyStory* story = find_policy(policy);
        all.facts.insert(all.facts.end(), {{"policy", policy},
                                           {"believes", std::string(story->believes)},
                                           {"really", std::string(story->really)}});
    }
    if (!at->why_not.empty()) all.facts.emplace_back("no policy", std::string(at->why_not));
    if (!at->shown.empty()) all.facts.emplace_back("shown by", std::string(at->shown));
    if (find_rule("ZC-" + std::string(at->id)) != nullptr)
        all.facts.emplace_back("in a trace", "ZC-" + std::string(at->id));
    const auto unseen = std::ranges::find(unseen_misuses(), at->id, &Unseen::misuse);
    if (unseen != unseen_misuses().end())
        all.facts.emplace_back("in a trace", "no: " + std::string(unseen->why));
    return all;
}

struct Kind {
    std::string_view name;
    Explanation (*explain)(const Topic&);
};

constexpr std::string_view always = "property";
constexpr std::string_view eventually = "eventually-property";
constexpr std::string_view misuse_kind = "misuse";
constexpr std::string_view rule_kind = "rule";

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{{always, of_property},    {eventually, of_eventually},
                                       {"bug", of_bug},          {"scenario", of_scenario},
                                       {"step", of_step},        {"profile", of_profile},
                                       {"switch", of_switch},    {"application", of_policy},
                                       {misuse_kind, of_misuse}, {rule_kind, of_rule}};
    return all;
}

}  // namespace

std::vector<Topic> topics() {
    std::vector<Topic> all;
    for (const KernelProperty& each : kernel_properties())
        if (each.must == checker::Must::always)
            all.push_back({std::string(always), std::string(each.name), std::string(each.breaks)});
    for (const KernelEventually& each : kernel_eventually())
        all.push_back({std::string(eventually), std::string(each.name), std::string(each.breaks)});
    for (const Bug& bug : gallery())
        all.push_back({"bug", std::string(bug.id), std::string(bug.title)});
    for (const Scenario& each : scenarios()) all.push_back({"scenario", each.name, each.asks});
    const KernelSystem any{World{}};
    for (const checker::StepInfo& each : any.steps())
        all.push_back(
            {"step", std::string(each.name),
             std::string(each.context) + (each.file.empty() ? "" : ", " + std::string(each.file))});
    for (const Profile& each : profiles()) all.push_back({"profile", each.name, each.covers});
    for (const Switch& each : switches())
        all.push_back({"switch", std::string(each.name), std::string(each.means)});
    for (const AppName& each : app_names) {
        const PolicyStory* story = find_policy(each.name);
        all.push_back({"application", std::string(each.name),
                       story == nullptr ? "" : std::string(story->believes)});
    }
    for (const Misuse& each : misuses())
        all.push_back({std::string(misuse_kind), full_name(each), std::string(each.says)});
    for (const Rule& each : rules())
        if (!is_of_the_kernel(each))
            all.push_back({std::string(rule_kind), full_name(each), std::string(each.says)});
    return all;
}

std::vector<Explanation> explain(const std::string& name, std::string_view kind_only) {
    std::vector<std::string> names;
    std::vector<Explanation> all;
    for (const Topic& topic : topics()) {
        if (!kind_only.empty() && topic.kind != kind_only) continue;
        const bool numbered = topic.kind == always || topic.kind == eventually ||
                              topic.kind == misuse_kind || topic.kind == rule_kind;
        const std::string number = number_of(topic.name);
        names.push_back(topic.name);
        if (numbered) names.push_back(number);
        if (topic.name != name && !(numbered && number == name)) continue;
        const auto kind = std::ranges::find(kinds(), topic.kind, &Kind::name);
        all.push_back(kind->explain(topic));
        if (topic.kind == always || topic.kind == "bug") add_what_a_trace_shows(all.back());
    }
    std::string capital = name;
    std::ranges::transform(capital, capital.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (all.empty() && capital != name && std::ranges::find(names, capital) != names.end())
        return explain(capital, kind_only);
    if (all.empty())
        throw Refusal(Status::usage,
                      "explain " + shown(name) + ": nothing is called that: " +
                          did_you_mean(name, names, "zcv explain lists what there is"));
    return all;
}

}  // namespace zcv
