#include "traces/zct_json.hpp"

namespace zcv::zct {
namespace {

// Nothing we write nests deeper. What does is dropped while parsing, before it can cost memory.
constexpr int depth_max = 3;

nlohmann::json parsed(std::string_view text) {
    const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        return depth <= depth_max;
    };
    return nlohmann::json::parse(text.begin(), text.end(), shallow, false);
}

// False when the field is there with another type.
template <typename Value>
bool optional_field(const nlohmann::json& from, const char* name, Value& to) {
    const auto found = from.find(name);
    if (found == from.end()) return true;
    try {
        found->get_to(to);
    } catch (const nlohmann::json::exception&) {
        return false;
    }
    return true;
}

// The library would turn -1 and 1.5 into counts, so types are looked at first.
bool is_counter(const nlohmann::json& value) {
    return value.is_number_unsigned();
}

bool counter(const nlohmann::json& from, const char* name, std::uint64_t& to) {
    const auto found = from.find(name);
    if (found == from.end() || !is_counter(*found)) return false;
    to = found->get<std::uint64_t>();
    return true;
}

bool process_ids(const nlohmann::json& from, const char* name, std::vector<std::uint32_t>& to) {
    const auto found = from.find(name);
    if (found == from.end()) return true;
    if (!found->is_array()) return false;
    for (const nlohmann::json& id : *found) {
        if (!is_counter(id) || id.get<std::uint64_t>() > UINT32_MAX) return false;
        to.push_back(id.get<std::uint32_t>());
    }
    return true;
}

bool kind_counters(const nlohmann::json& from, const char* name,
                   std::map<std::string, std::uint64_t>& to) {
    const auto found = from.find(name);
    if (found == from.end()) return true;
    if (!found->is_object()) return false;
    for (const auto& [kind, count] : found->items()) {
        if (!is_counter(count)) return false;
        to[kind] = count.get<std::uint64_t>();
    }
    return true;
}

}  // namespace

nlohmann::ordered_json json_of(const TraceInfo& info) {
    return {{"tool", info.tool},       {"kernel_release", info.kernel_release},
            {"boot_id", info.boot_id}, {"clock", info.clock},
            {"started", info.started}, {"hash", info.hash},
            {"command", info.command}, {"watched", info.watched},
            {"events", info.events},   {"probes", info.probes},
            {"missing", info.missing}};
}

nlohmann::ordered_json json_of(const Totals& totals) {
    return {{"records", totals.records},
            {"lost", totals.lost},
            {"recursion_misses", totals.recursion_misses},
            {"map_failures", totals.map_failures},
            {"blind_spells", totals.blind_spells},
            {"by_kind", totals.by_kind},
            {"lost_by_kind", totals.lost_by_kind}};
}

nlohmann::ordered_json json_of(const Stack& stack) {
    auto frames = nlohmann::ordered_json::array();
    for (const StackFrame& frame : stack.frames)
        frames.push_back({{"ip", frame.ip},
                          {"module", frame.module},
                          {"offset", frame.offset},
                          {"function", frame.function},
                          {"file", frame.file},
                          {"line", frame.line}});
    return {{"number", stack.number}, {"frames", std::move(frames)}};
}

std::string text_of(const nlohmann::ordered_json& json) {
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<TraceInfo> info_of(std::string_view text) {
    const nlohmann::json json = parsed(text);
    if (!json.is_object()) return std::nullopt;
    TraceInfo info;
    const bool sound =
        optional_field(json, "tool", info.tool) &&
        optional_field(json, "kernel_release", info.kernel_release) &&
        optional_field(json, "boot_id", info.boot_id) &&
        optional_field(json, "clock", info.clock) &&
        optional_field(json, "started", info.started) && optional_field(json, "hash", info.hash) &&
        optional_field(json, "command", info.command) &&
        process_ids(json, "watched", info.watched) && optional_field(json, "probes", info.probes) &&
        optional_field(json, "events", info.events) &&
        optional_field(json, "missing", info.missing);
    if (!sound) return std::nullopt;
    return info;
}

std::optional<Stack> stack_of(std::string_view text) {
    const nlohmann::json json = parsed(text);
    if (!json.is_object()) return std::nullopt;
    Stack stack;
    std::uint64_t number = 0;
    const auto frames = json.find("frames");
    const bool sound = counter(json, "number", number) && number > 0 && number <= UINT32_MAX &&
                       frames != json.end() && frames->is_array();
    if (!sound) return std::nullopt;
    stack.number = static_cast<std::uint32_t>(number);
    for (const nlohmann::json& each : *frames) {
        StackFrame frame;
        std::uint64_t line = 0;
        if (!each.is_object() || !counter(each, "ip", frame.ip) ||
            !optional_field(each, "module", frame.module) ||
            !optional_field(each, "function", frame.function) ||
            !optional_field(each, "file", frame.file) || !counter(each, "offset", frame.offset) ||
            !counter(each, "line", line) || line > UINT32_MAX)
            return std::nullopt;
        frame.line = static_cast<std::uint32_t>(line);
        stack.frames.push_back(std::move(frame));
    }
    return stack;
}

std::optional<Totals> totals_of(std::string_view text) {
    const nlohmann::json json = parsed(text);
    if (!json.is_object()) return std::nullopt;
    Totals totals;
    const bool sound = counter(json, "records", totals.records) &&
                       counter(json, "lost", totals.lost) &&
                       counter(json, "recursion_misses", totals.recursion_misses) &&
                       counter(json, "map_failures", totals.map_failures) &&
                       (!json.contains("blind_spells") ||  // as before they were counted
                        counter(json, "blind_spells", totals.blind_spells)) &&
                       kind_counters(json, "by_kind", totals.by_kind) &&
                       kind_counters(json, "lost_by_kind", totals.lost_by_kind);
    if (!sound) return std::nullopt;
    return totals;
}

}  // namespace zcv::zct
