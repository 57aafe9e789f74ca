#include "model/clock/environment.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/ensure.hpp"

namespace zcv::clock {

namespace {

// Rows that are closer than this are as fast as each other.
constexpr double as_fast = 1.02;

struct RowName {
    std::string_view table;
    std::string_view as;
    std::uint32_t bytes;
};

// Everything that is solved, each from a row of its own.
struct Source {
    std::string_view name;
    std::vector<std::string_view> tables;
    std::string_view baseline;
    std::optional<RowName> for_scale = std::nullopt;  // neither copies nor pins, to a sink
    std::string_view scale_of = "";                   // ... or this environment's
    // Copies and does not pin; the smaller payload first. What lies between follows a line.
    std::vector<RowName> for_copy;
    std::optional<RowName> for_pin = std::nullopt;    // pins and does not copy
    std::optional<RowName> for_card = std::nullopt;   // neither, to a card
    std::optional<RowName> for_call = std::nullopt;   // neither, a call that only submits for each
    std::optional<RowName> for_range = std::nullopt;  // MSG_ZEROCOPY, to a card
};

const std::vector<Source>& sources() {
    static const std::vector<Source> all{
        {.name = "rfc-v1",
         .tables = {"rfc-v1", "rfc-v1-buffers"},
         .baseline = "msg_zerocopy -z",
         .for_scale = RowName{"rfc-v1", "io_uring flush=false nr_reqs=8", 65435},
         .for_copy = {{"rfc-v1", "msg_zerocopy", 65435}},
         .for_pin = RowName{"rfc-v1-buffers", "normal", 65435}},
        {.name = "rfc-v2",
         .tables = {"rfc-v2-dummy"},
         .baseline = "msg_zerocopy -z",
         .for_scale = RowName{"rfc-v2-dummy", "-n8", 4096},
         .for_copy = {{"rfc-v2-dummy", "-n8 -z0", 4096}},
         .for_call = RowName{"rfc-v2-dummy", "-n1", 4096}},
        {.name = "rfc-v2-nic",
         .tables = {"rfc-v2-nic"},
         .baseline = "msg_zerocopy -z",
         .scale_of = "rfc-v2",
         .for_copy = {{"rfc-v2-nic", "-n8 -z0", 4096}},
         .for_card = RowName{"rfc-v2-nic", "-n8", 4096},
         .for_range = RowName{"rfc-v2-nic", "msg_zerocopy -z", 4096}},
        {.name = "v4-dummy",
         .tables = {"v4-dummy"},
         .baseline = "non-zc",
         .for_scale = RowName{"v4-dummy", "zc", 4000},
         .for_copy = {{"v4-dummy", "non-zc", 4000}, {"v4-dummy", "non-zc", 8000}}},
        {.name = "v4-nic",
         .tables = {"v4-nic"},
         .baseline = "non-zc",
         .scale_of = "v4-dummy",
         .for_copy = {{"v4-nic", "non-zc", 4000}},
         .for_card = RowName{"v4-nic", "zc", 4000}},
    };
    return all;
}

double published_ns(const PublishedTable& table, const PublishedFigure& figure) {
    const double rate = table.unit == "MB/s" ? figure.value * 1e6 / figure.bytes : figure.value;
    return 1e9 / rate;
}

double time_of(const Simulated& run, const Costs& costs) {
    double ns = 0;
    for (const auto& [what, times] : run.charged) ns += times * costs[what.second];
    return ns;
}

const PublishedFigure& figure_of(const RowName& name) {
    const PublishedTable* table = find_published(name.table);
    ZCV_CHECK(table != nullptr);
    const auto figure = std::ranges::find_if(table->figures, [&](const PublishedFigure& each) {
        return each.as == name.as && each.bytes == name.bytes;
    });
    ZCV_CHECK(figure != table->figures.end());
    return *figure;
}

Reproduced row_of(const PublishedTable& table, const PublishedFigure& figure, const Costs& costs) {
    // The programs of the tables never wait, and a card is done while the sender still sends.
    constexpr double flight_ns = 10;
    const Device device = table.device == "nic" ? Device::card : Device::sink;
    Reproduced row;
    row.table = &table;
    row.figure = &figure;
    row.published_ns = published_ns(table, figure);
    // How often what is charged does not depend on the costs.
    row.run = simulate({figure.path, table.profile, device, flight_ns, Application::floods}, costs);
    return row;
}

const Source& find_source(std::string_view name) {
    const auto source = std::ranges::find(sources(), name, &Source::name);
    ZCV_CHECK(source != sources().end());
    return *source;
}

// What the environment's unknowns are.
class Solver {
  public:
    using CostsOf = std::function<Costs(std::uint32_t bytes)>;
    Solver(const Source& source, const CostsOf& costs_of) : source_(source), costs_of_(costs_of) {
        if (!source.for_scale) {
            const Solver same_program(find_source(source.scale_of), costs_of);
            scale_ = same_program.scale_;
            call_ns_ = same_program.call_ns_;
        }
        // A batch has its share of a call too; what that changes is an eighth from turn to turn.
        constexpr int turns = 16;
        for (int i = 0; i < turns; ++i) {
            if (source.for_scale) scale_ = share(*source.for_scale);
            if (source.for_card)
                card_ns_ = left(*source.for_card, Cost::device, Cost::device_pages);
            if (source.for_call) call_ns_ = left(*source.for_call, Cost::submit);
        }
        for (const RowName& row : source.for_copy)
            copies_.emplace_back(row.bytes, left(row, Cost::copy, Cost::copy_warm));
        if (source.for_pin) pin_ns_ = left(*source.for_pin, Cost::pin);
        if (source.for_range) range_ns_ = left(*source.for_range, Cost::card_range);
    }

