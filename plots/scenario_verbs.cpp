#include "plots/scenario_verbs.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "model/nearest.hpp"
#include "model/scenarios.hpp"
#include "plots/counterexample.hpp"
#include "plots/picture_options.hpp"
#include "plots/state_graph.hpp"

namespace zcv {
namespace {

struct Options {
    std::string scenario;
    std::optional<std::string> profile;
    std::optional<std::string> app;
    std::string fold;
    PictureOptions picture;
};

Scenario scenario_of(const Options& options) {
    const std::optional<Scenario> found = find_scenario(options.scenario);
    if (!found) {
        std::vector<std::string> names;
        for (const Scenario& scenario : scenarios()) names.push_back(scenario.name);
        throw Refusal(Status::usage,
                      "plot " + shown(options.scenario) + ": no such scenario: " +
                          did_you_mean(options.scenario, names, "zcv check --list names them all"));
    }
    if (!options.profile && !options.app) return *found;
    return with(*found, options.profile, options.app);
}

checker::Limits limits() {
    checker::Limits limits;
    limits.threads = std::max(1U, std::thread::hardware_concurrency());
    return limits;
}

std::string world_of(const Scenario& scenario) {
    return fmt::format("profile {}, application {}: {}", scenario.profile, scenario.app,
                       scenario.asks);
}

Fold fold_of(const std::string& text) {
    Fold fold;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        fold.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return fold;
}

void write_graph_csv(std::ostream& out, const DrawnGraph& graph) {
    out << "from,to,steps,on_path,from_states,to_states\n";
    for (const GraphEdge& edge : graph.edges) {
        std::string steps;
        for (std::string step : edge.steps) {
            std::replace(step.begin(), step.end(), '\n', ' ');
            steps += (steps.empty() ? "" : "; ") + step;
        }
        out << fmt::format("{},{},{},{},{},{}\n", edge.from, edge.to, csv_value(steps),
                           edge.on_path ? 1 : 0, graph.nodes[edge.from].states,
                           graph.nodes[edge.to].states);
    }
}

bool ends_with_dot(const std::string& file) {
    return file.size() > 4 && file.compare(file.size() - 4, 4, ".dot") == 0;
}

void write_dot_file(const std::string& file, const std::string& dot) {
    std::ofstream out(file);
    out << dot;
    out.close();
    if (!out)
        throw Refusal(Status::usage,
                      fmt::format("cannot write '{}': {}: choose another place with -o FILE", file,
                                  std::strerror(errno)));
}

// More states than this take minutes and gigabytes before anything is drawn.
constexpr std::uint64_t states_folded_max = 300'000;

void plot_graph(const Options& options) {
    const Theme& theme = options.picture.colours();
    const Scenario scenario = scenario_of(options);
    const bool source = ends_with_dot(options.picture.output);
    std::optional<Picture> picture;
    if (!source) picture.emplace(options.picture.output, ", .dot");
    checker::Limits bounds = limits();
    DrawnGraph graph;
    bounds.graph_for = "plot graph " + scenario.name;
    bounds.graph_states_max = states_folded_max;
    bounds.graph = [&](const checker::GraphView& view) {
        graph = folded(view, fold_of(options.fold));
    };
    const checker::Outcome outcome = scenario.explore(bounds);
    const std::string title = fmt::format("{} ({}, {}): {}", scenario.name, scenario.profile,
                                          scenario.app, name_of(outcome.verdict));
    const std::string dot = dot_of(graph, title, outcome.broken, theme);
    if (source)
        write_dot_file(options.picture.output, dot);
    else
        picture->draw_graph(dot);
    write_csv(options.picture, [&](std::ostream& out) { write_graph_csv(out, graph); });
    std::cout << fmt::format("{}: {} states, {} nodes and {} edges drawn\n", options.picture.output,
                             graph.states, graph.nodes.size(), graph.edges.size());
    show_if_asked(options.picture);
}

void write_steps_csv(std::ostream& out, const std::vector<checker::CounterexampleStep>& steps) {
    out << "number,context,step,params,place,noun,field,before,after\n";
    for (const checker::CounterexampleStep& step : steps) {
        const std::string what = fmt::format("{},{},{},{},{}", step.number, csv_value(step.context),
                                             csv_value(step.step), csv_value(step.params),
                                             csv_value(checker::place_of(step)));
        if (step.changes.empty()) out << what << ",,,,\n";
        for (const checker::Change& change : step.changes)
            out << fmt::format("{},{},{},{},{}\n", what, csv_value(change.noun),
                               csv_value(change.field), csv_value(change.before),
                               csv_value(change.after));
    }
}

void plot_counterexample(const Options& options) {
    CounterexampleView view;
    view.theme = &options.picture.colours();
    const Scenario scenario = scenario_of(options);
    Picture picture(options.picture.output);
    const checker::Outcome outcome = scenario.explore(limits());
    if (outcome.counterexample.empty())
        throw Refusal(Status::inconclusive,
                      fmt::format("plot counterexample {}: {}, so there is no counterexample to "
                                  "draw: zcv check --list names scenarios that have one",
                                  scenario.name, name_of(outcome.verdict)));
    view.scenario = scenario.name;
    view.world = world_of(scenario);
    view.broken = outcome.broken;
    view.breaks = outcome.breaks;
    view.kind = picture.kind();
    picture.draw([&](Gnuplot& gp) {
        draw_counterexample(gp, outcome.counterexample, outcome.repeat, view);
    });
    write_csv(options.picture,
              [&](std::ostream& out) { write_steps_csv(out, outcome.counterexample); });
    std::cout << fmt::format("{}: {} steps to a violation of {}\n", options.picture.output,
                             outcome.counterexample.size(), outcome.broken);
    show_if_asked(options.picture);
}

void add_scenario_options(CLI::App& verb, Options& options) {
    verb.add_option("scenario", options.scenario, "which one; zcv check --list names them")
        ->required();
    verb.add_option("--profile", options.profile, "under another kernel profile");
    verb.add_option("--app", options.app, "with another application policy");
}

}  // namespace

void add_scenario_plots(CLI::App& plot, Status& status) {
    CLI::App* const graph = plot.add_subcommand(
        "graph", "the states of a scenario and the steps between them, and the way to a violation");
    const auto of_graph = std::make_shared<Options>();
    add_scenario_options(*graph, *of_graph);
    add_picture_options(*graph, of_graph->picture, ".png, .svg, .pdf or .dot");
    graph->add_option("--fold", of_graph->fold,
                      "draw states that agree in these nouns or fields as one: buffer,ubuf.refs "
                      "(default: as many as fit, once there are more than 60 states)");
    graph->footer(
        "\nExamples:\n"
        "  zcv plot graph first-cqe -o first-cqe.svg\n"
        "  zcv plot graph udp-nic -o udp-nic.png --fold buffer,ubuf.refs\n"
        "  zcv plot graph link-cancel -o link-cancel.dot --csv link-cancel.csv");
    graph->callback([of_graph, &status] {
        plot_graph(*of_graph);
        status = Status::clean;
    });
    CLI::App* const chart = plot.add_subcommand(
        "counterexample", "the shortest way to a violation, step by step: one lane a context");
    const auto of_chart = std::make_shared<Options>();
    add_scenario_options(*chart, *of_chart);
    add_picture_options(*chart, of_chart->picture, ".png, .svg or .pdf");
    chart->footer(
        "\nExamples:\n"
        "  zcv plot counterexample first-cqe-wire -o first-cqe.png\n"
        "  zcv plot counterexample link-cancel -o link-cancel.svg --theme dark");
    chart->callback([of_chart, &status] {
        plot_counterexample(*of_chart);
        status = Status::clean;
    });
}

}  // namespace zcv
