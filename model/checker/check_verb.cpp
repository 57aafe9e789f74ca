#include "model/checker/check_verb.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "model/checker/check_report.hpp"
#include "model/checker/graph.hpp"
#include "model/nearest.hpp"
#include "model/scenarios.hpp"

namespace zcv {
namespace {

struct Options {
    std::vector<std::string> names;
    bool all = false;
    bool list = false;
    bool coverage = false;
    std::optional<std::string> bounds;
    std::optional<std::string> profile;
    std::optional<std::string> app;
    std::optional<std::string> states_max;
    std::optional<std::string> memory_max;
    std::optional<double> time_max_s;
    std::optional<std::string> graph_file;
    std::string format = "text";
    std::optional<std::string> threads;
    std::string visited = "exact";
    std::string symmetry = "off";
    std::string reduction = "off";
    std::optional<std::string> frontier_folder;
    std::optional<std::string> checkpoint_file;
    std::optional<std::string> resume_file;
};

[[noreturn]] void refuse(const std::string& what) {
    throw Refusal(Status::usage, "check " + what);
}

// The option parser would take "-1" for a very large number.
std::uint64_t number_in(const std::string& option, const std::string& text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || number == 0)
        refuse(option + (option.back() == '=' ? "" : " ") + text +
               ": not a number to work with: give 1 or more");
    return number;
}

// "4G", "512M", "65536": powers of 1024.
std::uint64_t bytes_in(const std::string& text) {
    const auto wrong = [&] {
        refuse("--memory-max " + text + ": not a size: give bytes, or a number with K, M, G or T");
    };
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || number == 0) wrong();
    const std::string unit(stop, end);
    const std::string units = "KMGT";
    if (unit.empty()) return number;
    const std::size_t power = units.find(static_cast<char>(std::toupper(unit.front())));
    if (unit.size() > 1 || power == std::string::npos) wrong();
    const auto shift = static_cast<unsigned>(10 * (power + 1));
    if (number >> (64 - shift) != 0) wrong();
    return number << shift;
}

// Left to itself a search takes three quarters of what is free, and is then inconclusive; taking
// all of it, the kernel would end it, or something else on the machine.
std::uint64_t memory_to_take() {
    std::ifstream meminfo("/proc/meminfo");
    std::string key;
    std::uint64_t kib = 0;
    for (std::string line; std::getline(meminfo, line);) {
        std::istringstream words(line);
        if (words >> key >> kib && key == "MemAvailable:") return kib * 1024 / 4 * 3;
    }
    return 0;
}

unsigned threads_of(const Options& options) {
    if (!options.threads) return std::max(1U, std::thread::hardware_concurrency());
    constexpr std::uint64_t threads_max = 1024;
    const std::uint64_t wanted = number_in("--threads", *options.threads);
    if (wanted > threads_max)
        refuse("--threads " + *options.threads + ": more than " + std::to_string(threads_max) +
               " do not help: give fewer");
    return static_cast<unsigned>(wanted);
}

// The choice of this name.
template <class Choice>
Choice one_of(const std::string& option, const std::string& text,
              const std::vector<Choice>& choices) {
    std::string names;
    for (const Choice choice : choices) {
        if (name_of(choice) == text) return choice;
        names += (names.empty() ? "" : ", ") + std::string(name_of(choice));
    }
    refuse(option + " " + text + ": choose one of " + names);
}

CheckSettings settings_of(const Options& options) {
    CheckSettings settings;
    const bool markdown = options.format == "markdown";
    if (markdown && !options.list)
        refuse("--format markdown: is for the table of scenarios: add --list");
    if (options.format != "text" && options.format != "json" && !markdown)
        refuse("--format " + options.format + ": choose text or json");
    if (options.states_max) settings.states_max = number_in("--states-max", *options.states_max);
    if (options.time_max_s && !(std::isfinite(*options.time_max_s) && *options.time_max_s > 0))
        refuse(fmt::format("--time-max {}: not a time to search: give seconds above 0",
                           *options.time_max_s));
    settings.time_max_s = options.time_max_s.value_or(0);
    settings.threads = threads_of(options);
    settings.visited = one_of("--visited", options.visited,
                              std::vector{checker::Visited::exact, checker::Visited::fingerprint,
                                          checker::Visited::bitstate});
    settings.memory_max = options.memory_max ? bytes_in(*options.memory_max) : memory_to_take();
    // Bits are set all over a table that does not grow: a gigabyte is enough for 10^9 states.
    if (!options.memory_max && settings.visited == checker::Visited::bitstate)
        settings.memory_max = std::min(settings.memory_max, std::uint64_t{2} << 30);
    settings.symmetry =
        one_of("--symmetry", options.symmetry,
               std::vector{checker::Symmetry::off, checker::Symmetry::on, checker::Symmetry::deep});
    if (options.reduction != "off" && options.reduction != "on")
        refuse("--reduction " + options.reduction + ": choose off or on");
    settings.reduction = options.reduction == "on";
    return settings;
}