    double scale() const { return scale_; }
    double card_ns() const { return card_ns_; }
    // A payload's copy: on a line through nothing and what was solved.
    double copy_ns(std::uint32_t bytes) const {
        double x0 = 0;
        double y0 = 0;
        for (const auto& [x, y] : copies_) {
            if (bytes <= x) return y0 + (y - y0) * (bytes - x0) / (x - x0);
            x0 = x;
            y0 = y;
        }
        return x0 > 0 ? y0 * bytes / x0 : 0;
    }
    Costs costs(std::uint32_t bytes) const {
        Costs all = scaled(bytes, scale_);
        all[Cost::copy] = all[Cost::copy_warm] = copy_ns(bytes);
        all[Cost::device] = all[Cost::device_pages] = card_ns_;
        if (source_.for_pin) all[Cost::pin] = pin_ns_;
        if (call_ns_) all[Cost::submit] = *call_ns_;
        all[Cost::card_range] = range_ns_;
        return all;
    }
    bool uses(const PublishedTable& table, const PublishedFigure& figure) const {
        std::vector<RowName> used = source_.for_copy;
        for (const auto& each : {source_.for_scale, source_.for_pin, source_.for_card,
                                 source_.for_call, source_.for_range})
            if (each) used.push_back(*each);
        return std::ranges::any_of(used, [&](const RowName& row) {
            return row.table == table.id && row.as == figure.as && row.bytes == figure.bytes;
        });
    }

  private:
    // Of what is not solved by itself.
    Costs scaled(std::uint32_t bytes, double scale) const {
        const Costs reference = costs_of_(bytes);
        Costs all;
        for (const NamedCost& each : cost_names) all[each.cost] = scale * reference[each.cost];
        all[Cost::copy] = all[Cost::copy_warm] = 0;
        all[Cost::device] = all[Cost::device_pages] = 0;
        if (source_.for_pin) all[Cost::pin] = 0;
        if (call_ns_) all[Cost::submit] = 0;
        return all;
    }
    // How long that takes in this row, beside the machine of the costs.
    double share(const RowName& name) const {
        const Costs rest = scaled(name.bytes, 1);
        const Reproduced row = row_of(*find_published(name.table), figure_of(name), rest);
        return (row.published_ns - call_ns_.value_or(0) * row.run.count(Cost::submit)) /
               time_of(row.run, rest);
    }
    // What this row's time leaves for the one cost that is unknown.
    double left(const RowName& name, Cost unknown) const { return left(name, unknown, unknown); }
    double left(const RowName& name, Cost unknown, Cost or_as) const {
        Costs known = costs(name.bytes);
        known[unknown] = known[or_as] = 0;
        const Reproduced row = row_of(*find_published(name.table), figure_of(name), known);
        return std::max(0.0, row.published_ns - time_of(row.run, known)) /
               std::max(row.run.count(unknown), row.run.count(or_as));
    }

