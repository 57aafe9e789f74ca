#include "plots/report_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "plots/html_report.hpp"
#include "plots/lifecycle_picture.hpp"
#include "plots/picture_options.hpp"
#include "traces/file_words.hpp"
#include "traces/replay_verb.hpp"

namespace zcv {
namespace {

struct Options {
    std::string trace;
    std::string output;
    std::string profile;
    std::string suppressions;
    bool open = false;
};

std::string picture_of(const ReplayReport& report, const Options& options, const Trace& trace,
                       const char* theme) {
    LifecycleView view;
    view.file = options.trace;
    view.kernel = trace.info.kernel_release;
    view.kind = PictureKind::svg;
    view.width_px = 1200;
    view.theme = &theme_named(theme);
    return svg_of([&](Gnuplot& gp) { draw_sends(gp, trace, report, view); });
}

// 0 whatever the verdict is: the verdict is in the report.
void write_report(const Options& options) {
    const std::string name = printable(options.output);
    const auto refused = [&] {
        return Refusal(Status::usage, fmt::format("{}: cannot be written: {}: name another file "
                                                  "with -o",
                                                  name, error_words(errno)));
    };
    const Trace trace = read_trace(options.trace);
    const ReplayReport report =
        replay(trace, {options.profile, suppressions_in(options.suppressions)});
    HtmlReport page{report, trace, options.trace, "", ""};
    try {
        if (!report.history.empty()) {
            page.picture = picture_of(report, options, trace, "light");
            page.dark_picture = picture_of(report, options, trace, "dark");
        }
    } catch (const Refusal& refusal) {
        if (refusal.status() != Status::unable) throw;
        page.picture.clear();
        std::cerr << fmt::format("zcv: {}: without its picture: {}\n", name, refusal.what());
    }
    std::ofstream out(options.output);
    out << html_of(page);
    out.close();
    if (!out) {
        const Refusal refusal = refused();
        std::error_code error;  // half a report is none
        if (std::filesystem::is_regular_file(options.output, error))
            std::filesystem::remove(options.output, error);
        throw refusal;
    }
    std::cout << fmt::format("{}: {}\n", name, name_of(report.verdict));
    if (!options.open) return;
    PictureOptions shown;
    shown.output = options.output;
    shown.open = true;
    show_if_asked(shown);
}

}  // namespace

void add_report_verb(CLI::App& app, Status& status) {
    const auto options = std::make_shared<Options>();
    CLI::App* const verb =
        app.add_subcommand("report", "verdict, findings, pictures and tables as one HTML file");
    verb->add_option("FILE", options->trace, "the trace (.zct)")->required();
    verb->add_option("-o,--output", options->output, "the report (.html)")->required();
    verb->add_option("--profile", options->profile,
                     "the kernel to hold it against (default: the one it was captured on)");
    add_suppressions_option(*verb, options->suppressions);
    verb->add_flag("--open", options->open, "show it when it is done (xdg-open)");
    verb->footer(
        "\nThe file needs nothing beside it and no network. Exit status: 0 when it is written,\n"
        "whatever the verdict: for that use zcv replay.\n\nExamples:\n"
        "  zcv report trace.zct -o report.html\n"
        "  zcv report trace.zct -o report.html --suppressions known.txt");
    verb->callback([options, &status] {
        write_report(*options);
        status = Status::clean;
    });
}

}  // namespace zcv
