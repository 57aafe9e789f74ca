#include "traces/replay_verb.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model/profiles.hpp"
#include "traces/coverage.hpp"
#include "traces/kernel_bugs.hpp"
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
    if (format != "text" && format != "json" && format != "markdown")
        throw Refusal(Status::usage, "replay: --profile all has no form " + format +
                                         ": use --format text, json or markdown");
}

// A table says what the verdicts are, and is no verdict itself.
Status hold_files(const Options& options, const ReplayOptions& how) {
    need_a_form_for_all(options.format);
    const bool table = options.format == "markdown";
    Verdict verdict = Verdict::clean;
    HeldTable rows;
    for (const std::string& file : options.files) {
        const Trace trace = read_trace(file);
        verdict =
            worse(verdict, table ? rows.add(trace, file, how)
                                 : hold_against_all(std::cout, trace, file, how, options.format));
    }
    if (table) rows.print(std::cout);
    return table ? Status::clean : status_of(verdict);
}

Verdict replay_file(const std::string& file, const ReplayOptions& how, ReportPrinter& printer) {
    TraceFile trace(file);
    const ReplayReport report = replay(trace, how);
    printer.add(report, trace.about(), file);
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
    std::vector<std::string> formats = report_formats();
    formats.emplace_back("markdown");
    CLI::App* const verb = app.add_subcommand(
        "replay", "walk a trace against the model of its kernel; verdict and report");
    verb->add_option("FILE", options->files, "traces (.zct)")->required();
    verb->add_option("--profile", options->profile,
                     "the kernel to hold it against (default: the one it was captured on); all: "
                     "which ones explain it, and where each other one first does not");
    add_suppressions_option(*verb, options->suppressions);
    verb->add_option("--format", options->format,
                     "text, json (one object a trace), jsonl (one a finding), junit or sarif; with "
                     "--profile all also markdown, one table of all traces")
        ->check(CLI::IsMember(formats));
    verb->footer("Profiles:" + profiles_in_words() +
                 "\n\nExit status: 0 CLEAN, 1 VIOLATION, 3 INCONCLUSIVE.\n\nExamples:\n"
                 "  zcv replay trace.zct\n"
                 "  zcv replay --profile 6.1 trace.zct\n"
                 "  zcv replay --profile all trace.zct\n"
                 "  zcv replay --format json *.zct\n"
                 "  zcv replay --suppressions known.txt *.zct\n"
                 "  zcv replay --format junit *.zct > zcv.xml");
    verb->callback([options, &status] {
        const ReplayOptions how{.profile = options->profile,
                                .suppressions = suppressions_in(options->suppressions),
                                .keep_history = false};
        if (options->profile == every_profile) {
            status = hold_files(*options, how);
            return;
        }
        if (options->format == "markdown")
            throw Refusal(Status::usage,
                          "replay: --format markdown is for --profile all: use text, json, jsonl, "
                          "junit or sarif");
        Verdict verdict = Verdict::clean;
        ReportPrinter printer(std::cout, options->format);
        for (const std::string& file : options->files)
            verdict = worse(verdict, replay_file(file, how, printer));
        printer.finish();
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

void add_kernels_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb = app.add_subcommand(
        "kernels", "which bugs of the kernel's own show in traces, kernel by kernel");
    verb->add_option("FILE", options->files, "traces (.zct)")->required();
    verb->add_option("--format", options->format, "text or markdown")
        ->check(CLI::IsMember({"text", "markdown"}));
    verb->footer(
        "\nabsent: the trace had the occasion, and the bug did not show. no capture: none had.\n\n"
        "Examples:\n"
        "  zcv kernels traces/captured/6.1*/*.zct");
    verb->callback([options, &status] {
        KernelBugs bugs;
        for (const std::string& file : options->files) {
            const Trace trace = read_trace(file);
            bugs.add(file, trace, replay(trace, {}));
        }
        bugs.print(std::cout, options->format);
        status = Status::clean;
    });
}

}  // namespace zcv