    const Source& source_;
    const CostsOf& costs_of_;
    double scale_ = 0;
    double card_ns_ = 0;
    double pin_ns_ = 0;
    std::optional<double> call_ns_;  // unless it is as slow as everything else
    double range_ns_ = 0;
    std::vector<std::pair<double, double>> copies_;
};

}  // namespace

std::vector<std::string_view> environments() {
    std::vector<std::string_view> names;
    for (const Source& each : sources()) names.push_back(each.name);
    return names;
}

Costs reference_costs(std::uint32_t bytes) {
    Costs costs;
    costs[Cost::call] = 215;
    costs[Cost::enter] = 220;
    costs[Cost::submit] = 100;
    costs[Cost::poll] = 260;
    costs[Cost::request] = 37;
    costs[Cost::cqe] = 4;
    costs[Cost::ring_send] = 35;
    costs[Cost::datagram] = 395;
    costs[Cost::notification] = 10;
    costs[Cost::task_work] = 18;
    costs[Cost::work_run] = 18;
    costs[Cost::work_item] = 315;
    costs[Cost::ubuf] = 120;
    costs[Cost::read_range] = 180;
    costs[Cost::look] = 125;
    costs[Cost::napi] = 250;
    const double pages = std::ceil(bytes / 4096.0);
    costs[Cost::pin] = 27 + 20 * pages;
    costs[Cost::frags] = 2 * pages;
    return costs;
}

Environment reproduce(std::string_view name,
                      const std::function<Costs(std::uint32_t bytes)>& costs) {
    const Source& source = find_source(name);
    const Solver solver(source, costs);
    Environment result;
    result.name = source.name;
    result.baseline = source.baseline;
    result.bytes = source.for_copy.back().bytes;
    result.scale = solver.scale();
    result.scale_of = source.scale_of;
    result.copy_ns = solver.copy_ns(result.bytes);
    result.card_ns = solver.card_ns();
    result.range_ns = solver.costs(result.bytes)[Cost::card_range];
    result.pin_ns = solver.costs(result.bytes)[Cost::pin];
    result.call_ns = solver.costs(result.bytes)[Cost::submit];
    for (const std::string_view id : source.tables)
        for (const PublishedFigure& figure : find_published(id)->figures) {
            const PublishedTable& table = *find_published(id);
            const Costs all = solver.costs(figure.bytes);
            Reproduced row = row_of(table, figure, all);
            row.costs = all;
            row.ns = time_of(row.run, all);
            row.used = solver.uses(table, figure);
            result.rows.push_back(row);
        }
    const auto rows = result.rows;
    for (Reproduced& row : result.rows) {
        const auto baseline = std::ranges::find_if(rows, [&](const Reproduced& each) {
            return each.figure->as == source.baseline && each.figure->bytes == row.figure->bytes;
        });
        ZCV_CHECK(baseline != rows.end());
        row.ratio = baseline->ns / row.ns;
        row.published_ratio = baseline->published_ns / row.published_ns;
    }
    return result;
}

const Reproduced* Environment::worst() const {
    const Reproduced* worst = nullptr;
    for (const Reproduced& row : rows)
        if (!row.used && (worst == nullptr || std::abs(row.error()) > std::abs(worst->error())))
            worst = &row;
    return worst;
}

const Costs& Environment::costs() const {
    const auto row =
        std::ranges::find(rows, bytes, [](const Reproduced& each) { return each.figure->bytes; });
    ZCV_CHECK(row != rows.end());
    return row->costs;
}

double Environment::median_error() const {
    std::vector<double> errors;
    for (const Reproduced& row : rows)
        if (!row.used && row.figure->as != baseline) errors.push_back(std::abs(row.error()));
    std::ranges::sort(errors);
    return errors.empty() ? 0 : errors[errors.size() / 2];
}

Environment::Order Environment::order() const {
    Order order;
    for (const Reproduced& slow : rows)
        for (const Reproduced& fast : rows) {
            if (slow.figure->bytes != fast.figure->bytes ||
                slow.published_ratio * as_fast >= fast.published_ratio)
                continue;
            ++order.pairs;
            if (slow.ratio < fast.ratio) continue;
            ++order.swapped;
            order.widest = std::max(order.widest, fast.published_ratio / slow.published_ratio - 1);
        }
    return order;
}

std::vector<Without> without_each(const Costs& costs) {
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
