#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "realimpl/compare_measure.hpp"

namespace zcv::compare {

// What was measured: a table a place and payload, each way to send a row.
std::string measured_text(const Measurement& measurement);
std::string measured_csv(const Measurement& measurement);
nlohmann::ordered_json measured_json(const Measurement& measurement);

}  // namespace zcv::compare
