#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "realimpl/compare_simulate.hpp"

namespace zcv::compare {

// A request's time, step by step: one bar of letters a row, as long as the time it stands for.
struct BarRow {
    std::string label;
    const clock::Simulated* run = nullptr;
    const clock::Costs* costs = nullptr;
};
std::string bars(const std::vector<BarRow>& rows);

// From which payload on one way is faster than the other, between the payloads that were simulated.
// Nothing when it is at none of them; 0 when it is at all of them.
struct Crossover {
    Place place;
    clock::DataPath zero_copy;
    clock::DataPath copying;
    std::optional<double> predicted;
    std::optional<double> predicted_low;  // of the costs of each round by itself
    std::optional<double> predicted_high;
    std::optional<double> measured;       // of the measured medians, if there are any
    std::optional<double> measured_low;   // ... and with the most and the least in favour
    std::optional<double> measured_high;  // of zero copy that the rounds' intervals allow
};
std::vector<Crossover> crossovers(const Simulation& simulation);

// The published tables reproduced, what each idea of the first series is worth there, and what the
// delivery of a notification costs.
std::string explained_text();
nlohmann::ordered_json explained_json();

// The same of this machine: where the time goes, and where zero copy begins to win.
std::string explained_text(const Simulation& simulation);
nlohmann::ordered_json crossovers_json(const Simulation& simulation);

}  // namespace zcv::compare
