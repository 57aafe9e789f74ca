#include "plots/verbs.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "plots/compare.hpp"
#include "plots/lifecycle_picture.hpp"
#include "plots/picture_options.hpp"
#include "plots/refs.hpp"
#include "plots/report_verb.hpp"
#include "plots/scenario_verbs.hpp"
#include "traces/file_words.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

namespace zcv {
namespace {

struct LifecycleOptions {
    std::string trace;
    PictureOptions picture;
    std::string profile;
    std::optional<double> from_ms;
    std::optional<double> to_ms;
    std::string since;
    std::string request;
    std::string socket;
    int width_px = 1600;
};

// Written so that what is not a number is refused too.
std::string checked_moment(const std::string& text) {
    double ms = 0;
    const bool number = CLI::detail::lexical_cast(text, ms);
    return number && ms >= 0 && ms <= 1e12 ? "" : "'" + text + "' is not a time in ms from 0 on";
}

// "0x5d" or "93".
std::optional<std::uint64_t> number_in(const char* option, const std::string& text) {
    if (text.empty()) return std::nullopt;
    const bool hex = text.rfind("0x", 0) == 0;
    const char* const begin = text.data() + (hex ? 2 : 0);
    const char* const end = text.data() + text.size();
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(begin, end, number, hex ? 16 : 10);
    if (error != std::errc{} || stop != end)
        throw Refusal(Status::usage, fmt::format("{} '{}': not a number: give it as 93 or 0x5d",
                                                 option, printable(text)));
    return number;
}

LifecycleView view_of(const LifecycleOptions& options) {
    if (options.from_ms && options.to_ms && *options.to_ms <= *options.from_ms) {
        throw Refusal(Status::usage, fmt::format("--to {}: not after --from {}: swap them",
                                                 *options.to_ms, *options.from_ms));
    }
    LifecycleView view;
    view.file = options.trace;
    view.width_px = options.width_px;
    view.from_ms = options.from_ms;
    view.to_ms = options.to_ms;
    view.request = number_in("--request", options.request);
    view.socket = number_in("--socket", options.socket);
    view.theme = &options.picture.colours();
    if (options.since == "first") view.since = Since::first_submission;
    if (options.since == "each") view.since = Since::own_submission;
    return view;
}

void write_sends_csv(std::ostream& out, const std::vector<const SendHistory*>& sends) {
    out << "number,user_data,socket,buffer,bytes,submitted_ns,attached_ns,on_wire_ns,completed_ns,"
           "released_ns,notified_ns,reused_ns,reused_early,copied,result\n";
    const auto moment = [](const std::optional<std::uint64_t>& at) {
        return at ? fmt::format("{}", *at) : std::string();
    };
    for (const SendHistory* send : sends) {
        out << fmt::format("{},{:#x},{:#x},{:#x},{},{},{},{},{},{},{},{},{},{},{}\n", send->number,
                           send->user_data, send->sock, send->addr, send->len, send->submitted_ns,
                           moment(send->attached_ns), moment(send->on_wire_ns),
                           moment(send->completed_ns), moment(send->released_ns),
                           moment(send->notified_ns), moment(send->reused_ns),
                           send->reused_early ? 1 : 0, send->copied ? 1 : 0, send->res);
    }
}

// The output is looked at first: a long replay should not end in "cannot write".
void plot_lifecycle(const LifecycleOptions& options) {
    LifecycleView view = view_of(options);
    Picture picture(options.picture.output);
    const Trace trace = read_trace(options.trace);
    const ReplayReport report = replay(trace, {options.profile});
    view.kernel = trace.info.kernel_release;
    view.kind = picture.kind();
    const std::vector<const SendHistory*> shown = sends_shown(report, view);
    std::size_t drawn = 0;
    picture.draw([&](Gnuplot& gp) { drawn = draw_sends(gp, trace, report, view); });
    write_csv(options.picture, [&](std::ostream& out) { write_sends_csv(out, shown); });
    std::cout << fmt::format("{}: {} of {} sends drawn\n", options.picture.output, drawn,
                             report.history.size());
    show_if_asked(options.picture);
}

struct ComparisonOptions {
    std::string comparison;
    PictureOptions picture;
    bool by_step = false;
    int width_px = 1400;
};

void add_compare(CLI::App& plot) {
    CLI::App* compare = plot.add_subcommand(
        "compare", "the ways to send beside each other, as zcv compare --format json has them");
    const auto options = std::make_shared<ComparisonOptions>();
    compare->add_option("comparison", options->comparison, "what zcv compare --format json printed")
        ->required();
    add_picture_options(*compare, options->picture, ".png, .svg or .pdf");
    compare->add_flag("--by-step", options->by_step,
                      "stack the steps that a request's time goes to, as they are simulated");
    compare->add_option("--width", options->width_px, "width in pixels")
        ->check(CLI::Range(800, 8000))
        ->capture_default_str();
    compare->footer(
        "\nExamples:\n"
        "  zcv compare --explain --format json > rfc.json && zcv plot compare rfc.json -o rfc.png\n"
        "  zcv plot compare rfc.json -o steps.svg --by-step --width 1000");
    compare->callback([options] {
        const Theme& theme = options->picture.colours();
        Picture picture(options->picture.output);
        const CompareFigure figure = read_comparison(options->comparison, options->by_step);
        picture.draw([&](Gnuplot& gp) {
            draw_comparison(gp, figure, picture.kind(), options->width_px, theme);
        });
        write_csv(options->picture, [&](std::ostream& out) { write_comparison_csv(out, figure); });
        std::cout << fmt::format("{}: {} comparisons drawn\n", options->picture.output,
                                 figure.panels.size());
        show_if_asked(options->picture);
    });
}

struct RefsOptions {
    std::string trace;
    std::string send;
    PictureOptions picture;
};

void write_refs_csv(std::ostream& out, const std::vector<RefLife>& family) {
    out << "send,ubuf,holder,from_ns,to_ns\n";
    for (const RefLife& life : family)
        for (const Hold& hold : life.holds)
            out << fmt::format("{},{:#x},{},{},{}\n", life.send, life.ubuf, csv_value(hold.holder),
                               hold.from_ns,
                               hold.to_ns ? fmt::format("{}", *hold.to_ns) : std::string());
}

void plot_refs(const RefsOptions& options) {
    RefsView view;
    view.theme = &options.picture.colours();
    const auto send = number_in("--send", options.send);
    Picture picture(options.picture.output);
    const Trace trace = read_trace(options.trace);
    const ReplayReport report = replay(trace, {});
    const std::optional<std::uint32_t> number =
        send ? std::optional(static_cast<std::uint32_t>(
                   std::min<std::uint64_t>(*send, std::numeric_limits<std::uint32_t>::max())))
             : std::nullopt;
    std::vector<RefLife> family = family_of(trace, report, number);
    view.inferred = family.empty();
    if (view.inferred) family = inferred_family_of(trace, report, number);
    if (family.empty())
        throw Refusal(Status::inconclusive,
                      fmt::format("{}: nothing to draw: {}", printable(options.trace),
                                  report.history.empty()
                                      ? "no zero-copy send in the trace: capture a program that "
                                        "uses SEND_ZC or MSG_ZEROCOPY"
                                      : "no function probe saw references, and of these sends "
                                        "(MSG_ZEROCOPY, or skbs not recorded) a replay infers "
                                        "none: zcv guest 6.12 runs the program where probes "
                                        "attach"));
    view.file = options.trace;
    view.kernel = trace.info.kernel_release;
    view.kind = picture.kind();
    picture.draw([&](Gnuplot& gp) { draw_refs(gp, family, view); });
    write_csv(options.picture, [&](std::ostream& out) { write_refs_csv(out, family); });
    std::cout << fmt::format("{}: {} ubuf{} drawn\n", options.picture.output, family.size(),
                             family.size() == 1 ? "" : "s");
    show_if_asked(options.picture);
}

void add_refs_plot(CLI::App& plot) {
    CLI::App* const refs = plot.add_subcommand(
        "refs",
        "who holds the references of one send's ubuf, over time, and of those stacked on it");
    const auto options = std::make_shared<RefsOptions>();
    refs->add_option("trace", options->trace,
                     "the trace (.zct); without ubuf-ref records a replay infers them")
        ->required();
    refs->add_option("--send", options->send,
                     "number of the send (default: one in the longest chain)");
    add_picture_options(*refs, options->picture, ".png, .svg or .pdf");
    refs->footer(
        "\nExamples:\n"
        "  zcv plot refs traces/captured/6.12/tcp-nic-corked.zct -o refs.png\n"
        "  zcv plot refs traces/captured/6.1/udp-nic-conforming.zct -o refs.svg --send 3\n"
        "  zcv plot refs run.zct -o refs.png --csv refs.csv");
    refs->callback([options] { plot_refs(*options); });
}

}  // namespace

void add_plot_verbs(CLI::App& app, Status& status) {
    CLI::App* plot =
        app.add_subcommand("plot", "draw a trace, a scenario or a comparison as a PNG, SVG or PDF");
    plot->require_subcommand(1);
    add_scenario_plots(*plot, status);
    add_refs_plot(*plot);
    add_report_verb(app, status);
    CLI::App* lifecycle = plot->add_subcommand(
        "lifecycle",
        "one row a request: who holds its buffer when, and whether it was reused early");
    const auto options = std::make_shared<LifecycleOptions>();
    lifecycle->add_option("trace", options->trace, "the trace to draw (.zct)")->required();
    add_picture_options(*lifecycle, options->picture, ".png, .svg or .pdf");
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
    lifecycle->add_option("--request", options->request,
                          "only the sends with this user_data, or calls with this id");
    lifecycle->add_option("--socket", options->socket, "only the sends on this socket (0x...)");
    lifecycle->add_option("--width", options->width_px, "width in pixels")
        ->check(CLI::Range(800, 8000))
        ->capture_default_str();
    lifecycle->footer(
        "\nExamples:\n"
        "  zcv plot lifecycle traces/captured/tcp-nic-first-cqe.zct -o first-cqe.png\n"
        "  zcv plot lifecycle run.zct -o detail.svg --from 12.5 --to 14\n"
        "  zcv plot lifecycle run.zct -o paper.pdf --since each --width 1200\n"
        "  zcv plot lifecycle run.zct -o one.png --request 0x5d --csv one.csv --theme dark");
    lifecycle->callback([options] { plot_lifecycle(*options); });
    add_compare(*plot);
}

}  // namespace zcv
