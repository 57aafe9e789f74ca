#include "model/kernel_scenarios.hpp"

#include <memory>

#include "model/kernel_system.hpp"
#include "model/outcome.hpp"

namespace zcv {
namespace {

constexpr SockConfig udp_sink{.transport = Transport::udp, .sink = true};
constexpr SockConfig udp_nic{.transport = Transport::udp, .dma = true};
constexpr SockConfig udp_loopback{.transport = Transport::udp, .receives = true};
constexpr SockConfig tcp_nic{.transport = Transport::tcp, .dma = true};
constexpr SockConfig tcp_loopback{.transport = Transport::tcp, .receives = true};

// Every request can have its own notification, every datagram its own shared info.
constexpr Bounds udp_bounds(std::uint32_t requests, std::uint32_t skbs) {
    return {.buffers = requests,
            .requests = requests,
            .notifs = requests,
            .shinfos = skbs,
            .skbs = skbs};
}

// Datagrams: one skb, released once.
std::vector<KernelScenario> datagrams() {
    return {
        {.name = "udp-sink",
         .asks = "Two UDP sends to a device that throws packets away: is every buffer held until "
                 "its notification?",
         .profile = "6.18",
         .world = {.socks = {udp_sink}, .hazards = {.drops = true}, .bounds = udp_bounds(2, 2)},
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 21274, .transitions = 92862, .depth = 30}},
        {.name = "udp-nic",
         .asks = "A network card reads the pages after the send returned: is the buffer still the "
                 "submitted one?",
         .profile = "6.18",
         .world = {.socks = {udp_nic}, .hazards = {.drops = true}, .bounds = udp_bounds(2, 2)},
         .expect = {.broken = "", .states = 29810, .transitions = 126790, .depth = 31}},
        {.name = "udp-loopback",
         .asks = "The data is copied only on receive: does the notification wait for that copy?",
         .profile = "6.18",
         .world = {.socks = {udp_loopback}, .hazards = {.drops = true}, .bounds = udp_bounds(2, 2)},
         .expect = {.broken = "", .states = 90004, .transitions = 397676, .depth = 48}},
        {.name = "udp-failures",
         .asks =
             "Preparation and sendmsg may fail at every point: does F_MORE still tell the truth?",
         .profile = "6.18",
         .world =
             {.socks = {udp_nic},
              .hazards = {.prep_fails = true, .issue_fails = true, .io_wq = true, .drops = true},
              .bounds = udp_bounds(2, 1)},
         .expect = {.broken = "", .states = 251054, .transitions = 951150, .depth = 27}},
        {.name = "tapped-and-forwarded",
         .asks = "A packet socket listens and the packet is forwarded before it is received: who "
                 "copies, and who holds?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::udp,
                              .receives = true,
                              .forwards = true,
                              .tapped = true}},
                   .bounds = {.shinfos = 3, .skbs = 3}},
         .expect = {.broken = "", .states = 70353, .transitions = 350055, .depth = 47}},
        {.name = "cq-overflow",
         .asks = "Two CQEs for a send and a CQ ring of one: is a notification late, never lost or "
                 "early?",
         .profile = "6.18",
         .world = {.socks = {udp_nic},
                   .bounds = {.buffers = 2,
                              .requests = 2,
                              .notifs = 2,
                              .shinfos = 2,
                              .skbs = 2,
                              .cq_entries = 1}},
         .expect = {.broken = "", .states = 42310, .transitions = 142110, .depth = 46}},
    };
}

// TCP: clones, a retransmission queue, stacked notifications.
std::vector<KernelScenario> streams() {
    return {
        {.name = "tcp-nic-6.1",
         .asks = "One skb for each send, kept for retransmission: does the notification wait for "
                 "the ACK?",
         .profile = "6.1",
         .world = {.socks = {tcp_nic},
                   .hazards = {.retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .notifs = 2, .shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 907001, .transitions = 3543875, .depth = 58}},
        {.name = "tcp-nic-6.12",
         .asks = "Stacked notifications share an skb: is no member released before the head?",
         .profile = "6.12",
         .world = {.socks = {tcp_nic},
                   .hazards = {.retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .notifs = 2, .shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 3025049, .transitions = 11504927, .depth = 64}},
        {.name = "tcp-nic",
         .asks =
             "The same on 6.18, with lost packets, polls and a peer that resets the connection?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.again = true, .drops = true, .resets = true, .retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .notifs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 215264, .transitions = 890459, .depth = 50}},
        {.name = "tcp-stacked-3",
         .asks = "Three sends in one chain: do all three wait for the last byte on the wire?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .bounds = {.buffers = 1,
                              .requests = 3,
                              .notifs = 3,
                              .shinfos = 1,
                              .skbs = 2,
                              .cq_entries = 6}},
         .expect = {.broken = "", .states = 2913723, .transitions = 9758575, .depth = 59}},
        {.name = "tcp-loopback",
         .asks = "The clone is copied on receive, the original waits for its ACK: who releases the "
                 "buffer?",
         .profile = "6.18",
         .world = {.socks = {tcp_loopback},
                   .bounds = {.buffers = 1, .requests = 2, .notifs = 2, .shinfos = 2, .skbs = 2}},
         .expect = {.broken = "", .states = 56091, .transitions = 148175, .depth = 51}},
        {.name = "segmented",
         .asks = "A large skb is split on its way out: does the last segment release the buffer?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::tcp, .dma = true, .segments = true}},
                   .hazards = {.drops = true},
                   .bounds = {.shinfos = 3, .skbs = 4}},
         .expect = {.broken = "", .states = 215005, .transitions = 877894, .depth = 40}},
        {.name = "split-and-refused",
         .asks = "The device refuses an skb, and TCP sends only part of it: do both parts hold the "
                 "buffer?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::tcp, .dma = true, .splits = true}},
                   .hazards = {.drops = true, .refusals = true},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 14645, .transitions = 58464, .depth = 35}},
        {.name = "copied-at-send",
         .asks = "No scatter-gather, so the data is copied in sendmsg: is there still exactly one "
                 "notification?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::udp, .dma = true, .copies_at_send = true},
                             {.transport = Transport::tcp, .dma = true, .copies_at_send = true}},
                   .bounds = {.buffers = 1, .requests = 2, .notifs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 29238, .transitions = 82621, .depth = 36}},
    };
}

