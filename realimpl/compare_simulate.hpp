#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/clock/simulate.hpp"
#include "realimpl/compare_calibrate.hpp"

namespace zcv::compare {

// A prediction beside what was measured.
struct Predicted {
    Place place;
    clock::DataPath path;
    std::uint32_t bytes = 0;
    double ns = 0;     // of the sender's processor, a request
    double ratio = 0;  // to MSG_ZEROCOPY at the same place and payload
    clock::Simulated run;
    clock::Costs costs;
    bool is_measured = false;
    double measured_ns = 0;
    Interval measured_ratio;
    // Why this cell says nothing of the prediction: it is the baseline, or its own interval spans
    // more than 40 %.
    std::string not_counted = {};

    bool is_disturbed() const { return not_counted == "disturbed"; }
    double error() const { return ratio / measured_ratio.median - 1; }
};

struct Simulation {
    std::string kernel;
    unsigned rounds = 0;
    std::vector<Predicted> cells;
    std::vector<std::string> left_out;
    std::optional<Calibration> calibration;

    // Relative errors of the ratios.
    struct Errors {
        std::size_t cells = 0;
        double median = 0;
        const Predicted* worst = nullptr;  // null when there is no cell
    };
    // Of the cells that count; of the disturbed ones as well, if they are to be taken in.
    Errors errors(bool with_disturbed) const;
};

struct SimulateOptions {
    MeasureOptions measuring;  // places that cannot be simulated are named and left out
    bool measure = false;      // set each prediction beside a measurement in the same rounds
    bool predict = true;       // false: calibrate only
};

Simulation simulate(const SimulateOptions& options, const Progress& progress);

std::string calibrated_text(const Simulation& simulation);
std::string simulated_text(const Simulation& simulation);
std::string simulated_csv(const Simulation& simulation);
nlohmann::ordered_json simulated_json(const Simulation& simulation);

}  // namespace zcv::compare
