#include "realimpl/drive_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>
#include <string_view>

#include "model/outcome.hpp"
#include "realimpl/drive_message.hpp"

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

// One datagram must fit the MTU, or the kernel copies before the network is even asked.
std::uint64_t size_max(const Plan& plan) {
    if (plan.protocol == Protocol::tcp) return std::uint64_t{16} << 20;
    return plan.options.ipv6 ? 65535 - 40 - 8 : 65535 - 20 - 8;
}

Device device_of(const std::string& name, Protocol protocol) {
    find(devices(), name, "device");
    if (name == "lo") return Device::lo;
    if (name == "veth") return Device::veth;
    // A TCP handshake needs somebody who answers; a sink cannot.
    return name == "ifb" && protocol == Protocol::udp ? Device::sink : Device::ifb_peer;
}

}  // namespace

const std::vector<Workload>& workloads() {
    static const std::vector<Workload> table{
        {"udp", Protocol::udp, "numbered datagrams, each request on its own"},
        {"tcp", Protocol::tcp, "numbered messages on one connection, each batch a linked chain"},
    };
    return table;
}

const std::vector<NamedDevice>& devices() {
    static const std::vector<NamedDevice> table{
        {"lo", "loopback: every send is copied, but only at delivery"},
        {"veth", "to a peer with a native XDP_PASS program: zero copy, and the data arrives"},
        {"ifb", "udp: into a sink that nobody reads, zero copy; tcp: as ifb-peer"},
        {"ifb-peer", "as veth, redirected through an ifb that holds the data on its way"},
    };
    return table;
}

const std::vector<NamedMisuse>& misuses() {
    static const std::vector<NamedMisuse> table{
        {"first-cqe", Misuse::first_cqe,
         "takes the first CQE as the release: writes the next message into the buffer at once"},
    };
    return table;
}

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
    plan.protocol = find(workloads(), options.workload, "workload").protocol;
    plan.device = device_of(options.device, plan.protocol);
    if (!options.misuse.empty()) plan.misuse = find(misuses(), options.misuse, "misuse").misuse;
    const bool default_rate = options.rate.empty() && plan.misuse != Misuse::none;
    plan.rate_bits = default_rate           ? rate_of(misuse_rate)
                     : options.rate.empty() ? 0
                                            : rate_of(options.rate);

    check_range("--sends", options.sends, 1, 10'000'000);
    check_range("--size", options.size, message_size_min, size_max(plan));
    check_range("--buffers", options.buffers, 1, 1024);
    check_range("--batch", options.batch, 1, 256);
    if (options.batch > options.buffers)
        refuse(fmt::format("--batch {} needs as many buffers: use --buffers {} or more",
                           options.batch, options.batch));
    constexpr std::uint64_t memory_max = std::uint64_t{1} << 30;
    if (options.buffers * options.size > memory_max)
        refuse(fmt::format("--buffers {} of --size {} need more than 1 GiB: use fewer or smaller",
                           options.buffers, options.size));
    // The kernel wants no fewer completions than submissions.
    if (options.cq_entries != 0)
        check_range("--cq-entries", options.cq_entries, options.batch, 32768);
    check_range("--stall-ms", options.stall_ms, 100, 3'600'000);
    if (options.fixed && options.sendmsg)
        refuse("--fixed and --sendmsg exclude each other: SENDMSG_ZC takes an iovec, use one");
    if (options.sqpoll && options.defer_taskrun)
        refuse("--sqpoll and --defer-taskrun exclude each other in the kernel: use one");
    return plan;
}

}  // namespace zcv::drive
