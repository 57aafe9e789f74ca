#include "realimpl/compare_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/clock/environment.hpp"
#include "realimpl/compare_grid.hpp"

namespace zcv::compare {

namespace {

using Json = nlohmann::ordered_json;
using clock::DataPath;
using clock::Way;

constexpr std::size_t bar_width = 60;

std::vector<clock::Environment> all_environments() {
    std::vector<clock::Environment> all;
    for (const std::string_view name : clock::environments()) all.push_back(clock::reproduce(name));
    return all;
}

// Whose programs did what the first series' ideas are about.
bool has_ideas(const clock::Environment& environment) {
    return environment.name == "rfc-v1" || environment.name == "rfc-v2";
}

std::string order_text(const clock::Environment::Order& order) {
    if (order.swapped == 0) return "in the published order";
    return fmt::format("{} of {} pairs not in the published order, by {:.1f} % at most",
                       order.swapped, order.pairs, 100 * order.widest);
}

std::string error_text(const clock::Environment& environment) {
    const clock::Reproduced* worst = environment.worst();
    return fmt::format(
        "  rows that were not solved from: median error {:.1f} %, largest {:+.1f} % ({}, {} "
        "bytes); {}\n",
        100 * environment.median_error(), 100 * worst->error(), worst->figure->as,
        worst->figure->bytes, order_text(environment.order()));
}

// A column of nanoseconds for each payload: they are what the same ideas are worth with it.
std::string ideas_text(const std::vector<std::string>& columns,
                       const std::vector<std::vector<clock::Without>>& payloads) {
    std::vector<std::vector<std::string>> rows{{"", "without", "instead"}};
    rows.front().insert(rows.front().end(), columns.begin(), columns.end());
    for (std::size_t i = 0; i < payloads.front().size(); ++i) {
        const clock::Without& idea = payloads.front()[i];
        rows.push_back({std::to_string(i + 1), std::string(idea.idea), std::string(idea.instead)});
        for (const auto& payload : payloads)
            rows.back().push_back(fmt::format("{:+.0f}", payload[i].ns));
    }
    return grid(rows, 3);
}

std::string environment_text(const clock::Environment& environment) {
    std::vector<std::vector<std::string>> rows{{"as published", "path", "bytes", "published ns",
                                                "ratio", "model ns", "ratio", "error", ""}};
    std::vector<BarRow> times;
    bool to_card = false;
    for (const clock::Reproduced& row : environment.rows) {
        rows.push_back({std::string(row.figure->as), text_of(row.figure->path),
                        std::to_string(row.figure->bytes), fmt::format("{:.0f}", row.published_ns),
                        fmt::format("{:.2f}", row.published_ratio), fmt::format("{:.0f}", row.ns),
                        fmt::format("{:.2f}", row.ratio),
                        fmt::format("{:+.1f} %", 100 * row.error()),
                        row.used ? "solved from" : ""});
        to_card = row.table->device == "nic";
        if (row.figure->bytes == environment.bytes)
            times.push_back({std::string(row.figure->as), &row.run, &row.costs});
    }
    std::string text = fmt::format(
        "{}, UDP to a {}, ratios to '{}': everything takes {:.2f} times as long as on the\nmachine "
        "of the costs{}; of {} bytes the copy {:.0f} ns ({:.1f} GB/s), the pins {:.0f} ns{}\n",
        environment.name, to_card ? "network card" : "dummy device", environment.baseline,
        environment.scale,
        environment.scale_of.empty() ? "" : fmt::format(" (as in {})", environment.scale_of),
        environment.bytes, environment.copy_ns, environment.bytes / environment.copy_ns,
        environment.pin_ns,
        to_card ? fmt::format(", the card {:.0f} ns", environment.card_ns) : "");
    if (environment.range_ns > 0)
        text += fmt::format(
            "a range that the card's interrupt puts into the error queue costs {:.0f} ns more\n",
            environment.range_ns);
    text += grid(rows, 2) + error_text(environment) +
            fmt::format("\n  a request of {} bytes\n", environment.bytes) + bars(times);
    if (has_ideas(environment))
        text += "\nthe fastest way, taken back idea by idea\n" +
                ideas_text({"ns/request"}, {clock::without_each(environment.costs())});
    return text + '\n';
}

// Where a falling or rising line through the payloads meets zero.
std::optional<double> crossing(const std::vector<std::pair<double, double>>& gains) {
    if (gains.empty() || gains.back().second <= 0) return std::nullopt;
    for (std::size_t i = gains.size(); i-- > 1;) {
        const auto& [x0, y0] = gains[i - 1];
        const auto& [x1, y1] = gains[i];
        if (y0 <= 0) return x0 + (x1 - x0) * -y0 / (y1 - y0);
    }
    return 0;
}

const Predicted* cell_of(const Simulation& simulation, const Place& place, const DataPath& path,
                         std::uint32_t bytes) {
    for (const Predicted& each : simulation.cells)
        if (each.place == place && each.path == path && each.bytes == bytes) return &each;
    return nullptr;
}

std::string crossing_text(const std::optional<double>& bytes) {
    if (!bytes) return "never";
    return *bytes == 0 ? "always" : fmt::format("{:.0f} B", *bytes);
}

// How much zero copy wins by, positive or negative, in one cell beside another.
using Gain = std::function<double(const Predicted& zero_copy, const Predicted& copying)>;

double time_of(const Predicted& cell, const clock::Costs& costs) {
    double ns = 0;
    for (const auto& [what, times] : cell.run.charged) ns += times * costs[what.second];
    return ns;
}

Crossover crossover_of(const Simulation& simulation, std::size_t place, const DataPath& zero_copy,
                       const DataPath& copying) {
    const Calibration& calibration = *simulation.calibration;
    std::vector<std::uint32_t> sizes = calibration.sizes();
    std::ranges::sort(sizes);
    const auto crossing_by = [&](const Gain& gain) {
        std::vector<std::pair<double, double>> gains;
        for (const std::uint32_t bytes : sizes) {
            const Place& at = calibration.places()[place];
            const Predicted* zc = cell_of(simulation, at, zero_copy, bytes);
            const Predicted* copy = cell_of(simulation, at, copying, bytes);
            if (zc != nullptr && copy != nullptr) gains.emplace_back(bytes, gain(*zc, *copy));
        }
        return crossing(gains);
    };
    Crossover row;
    row.place = calibration.places()[place];
    row.zero_copy = zero_copy;
    row.copying = copying;
    row.predicted =
        crossing_by([](const Predicted& zc, const Predicted& copy) { return copy.ns - zc.ns; });
    constexpr double never = std::numeric_limits<double>::infinity();
    std::vector<double> rounds;
    for (std::size_t round = 0; round < calibration.rounds(); ++round)
        rounds.push_back(crossing_by([&](const Predicted& zc, const Predicted& copy) {
                             const clock::Costs costs = calibration.at(place, zc.bytes, round);
                             return time_of(copy, costs) - time_of(zc, costs);
                         }).value_or(never));
    const Interval interval = interval_of(rounds);
    if (interval.low < never) row.predicted_low = interval.low;
    if (interval.high < never) row.predicted_high = interval.high;
    if (std::ranges::none_of(simulation.cells, &Predicted::is_measured)) return row;
    row.measured = crossing_by([](const Predicted& zc, const Predicted& copy) {
        return zc.measured_ratio.median - copy.measured_ratio.median;
    });
    row.measured_low = crossing_by([](const Predicted& zc, const Predicted& copy) {
        return zc.measured_ratio.high - copy.measured_ratio.low;
    });
    row.measured_high = crossing_by([](const Predicted& zc, const Predicted& copy) {
        return zc.measured_ratio.low - copy.measured_ratio.high;
    });
    return row;
}

std::string within_text(const std::optional<double>& low, const std::optional<double>& high) {
    return fmt::format("({}-{})", crossing_text(low), crossing_text(high));
}

Json json_of(const std::optional<double>& bytes) {
    return bytes ? Json(*bytes) : Json(nullptr);
}

}  // namespace

std::string bars(const std::vector<BarRow>& rows) {
    std::vector<std::string_view> steps;
    double longest = 0;
    for (const BarRow& row : rows) {
        double whole = 0;
        for (const auto& [what, times] : row.run->charged) {
            const double ns = times * (*row.costs)[what.second];
            whole += ns;
            if (ns > 0 && std::ranges::find(steps, what.first) == steps.end())
                steps.push_back(what.first);
        }
        longest = std::max(longest, whole);
    }
    std::string text;
    std::size_t label = 0;
    for (const BarRow& row : rows) label = std::max(label, row.label.size());
    for (const BarRow& row : rows) {
        std::string bar;
        double drawn = 0;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            drawn += row.run->ns_of(steps[i], *row.costs);
            const auto until = static_cast<std::size_t>(
                std::lround(drawn / longest * static_cast<double>(bar_width)));
            bar.resize(std::max(until, bar.size()), static_cast<char>('a' + i));
        }
        text +=
            fmt::format("  {:<{}}  {:<{}} {:>6.0f} ns\n", row.label, label, bar, bar_width, drawn);
    }
    for (std::size_t i = 0; i < steps.size(); ++i)
        text += fmt::format("{}{} {}", i % 4 == 0 ? (i == 0 ? "  " : "\n  ") : "   ",
                            static_cast<char>('a' + i), steps[i]);
    return text + '\n';
}