std::vector<std::string> known_names() {
    std::vector<std::string> names;
    for (const Scenario& scenario : scenarios()) names.push_back(scenario.name);
    return names;
}

// "requests=3,skbs=4"
Scenario with_bounds(Scenario scenario, const std::string& text) {
    if (!scenario.bounded)
        refuse(scenario.name + " --bounds " + text +
               ": its bounds are its name: reference-B-R-K-Q");
    std::set<std::string> given;
    std::istringstream parts(text + ',');
    for (std::string part; std::getline(parts, part, ',');) {
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos || equals == 0)
            refuse("--bounds " + shown(text) + ": not NAME=NUMBER[,NAME=NUMBER...]");
        const std::string name = part.substr(0, equals);
        if (!given.insert(name).second)
            refuse("--bounds " + text + ": gives " + name + " twice: leave out one");
        scenario = scenario.bounded(
            name, number_in("--bounds " + name + "=", shown(part.substr(equals + 1))));
    }
    return scenario;
}

Scenario named(const std::string& name, const Options& options) {
    const std::optional<Scenario> found = find_scenario(name);
    if (!found) {
        refuse(shown(name) + ": no such scenario: " +
               did_you_mean(name, known_names(), "zcv check --list names them all"));
    }
    Scenario scenario = *found;
    if (options.profile || options.app) scenario = with(scenario, options.profile, options.app);
    return options.bounds ? with_bounds(scenario, *options.bounds) : scenario;
}

std::vector<Scenario> chosen(const Options& options) {
    if (options.all && !options.names.empty())
        refuse("--all " + options.names.front() + ": --all takes every scenario: leave out one");
    if (options.all && (options.profile || options.app))
        refuse(
            "--all: takes every scenario under its own profile and application: leave out "
            "--profile and --app, or name scenarios");
    if (options.all && options.bounds)
        refuse("--all --bounds: takes every scenario in its own bounds: name scenarios");
    std::vector<Scenario> result;
    if (options.all)
        std::copy_if(scenarios().begin(), scenarios().end(), std::back_inserter(result),
                     [](const Scenario& scenario) { return scenario.in_all; });
    for (const std::string& name : options.names) result.push_back(named(name, options));
    if (result.empty())
        refuse("which scenario: none is named: give one (zcv check --list names them), or --all");
    for (const auto& [option, file] : {std::pair{"--graph", options.graph_file},
                                       std::pair{"--checkpoint", options.checkpoint_file},
                                       std::pair{"--resume", options.resume_file},
                                       std::pair{"--frontier", options.frontier_folder}})
        if (file && file->empty()) refuse(std::string(option) + " '': name a file or folder");
    if (options.graph_file && result.size() > 1)
        refuse("--graph " + *options.graph_file + ": draws one scenario: name one");
    const auto& file = options.checkpoint_file ? options.checkpoint_file : options.resume_file;
    if (file && result.size() > 1)
        refuse("--checkpoint " + *file + ": holds one search: name one scenario");
    if (options.checkpoint_file && options.resume_file)
        refuse("--resume " + *options.resume_file +
               ": goes on writing the file it reads: leave out --checkpoint");
    return result;
}

// How long it may still take, by the speed so far and by how the levels grow or shrink: once they
// shrink, as if each were smaller than the one before by the same factor.
std::string estimate(const checker::Progress& progress) {
    const auto level = static_cast<double>(progress.level);
    const auto before = static_cast<double>(progress.level_before);
    if (level >= before) return "growing";
    const double shrinks = level / before;
    const double left =
        static_cast<double>(progress.frontier) + level * shrinks * shrinks / (1 - shrinks);
    return fmt::format("about {:.0f} s to go",
                       left * progress.seconds / static_cast<double>(progress.states));
}

void show(const std::string& name, const checker::Progress& progress) {
    const double rate = static_cast<double>(progress.states) / progress.seconds;
    std::cerr
        << fmt::format(
               "\r{}: {} states, {:.2f} M/s, level {}, frontier {}, {} MiB, {:.0f} s, {}\033[K",
               name, progress.states, rate / 1e6, progress.depth, progress.frontier,
               progress.bytes >> 20, progress.seconds, estimate(progress))
        << std::flush;
}

// Set by Ctrl-C: the search then ends by itself and reports what it covered. A second one ends the
// program at once.
std::atomic<bool> interrupted{false};

