#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

// One thread that calls sendmsg on one socket.
World calls(const SockConfig& sock, std::uint32_t requests, std::uint32_t skbs) {
    return {.apis = {Api::msg_zerocopy},
            .socks = {sock},
            .bounds = {.buffers = requests,
                       .requests = requests,
                       .ubufs = requests,
                       .shinfos = skbs,
                       .skbs = skbs,
                       .ids = requests + 1}};
}

World with_hazards(World world, const Hazards& hazards) {
    world.hazards = hazards;
    return world;
}

// A datagram's one skb takes over the call's reference, so nobody shares a ubuf.
const std::vector<std::string> one_holder{"S3-refs-exact-reached"};

}  // namespace

// MSG_ZEROCOPY: ids, ranges, option memory.
std::vector<KernelScenario> msg_zerocopy_calls() {
    return {
        {.name = "msgzc-udp",
         .asks =
             "Two sendmsg(MSG_ZEROCOPY) on a datagram socket that fail or are dropped anywhere: "
             "does each range cover released calls only?",
         .profile = "6.18",
         .world = with_hazards(calls(udp_nic, 2, 2),
                               {.issue_fails = true, .drops = true, .memlock = true}),
         .unasked = one_holder,
         .expect = {.broken = ""}},
        {.name = "msgzc-udp-copied",
         .asks = "No scatter-gather: the data is copied, and a notification was promised all the "
                 "same. Does it come?",
         .profile = "6.18",
         .world = with_hazards(
             calls({.transport = Transport::udp, .dma = true, .copies_at_send = true}, 2, 2),
             {.issue_fails = true}),
         .unasked = one_holder,
         .expect = {.broken = ""}},
        {.name = "msgzc-udp-cork",
         .asks = "Datagrams that are left pending take the next calls' data and share one ubuf: "
                 "does its range speak for all of them?",
         .profile = "6.18",
         .world =
             with_hazards(calls({.transport = Transport::udp, .dma = true, .msg_more = true}, 3, 2),
                          {.issue_fails = true}),
         .unasked = {"S18"},
         .expect = {.broken = ""}},
        {.name = "msgzc-tcp",
         .asks =
             "Calls on a stream join the ubuf of the unsent tail: is their one range posted only "
             "after the last byte is acknowledged?",
         .profile = "6.18",
         .world = with_hazards(calls(tcp_nic, 2, 2), {.issue_fails = true, .resets = true}),
         .expect = {.broken = ""}},
        {.name = "msgzc-tcp-retransmits",
         .asks = "Three calls, lost packets and retransmissions: does a range ever cover data that "
                 "may still be sent?",
         .profile = "6.18",
         .world = with_hazards(calls(tcp_nic, 2, 2), {.drops = true, .retransmits = true}),
         .expect = {.broken = ""}},
        {.name = "msgzc-loopback",
         .asks = "Copied on receive: does the range wait for the copy and say so?",
         .profile = "6.18",
         .world = calls(udp_loopback, 2, 2),
         .unasked = one_holder,
         .expect = {.broken = ""}},
    };
}

}  // namespace zcv
