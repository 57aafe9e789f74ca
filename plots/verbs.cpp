#include "plots/verbs.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "plots/compare.hpp"
#include "plots/lifecycle.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

namespace zcv {
namespace {

struct LifecycleOptions {
    std::string trace;
    std::string output;
    std::string profile;
    std::optional<double> from_ms;
    std::optional<double> to_ms;
    std::string since;
    int width_px = 1600;
};

// Written so that what is not a number is refused too.
std::string checked_moment(const std::string& text) {
    double ms = 0;
    const bool number = CLI::detail::lexical_cast(text, ms);
    return number && ms >= 0 && ms <= 1e12 ? "" : "'" + text + "' is not a time in ms from 0 on";
}

// The output is looked at first: a long replay should not end in "cannot write".
void plot_lifecycle(const LifecycleOptions& options) {
    if (options.from_ms && options.to_ms && *options.to_ms <= *options.from_ms) {
        throw Refusal(Status::usage, fmt::format("--to {}: not after --from {}: swap them",
                                                 *options.to_ms, *options.from_ms));
    }
    Picture picture(options.output);
    const Trace trace = read_trace(options.trace);
    const ReplayReport report = replay(trace, {options.profile});
    LifecycleView view;
    view.file = options.trace;
    view.kernel = trace.info.kernel_release;
    view.kind = picture.kind();
    view.width_px = options.width_px;
    view.from_ms = options.from_ms;
    view.to_ms = options.to_ms;
    if (options.since == "first") view.since = Since::first_submission;
    if (options.since == "each") view.since = Since::own_submission;
    const LifecycleFigure figure = lay_out_lifecycle(report, view);
    picture.draw([&](Gnuplot& gp) { draw_lifecycle(gp, figure); });
    std::cout << fmt::format("{}: {} of {} sends drawn\n", options.output, figure.rows,
                             report.history.size());
}

struct ComparisonOptions {
    std::string comparison;
    std::string output;
    int width_px = 1400;
};

void add_compare(CLI::App& plot) {
    CLI::App* compare = plot.add_subcommand(
        "compare", "the ways to send beside each other, as zcv compare --format json has them");
    const auto options = std::make_shared<ComparisonOptions>();
    compare->add_option("comparison", options->comparison, "what zcv compare --format json printed")
        ->required();
    compare->add_option("-o,--output", options->output, "the picture: .png, .svg or .pdf")
        ->required();
    compare->add_option("--width", options->width_px, "width in pixels")
        ->check(CLI::Range(800, 8000))
        ->capture_default_str();
    compare->footer(
        "\nExamples:\n"
        "  zcv compare --explain --format json > rfc.json && zcv plot compare rfc.json -o rfc.png\n"
        "  zcv compare --measure --simulate --format json > here.json\n"
        "  zcv plot compare here.json -o here.svg");
    compare->callback([options] {
        Picture picture(options->output);
        const CompareFigure figure = read_comparison(options->comparison);
        picture.draw(
            [&](Gnuplot& gp) { draw_comparison(gp, figure, picture.kind(), options->width_px); });
        std::cout << fmt::format("{}: {} comparisons drawn\n", options->output,
                                 figure.panels.size());
    });
}

}  // namespace

void add_plot_verbs(CLI::App& app, Status&) {
    CLI::App* plot =
        app.add_subcommand("plot", "draw a trace or a comparison as a PNG, SVG or PDF");
    plot->require_subcommand(1);
    CLI::App* lifecycle = plot->add_subcommand(
        "lifecycle",
        "one row a request: who holds its buffer when, and whether it was reused early");
    const auto options = std::make_shared<LifecycleOptions>();
    lifecycle->add_option("trace", options->trace, "the trace to draw (.zct)")->required();
    lifecycle->add_option("-o,--output", options->output, "the picture: .png, .svg or .pdf")
        ->required();
    lifecycle->add_option("--profile", options->profile,
                          "which kernel's model to replay against (default: by the trace)");
    const CLI::Validator moment([](std::string& text) { return checked_moment(text); }, "MS");
    lifecycle
        ->add_option("--from", options->from_ms, "first ms to draw, since the first submission")
        ->check(moment);
    lifecycle->add_option("--to", options->to_ms, "last ms to draw")->check(moment);
    lifecycle
        ->add_option("--since", options->since,
                     "zero of the time axis: the first submission, or each request's own (default: "
                     "each for long runs of short requests)")
        ->check(CLI::IsMember({"first", "each"}));
    lifecycle->add_option("--width", options->width_px, "width in pixels")
        ->check(CLI::Range(800, 8000))
        ->capture_default_str();
    lifecycle->footer(
        "\nExamples:\n"
        "  zcv plot lifecycle traces/captured/first-cqe.zct -o first-cqe.png\n"
        "  zcv plot lifecycle run.zct -o detail.svg --from 12.5 --to 14\n"
        "  zcv plot lifecycle run.zct -o paper.pdf --since each --width 1200");
    lifecycle->callback([options] { plot_lifecycle(*options); });
    add_compare(*plot);
}

}  // namespace zcv
