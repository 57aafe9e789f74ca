#include "model/clock/environment.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/ensure.hpp"

namespace zcv::clock {

namespace {

// Rows that are closer than this are as fast as each other.
constexpr double as_fast = 1.02;

struct RowName {
    std::string_view table;
    std::string_view as;
};

struct Source {
    std::string_view name;
    std::vector<std::string_view> tables;
    RowName baseline;
    RowName for_scale;  // neither copies nor pins
    RowName for_pin;    // pins and does not copy
    RowName for_copy;   // copies and does not pin
};

const std::vector<Source>& sources() {
    static const std::vector<Source> all{
        {"rfc-v1",
         {"rfc-v1", "rfc-v1-buffers"},
         {"rfc-v1", "msg_zerocopy -z"},
         {"rfc-v1", "io_uring flush=false nr_reqs=8"},
         {"rfc-v1-buffers", "normal"},
         {"rfc-v1", "msg_zerocopy"}},
        {"rfc-v2",
         {"rfc-v2-dummy"},
         {"rfc-v2-dummy", "msg_zerocopy -z"},
         {"rfc-v2-dummy", "-n8"},
         {"rfc-v2-dummy", "msg_zerocopy -z"},
         {"rfc-v2-dummy", "-n8 -z0"}},
    };
    return all;
}

double published_ns(const PublishedTable& table, const PublishedFigure& figure) {
    const double rate = table.unit == "MB/s" ? figure.value * 1e6 / figure.bytes : figure.value;
    return 1e9 / rate;
}

Costs scaled(const Costs& costs, double scale, double copy_ns, double pin_ns) {
    Costs all;
    for (const NamedCost& each : cost_names) all[each.cost] = scale * costs[each.cost];
    all[Cost::copy] = copy_ns;
    all[Cost::pin] = pin_ns;
    return all;
}

double time_of(const Simulated& run, const Costs& costs) {
    double ns = 0;
    for (const auto& [what, times] : run.charged) ns += times * costs[what.second];
    return ns;
}

Reproduced& find_row(Environment& environment, const RowName& name) {
    const auto row = std::ranges::find_if(environment.rows, [&](const Reproduced& each) {
        return each.table->id == name.table && each.figure->as == name.as;
    });
    ZCV_CHECK(row != environment.rows.end());
    return *row;
}

// A row that something is solved from.
const Reproduced& row_of(Environment& environment, const RowName& name) {
    Reproduced& row = find_row(environment, name);
    row.used = true;
    return row;
}

}  // namespace

std::vector<std::string_view> environments() {
    std::vector<std::string_view> names;
    for (const Source& each : sources()) names.push_back(each.name);
    return names;
}

Costs reference_costs(std::uint32_t bytes) {
    Costs costs;
    costs[Cost::call] = 440;
    costs[Cost::enter] = 420;
    costs[Cost::submit] = 164;
    costs[Cost::poll] = 361;
    costs[Cost::request] = 30;
    costs[Cost::cqe] = 3;
    costs[Cost::ring_send] = 80;
    costs[Cost::datagram] = 480;
    costs[Cost::notification] = 40;
    costs[Cost::task_work] = 20;
    costs[Cost::work_run] = 20;
    costs[Cost::work_item] = 470;
    costs[Cost::ubuf] = 200;
    costs[Cost::read_range] = 420;
    costs[Cost::look] = 210;
    const double pages = std::ceil(bytes / 4096.0);
    costs[Cost::pin] = 46 * pages;
    costs[Cost::frags] = 13 * pages;
    return costs;
}

Environment reproduce(std::string_view name, const Costs& costs) {
    const auto source = std::ranges::find(sources(), name, &Source::name);
    ZCV_CHECK(source != sources().end());
    Environment result;
    result.name = source->name;
    for (const std::string_view id : source->tables)
        for (const PublishedFigure& figure : find_published(id)->figures) {
            Reproduced row;
            row.table = find_published(id);
            row.figure = &figure;
            row.published_ns = published_ns(*row.table, figure);
            // How often what is charged does not depend on the costs: nobody waits here.
            row.run = simulate(
                {figure.path, row.table->profile, Device::sink, 0, Application::floods}, costs);
            result.rows.push_back(row);
        }
    const Costs rest = scaled(costs, 1, 0, 0);
    const Reproduced plain = row_of(result, source->for_scale);
    result.scale = plain.published_ns / time_of(plain.run, rest);
    const auto left = [&](const RowName& of) {
        const Reproduced row = row_of(result, of);
        return std::max(0.0, row.published_ns - result.scale * time_of(row.run, rest));
    };
    result.pin_ns = left(source->for_pin);
    result.copy_ns = left(source->for_copy);
    result.costs = scaled(costs, result.scale, result.copy_ns, result.pin_ns);
    for (Reproduced& row : result.rows) row.ns = time_of(row.run, result.costs);
    const Reproduced baseline = find_row(result, source->baseline);
    for (Reproduced& row : result.rows) {
        row.ratio = baseline.ns / row.ns;
        row.published_ratio = baseline.published_ns / row.published_ns;
    }
    return result;
}

double Environment::worst_error() const {
    double worst = 0;
    for (const Reproduced& row : rows)
        if (!row.used) worst = std::max(worst, std::abs(row.error()));
    return worst;
}

double Environment::median_error() const {
    std::vector<double> errors;
    for (const Reproduced& row : rows)
        if (!row.used) errors.push_back(std::abs(row.error()));
    std::ranges::sort(errors);
    return errors.empty() ? 0 : errors[errors.size() / 2];
}

bool Environment::in_order() const {
    for (const Reproduced& a : rows)
        for (const Reproduced& b : rows)
            if (a.published_ratio * as_fast < b.published_ratio && a.ratio >= b.ratio) return false;
    return true;
}

std::vector<Without> without_each(const Environment& environment) {
    const Costs& costs = environment.costs;
    const auto run = [&](DataPath path) {
        return time_of(simulate({path, "rfc-v1", Device::sink, 0, Application::floods}, costs),
                       costs);
    };
    const double best = run({Way::send_zc_fixed, 8, false});
    const double each_told = run({Way::send_zc_fixed, 8});
    return {
        {"buffers are registered", "every send pins its pages",
         run({Way::send_zc, 8, false}) - best},
        {"many sends share a notification", "every send has one", each_told - best},
        {"requests are handed in together", "a system call each",
         run({Way::send_zc_fixed, 1, false}) - best},
        {"notifications are CQEs", "ranges in the error queue, each read by a call",
         each_told - best - costs[Cost::cqe] + costs[Cost::read_range]},
        {"nobody polls for them", "a poll after every send",
         each_told - best - costs[Cost::cqe] + costs[Cost::poll]},
        {"ubufs are cached", "every notification allocates one",
         each_told - best + costs[Cost::ubuf]},
    };
}

std::vector<Delivery> deliveries(const Costs& costs) {
    // The card is done while the sender still sends.
    const auto run = [&](std::string_view profile, const Costs& with) {
        return simulate({{Way::send_zc_fixed, 8}, profile, Device::card, 10}, with);
    };
    Costs direct = costs;
    direct[Cost::work_item] = 0;
    const auto share = [](const Simulated& of, const Costs& with, Cost cost) {
        return of.ns > 0 ? of.ns_of(cost, with) / of.ns : 0;
    };
    const Simulated worker = run("rfc-v1", costs);
    const Simulated at_once = run("rfc-v1", direct);
    const Simulated task = run("6.0-rc", costs);
    return {
        {"a work item, as in the first series", worker.ns, share(worker, costs, Cost::work_item)},
        {"task work, since the second", task.ns, share(task, costs, Cost::task_work)},
        {"posted in the interrupt, if that were allowed", at_once.ns, 0}};
}

}  // namespace zcv::clock
