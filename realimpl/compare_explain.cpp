#include "realimpl/compare_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "model/clock/environment.hpp"
#include "realimpl/compare_grid.hpp"

namespace zcv::compare {

namespace {

using Json = nlohmann::ordered_json;
using clock::DataPath;
using clock::Way;

constexpr std::size_t bar_width = 60;

// The payload of an environment, whose costs are those of that payload.
std::uint32_t payload_of(std::string_view environment) {
    return environment == "rfc-v1" ? 65435 : 4096;
}

std::vector<clock::Environment> all_environments() {
    std::vector<clock::Environment> all;
    for (const std::string_view name : clock::environments())
        all.push_back(clock::reproduce(name, clock::reference_costs(payload_of(name))));
    return all;
}

std::string environment_text(const clock::Environment& environment) {
    std::vector<std::vector<std::string>> rows{
        {"as published", "path", "published ns", "ratio", "model ns", "ratio", "error", ""}};
    std::vector<BarRow> times;
    for (const clock::Reproduced& row : environment.rows) {
        rows.push_back(
            {std::string(row.figure->as), text_of(row.figure->path),
             fmt::format("{:.0f}", row.published_ns), fmt::format("{:.2f}", row.published_ratio),
             fmt::format("{:.0f}", row.ns), fmt::format("{:.2f}", row.ratio),
             fmt::format("{:+.1f} %", 100 * row.error()), row.used ? "solved from" : ""});
        times.push_back({std::string(row.figure->as), &row.run, &environment.costs});
    }
    std::vector<std::vector<std::string>> ideas{{"without", "instead", "ns/request"}};
    for (const clock::Without& each : clock::without_each(environment))
        ideas.push_back(
            {std::string(each.idea), std::string(each.instead), fmt::format("{:+.0f}", each.ns)});
    return fmt::format(
               "{}, UDP to a dummy device, {} bytes: everything takes {:.2f} times as long as on "
               "the "
               "machine of\nthe costs, a payload's copy {:.0f} ns ({:.1f} GB/s), its pins {:.0f} "
               "ns\n",
               environment.name, payload_of(environment.name), environment.scale,
               environment.copy_ns, payload_of(environment.name) / environment.copy_ns,
               environment.pin_ns) +
           grid(rows, 2) +
           fmt::format(
               "  rows that were not solved from: median error {:.1f} %, largest {:.1f} %; "
               "{} published order\n\n",
               100 * environment.median_error(), 100 * environment.worst_error(),
               environment.in_order() ? "in the" : "not in the") +
           bars(times) + "\nthe fastest way, taken back idea by idea\n" + grid(ideas, 2) + "\n";
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
    std::vector<std::uint32_t> sizes = simulation.calibration->sizes();
    std::ranges::sort(sizes);
    const std::pair<DataPath, DataPath> pairs[]{{{Way::msg_zerocopy}, {Way::send}},
                                                {{Way::send_zc}, {Way::ring_send}},
                                                {{Way::send_zc, 8}, {Way::ring_send, 8}},
                                                {{Way::send_zc_fixed}, {Way::ring_send}},
                                                {{Way::send_zc_fixed, 8}, {Way::ring_send, 8}}};
    for (const Place& place : simulation.calibration->places())
        for (const auto& [zero_copy, copying] : pairs) {
            using Gain = std::function<double(const Predicted&, const Predicted&)>;
            const auto crossing_by = [&](const Gain& gain) {
                std::vector<std::pair<double, double>> gains;
                for (const std::uint32_t bytes : sizes) {
                    const Predicted* zc = cell_of(simulation, place, zero_copy, bytes);
                    const Predicted* copy = cell_of(simulation, place, copying, bytes);
                    if (zc != nullptr && copy != nullptr)
                        gains.emplace_back(bytes, gain(*zc, *copy));
                }
                return crossing(gains);
            };
            Crossover row{place, zero_copy, copying, {}, {}, {}, {}};
            row.predicted = crossing_by(
                [](const Predicted& zc, const Predicted& copy) { return zc.ratio - copy.ratio; });
            const bool measured = std::ranges::any_of(simulation.cells, &Predicted::is_measured);
            if (measured) {
                row.measured = crossing_by([](const Predicted& zc, const Predicted& copy) {
                    return zc.measured_ratio.median - copy.measured_ratio.median;
                });
                row.measured_low = crossing_by([](const Predicted& zc, const Predicted& copy) {
                    return zc.measured_ratio.high - copy.measured_ratio.low;
                });
                row.measured_high = crossing_by([](const Predicted& zc, const Predicted& copy) {
                    return zc.measured_ratio.low - copy.measured_ratio.high;
                });
            }
            all.push_back(row);
        }
    return all;
}

std::string explained_text() {
    std::string text;
    const auto all = all_environments();
    for (const clock::Environment& environment : all) text += environment_text(environment);
    std::vector<std::vector<std::string>> rows{
        {"a card's interrupt drops the last reference; told by", "ns/request", "of it"}};
    for (const clock::Delivery& each : clock::deliveries(all.back().costs))
        rows.push_back({std::string(each.how), fmt::format("{:.0f}", each.ns),
                        fmt::format("{:.0f} %", 100 * each.share)});
    return text + grid(rows, 1);
}

Json explained_json() {
    Json environments = Json::array();
    const auto all = all_environments();
    for (const clock::Environment& environment : all) {
        Json rows = Json::array();
        for (const clock::Reproduced& row : environment.rows) {
            Json steps = Json::array();
            for (const auto& [what, times] : row.run.charged)
                steps.push_back({{"step", what.first},
                                 {"cost", name_of(what.second)},
                                 {"ns", times * environment.costs[what.second]}});
            rows.push_back({{"table", row.table->id},
                            {"as_published", row.figure->as},
                            {"path", name_of(row.figure->path.way)},
                            {"batch", row.figure->path.batch},
                            {"notifies_each", row.figure->path.notifies_each},
                            {"published_ns", row.published_ns},
                            {"published_ratio", row.published_ratio},
                            {"ns", row.ns},
                            {"ratio", row.ratio},
                            {"solved_from", row.used},
                            {"steps", steps}});
        }
        Json without = Json::array();
        for (const clock::Without& each : clock::without_each(environment))
            without.push_back({{"idea", each.idea}, {"instead", each.instead}, {"ns", each.ns}});
        environments.push_back({{"name", environment.name},
                                {"bytes", payload_of(environment.name)},
                                {"scale", environment.scale},
                                {"copy_ns", environment.copy_ns},
                                {"pin_ns", environment.pin_ns},
                                {"median_error", environment.median_error()},
                                {"worst_error", environment.worst_error()},
                                {"in_order", environment.in_order()},
                                {"rows", rows},
                                {"without", without}});
    }
    Json deliveries = Json::array();
    for (const clock::Delivery& each : clock::deliveries(all.back().costs))
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
        {"from here on faster", "than", "at", "simulated", "measured", "interval"}};
    for (const Crossover& each : crossovers(simulation)) {
        std::vector<std::string> row{text_of(each.zero_copy), text_of(each.copying),
                                     each.place.name(), crossing_text(each.predicted)};
        if (std::ranges::any_of(simulation.cells, &Predicted::is_measured)) {
            row.push_back(crossing_text(each.measured));
            row.push_back(fmt::format("({}-{})", crossing_text(each.measured_low),
                                      crossing_text(each.measured_high)));
        }
        grid_rows.push_back(row);
    }
    return text + "\nwhere zero copy begins to win, between the payloads above\n" +
           grid(grid_rows, 3);
}

Json crossovers_json(const Simulation& simulation) {
    Json all = Json::array();
    for (const Crossover& each : crossovers(simulation))
        all.push_back({{"device", each.place.device},
                       {"zero_copy", text_of(each.zero_copy)},
                       {"copying", text_of(each.copying)},
                       {"simulated_bytes", json_of(each.predicted)},
                       {"measured_bytes", json_of(each.measured)},
                       {"measured_bytes_low", json_of(each.measured_low)},
                       {"measured_bytes_high", json_of(each.measured_high)}});
    return all;
}

}  // namespace zcv::compare
