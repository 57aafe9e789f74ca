#include "realimpl/drive_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "model/outcome.hpp"
namespace zcv::drive {

namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw Refusal(Status::usage, "drive: " + why);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, change});
        }
    }
    return row[b.size()];
}

// The tables are short, so the nearest names are all of them, nearest first.
template <typename Table>
std::string nearest(const Table& table, const std::string& name) {
    std::vector<std::string_view> names;
    names.reserve(table.size());
    for (const auto& entry : table) names.push_back(entry.name);
    std::ranges::stable_sort(names, {}, [&](auto known) { return edit_distance(known, name); });
    if (names.size() > 5) names.resize(5);
    return fmt::format("{}", fmt::join(names, ", "));
}

template <typename Table>
const auto& find(const Table& table, const std::string& name, const char* what) {
    const auto found = std::ranges::find_if(table, [&](const auto& e) { return e.name == name; });
    if (found == table.end())
        refuse(fmt::format("unknown {} '{}': use one of: {} (--list tells more)", what, name,
                           nearest(table, name)));
    return *found;
}

void check_range(const char* option, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    if (value < low || value > high)
        refuse(fmt::format("{} {} is out of range: use {} to {}", option, value, low, high));
}

// One datagram must fit an IP packet; above the MTU it goes in fragments.
std::uint64_t size_max(const Plan& plan) {
    if (plan.protocol == Protocol::tcp) return std::uint64_t{16} << 20;
    return plan.options.ipv6 ? 65535 - 40 - 8 : 65535 - 20 - 8;
}

Device device_of(const std::string& name, Protocol protocol) {
    const Device device = find(devices(), name, "device").value;
    // A TCP handshake needs somebody who answers; a sink cannot.
    if (protocol == Protocol::tcp && device == Device::dummy)
        refuse("--device dummy answers nobody: use the workload udp, or --device veth");
    return device == Device::sink && protocol == Protocol::tcp ? Device::ifb_peer : device;
}

// One thing a plan can ask for, and what it needs.
struct Need {
    bool asked;
    const char* what;
    bool met;
    const char* change;
};

void check_needs(const std::vector<Need>& needs) {
    for (const Need& need : needs)
        if (need.asked && !need.met) refuse(fmt::format("{} {}", need.what, need.change));
}

constexpr const char* use_ring = "is a ring's: use --api send_zc, sendmsg_zc or io_send";
constexpr const char* use_tcp = "needs a stream: use the workload tcp";
constexpr const char* use_msg_zerocopy = "is about the error queue: use --api msg_zerocopy";
constexpr const char* use_notified =
    "needs notifications: use --api send_zc, sendmsg_zc or msg_zerocopy";

void check_sending(const Plan& plan) {
    const Options& o = plan.options;
    const bool ring = is_ring(plan.api);
    const bool vectored = plan.api != Api::send_zc && plan.api != Api::io_send;
    check_needs({
        {o.fixed, "--fixed", plan.api == Api::send_zc || plan.api == Api::sendmsg_zc,
         "needs --api send_zc or sendmsg_zc"},
        {o.vectors > 1, "--vectors", vectored, "needs --api sendmsg_zc, msg_zerocopy or send"},
        {o.poll_first, "--poll-first", ring, use_ring},
        {o.async, "--async", ring, use_ring},
        {o.link, "--link", ring, use_ring},
        {o.drain, "--drain", ring, use_ring},
        {o.sqpoll, "--sqpoll", ring, use_ring},
        {o.defer_taskrun, "--defer-taskrun", ring, use_ring},
        {o.cq_entries != 0, "--cq-entries", ring, use_ring},
        {o.fault == "skip-success", "--fault skip-success", ring, use_ring},
        {o.decoys, "--decoys", ring || (!plan.stream() && !o.ipv6),
         "needs a ring or IPv4 datagrams: use --api send_zc, or udp without --ipv6"},
        {o.more, "--more", plan.stream(), use_tcp},
        {o.tail_copy, "--tail-copy", plan.stream(), use_tcp},
        {o.tail_bytes != 0, "--tail-bytes", o.tail_copy, "says how much: add --tail-copy"},
        {o.tail_copy, "--tail-copy", is_zero_copy(plan.api), use_notified},
        {!o.waitall, "--no-waitall", plan.stream(), use_tcp},
        {o.mtu_probing, "--mtu-probing", plan.stream(), use_tcp},
        {o.no_tso, "--no-tso", plan.stream(), use_tcp},
        {o.tls, "--tls", plan.stream(), use_tcp},
        {o.optmem != 0, "--optmem", plan.api == Api::msg_zerocopy, use_msg_zerocopy},
        {o.sqpoll && o.defer_taskrun, "--sqpoll and --defer-taskrun", false,
         "exclude each other in the kernel: use one"},
    });
}

// They go into a line of tc's, which says what is wrong with them.
bool is_words(const std::string& text) {
    return std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == ' ' || c == '.' || c == '%' || c == '_';
    });
}

