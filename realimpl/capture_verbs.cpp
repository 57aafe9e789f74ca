#include "realimpl/capture_verbs.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "realimpl/capture.hpp"
#include "traces/event_sets.hpp"
#include "traces/file_words.hpp"
#include "traces/replay.hpp"
#include "traces/replay_verb.hpp"
#include "traces/report.hpp"

namespace zcv {
namespace {

struct Options {
    CaptureOptions capture;
    std::string profile;
    std::string suppressions;
    std::string format = "text";
    std::string output_name;  // what messages call the output; a guest's has another name outside
    bool forward_exit = false;
};

constexpr std::uint64_t buffer_min = 4096;
constexpr std::uint64_t buffer_max = 1u << 30;

void add_common_options(CLI::App* verb, Options& options) {
    verb->add_option("--hash", options.capture.hash,
                     "hash the payload at submission and at the notification: none, sampled (64 "
                     "bytes of each 4 KiB) or full (up to 1 MiB)")
        ->check(CLI::IsMember({"none", "sampled", "full"}))
        ->capture_default_str();
    verb->add_option("--events", options.capture.events,
                     "minimal, default or all, or kinds of records by commas: retransmit,ack")
        ->capture_default_str();
    verb->add_option("--buffer", options.capture.buffer_bytes,
                     "bytes of records that may wait in the kernel, e.g. 16M")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(buffer_min, buffer_max))
        ->default_str("128M");
    verb->add_flag("--write-watch,!--no-write-watch", options.capture.write_watch,
                   "hardware watchpoints on a rotating sample of the buffers: they name the "
                   "instruction that writes one too early; a few microseconds each write they see");
    verb->add_flag("--stacks", options.capture.stacks,
                   "the stack of whoever sends, for each send: copies 8 KiB of it, one or two "
                   "microseconds each");
    verb->add_flag("--kernel-stacks", options.capture.kernel_stacks,
                   "the kernel's own stack at each record, for whoever wants to know which path "
                   "let go; one or two microseconds each");
    verb->add_option("--grace", options.capture.grace_s,
                     "seconds that notifications may still come after the end of the command")
        ->check(CLI::Range(0.0, 3600.0))
        ->capture_default_str();
    verb->add_option("COMMAND", options.capture.command, "the program to run, after --");
}

// The kernel wants a power of two.
void round_buffer(CaptureOptions& options) {
    options.buffer_bytes = std::bit_ceil(options.buffer_bytes);
}

std::string running_kernel() {
    utsname system{};
    uname(&system);
    return system.release;
}

// To who sits there and waits; a log needs no such line.
void say_that_it_began(const CaptureOptions& options) {
    if (isatty(STDERR_FILENO) == 0) return;
    const std::string end =
        options.time_max_s > 0 ? fmt::format(" or after {} s", options.time_max_s) : std::string();
    fmt::print(stderr, "zcv: capturing until {} ends{}; Ctrl-C ends it now\n",
               options.pid != 0 ? fmt::format("process {}", options.pid)
                                : printable(options.command.front()),
               end);
}

void say_what_was_not_watched(const CaptureOptions& options) {
    if (options.hash == "none")
        std::fprintf(stderr, "zcv: writes by the application were not watched (--hash none)\n");
}

void say_what_was_missed(const CaptureResult& result) {
    for (const auto& [probe, why] : result.info.missing)
        fmt::print(stderr, "zcv: without {}: {}\n", probe, why);
    if (result.command_status != 0)
        fmt::print(stderr, "zcv: the command ended with status {}\n", result.command_status);
    if (result.unnotified > 0)
        fmt::print(stderr, "zcv: {} of {} sends without a notification when the capture ended\n",
                   result.unnotified, result.sends);
}

void run_capture(Options& options) {
    CaptureOptions& wanted = options.capture;
    if (wanted.command.empty() == (wanted.pid == 0))
        throw Refusal(Status::usage,
                      wanted.pid == 0
                          ? "capture: what? Give a command after --, or --pid of a running process"
                          : "capture: --pid and a command exclude each other: give one of them");
    if (wanted.pid == 0 && wanted.time_max_s > 0)
        throw Refusal(Status::usage,
                      "capture: --time-max goes with --pid; a command has its own end");
    event_set(wanted.events);
    round_buffer(wanted);
    say_that_it_began(wanted);
    const CaptureResult result = capture(wanted, {});
    say_what_was_missed(result);
    say_what_was_not_watched(wanted);
    const std::string file =
        printable(options.output_name.empty() ? wanted.output : options.output_name);
    if (result.cut_off)
        throw Refusal(Status::inconclusive,
                      fmt::format("{0}: the capture ended early: {1}: {0}.part holds the first {2} "
                                  "records",
                                  file, result.cut_reason, result.records));
    fmt::print(stderr, "zcv: {} records, {} lost, {} sends -> {}\n", result.records,
               result.totals.lost, result.sends, file);
}

Status run_and_replay(Options& options) {
    CaptureOptions& wanted = options.capture;
    if (wanted.command.empty())
        throw Refusal(Status::usage,
                      "run: what? Give a command after --, or use zcv capture --pid");
    const ReplayOptions how{options.profile, suppressions_in(options.suppressions)};
    check_profile(how.profile, running_kernel());  // before anything runs
    event_set(wanted.events);
    round_buffer(wanted);
    Trace trace;
    say_that_it_began(wanted);
    const CaptureResult result = capture(wanted, [&](std::span<const zcv_event> events) {
        trace.events.insert(trace.events.end(), events.begin(), events.end());
    });
    trace.info = result.info;
    trace.totals = result.totals;
    trace.stacks = result.stacks;
    trace.cut_off = result.cut_off;
    if (result.cut_off) trace.cut_reason = "ends where " + result.cut_reason;
    trace.sequence_gaps = result.sequence_gaps;
    say_what_was_missed(result);
    say_what_was_not_watched(wanted);
    const ReplayReport report = replay(trace, how);
    print_report(std::cout, report, trace, wanted.output.empty() ? "(run)" : wanted.output,
                 options.format);
    std::cout.flush();
    if (!result.unwritten.empty())
        fmt::print(stderr,
                   "zcv: {}; the verdict is of all that was seen, the file has its beginning\n",
                   result.unwritten);
    if (options.forward_exit && result.command_status != 0)
        return static_cast<Status>(result.command_status);
    const bool kept = result.unwritten.empty();
    return kept || report.verdict != Verdict::clean ? status_of(report.verdict) : Status::unable;
}

// The library's own check would print its bounds, which have 300 digits.
std::string above_zero(const std::string& text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    const bool is_number = error == std::errc{} && stop == end && std::isfinite(number);
    return is_number && number > 0 ? "" : text + ": give a number above 0";
}

void add_capture_verb(CLI::App& app, Status& status) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("capture",
                                        "record what the kernel does with a process's "
                                        "zero-copy sends");
    verb->add_option("-o,--output", options->capture.output, "the trace, as a rule NAME.zct")
        ->required();
    verb->add_option("--output-name", options->output_name)->group("");
    verb->add_option("--pid", options->capture.pid,
                     "attach to this process, until it ends or Ctrl-C")
        ->check(above_zero);
    verb->add_option("--time-max", options->capture.time_max_s,
                     "with --pid: end after so many seconds")
        ->check(above_zero);
    add_common_options(verb, *options);
    verb->footer(
        "\nNeeds root, or CAP_BPF and CAP_PERFMON on zcv-capture. Children of the process are\n"
        "watched too. No payload is recorded.\n\n"
        "Examples:\n"
        "  zcv capture -o udp.zct -- zcv drive udp --sends 1000\n"
        "  zcv capture -o full.zct --hash full -- zcv drive tcp --misuse first-cqe\n"
        "  zcv capture -o busy.zct --buffer 256M --pid 4711 --time-max 10");
    verb->callback([options, &status] {
        run_capture(*options);
        status = Status::clean;
    });
}