std::vector<Crossover> crossovers(const Simulation& simulation) {
    std::vector<Crossover> all;
    if (!simulation.calibration) return all;
    const std::pair<DataPath, DataPath> pairs[]{{{Way::msg_zerocopy}, {Way::send}},
                                                {{Way::send_zc}, {Way::ring_send}},
                                                {{Way::send_zc, 8}, {Way::ring_send, 8}},
                                                {{Way::send_zc_fixed}, {Way::ring_send}},
                                                {{Way::send_zc_fixed, 8}, {Way::ring_send, 8}}};
    const auto& places = simulation.calibration->places();
    for (std::size_t place = 0; place < places.size(); ++place)
        for (const auto& [zero_copy, copying] : pairs)
            all.push_back(crossover_of(simulation, place, zero_copy, copying));
    return all;
}

std::string explained_text() {
    std::string text;
    for (const clock::Environment& environment : all_environments())
        text += environment_text(environment);
    std::vector<std::vector<std::string>> rows{
        {"a card's interrupt drops the last reference; told by", "ns/request", "of it"}};
    for (const clock::Delivery& each : clock::deliveries(clock::reproduce("rfc-v2").costs()))
        rows.push_back({std::string(each.how), fmt::format("{:.0f}", each.ns),
                        fmt::format("{:.0f} %", 100 * each.share)});
    return text + grid(rows, 1) +
           "not reproduced: rfc-v2-dummy6, whose five payloads have one rate, and stacking, whose "
           "rate is made\nby the peer's acknowledgements\n";
}

