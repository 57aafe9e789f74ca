#include "model/scenarios/tables.hpp"

namespace zcv {

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
        {.name = "mirrored",
         .asks = "A filter sends a clone to another device and frees the original, or keeps both: "
                 "is the buffer held until both are done with it?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::udp, .dma = true, .mirrors = true}},
                   .hazards = {.drops = true},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 941, .transitions = 5004, .depth = 23}},
        {.name = "cq-overflow",
         .asks = "Two CQEs for a send and a CQ ring of one: is a notification late, never lost or "
                 "early?",
         .profile = "6.18",
         .world = {.socks = {udp_nic},
                   .bounds = {.buffers = 2,
                              .requests = 2,
                              .ubufs = 2,
                              .shinfos = 2,
                              .skbs = 2,
                              .cq_entries = 1}},
         .expect = {.broken = "", .states = 42310, .transitions = 142110, .depth = 46}},
    };
}

}  // namespace zcv