// What goes wrong: in the application, and in the kernel as it is.
std::vector<KernelScenario> broken_promises() {
    return {
        {.name = "first-cqe",
         .asks = "What if the application takes the first CQE for the release?",
         .profile = "6.18",
         .app = App::first_cqe,
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 26,
                    .transitions = 35,
                    .depth = 11}},
        {.name = "first-cqe-wire",
         .asks = "... and does the peer then receive bytes that nobody sent?",
         .profile = "6.18",
         .app = App::first_cqe,
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1)},
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 38, .transitions = 56, .depth = 14}},
        {.name = "first-cqe-loopback",
         .asks = "Loopback copies: is the early reuse harmless there?",
         .profile = "6.18",
         .app = App::first_cqe,
         .world = {.socks = {udp_loopback}, .bounds = udp_bounds(1, 1)},
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 48, .transitions = 75, .depth = 15}},
        {.name = "link-cancel",
         .asks = "An earlier member of the link failed: does the cancelled send's CQE announce its "
                 "notification?",
         .profile = "6.18",
         .world = {.socks = {udp_nic},
                   .hazards = {.link_cancels = true},
                   .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "S10-more-iff-notif", .states = 8, .transitions = 7, .depth = 5}},
        {.name = "link-cancel-intended",
         .asks = "The same with a fail handler that is called: is F_MORE right?",
         .profile = "intended",
         .world = {.socks = {udp_nic},
                   .hazards = {.link_cancels = true},
                   .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "", .states = 45, .transitions = 68, .depth = 16}},
    };
}

}  // namespace

const std::vector<KernelScenario>& kernel_scenario_table() {
    static const std::vector<KernelScenario> table = [] {
        std::vector<KernelScenario> all = datagrams();
        for (const auto& group : {streams(), broken_promises()})
            all.insert(all.end(), group.begin(), group.end());
        return all;
    }();
    return table;
}

namespace {

const Profile& profile_or_refuse(const std::string& scenario, const std::string& name) {
    if (const Profile* profile = find_profile(name)) return *profile;
    std::string known;
    for (const Profile& profile : profiles()) known += " " + profile.name;
    throw Refusal(Status::usage,
                  "check " + scenario + ": no profile is called " + name + ": there are" + known);
}

App app_or_refuse(const std::string& scenario, const std::string& name) {
    for (const App app : {App::conforming, App::first_cqe})
        if (name_of(app) == name) return app;
    throw Refusal(Status::usage, "check " + scenario + ": no application is called " + name +
                                     ": there are conforming first-cqe");
}

Scenario scenario_of(const KernelScenario& row) {
    World world = row.world;
    world.profile = profile_or_refuse(row.name, row.profile);
    world.app = row.app;
    const auto system = std::make_shared<KernelSystem>(world, row.unasked);
    Scenario scenario;
    scenario.name = row.name;
    scenario.asks = row.asks;
    scenario.profile = row.profile;
    scenario.app = std::string(name_of(row.app));
    scenario.expect = row.expect;
    scenario.explore = [system](const checker::Limits& limits) {
        return checker::explore(*system, limits);
    };
    scenario.under = [row](const auto& profile, const auto& app) {
        KernelScenario other = row;
        if (profile) other.profile = *profile;
        if (app) other.app = app_or_refuse(row.name, *app);
        other.expect = {.broken = {}, .declared = false};
        return scenario_of(other);
    };
    return scenario;
}

}  // namespace

std::vector<Scenario> kernel_scenarios() {
    std::vector<Scenario> all;
    for (const KernelScenario& row : kernel_scenario_table()) all.push_back(scenario_of(row));
    return all;
}

}  // namespace zcv
