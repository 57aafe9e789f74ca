#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "realimpl/compare_explain.hpp"
#include "realimpl/compare_grid.hpp"
#include "realimpl/compare_simulate.hpp"

namespace zcv::compare {

namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
    return fmt::format("{:.6g}", value);
}

// Costs that depend on the payload or the device are listed for each.
bool is_of_device(clock::Cost cost) {
    using clock::Cost;
    return cost == Cost::device || cost == Cost::device_pages;
}
bool is_sized(clock::Cost cost) {
    using clock::Cost;
    return is_of_device(cost) || cost == Cost::copy || cost == Cost::copy_warm ||
           cost == Cost::pin || cost == Cost::frags;
}

std::string left_out_text(const Simulation& simulation) {
    std::string text;
    for (const std::string& what : simulation.left_out) text += "left out: " + what + '\n';
    const std::string missing =
        simulation.calibration ? simulation.calibration->missing() : std::string();
    return missing.empty() ? text : text + "not calibrated: " + missing + '\n';
}

std::string errors_text(const Simulation::Errors& errors) {
    return fmt::format("median error of the ratios {:.1f} %, largest {:+.1f} % ({}, {}, {} bytes)",
                       100 * errors.median, 100 * errors.worst->error(), errors.worst->place.name(),
                       text_of(errors.worst->path), errors.worst->bytes);
}

// What a disturbed measurement says of a prediction is told apart, not left out.
std::string verdict_text(const Simulation& simulation) {
    const Simulation::Errors all = simulation.errors(true);
    if (all.worst == nullptr) return "";
    std::string text = fmt::format("\n{} cells: {}.", all.cells, errors_text(all));
    const Simulation::Errors calm = simulation.errors(false);
    if (calm.cells < all.cells)
        text += calm.cells == 0
                    ? " All of them are disturbed: their own intervals span more than 40 %."
                    : fmt::format(
                          " Without the {} disturbed ones, whose own intervals span more "
                          "than 40 %: {}.",
                          all.cells - calm.cells, errors_text(calm));
    return text + '\n';
}

}  // namespace

std::string calibrated_text(const Simulation& simulation) {
    const Calibration& calibration = *simulation.calibration;
    std::string text = fmt::format("costs on {}, ns of a processor: medians of {} rounds\n",
                                   simulation.kernel, simulation.rounds);
    std::vector<std::vector<std::string>> rows{{"cost", "measured as", "ns", "interval"}};
    for (const clock::NamedCost& each : clock::cost_names) {
        if (each.measured_as.empty()) continue;
        const bool by_place = each.cost == clock::Cost::datagram || is_of_device(each.cost);
        for (std::size_t place = 0; place < (by_place ? calibration.places().size() : 1); ++place)
            for (const std::uint32_t bytes : calibration.sizes()) {
                std::string name(each.name);
                if (by_place) name += " " + calibration.places()[place].device;
                if (is_sized(each.cost)) name += fmt::format(" {} B", bytes);
                const Interval interval = calibration.interval(each.cost, place, bytes);
                rows.push_back({name, std::string(each.measured_as),
                                fmt::format("{:.0f}", calibration.at(place, bytes)[each.cost]),
                                fmt::format("({:.0f}-{:.0f})", interval.low, interval.high)});
                if (!is_sized(each.cost)) break;
            }
    }
    return text + grid(rows, 2) + left_out_text(simulation);
}