void add_run_verb(CLI::App& app, Status& status) {
    auto options = std::make_shared<Options>();
    options->capture.hash = "sampled";
    options->capture.write_watch = true;
    CLI::App* verb = app.add_subcommand("run",
                                        "capture a command, replay the trace against the "
                                        "model, report, exit with the verdict");
    verb->add_option("-o,--output", options->capture.output, "keep the trace here");
    verb->add_option("--profile", options->profile,
                     "the kernel to replay against; default: this one");
    add_suppressions_option(*verb, options->suppressions);
    verb->add_option("--format", options->format, "text, json, jsonl, junit or sarif")
        ->check(CLI::IsMember(report_formats()))
        ->capture_default_str();
    verb->add_flag("--forward-exit", options->forward_exit,
                   "exit with the command's status when that is not 0");
    add_common_options(verb, *options);
    verb->footer(
        "\nThe report follows the command's own output. Exit status: 0 clean, 1 violation,\n"
        "3 inconclusive.\n\n"
        "Examples:\n"
        "  zcv run -- zcv drive udp --sends 10000\n"
        "  zcv run -- zcv drive udp --misuse first-cqe\n"
        "  zcv run -o tcp.zct --hash full --format json -- zcv drive tcp --device lo");
    verb->callback([options, &status] { status = run_and_replay(*options); });
}

}  // namespace

void add_capture_verbs(CLI::App& app, Status& status) {
    add_capture_verb(app, status);
    add_run_verb(app, status);
}

}  // namespace zcv