void on_interrupt(int) {
    interrupted = true;
    std::signal(SIGINT, SIG_DFL);
}

checker::Outcome explore(const Scenario& scenario, const CheckSettings& settings,
                         const Options& options) {
    checker::Limits limits;
    limits.states_max = settings.states_max;
    limits.memory_max = settings.memory_max;
    limits.time_max_s = settings.time_max_s;
    if (options.graph_file) {
        limits.graph_for = "check --graph " + *options.graph_file;
        limits.graph = [&](const checker::GraphView& explored) {
            checker::write_dot(explored.graph, *options.graph_file, scenario.name);
        };
    }
    limits.threads = settings.threads;
    limits.visited = settings.visited;
    limits.symmetry = settings.symmetry;
    limits.reduction = settings.reduction;
    limits.stop = &interrupted;
    limits.frontier_folder = options.frontier_folder.value_or("");
    limits.resume = options.resume_file.has_value();
    limits.checkpoint_file =
        limits.resume ? *options.resume_file : options.checkpoint_file.value_or("");
    limits.search_name = fmt::format(
        "{}, bounds {}, profile {}, application {}, symmetry {}, reduction {}, zcv {}",
        scenario.name, options.bounds.value_or("its own"), scenario.profile, scenario.app,
        name_of(settings.symmetry), settings.reduction ? "on" : "off", ZCV_VERSION);
    std::signal(SIGINT, on_interrupt);
    bool shown = false;
    if (isatty(STDERR_FILENO) == 1)
        limits.progress = [&](const checker::Progress& progress) {
            show(scenario.name, progress);
            shown = true;
        };
    const checker::Outcome outcome = scenario.explore(limits);
    if (shown) std::cerr << "\r\033[K";
    return outcome;
}

// Over several results the worst counts: a broken property over a bound, a bound over a pass.
struct Tally {
    bool some_broken = false;
    bool some_undecided = false;
    std::vector<std::string> broken_names;
    std::vector<std::string> strange;  // not as declared, in words
    std::uint64_t states = 0;
    double seconds = 0;

    void add(const Scenario& scenario, const checker::Outcome& outcome, bool by_declaration) {
        states += outcome.states;
        seconds += outcome.seconds;
        const bool undecided = outcome.verdict == Verdict::inconclusive;
        const bool as = !scenario.expect.declared || as_declared(scenario.expect, outcome);
        if (outcome.verdict == Verdict::violation) broken_names.push_back(scenario.name);
        if (!as && !undecided)
            strange.push_back(scenario.name + " declares " + in_words(scenario.expect));
        const bool wrong = by_declaration && scenario.expect.declared
                               ? !as
                               : outcome.verdict == Verdict::violation;
        some_undecided |= undecided;
        some_broken |= wrong && !undecided;
    }
    Status status() const {
        return some_broken      ? Status::violation
               : some_undecided ? Status::inconclusive
                                : Status::clean;
    }
};

std::string summary(const std::vector<Scenario>& chosen, const Tally& tally) {
    std::string text;
    for (const std::string& strange : tally.strange) text += "NOT AS DECLARED: " + strange + '\n';
    if (!tally.broken_names.empty())
        text += "zcv check " + tally.broken_names.front() + " shows its counterexample\n";
    return '\n' +
           fmt::format("{} scenarios, {} not as declared; {} states in {:.1f} s\n", chosen.size(),
                       tally.strange.size(), tally.states, tally.seconds) +
           text;
}

void refuse_with_more(const Options& options) {
    const std::string what = options.list ? "--list" : "--coverage";
    if (!options.names.empty() || options.all || (options.list && options.coverage))
        refuse(what + ": is of every scenario and stands alone: leave out the rest");
    if (options.profile || options.app || options.bounds || options.graph_file)
        refuse(what +
               ": takes every scenario as it is: leave out --profile, --app, --bounds and "
               "--graph");
}

Status cover(const CheckSettings& settings, const Options& options) {
    const std::vector<Covered> all =
        coverage([&](const Scenario& scenario) { return explore(scenario, settings, options); });
    std::cout << (options.format == "json" ? json_report(all) : text_report(all));
    const bool missing =
        std::any_of(all.begin(), all.end(), [](const Covered& each) { return each.is_missing(); });
    return missing ? Status::violation : Status::clean;
}

// What --reduction has nothing to work with in.
std::string nothing_commutes(const std::vector<std::string>& names) {
    const std::string more = names.size() == 1 ? "" : fmt::format(" and {} more", names.size() - 1);
    return fmt::format(
        "check --reduction on: {}{}: no steps are declared to commute: every order was looked at\n",
        names.front(), more);
}

