#include "realimpl/drive_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "realimpl/drive_options.hpp"
#include "realimpl/drive_report.hpp"
#include "realimpl/drive_run.hpp"

namespace zcv {

namespace {

constexpr const char* examples = R"(
The sender runs in network namespaces made for the run; the kernel removes them with their last
process. A misuse without --rate is shaped to 200mbit, so that rewrites meet data in flight.

Examples:
  zcv drive udp --sends 10000
  zcv drive tcp --device lo --size 65536 --fixed
  zcv drive udp --misuse first-cqe --format json
  zcv drive tcp --device ifb --rate 100mbit --defer-taskrun
  zcv run -- zcv drive udp --misuse first-cqe)";

struct Verb {
    drive::Options options;
    bool list = false;
};

void execute(const Verb& verb) {
    if (verb.list) {
        std::cout << drive::list_text();
        return;
    }
    const drive::Plan plan = drive::plan_of(verb.options);
    const drive::Result result = drive::run(plan);
    if (!result.note.empty()) std::cerr << "zcv: " << result.note << '\n';
    const bool json = verb.options.format == "json";
    std::cout << (json ? drive::json_of(plan, result) : drive::text_of(plan, result)) << std::flush;
    if (!std::cout) throw Refusal(Status::unable, "drive: the report cannot be written to stdout");
}

void add_modes(CLI::App& sub, drive::Options& o) {
    sub.add_flag("--fixed", o.fixed, "send from registered buffers");
    sub.add_flag("--sendmsg", o.sendmsg, "SENDMSG_ZC instead of SEND_ZC");
    sub.add_flag("--defer-taskrun", o.defer_taskrun, "ring with DEFER_TASKRUN");
    sub.add_flag("--sqpoll", o.sqpoll, "ring with a submission thread in the kernel");
    sub.add_flag("--report-usage,!--no-report-usage", o.report_usage,
                 "ask each notification how the data travelled (default: yes)");
    sub.add_flag("--ipv6", o.ipv6, "IPv6 instead of IPv4");
}

}  // namespace

void add_drive_verb(CLI::App& app, Status&) {
    const auto verb = std::make_shared<Verb>();
    drive::Options& o = verb->options;
    CLI::App& sub = *app.add_subcommand(
        "drive", "run a real zero-copy workload, conforming or with a named misuse");
    sub.add_option("WORKLOAD", o.workload, "udp or tcp");
    sub.add_flag("--list", verb->list, "name the workloads, devices and misuses");
    sub.add_option("--device", o.device, "lo, veth, ifb or ifb-peer")->capture_default_str();
    sub.add_option("--misuse", o.misuse, "break the rules of buffer reuse: first-cqe");
    sub.add_option("--rate", o.rate, "shape the sending device, e.g. 200mbit; or none");
    sub.add_option("--sends", o.sends, "messages to send")->capture_default_str();
    sub.add_option("--size", o.size, "bytes of a message")->capture_default_str();
    sub.add_option("--batch", o.batch, "requests submitted per enter")->capture_default_str();
    sub.add_option("--buffers", o.buffers, "buffers to send from")->capture_default_str();
    sub.add_option("--cq-entries", o.cq_entries, "completion ring; 0: large enough")
        ->capture_default_str();
    sub.add_option("--seed", o.seed, "what the messages' bytes follow from")->capture_default_str();
    sub.add_option("--stall-ms", o.stall_ms, "give up when nothing moves for so long")
        ->capture_default_str();
    sub.add_option("--format", o.format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    add_modes(sub, o);
    sub.footer(examples);
    sub.callback([verb] { execute(*verb); });
}

}  // namespace zcv