namespace {

Json json_of(const clock::Reproduced& row) {
    Json steps = Json::array();
    for (const auto& [what, times] : row.run.charged)
        steps.push_back({{"step", what.first},
                         {"cost", name_of(what.second)},
                         {"ns", times * row.costs[what.second]}});
    return {{"table", row.table->id},
            {"as_published", row.figure->as},
            {"path", name_of(row.figure->path.way)},
            {"batch", row.figure->path.batch},
            {"notifies_each", row.figure->path.notifies_each},
            {"bytes", row.figure->bytes},
            {"published_ns", row.published_ns},
            {"published_ratio", row.published_ratio},
            {"ns", row.ns},
            {"ratio", row.ratio},
            {"solved_from", row.used},
            {"steps", steps}};
}

Json json_of(const std::vector<clock::Without>& ideas) {
    Json all = Json::array();
    for (const clock::Without& each : ideas)
        all.push_back({{"idea", each.idea}, {"instead", each.instead}, {"ns", each.ns}});
    return all;
}

}  // namespace

Json explained_json() {
    Json environments = Json::array();
    for (const clock::Environment& environment : all_environments()) {
        Json rows = Json::array();
        for (const clock::Reproduced& row : environment.rows) rows.push_back(json_of(row));
        Json without = Json::array();
        if (has_ideas(environment)) without = json_of(clock::without_each(environment.costs()));
        environments.push_back({{"name", environment.name},
                                {"baseline", environment.baseline},
                                {"bytes", environment.bytes},
                                {"scale", environment.scale},
                                {"copy_ns", environment.copy_ns},
                                {"pin_ns", environment.pin_ns},
                                {"card_ns", environment.card_ns},
                                {"range_ns", environment.range_ns},
                                {"median_error", environment.median_error()},
                                {"worst_error", std::abs(environment.worst()->error())},
                                {"pairs", environment.order().pairs},
                                {"pairs_swapped", environment.order().swapped},
                                {"rows", rows},
                                {"without", without}});
    }
    Json deliveries = Json::array();
    for (const clock::Delivery& each : clock::deliveries(clock::reproduce("rfc-v2").costs()))
        deliveries.push_back({{"how", each.how}, {"ns", each.ns}, {"share", each.share}});
    return {{"environments", environments}, {"deliveries", deliveries}};
}

