#include "traces/replay_verb.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/profiles.hpp"
#include "traces/coverage.hpp"
#include "traces/profiles_held.hpp"
#include "traces/report.hpp"

namespace zcv {
namespace {

struct Options {
    std::vector<std::string> files;
    std::string profile;
    std::string suppressions;
    std::string format = "text";
};

// Of several traces the worst verdict counts: a violation, then an inconclusive one.
Verdict worse(Verdict a, Verdict b) {
    if (a == Verdict::violation || b == Verdict::violation) return Verdict::violation;
    return a == Verdict::inconclusive ? a : b;
}

constexpr const char* every_profile = "all";

void need_a_form_for_all(const std::string& format) {
    if (format != "text" && format != "json")
        throw Refusal(Status::usage, "replay: --profile all has no form " + format +
                                         ": use --format text or json");
}

Verdict replay_file(const std::string& file, const ReplayOptions& how, ReportPrinter& printer) {
    const Trace trace = read_trace(file);
    const ReplayReport report = replay(trace, how);
    printer.add(report, trace, file);
    return report.verdict;
}

std::string profiles_in_words() {
    std::string text;
    for (const Profile& profile : profiles()) text += "\n  " + profile.name + "  " + profile.covers;
    return text;
}

}  // namespace

void add_suppressions_option(CLI::App& verb, std::string& file) {
    verb.add_option("--suppressions", file,
                    "what is known and no finding: a line each, RULE WHERE UNTIL REASON")
        ->type_name("FILE");
}

std::vector<Suppression> suppressions_in(const std::string& file) {
    return file.empty() ? std::vector<Suppression>{} : read_suppressions(file, today());
}

void add_replay_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = app.add_subcommand(
        "replay", "walk a trace against the model of its kernel; verdict and report");
    verb->add_option("FILE", options->files, "traces (.zct)")->required();
    verb->add_option("--profile", options->profile,
                     "the kernel to hold it against (default: the one it was captured on); all: "
                     "which ones explain it, and where each other one first does not");
    add_suppressions_option(*verb, options->suppressions);
    verb->add_option("--format", options->format,
                     "text, json (one object a trace), jsonl (one a finding), junit or sarif")
        ->check(CLI::IsMember(report_formats()));
    verb->footer("Profiles:" + profiles_in_words() +
                 "\n\nExit status: 0 CLEAN, 1 VIOLATION, 3 INCONCLUSIVE.\n\nExamples:\n"
                 "  zcv replay trace.zct\n"
                 "  zcv replay --profile 6.1 trace.zct\n"
                 "  zcv replay --profile all trace.zct\n"
                 "  zcv replay --format json *.zct\n"
                 "  zcv replay --suppressions known.txt *.zct\n"
                 "  zcv replay --format junit *.zct > zcv.xml");
    verb->callback([options, &status] {
        Verdict verdict = Verdict::clean;
        ReportPrinter printer(std::cout, options->format);
        const bool all = options->profile == every_profile;
        if (all) need_a_form_for_all(options->format);
        const ReplayOptions how{options->profile, suppressions_in(options->suppressions)};
        for (const std::string& file : options->files)
            verdict = worse(verdict, all ? hold_against_all(std::cout, read_trace(file), file, how,
                                                            options->format)
                                         : replay_file(file, how, printer));
        if (!all) printer.finish();
        status = status_of(verdict);
    });
}

void add_coverage_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = app.add_subcommand(
        "coverage", "which steps of the model and which rules traces put to use");
    verb->add_option("FILE", options->files, "traces (.zct)")->required();
    verb->add_option("--profile", options->profile,
                     "the kernel to hold them against (default: the one of each)");
    verb->add_option("--format", options->format, "text, json or markdown")
        ->check(CLI::IsMember({"text", "json", "markdown"}));
    verb->footer(
        "\nThe sum over all traces. A rule is looked for where the records are that can show "
        "it.\n\n"
        "Examples:\n"
        "  zcv coverage trace.zct\n"
        "  zcv coverage --format markdown *.zct");
    verb->callback([options, &status] {
        Coverage coverage;
        for (const std::string& file : options->files) {
            const Trace trace = read_trace(file);
            coverage.add(file, trace, replay(trace, {.profile = options->profile}));
        }
        coverage.print(std::cout, options->format);
        status = Status::clean;
    });
}

}  // namespace zcv
