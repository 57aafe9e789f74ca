#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "traces/zct.hpp"

// What the info and totals blocks hold, and `zcv convert` prints: JSON in the order of the fields.
namespace zcv::zct {

nlohmann::ordered_json json_of(const TraceInfo& info);
nlohmann::ordered_json json_of(const Totals& totals);
nlohmann::ordered_json json_of(const Stack& stack);

// On one line. Bytes that are not UTF-8 (a command's arguments may hold any) become U+FFFD.
std::string text_of(const nlohmann::ordered_json& json);

// Empty when the text is not JSON or a field has the wrong type. Missing info is left empty; totals
// must have every counter, because a missing one would read as "nothing lost".
std::optional<TraceInfo> info_of(std::string_view text);
std::optional<Totals> totals_of(std::string_view text);
std::optional<Stack> stack_of(std::string_view text);

}  // namespace zcv::zct