std::string simulated_text(const Simulation& simulation) {
    std::string text = fmt::format(
        "simulated for {}: the model's steps under costs that were calibrated here\nratio: to "
        "MSG_ZEROCOPY, of requests a second of the sender's processor\n",
        simulation.kernel);
    std::vector<std::vector<std::string>> rows;
    const auto flush = [&] {
        if (rows.size() > 1) text += grid(rows, 1);
        rows = {{"path", "ns/request", "ratio", "measured ns", "measured ratio", "error", ""}};
    };
    const Predicted* before = nullptr;
    for (const Predicted& cell : simulation.cells) {
        if (before == nullptr || before->place != cell.place || before->bytes != cell.bytes) {
            flush();
            text += fmt::format("\n{}, {} bytes\n", cell.place.name(), cell.bytes);
        }
        before = &cell;
        std::vector<std::string> row{text_of(cell.path), fmt::format("{:.0f}", cell.ns),
                                     fmt::format("{:.2f}", cell.ratio)};
        if (cell.is_measured)
            row.insert(row.end(), {fmt::format("{:.0f}", cell.measured_ns),
                                   fmt::format("{:.2f} ({:.2f}-{:.2f})", cell.measured_ratio.median,
                                               cell.measured_ratio.low, cell.measured_ratio.high),
                                   fmt::format("{:+.1f} %", 100 * cell.error()), cell.not_counted});
        rows.push_back(row);
    }
    flush();
    return text + verdict_text(simulation) + left_out_text(simulation);
}

std::string simulated_csv(const Simulation& simulation) {
    std::string text =
        csv_line({"kernel", "transport", "device", "path", "batch", "bytes", "ns_per_request",
                  "ratio", "measured_ns_per_request", "measured_ratio", "measured_ratio_low",
                  "measured_ratio_high", "error", "not_counted"});
    for (const Predicted& cell : simulation.cells)
        text += csv_line({simulation.kernel, cell.place.stream ? "tcp" : "udp", cell.place.device,
                          std::string(name_of(cell.path.way)), std::to_string(cell.path.batch),
                          std::to_string(cell.bytes), number(cell.ns), number(cell.ratio),
                          cell.is_measured ? number(cell.measured_ns) : "",
                          cell.is_measured ? number(cell.measured_ratio.median) : "",
                          cell.is_measured ? number(cell.measured_ratio.low) : "",
                          cell.is_measured ? number(cell.measured_ratio.high) : "",
                          cell.is_measured ? number(cell.error()) : "", cell.not_counted});
    return text;
}

Json simulated_json(const Simulation& simulation) {
    Json cells = Json::array();
    for (const Predicted& cell : simulation.cells) {
        Json steps = Json::array();
        for (const auto& [what, times] : cell.run.charged)
            steps.push_back({{"step", what.first},
                             {"cost", name_of(what.second)},
                             {"times", times},
                             {"ns", times * cell.costs[what.second]}});
        Json json{{"transport", cell.place.stream ? "tcp" : "udp"},
                  {"device", cell.place.device},
                  {"path", name_of(cell.path.way)},
                  {"batch", cell.path.batch},
                  {"bytes", cell.bytes},
                  {"ns_per_request", cell.ns},
                  {"ratio", cell.ratio},
                  {"steps", steps}};
        if (cell.is_measured) {
            json["measured_ns_per_request"] = cell.measured_ns;
            json["measured_ratio"] = {{"median", cell.measured_ratio.median},
                                      {"low", cell.measured_ratio.low},
                                      {"high", cell.measured_ratio.high}};
            json["error"] = cell.error();
            json["not_counted"] = cell.not_counted;
        }
        cells.push_back(json);
    }
    Json costs = Json::array();
    if (simulation.calibration)
        for (std::size_t place = 0; place < simulation.calibration->places().size(); ++place)
            for (const std::uint32_t bytes : simulation.calibration->sizes()) {
                Json ns = Json::object();
                const clock::Costs all = simulation.calibration->at(place, bytes);
                for (const clock::NamedCost& each : clock::cost_names)
                    if (!each.measured_as.empty()) ns[std::string(each.name)] = all[each.cost];
                const Json one{{"device", simulation.calibration->places()[place].device},
                               {"bytes", bytes},
                               {"ns", ns}};
                costs.push_back(one);
            }
    return {{"kernel", simulation.kernel},
            {"rounds", simulation.rounds},
            {"costs_ns", costs},
            {"cells", cells},
            {"crossovers", crossovers_json(simulation)},
            {"left_out", simulation.left_out}};
}

}  // namespace zcv::compare