void check_network(const Plan& plan) {
    const Options& o = plan.options;
    check_needs({
        {o.pause_ms != 0, "--pause-ms", plan.has_receiver(),
         "needs a receiver: use --device veth, ifb-peer, tap or lo"},
        {o.rcvbuf != 0, "--rcvbuf", plan.has_receiver(),
         "needs a receiver: use --device veth, ifb-peer, tap or lo"},
        {o.mtu != 65535, "--mtu", plan.device != Device::lo, "changes a device: leave out lo"},
        {o.no_tso, "--no-tso", plan.device != Device::lo, "changes a device: leave out lo"},
        {!o.netem.empty(), "--netem", o.rate.empty() || o.rate == "none",
         "and --rate want the same place: add rate to its words, as in 'delay 9ms rate 50mbit'"},
        {!o.netem.empty(), "--netem", is_words(o.netem),
         "takes words as of tc-netem(8): use e.g. 'delay 20ms loss 1%'"},
        {o.sniffer, "--sniffer", is_zero_copy(plan.api),
         "changes nothing where all is copied anyway: use --api send_zc"},
    });
    if (o.pause_ms >= o.stall_ms)
        refuse(fmt::format("--pause-ms {} looks like a stall: raise --stall-ms {}", o.pause_ms,
                           o.stall_ms));
}

void check_event(const Plan& plan) {
    const Event event = plan.event;
    const bool ring = is_ring(plan.api);
    check_needs({
        {event == Event::peer_reset, "--event peer-reset", plan.stream(), use_tcp},
        {event == Event::cancel, "--event cancel", ring, use_ring},
        {event == Event::link_timeout, "--event link-timeout", ring, use_ring},
        {event == Event::ring_exit, "--event ring-exit", ring, use_ring},
        {event == Event::unregister, "--event unregister", plan.options.fixed,
         "needs registered buffers: add --fixed"},
        {event == Event::remap, "--event remap", !plan.options.fixed,
         "would leave the registered buffers at the old pages: leave out --fixed"},
    });
}

// The misuses of an event imply it.
Event event_of(Misuse misuse) {
    constexpr std::pair<Misuse, Event> all[]{
        {Misuse::close, Event::close},         {Misuse::shutdown, Event::shutdown},
        {Misuse::cancel, Event::cancel},       {Misuse::link_timeout, Event::link_timeout},
        {Misuse::ring_exit, Event::ring_exit}, {Misuse::unregister, Event::unregister},
        {Misuse::fork, Event::fork},           {Misuse::remap, Event::remap},
    };
    const auto* const found = std::ranges::find(all, misuse, &std::pair<Misuse, Event>::first);
    return found == std::end(all) ? Event::none : found->second;
}

void imply_event(Plan& plan) {
    const Event implied = event_of(plan.misuse);
    if (plan.misuse == Misuse::none || plan.event == implied) return;
    if (plan.event != Event::none)
        refuse(fmt::format("--misuse {} and --event {} exclude each other: leave one out",
                           plan.options.misuse, plan.options.event));
    plan.event = implied;
    plan.options.event = plan.options.misuse;
}

void check_misuse(const Plan& plan) {
    const Options& o = plan.options;
    const Misuse m = plan.misuse;
    const std::string named = "--misuse " + o.misuse;
    const char* const what = named.c_str();
    const bool ring = is_ring(plan.api);
    const bool calls = plan.api == Api::msg_zerocopy;
    const bool streaming = plan.stream() && !o.waitall && o.sndbuf != 0;
    constexpr const char* use_short =
        "needs short sends: use the workload tcp with --no-waitall --sndbuf 4096";
    check_needs({
        {m != Misuse::none, what, is_zero_copy(plan.api), use_notified},
        {m == Misuse::last_chunk, what, o.tail_copy, "needs a last chunk: add --tail-copy"},
        {m == Misuse::msghdr_reuse, what, plan.api == Api::sendmsg_zc, "needs --api sendmsg_zc"},
        {m == Misuse::msghdr_reuse, what, o.batch > 1, "needs a batch: use --batch 2 or more"},
        {m == Misuse::resend || m == Misuse::unchained, what, streaming, use_short},
        {m == Misuse::expect_two, what, o.fault == "skip-success",
         "needs a failure without a notification: add --fault skip-success"},
        {m == Misuse::error_no_notif, what, ring, use_ring},
        {m == Misuse::error_no_notif, what, o.fault == "address" || o.fault == "descriptor",
         "needs failures with a notification: add --fault address"},
        {m == Misuse::cancelled_no_notif, what, !o.fault.empty() && (o.link || plan.stream()),
         "needs chains that break: add --fault address, and with udp --link"},
        {m == Misuse::cancelled_no_notif || m == Misuse::recycled_names, what, ring, use_ring},
        {m == Misuse::fifo_notifs, what, o.decoys, "needs a faster path: add --decoys"},
        {m == Misuse::notif_as_delivery, what, !plan.stream() && o.pause_ms > 0,
         "needs datagrams and a receiver that pauses: use the workload udp with --pause-ms 300"},
        {m == Misuse::peek_only, what, o.defer_taskrun, "needs --defer-taskrun"},
        {m == Misuse::overflow_is_lost, what, o.cq_entries != 0,
         "needs a ring that overflows: add --cq-entries 8 --buffers 128"},
        {m == Misuse::counter_desync, what, calls && (o.dontwait || !o.fault.empty()),
         "needs calls that fail: use --api msg_zerocopy --fault address"},
        {m == Misuse::ipv4_cmsg_only, what, calls && o.ipv6,
         "needs the other family: use --api msg_zerocopy --ipv6"},
        {m == Misuse::no_so_zerocopy || m == Misuse::range_as_one || m == Misuse::errqueue_unread,
         what, calls, use_msg_zerocopy},
        {m == Misuse::copied_is_safe, what, o.report_usage,
         "needs the report it misreads: leave out --no-report-usage"},
    });
}