Status check(const Options& options) {
    const CheckSettings settings = settings_of(options);
    if (options.list || options.coverage) refuse_with_more(options);
    if (options.list) {
        std::cout << (options.format == "json"       ? json_list(scenarios())
                      : options.format == "markdown" ? markdown_list(scenarios())
                                                     : text_list(scenarios()));
        return Status::clean;
    }
    if (options.coverage) return cover(settings, options);
    const std::vector<Scenario> todo = chosen(options);
    const bool json = options.format == "json";
    const bool table = !json && (todo.size() > 1 || options.all);
    CheckTable columns(todo);
    if (table) std::cout << columns.header() << std::flush;
    Tally tally;
    std::vector<std::string> whole;
    for (const Scenario& scenario : todo) {
        const checker::Outcome outcome = explore(scenario, settings, options);
        tally.add(scenario, outcome, options.all);
        if (settings.reduction && !outcome.reduction) whole.push_back(scenario.name);
        std::cout << (json    ? json_report(scenario, outcome, settings)
                      : table ? columns.row(scenario, outcome)
                              : text_report(scenario, outcome, settings.visited))
                  << std::flush;
        if (interrupted) break;
    }
    if (table) std::cout << summary(todo, tally);
    if (!whole.empty()) std::cerr << "zcv: " << nothing_commutes(whole);
    return tally.status();
}

}  // namespace

namespace {

// How to go about it: none of this changes the answer, only its price.
void add_search_options(CLI::App& verb, Options& options) {
    verb.add_option("--threads", options.threads, "how many search (default: all cores)");
    verb.add_option("--visited", options.visited,
                    "exact, or fingerprint or bitstate: less memory, and a probability to miss");
    verb.add_option("--symmetry", options.symmetry,
                    "on: objects that differ in their names only are one; deep: also orders that "
                    "nothing reads; default off");
    verb.add_option("--reduction", options.reduction,
                    "on: of steps that commute only one order is looked at; default off");
    verb.add_option("--checkpoint", options.checkpoint_file,
                    "write every level to this file, which survives a kill");
    verb.add_option("--resume", options.resume_file, "go on where such a file ends");
    verb.add_option("--frontier", options.frontier_folder,
                    "keep states that wait to be expanded in a file in this folder");
}

}  // namespace

void add_check_verb(CLI::App& app, Status& status) {
    CLI::App* const verb =
        app.add_subcommand("check", "explore scenarios of the model and report what holds");
    auto options = std::make_shared<Options>();
    verb->add_option("scenario", options->names, "what to explore; --list names them");
    verb->add_flag("--all", options->all,
                   "every scenario that takes seconds, against its declaration");
    verb->add_flag("--coverage", options->coverage,
                   "where every step, premise, switch, policy and bug is put to use");
    verb->add_option("--bounds", options->bounds, "with more or less of it: requests=3,skbs=4");
    verb->add_flag("--list", options->list, "name the scenarios, their questions and outcomes");
    verb->add_option("--profile", options->profile, "under another kernel profile");
    verb->add_option("--app", options->app, "with another application policy");
    verb->add_option("--states-max", options->states_max, "end after this many states");
    verb->add_option(
        "--memory-max", options->memory_max,
        "end at this size, like 4G (default: three quarters of what is free; bitstate: "
        "2G)");
    verb->add_option("--time-max", options->time_max_s, "end after this many seconds");
    verb->add_option("--graph", options->graph_file, "also write the explored graph to this .dot");
    verb->add_option("--format", options->format,
                     "text or json, one JSON document a line; with --list also markdown");
    add_search_options(*verb, *options);
    verb->footer(
        "\nExit status: 0 holds, 1 a property is broken (with --all: not as declared), 2 usage,\n"
        "3 a bound ended it.\n\nExamples:\n"
        "  zcv check reference-bug-2-2-1-2\n"
        "  zcv check --all\n"
        "  zcv check --coverage\n"
        "  zcv check udp-nic --bounds skbs=1,cq_entries=1\n"
        "  zcv check reference-2-2-3-2 --time-max 60 --format json\n"
        "  zcv check reference-3-3-2-2 --symmetry deep --reduction on\n"
        "  zcv check reference-3-3-2-2 --checkpoint l.zcv; zcv check reference-3-3-2-2 "
        "--resume l.zcv\n"
        "  zcv check reference-1-1-1-2 --graph small.dot && dot -Tsvg small.dot -o small.svg");
    verb->callback([options, &status] {
        status = check(*options);
        if (!std::cout.flush())
            throw Refusal(Status::unable,
                          "check: standard output: cannot be written: the report is incomplete");
    });
}

}  // namespace zcv
