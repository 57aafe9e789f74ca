#include "model/scenarios/tables.hpp"

namespace zcv {

// TCP: clones, a retransmission queue, stacked notifications.
std::vector<KernelScenario> streams() {
    return {
        {.name = "tcp-nic-6.1",
         .asks = "One skb for each send, kept for retransmission: does the notification wait for "
                 "the ACK?",
         .profile = "6.1",
         .world = {.socks = {tcp_nic},
                   .hazards = {.retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 907001, .transitions = 3543875, .depth = 58}},
        {.name = "tcp-nic-6.12",
         .asks = "Stacked notifications share an skb: is no member released before the head?",
         .profile = "6.12",
         .world = {.socks = {tcp_nic},
                   .hazards = {.retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 3025049, .transitions = 11504927, .depth = 64}},
        {.name = "tcp-nic",
         .asks =
             "The same on 6.18, with lost packets, polls and a peer that resets the connection?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.again = true, .drops = true, .resets = true, .retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 98942, .transitions = 411931, .depth = 48}},
        {.name = "tcp-stacked-3",
         .asks = "Three sends in one chain: do all three wait for the last byte on the wire?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .bounds = {.buffers = 1,
                              .requests = 3,
                              .ubufs = 3,
                              .shinfos = 1,
                              .skbs = 2,
                              .cq_entries = 6}},
         .expect = {.broken = "", .states = 2913723, .transitions = 9758575, .depth = 59}},
        {.name = "tcp-loopback",
         .asks = "The clone is copied on receive, the original waits for its ACK: who releases the "
                 "buffer?",
         .profile = "6.18",
         .world = {.socks = {tcp_loopback},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2}},
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
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 29238, .transitions = 82621, .depth = 36}},
    };
}

}  // namespace zcv