void check_numbers(const Plan& plan) {
    const Options& o = plan.options;
    check_range("--sends", o.sends, 1, 10'000'000);
    check_range("--size", plan.sizes.min(), 1, size_max(plan));
    check_range("--size", plan.sizes.max(), 1, size_max(plan));
    check_range("--buffers", o.buffers, 1, 1024);
    check_range("--batch", o.batch, 1, 256);
    check_range("--vectors", o.vectors, 1, 64);
    if (o.batch > o.buffers)
        refuse(fmt::format("--batch {} needs as many buffers: use --buffers {} or more", o.batch,
                           o.batch));
    constexpr std::uint64_t memory_max = std::uint64_t{1} << 30;
    if (o.buffers * plan.sizes.max() > memory_max)
        refuse(fmt::format("--buffers {} of --size {} need more than 1 GiB: use fewer or smaller",
                           o.buffers, o.size));
    // The kernel wants no fewer completions than submissions.
    if (o.cq_entries != 0) check_range("--cq-entries", o.cq_entries, o.batch, 32768);
    if (o.event_at != 0) check_range("--event-at", o.event_at, 1, o.sends);
    if (o.sndbuf != 0) check_range("--sndbuf", o.sndbuf, 1, 1U << 30);
    if (o.rcvbuf != 0) check_range("--rcvbuf", o.rcvbuf, 1, 1U << 30);
    check_range("--pause-ms", o.pause_ms, 0, 60'000);
    check_range("--mtu", o.mtu, o.ipv6 ? 1280 : 576, 65535);
    check_range("--stall-ms", o.stall_ms, 100, 3'600'000);
}

template <typename Table, typename Value>
void name_if(Value& value, const Table& table, const std::string& name, const char* what) {
    if (!name.empty()) value = find(table, name, what).value;
}

}  // namespace

std::uint64_t rate_of(const std::string& text) {
    if (text == "none") return 0;
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    const std::uint64_t scale = unit == "bit"    ? 1
                                : unit == "kbit" ? 1'000
                                : unit == "mbit" ? 1'000'000
                                : unit == "gbit" ? 1'000'000'000
                                                 : 0;
    constexpr std::uint64_t low = 1'000'000;
    constexpr std::uint64_t high = 100'000'000'000;
    if (error != std::errc{} || scale == 0 || number > high / scale || number * scale < low)
        refuse(fmt::format("--rate '{}' is no rate: use 1mbit to 100gbit, or none", text));
    return number * scale;
}

Plan plan_of(const Options& options) {
    Plan plan;
    plan.options = options;
    if (options.workload.empty())
        refuse(fmt::format("no workload: name one of: {}", nearest(workloads(), "")));
    plan.protocol = find(workloads(), options.workload, "workload").value;
    plan.device = device_of(options.device, plan.protocol);
    name_if(plan.api, apis(), options.sendmsg ? "sendmsg_zc" : options.api, "api");
    name_if(plan.fault, faults(), options.fault, "fault");
    name_if(plan.event, events(), options.event, "event");
    name_if(plan.misuse, misuses(), options.misuse, "misuse");
    if (plan.misuse != Misuse::none) plan.harm = find(misuses(), options.misuse, "misuse").harm;
    imply_event(plan);
    // TLS knows no MSG_WAITALL, and what it refuses is not to break a chain.
    if (options.tls) plan.options.waitall = false;
    const auto sizes = Sizes::parsed(options.size);
    if (!sizes)
        refuse(
            fmt::format("--size '{}' is no size: use e.g. 4096, 1-64k or 1,100,1m", options.size));
    plan.sizes = *sizes;
    const bool in_flight =
        (plan.misuse != Misuse::none || plan.event != Event::none) && options.netem.empty();
    plan.rate_bits =
        options.rate.empty() ? (in_flight ? rate_of(flight_rate) : 0) : rate_of(options.rate);
    plan.event_at = options.event_at != 0 ? options.event_at : (options.sends + 1) / 2;
    check_numbers(plan);
    check_sending(plan);
    check_network(plan);
    check_event(plan);
    check_misuse(plan);
    return plan;
}

}  // namespace zcv::drive
