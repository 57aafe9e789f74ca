#include "realimpl/drive_verb.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <limits>
#include <memory>

#include "realimpl/drive_options.hpp"
#include "realimpl/drive_report.hpp"
#include "realimpl/drive_run.hpp"

namespace zcv {

namespace {

constexpr const char* examples = R"(
The sender runs in network namespaces made for the run; the kernel removes them with their last
process. A misuse or an event without --rate is shaped to 200mbit, so that it meets data in flight.

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
        std::cout << (verb.options.format == "json" ? drive::list_json() : drive::list_text());
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
    const auto flag = [&](const char* name, bool& value, const char* about) {
        sub.add_flag(name, value, about)->group("How a request is sent");
    };
    flag("--fixed", o.fixed, "send from registered buffers");
    flag("--sendmsg", o.sendmsg, "the same as --api sendmsg_zc");
    flag("--more", o.more, "MSG_MORE on all but the last of a batch");
    flag("--tail-copy", o.tail_copy, "the end of each message by a copying send");
    flag("--waitall,!--no-waitall", o.waitall, "MSG_WAITALL on a stream (default: yes)");
    flag("--dontwait", o.dontwait, "MSG_DONTWAIT");
    flag("--poll-first", o.poll_first, "IORING_RECVSEND_POLL_FIRST");
    flag("--async", o.async, "IOSQE_ASYNC");
    flag("--link", o.link, "udp: each batch a linked chain, as a stream's always is");
    flag("--drain", o.drain, "IOSQE_IO_DRAIN");
    flag("--decoys", o.decoys, "sends to nobody between the messages");
    flag("--defer-taskrun", o.defer_taskrun, "ring with DEFER_TASKRUN");
    flag("--sqpoll", o.sqpoll, "ring with a submission thread in the kernel");
    flag("--report-usage,!--no-report-usage", o.report_usage,
         "ask each notification how the data travelled (default: yes)");
}

struct Number {
    const char* name;
    std::uint64_t drive::Options::*value;
    const char* about;
};
constexpr Number numbers[]{
    {"--sends", &drive::Options::sends, "messages to send"},
    {"--batch", &drive::Options::batch, "requests submitted per enter"},
    {"--buffers", &drive::Options::buffers, "buffers to send from"},
    {"--vectors", &drive::Options::vectors, "parts of a message in its iovec"},
    {"--cq-entries", &drive::Options::cq_entries, "completion ring; 0: large enough"},
    {"--event-at", &drive::Options::event_at, "message at which it happens; 0: half-way"},
    {"--sndbuf", &drive::Options::sndbuf, "send buffer of the socket; 0: large enough"},
    {"--rcvbuf", &drive::Options::rcvbuf, "receive buffer of the peer; 0: large enough"},
    {"--pause-ms", &drive::Options::pause_ms, "half-way the receiver stops reading for so long"},
    {"--tail-bytes", &drive::Options::tail_bytes, "of --tail-copy, how much; 0: half a message"},
    {"--mtu", &drive::Options::mtu, "of the devices"},
    {"--memlock", &drive::Options::memlock, "bytes of RLIMIT_MEMLOCK; 0: as it is"},
    {"--optmem", &drive::Options::optmem, "bytes of net.core.optmem_max; 0: as it is"},
    {"--seed", &drive::Options::seed, "what the messages' bytes and sizes follow from"},
    {"--stall-ms", &drive::Options::stall_ms, "give up when nothing moves for so long"},
};

// By itself CLI11 takes -1, and what is too large, for the largest number there is.
const CLI::Validator whole_number{
    [](std::string& text) -> std::string {
        std::uint64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [read, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc{} && read == end) return "";
        return fmt::format("{}: give a whole number from 0 to {}", text,
                           std::numeric_limits<std::uint64_t>::max());
    },
    "", ""};

void add_network(CLI::App& sub, drive::Options& o) {
    const auto flag = [&](const char* name, bool& value, const char* about) {
        sub.add_flag(name, value, about)->group("What it goes through");
    };
    flag("--ipv6", o.ipv6, "IPv6 instead of IPv4");
    flag("--sniffer", o.sniffer, "a packet socket on the device, as tcpdump opens one");
    flag("--mtu-probing", o.mtu_probing, "TCP probes for the path's MTU");
    flag("--no-tso", o.no_tso, "no packet larger than a segment is given to the device");
    flag("--tls", o.tls, "kTLS, in software: zero copy is refused, and tried all the same");
}

}  // namespace

void add_drive_verb(CLI::App& app, Status&) {
    const auto verb = std::make_shared<Verb>();
    drive::Options& o = verb->options;
    CLI::App& sub = *app.add_subcommand(
        "drive", "run a real zero-copy workload, conforming or with a named misuse");
    sub.add_option("WORKLOAD", o.workload, "udp or tcp");
    sub.add_flag("--list", verb->list, "name the workloads, options, events and misuses");
    sub.add_option("--api", o.api, "send_zc, sendmsg_zc, msg_zerocopy, io_send or send")
        ->capture_default_str();
    sub.add_option("--device", o.device, "lo, veth, veth-plain, ifb, ifb-peer, tap, dummy or nic")
        ->capture_default_str();
    sub.add_option("--size", o.size, "bytes of a message; mixes too: 1-64k,1m")
        ->capture_default_str();
    sub.add_option("--misuse", o.misuse, "break the rules of buffer reuse, e.g. first-cqe");
    sub.add_option("--fault", o.fault, "address, descriptor or skip-success: requests that fail");
    sub.add_option("--event", o.event, "what happens once in flight, e.g. ring-exit");
    sub.add_option("--rate", o.rate, "shape the sending device, e.g. 200mbit; or none");
    sub.add_option("--netem", o.netem,
                   "disturb the sending device, e.g. 'delay 20ms loss 1%', as in tc-netem(8)");
    for (const Number& number : numbers)
        sub.add_option(number.name, o.*number.value, number.about)
            ->capture_default_str()
            ->check(whole_number);
    sub.add_option("--format", o.format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    add_modes(sub, o);
    add_network(sub, o);
    sub.footer(examples);
    sub.callback([verb] { execute(*verb); });
}

}  // namespace zcv