std::string explained_text(const Simulation& simulation) {
    std::string text;
    std::vector<BarRow> rows;
    const auto flush = [&](const Predicted* of) {
        if (of != nullptr)
            text += fmt::format("\n{}, {} bytes: where a request's time goes\n{}", of->place.name(),
                                of->bytes, bars(rows));
        rows.clear();
    };
    const Predicted* before = nullptr;
    for (const Predicted& cell : simulation.cells) {
        if (before != nullptr && (before->place != cell.place || before->bytes != cell.bytes))
            flush(before);
        rows.push_back({text_of(cell.path), &cell.run, &cell.costs});
        before = &cell;
    }
    flush(before);
    std::vector<std::vector<std::string>> grid_rows{
        {"from here on faster", "than", "at", "simulated", "interval", "measured", "interval"}};
    for (const Crossover& each : crossovers(simulation)) {
        std::vector<std::string> row{text_of(each.zero_copy), text_of(each.copying),
                                     each.place.name(), crossing_text(each.predicted),
                                     within_text(each.predicted_low, each.predicted_high)};
        if (std::ranges::any_of(simulation.cells, &Predicted::is_measured)) {
            row.push_back(crossing_text(each.measured));
            row.push_back(within_text(each.measured_low, each.measured_high));
        }
        grid_rows.push_back(row);
    }
    text += "\nwhere zero copy begins to win, between the payloads above\n" + grid(grid_rows, 3);
    if (!simulation.calibration) return text;
    std::vector<std::string> columns;
    std::vector<std::vector<clock::Without>> payloads;
    for (const std::uint32_t bytes : simulation.calibration->sizes()) {
        columns.push_back(fmt::format("{} B", bytes));
        payloads.push_back(clock::without_each(simulation.calibration->at(0, bytes)));
    }
    return text +
           "\nthe first series' design under these costs, taken back idea by idea, ns a request\n" +
           ideas_text(columns, payloads);
}

Json crossovers_json(const Simulation& simulation) {
    Json all = Json::array();
    for (const Crossover& each : crossovers(simulation))
        all.push_back({{"device", each.place.device},
                       {"zero_copy", text_of(each.zero_copy)},
                       {"copying", text_of(each.copying)},
                       {"simulated_bytes", json_of(each.predicted)},
                       {"simulated_bytes_low", json_of(each.predicted_low)},
                       {"simulated_bytes_high", json_of(each.predicted_high)},
                       {"measured_bytes", json_of(each.measured)},
                       {"measured_bytes_low", json_of(each.measured_low)},
                       {"measured_bytes_high", json_of(each.measured_high)}});
    return all;
}

}  // namespace zcv::compare
