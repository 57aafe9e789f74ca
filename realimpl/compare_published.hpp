#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace zcv::compare {

// The published tables: each path a row, each payload a column, and the ratio to the baseline.
std::string published_text();
std::string published_markdown();
std::string published_csv();
nlohmann::ordered_json published_json();

}  // namespace zcv::compare
