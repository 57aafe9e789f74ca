#include "realimpl/doctor_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "realimpl/doctor.hpp"

namespace zcv {
namespace {

void print_text(const std::vector<Ailment>& all) {
    for (const Ailment& each : all) {
        fmt::print("{:8} {}: {}\n", name_of(each.state), each.name, each.what);
        if (!each.remedy.empty()) fmt::print("{:8} -> {}\n", "", each.remedy);
    }
    fmt::print("\n{}\n", can_capture(all) ? "zcv can capture here"
                                          : "zcv cannot capture here; check and replay work");
}

void print_json(const std::vector<Ailment>& all) {
    nlohmann::json checks = nlohmann::json::array();
    for (const Ailment& each : all)
        checks.push_back({{"name", each.name},
                          {"state", name_of(each.state)},
                          {"what", each.what},
                          {"remedy", each.remedy}});
    const nlohmann::json report{
        {"schema_version", 1}, {"can_capture", can_capture(all)}, {"checks", checks}};
    std::cout << report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

}  // namespace

void add_doctor_verb(CLI::App& app, Status& status) {
    auto format = std::make_shared<std::string>("text");
    CLI::App* verb = app.add_subcommand(
        "doctor", "what can be captured on this machine, and why not more, with the remedy");
    verb->add_option("--format", *format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    verb->footer(
        "\nThe observer is loaded, attached to a command that does nothing, and taken out again.\n"
        "Exit status: 0 when zcv can capture here, 4 when it cannot.\n\nExamples:\n"
        "  zcv doctor\n"
        "  zcv doctor --format json");
    verb->callback([format, &status] {
        const std::vector<Ailment> all = examine();
        if (*format == "json")
            print_json(all);
        else
            print_text(all);
        status = can_capture(all) ? Status::clean : Status::unable;
    });
}

}  // namespace zcv
