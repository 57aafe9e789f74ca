#include "realimpl/compare_simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace zcv::compare {

namespace {

using clock::Cost;
using clock::Way;

// Whose sender does everything itself, on one processor.
bool can_simulate(const Place& place) {
    return !place.stream && (place.device == "ifb" || place.device == "veth-drop");
}

clock::Job job_of(const Place& place, const clock::DataPath& path) {
    return {path, "6.18", place.device == "ifb" ? clock::Device::sink : clock::Device::reader};
}

// A cell whose own rounds do not agree better than that says nothing of a prediction.
constexpr double disturbed_spread = 1.4;

std::vector<Predicted> predict(const Calibration& calibration,
                               const std::vector<clock::DataPath>& paths) {
    std::vector<Predicted> cells;
    for (std::size_t place = 0; place < calibration.places().size(); ++place)
        for (const std::uint32_t bytes : calibration.sizes()) {
            const clock::Costs costs = calibration.at(place, bytes);
            double baseline = 0;
            for (const clock::DataPath& path : paths) {
                Predicted cell;
                cell.place = calibration.places()[place];
                cell.path = path;
                cell.bytes = bytes;
                cell.costs = costs;
                cell.run = clock::simulate(job_of(cell.place, path), costs);
                cell.ns = cell.run.ns;
                if (path == clock::DataPath{Way::msg_zerocopy}) baseline = cell.ns;
                cells.push_back(cell);
            }
            for (Predicted& cell : cells)
                if (cell.bytes == bytes && cell.place == calibration.places()[place])
                    cell.ratio = baseline / cell.ns;
        }
    return cells;
}

void set_beside(std::vector<Predicted>& cells, const std::vector<Measured>& measured) {
    for (Predicted& cell : cells)
        for (const Measured& each : measured) {
            if (each.place != cell.place || each.path != cell.path || each.bytes != cell.bytes)
                continue;
            cell.is_measured = each.sender.median > 0;
            cell.measured_ns = 1000 * each.sender.median;
            cell.measured_ratio = each.ratio;
        }
}

}  // namespace

Simulation::Errors Simulation::errors(bool with_disturbed) const {
    Errors found;
    std::vector<double> all;
    for (const Predicted& each : cells) {
        if (!each.is_measured) continue;
        if (!each.not_counted.empty() && !(with_disturbed && each.is_disturbed())) continue;
        all.push_back(std::abs(each.error()));
        if (found.worst == nullptr || std::abs(each.error()) > std::abs(found.worst->error()))
            found.worst = &each;
    }
    found.cells = all.size();
    found.median = interval_of(all).median;
    return found;
}

Simulation simulate(const SimulateOptions& options, const Progress& progress) {
    Simulation result;
    result.kernel = kernel_release();
    MeasureOptions measuring = options.measuring;
    result.rounds = measuring.rounds;
    std::vector<Place> places;
    for (const Place& place : measuring.places)
        if (can_simulate(place))
            places.push_back(place);
        else
            result.left_out.push_back(place.name() +
                                      (is_null(place)
                                           ? ": not simulated: no step of the kernel's is in it"
                                           : ": not simulated: another process has a part in it"));
    // The calibration needs these batches, and the ifb first.
    for (const unsigned batch : {8U, 1U})
        if (std::ranges::find(measuring.batches, batch) == measuring.batches.end())
            measuring.batches.insert(measuring.batches.begin(), batch);
    std::erase(places, Place{"ifb"});
    places.insert(places.begin(), Place{"ifb"});
    const auto paths = compared_paths(measuring.batches);
    in_session(places, paths, 65536, result.left_out, [&](Session& session) {
        if (session.places().empty() || session.places().front() != Place{"ifb"})
            throw Refusal(Status::unable,
                          fmt::format("compare: calibrating needs an ifb: {}",
                                      result.left_out.empty() ? "" : result.left_out.back()));
        const std::size_t count = session.places().size();
        const auto primitives = Calibration::turns(paths, measuring.sizes, count);
        std::vector<Turn> measured;
        if (options.measure) measured = turns_of(measuring, paths, session.places());
        // Everything rests on the primitives, and costs are differences of them: so they have turns
        // at three moments of a round, that a moment's disturbance does not decide.
        std::vector<Turn> turns = primitives;
        const auto half = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 2);
        turns.insert(turns.end(), measured.begin(), half);
        turns.insert(turns.end(), primitives.begin(), primitives.end());
        turns.insert(turns.end(), half, measured.end());
        turns.insert(turns.end(), primitives.begin(), primitives.end());
        session.run(turns, measuring.rounds, measuring.seconds, progress);
        result.calibration.emplace(turns, paths, session.places(), measuring.sizes);
        if (!options.predict) return;
        result.cells = predict(*result.calibration, paths);
        if (!options.measure) return;
        const auto cells = measured_of(turns, session, paths);
        set_beside(result.cells, cells);
        for (Predicted& cell : result.cells) {
            if (cell.measured_ratio.high > disturbed_spread * cell.measured_ratio.low)
                cell.not_counted = "disturbed";
            if (cell.path == clock::DataPath{Way::msg_zerocopy}) cell.not_counted = "baseline";
        }
    });
    return result;
}

}  // namespace zcv::compare
