#include "model/coverage.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "model/gallery.hpp"
#include "model/kernel_scenarios.hpp"
#include "model/kernel_system.hpp"
#include "model/progress.hpp"

namespace zcv {
namespace {

// The rows that are explored anyway, those with the fewest states first.
std::vector<const KernelScenario*> smallest_first() {
    std::vector<const KernelScenario*> rows;
    for (const KernelScenario& row : kernel_scenario_table()) rows.push_back(&row);
    std::ranges::stable_sort(rows, {}, [](const auto* row) { return row->expect.states; });
    return rows;
}

// Counts in the order in which names were first promised.
class Tally {
  public:
    explicit Tally(std::string kind) : kind_(std::move(kind)) {}
    void promise(const std::string& name) {
        if (at_.emplace(name, all_.size()).second) all_.push_back({kind_, name, 0, "", ""});
    }
    void excuse(const std::string& name, std::string_view why) { all_[at_.at(name)].unseen = why; }
    void found(const std::string& name, const std::string& where) {
        const auto at = at_.find(name);
        if (at == at_.end()) return;
        Covered& covered = all_[at->second];
        if (covered.times++ == 0) covered.where = where;
    }
    const std::vector<Covered>& all() const { return all_; }

  private:
    std::string kind_;
    std::vector<Covered> all_;
    std::map<std::string, std::size_t> at_;
};

template <Part part>
std::string_view part_name() {
    const std::string_view whole = __PRETTY_FUNCTION__;
    const std::size_t begin = whole.find("part = ") + 7;
    const std::string_view value = whole.substr(begin, whole.find_first_of(";]", begin) - begin);
    // A number without a name is written "(zcv::Part)9".
    return value.front() == '(' ? "" : value.substr(value.rfind(':') + 1);
}

template <std::size_t... number>
std::vector<std::pair<Part, std::string>> parts(std::index_sequence<number...>) {
    std::vector<std::pair<Part, std::string>> all{
        {static_cast<Part>(number), std::string(part_name<static_cast<Part>(number)>())}...};
    std::erase_if(all, [](const auto& part) { return part.second.empty(); });
    return all;
}

World world_of(const KernelScenario& row) {
    World world = row.world;
    world.profile = *find_profile(row.profile);
    world.app = row.app;
    return world;
}

// Whether the scenario comes out differently with the switch the other way.
bool differs(const KernelScenario& row, const Switch& flipped) {
    Profile profile = *find_profile(row.profile);
    profile.*flipped.member = !(profile.*flipped.member);
    checker::Limits limits;
    limits.states_max = row.expect.states + 1;
    const checker::Outcome outcome = under_profile(row, profile).explore(limits);
    return !as_declared(row.expect, outcome);
}

// A bug's own scenario first: it was made for its switch.
std::string where_it_differs(const Switch& flipped) {
    constexpr std::uint64_t states_max = 250'000;
    std::vector<const KernelScenario*> rows = smallest_first();
    const auto made_for_it = [&](const KernelScenario* row) {
        return std::ranges::any_of(gallery(), [&](const Bug& bug) {
            if (bug.scenario != row->name) return false;
            const auto twin = find_scenario(std::string(bug.twin));
            return twin && find_profile(twin->profile)->*flipped.member !=
                               find_profile(row->profile)->*flipped.member;
        });
    };
    std::stable_partition(rows.begin(), rows.end(), made_for_it);
    for (const KernelScenario* row : rows)
        if (row->expect.states <= states_max && differs(*row, flipped)) return row->name;
    return "";
}

}  // namespace

std::vector<Covered> coverage(const Explore& explore) {
    Tally steps("step"), premises("premise"), apps("application"), parts_of("part");
    Tally flips("switch"), bugs("bug");
    const auto all_parts = parts(std::make_index_sequence<48>{});
    const KernelSystem any{World{}};
    for (const auto& step : any.steps()) steps.promise(std::string(step.name));
    for (const KernelProperty& property : kernel_properties())
        if (property.must == checker::Must::sometimes) premises.promise(std::string(property.name));
    for (const auto& each : kernel_eventually())
        premises.promise(std::string(each.name) + "-reached");
    for (const AppName& app : app_names) apps.promise(std::string(app.name));
    for (const auto& [part, name] : all_parts) parts_of.promise(name);
    for (const KernelScenario* row : smallest_first()) {
        const World world = world_of(*row);
        const checker::Outcome outcome = explore(*find_scenario(row->name));
        for (const auto& [step, times] : outcome.taken)
            if (times > 0) steps.found(step, row->name);
        const std::set<std::string> unreached(outcome.unreached.begin(), outcome.unreached.end());
        const KernelSystem system(world, row->unasked);
        for (const auto& property : system.properties())
            if (!unreached.contains(std::string(property.name)))
                premises.found(std::string(property.name), row->name);
        for (const auto& each : eventually_in(world, row->eventually))
            if (const std::string name = std::string(each.name) + "-reached";
                outcome.verdict != Verdict::inconclusive && !unreached.contains(name))
                premises.found(name, row->name);
        apps.found(std::string(name_of(row->app)), row->name);
        for (const auto& [part, name] : all_parts)
            if (world.models(part)) parts_of.found(name, row->name);
    }
    for (const Switch& each : switches()) {
        flips.promise(std::string(each.name));
        flips.excuse(std::string(each.name), each.unseen);
        const std::string where = where_it_differs(each);
        if (!where.empty()) flips.found(std::string(each.name), where);
    }
    for (const Bug& bug : gallery()) {
        bugs.promise(std::string(bug.id));
        const bool shown = !bug.scenario.empty();
        bugs.found(std::string(bug.id),
                   shown ? std::string(bug.scenario) : "not shown: " + std::string(bug.left_out));
    }
    std::vector<Covered> all;
    for (const Tally* tally : {&steps, &premises, &flips, &apps, &parts_of, &bugs})
        all.insert(all.end(), tally->all().begin(), tally->all().end());
    return all;
}

}  // namespace zcv
