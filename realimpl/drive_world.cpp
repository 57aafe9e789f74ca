#include "realimpl/drive_world.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "realimpl/netns.hpp"

namespace zcv::drive {

namespace {

constexpr const char* hold_device = "zcvq";
constexpr const char* veth_remedy = "load the veth module (modprobe veth), or use --device lo";
constexpr const char* dummy_remedy = "load the dummy module (modprobe dummy), or use --device ifb";
constexpr const char* ifb_remedy = "load the ifb module (modprobe ifb), or use --device lo";

bool is_sink(const Plan& plan) {
    return plan.device == Device::sink || plan.device == Device::dummy;
}

bool has_pair(const Plan& plan) {
    return plan.device != Device::lo && !is_sink(plan);
}

bool has_program(const Plan& plan) {
    return plan.device == Device::veth || plan.device == Device::ifb_peer;
}

// A tap keeps room for its own header; cards take jumbo frames.
std::uint64_t mtu_of(const Plan& plan) {
    const std::uint64_t most = plan.device == Device::tap   ? 65521
                               : plan.device == Device::nic ? 9000
                                                            : 65535;
    return std::min(plan.options.mtu, most);
}

std::string link_address(int host) {
    return fmt::format("02:5a:43:00:00:{:02x}", host);
}

// IPv6 may be switched off on this machine; then only --ipv6 may fail.
std::vector<std::string> up(const Plan& plan, const char* device, int host) {
    std::vector<std::string> lines{
        fmt::format("link set {} mtu {} txqueuelen 1000 up", device, mtu_of(plan)),
        fmt::format("addr add 10.200.0.{}/30 dev {}", host, device),
    };
    if (plan.options.ipv6) {
        // No address of the link's own: nobody needs it, and it takes a second to be made sure of.
        lines.insert(lines.begin(), fmt::format("link set {} addrgenmode none", device));
        lines.push_back(fmt::format("addr add fd00:5a43::{}/64 dev {} nodad", host, device));
    }
    return lines;
}

// Both ends know each other's link address from the start: while a neighbour is still being asked
// for, the kernel keeps only the first few datagrams and drops the rest of a burst.
std::vector<std::string> end_up(const Plan& plan, const char* device, int host) {
    const int other = 3 - host;
    std::vector<std::string> lines = up(plan, device, host);
    lines.insert(lines.begin(), fmt::format("link set {} address {}", device, link_address(host)));
    const auto know = [&](const char* network) {
        lines.push_back(fmt::format("neigh replace {}{} lladdr {} dev {}", network, other,
                                    link_address(other), device));
    };
    know("10.200.0.");
    if (plan.options.ipv6) know("fd00:5a43::");
    return lines;
}

void make_sink(const Plan& plan) {
    const bool dummy = plan.device == Device::dummy;
    netns::configure("ip",
                     {fmt::format("link add {} type {}", near_device, dummy ? "dummy" : "ifb")},
                     dummy ? dummy_remedy : ifb_remedy);
    netns::configure("ip", up(plan, near_device, 1), "the device does not take these settings");
}

// One card for each end.
void take_cards(const Board& board, pid_t peer) {
    netns::take_device(board.home, link_address(1), near_device, ::getpid());
    netns::take_device(board.home, link_address(2), far_device, peer);
}

void make_pair(const Plan& plan, const Board& board, pid_t peer) {
    if (plan.device == Device::nic)
        take_cards(board, peer);
    else if (plan.device != Device::tap)
        netns::configure(
            "ip",
            {fmt::format("link add {} mtu 65535 type veth peer name {} mtu 65535 netns {}",
                         near_device, far_device, peer)},
            veth_remedy);
    netns::configure("ip", end_up(plan, near_device, 1), "the device does not take these settings");
}

// What is redirected at egress comes back out of the ifb to the device it was meant for.
void make_detour(const Plan& plan) {
    netns::configure("ip",
                     {fmt::format("link add {} mtu {} type ifb", hold_device, plan.options.mtu),
                      fmt::format("link set {} txqueuelen 1000 up", hold_device)},
                     ifb_remedy);
    netns::configure("tc",
                     {fmt::format("qdisc add dev {} clsact", near_device),
                      fmt::format("filter add dev {} egress protocol all u32 match u32 0 0 "
                                  "action mirred egress redirect dev {}",
                                  near_device, hold_device)},
                     "the kernel needs cls_u32 and act_mirred (modprobe), or use --device veth");
}

const char* shaped_device(Device device) {
    return device == Device::lo ? "lo" : device == Device::ifb_peer ? hold_device : near_device;
}

// Before the device is up, so that no packet takes the copying path.
void attach_program(const Plan& plan, Board& board) {
    const int link =
        plan.peer_drops ? netns::attach_xdp_drop(far_device) : netns::attach_xdp_pass(far_device);
    board.xdp = link >= 0;
    if (board.xdp) return;
    const std::string note = fmt::format(
        "drive: no XDP_PASS program on the peer ({}): it copies every send", std::strerror(-link));
    board.note[note.copy(board.note, sizeof board.note - 1)] = '\0';
}

}  // namespace

void enter_world(const Plan& plan, Board& board) {
    if (plan.device == Device::nic) board.home = netns::open_own();
    const std::string why = netns::isolate();
    board.isolated = why.empty();
    if (board.isolated) {
        if (plan.device == Device::tap) board.tap = netns::open_tap(near_device);
        return;
    }
    if (plan.device == Device::lo && plan.rate_bits == 0 && plan.options.optmem == 0) {
        const std::string note = "drive: " + why + "; using the loopback of this namespace";
        board.note[note.copy(board.note, sizeof board.note - 1)] = '\0';
        return;
    }
    throw Refusal(Status::unable,
                  fmt::format("drive: {}: run as root, or use --device lo without --rate", why));
}

void make_devices(const Plan& plan, const Board& board, pid_t peer) {
    if (has_pair(plan))
        make_pair(plan, board, peer);
    else if (is_sink(plan))
        make_sink(plan);
    if (board.isolated) netns::configure("ip", {"link set lo up"}, "loopback cannot be used here");
    if (plan.device == Device::ifb_peer) make_detour(plan);
    if (plan.rate_bits != 0)
        netns::configure("tc", {netns::tbf_line(shaped_device(plan.device), plan.rate_bits)},
                         "load sch_tbf (modprobe sch_tbf), or use --rate none");
    if (!plan.options.netem.empty())
        netns::configure("tc", {netns::netem_line(shaped_device(plan.device), plan.options.netem)},
                         "see tc-netem(8), and load sch_netem (modprobe sch_netem)");
    if (plan.options.no_tso)
        netns::configure("ip",
                         {fmt::format("link set {} gso_max_segs 1", shaped_device(plan.device))},
                         "the device does not take these settings");
    if (plan.options.mtu_probing) netns::set("net/ipv4/tcp_mtu_probing", 2);
    if (plan.options.optmem != 0) netns::set("net/core/optmem_max", plan.options.optmem);
}

void enter_peer(const Plan& plan) {
    if (has_pair(plan)) netns::isolate_again();
}

void make_peer_end(const Plan& plan, Board& board) {
    if (!has_pair(plan)) return;
    if (plan.device == Device::tap) netns::forward(board.tap, netns::open_tap(far_device));
    if (has_program(plan)) attach_program(plan, board);
    netns::configure("ip", end_up(plan, far_device, 2),
                     "the peer's device does not take these settings");
    netns::await_ready(far_device, plan.options.ipv6);
}

void await_devices(const Plan& plan) {
    if (has_pair(plan)) netns::await_ready(near_device, plan.options.ipv6);
}

sockaddr_storage address_of(const Plan& plan, std::uint16_t port) {
    sockaddr_storage storage{};
    const bool local = plan.device == Device::lo;
    if (plan.options.ipv6) {
        auto& address = reinterpret_cast<sockaddr_in6&>(storage);
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        ::inet_pton(AF_INET6, local ? "::1" : "fd00:5a43::2", &address.sin6_addr);
    } else {
        auto& address = reinterpret_cast<sockaddr_in&>(storage);
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        ::inet_pton(AF_INET, local ? "127.0.0.1" : "10.200.0.2", &address.sin_addr);
    }
    return storage;
}

socklen_t address_size(const Plan& plan) {
    return plan.options.ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

}  // namespace zcv::drive
