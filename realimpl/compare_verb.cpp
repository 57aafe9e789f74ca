#include "realimpl/compare_verb.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "realimpl/compare_explain.hpp"
#include "realimpl/compare_measured.hpp"
#include "realimpl/compare_published.hpp"
#include "realimpl/compare_simulate.hpp"

namespace zcv {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string format = "text";
    bool measure = false;
    bool calibrate = false;
    bool simulate = false;
    bool explain = false;
    compare::MeasureOptions measuring;
    std::vector<std::string> devices;
    std::string transport;
};

void print_published(const std::string& format) {
    if (format == "json")
        std::cout << Json{{"schema_version", 1}, {"published", compare::published_json()}}.dump(2)
                  << '\n';
    else if (format == "csv")
        std::cout << compare::published_csv();
    else if (format == "markdown")
        std::cout << compare::published_markdown();
    else
        std::cout << compare::published_text();
}

// On a terminal; a log would only fill up.
void show_progress(double done) {
    static int last = -1;
    constexpr int width = 40;
    const int percent = static_cast<int>(100 * done);
    if (percent == last || ::isatty(STDERR_FILENO) == 0) return;
    last = percent;
    const auto full = static_cast<std::size_t>(width * percent / 100);
    std::cerr << fmt::format("\rmeasuring [{:<{}}] {:3} %", std::string(full, '#'), width, percent)
              << (percent == 100 ? "\n" : "") << std::flush;
}

std::vector<compare::Place> places_of(const Options& options) {
    for (const std::string& name : options.devices) {
        std::vector<std::string> known;
        for (const auto& device : compare::compared_devices()) known.emplace_back(device.name);
        if (std::ranges::find(known, name) == known.end())
            throw Refusal(Status::usage, fmt::format("compare --devices {}: there is no such "
                                                     "device: choose of {}",
                                                     name, fmt::join(known, ", ")));
    }
    std::vector<compare::Place> places = compare::all_places();
    std::erase_if(places, [&](const compare::Place& place) {
        const bool wanted =
            options.devices.empty() ||
            std::ranges::find(options.devices, place.device) != options.devices.end();
        return !wanted ||
               (!options.transport.empty() && place.stream != (options.transport == "tcp"));
    });
    if (places.empty())
        throw Refusal(Status::usage,
                      "compare: no place is left: TCP goes over veth, veth-plain and lo");
    return places;
}

void refuse_markdown(const Options& options) {
    if (options.format == "markdown")
        throw Refusal(Status::usage,
                      "compare --format markdown: is for the published tables: choose text, json "
                      "or csv");
}

void print_measured(Options& options, Status& status) {
    refuse_markdown(options);
    options.measuring.places = places_of(options);
    const compare::Measurement result = compare::measure(options.measuring, show_progress);
    if (result.cells.empty())
        throw Refusal(Status::unable, fmt::format("compare: nothing could be measured: {}",
                                                  fmt::join(result.left_out, "; ")));
    if (options.format == "json")
        std::cout << Json{{"schema_version", 1}, {"measured", compare::measured_json(result)}}.dump(
                         2)
                  << '\n';
    else if (options.format == "csv")
        std::cout << compare::measured_csv(result);
    else
        std::cout << compare::measured_text(result);
    if (options.format != "text")
        for (const std::string& what : result.left_out)
            std::cerr << "zcv: left out: " << what << '\n';
    status = Status::clean;
}

void print_explained(const std::string& format) {
    if (format == "csv" || format == "markdown")
        throw Refusal(Status::usage, "compare --explain: choose --format text or json");
    if (format == "json")
        std::cout << Json{{"schema_version", 1}, {"explained", compare::explained_json()}}.dump(2)
                  << '\n';
    else
        std::cout << compare::explained_text();
}

void print_simulated(Options& options) {
    refuse_markdown(options);
    options.measuring.places = places_of(options);
    const compare::SimulateOptions what{options.measuring, options.measure, options.simulate};
    const compare::Simulation result = compare::simulate(what, show_progress);
    if (options.format == "json")
        std::cout
            << Json{{"schema_version", 1}, {"simulated", compare::simulated_json(result)}}.dump(2)
            << '\n';
    else if (options.format == "csv")
        std::cout << compare::simulated_csv(result);
    else if (options.simulate)
        std::cout << compare::simulated_text(result)
                  << (options.explain ? compare::explained_text(result) : "");
    else
        std::cout << compare::calibrated_text(result);
}

}  // namespace

void add_compare_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    compare::MeasureOptions& measuring = options->measuring;
    CLI::App* verb = app.add_subcommand(
        "compare", "the ways to send beside each other: published, and measured here");
    verb->add_flag("--measure", options->measure,
                   "measure them on this machine, in network namespaces");
    verb->add_flag("--calibrate", options->calibrate,
                   "time what the simulator's costs are made of on this machine");
    verb->add_flag(
        "--simulate", options->simulate,
        "run the model's steps under those costs; with --measure, set beside each other");
    verb->add_flag("--explain", options->explain,
                   "where the time goes: of the published tables, and of what is simulated");
    verb->add_option("--sizes", measuring.sizes, "payloads in bytes, with commas")
        ->delimiter(',')
        ->check(CLI::Range(1, 65435))
        ->capture_default_str();
    verb->add_option("--batch", measuring.batches, "requests handed in at once, with commas")
        ->delimiter(',')
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    verb->add_option("--devices", options->devices,
                     "ifb, null, veth-drop, veth, veth-plain, lo, with commas (default: all)")
        ->delimiter(',');
    verb->add_option("--transport", options->transport, "udp or tcp (default: both)")
        ->check(CLI::IsMember({"udp", "tcp"}));
    verb->add_option("--seconds", measuring.seconds, "how long to measure, all in all")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    verb->add_option("--rounds", measuring.rounds, "rounds, in each of which everything has a turn")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    verb->add_option("--format", options->format,
                     "text, json or csv; of the published tables also markdown")
        ->check(CLI::IsMember({"text", "json", "csv", "markdown"}))
        ->capture_default_str();
    verb->footer(
        "\nExamples:\n"
        "  zcv compare                                    # what was published\n"
        "  zcv compare --measure                          # what it is here\n"
        "  zcv compare --simulate --measure --devices ifb # and what the model's steps predict\n"
        "  zcv compare --explain                          # where the time goes\n"
        "  zcv compare --measure --devices ifb,veth --sizes 4096,65435 --batch 1,8,32 --format "
        "csv\n"
        "\nWithout root, and where users may not make namespaces, it measures on lo.");
    verb->callback([options, &status] {
        if (options->simulate || options->calibrate)
            print_simulated(*options);
        else if (options->explain)
            print_explained(options->format);
        else if (options->measure)
            print_measured(*options, status);
        else
            print_published(options->format);
    });
}

}  // namespace zcv
