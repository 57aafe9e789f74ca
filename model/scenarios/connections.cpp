#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

constexpr SockConfig small_sends{.transport = Transport::tcp, .dma = true, .small_sends = true};

World two_sends(const SockConfig& config, const Hazards& hazards, std::uint32_t shinfos,
                std::uint32_t skbs) {
    return {.socks = {config},
            .hazards = hazards,
            .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = shinfos, .skbs = skbs}};
}

World one_send(const SockConfig& config, const Hazards& hazards, std::uint32_t shinfos,
               std::uint32_t skbs) {
    return {.socks = {config}, .hazards = hazards, .bounds = {.shinfos = shinfos, .skbs = skbs}};
}

}  // namespace

// What happens to data while TCP still has it, and how a connection ends.
std::vector<KernelScenario> connections() {
    return {
        {.name = "tcp-shutdown",
         .asks = "Shut down or closed while data is queued: is every buffer held until the data "
                 "is acknowledged?",
         .profile = "6.18",
         .world = one_send(tcp_nic, {.retransmits = true, .closes = true}, 2, 3),
         .expect = {.broken = "", .states = 17714, .transitions = 60899, .depth = 43}},
        {.name = "tcp-abort",
         .asks = "Closed with linger 0 while a network card has the skb: who holds the buffer?",
         .profile = "6.18",
         .world = one_send(tcp_nic, {.retransmits = true, .aborts = true}, 2, 3),
         .expect = {.broken = "", .states = 9673, .transitions = 33982, .depth = 41}},
        {.name = "tcp-dead-peer",
         .asks = "The peer never acknowledges, and TCP gives up: is every buffer let go of, and "
                 "none before?",
         .profile = "6.18",
         .world = one_send(tcp_nic, {.drops = true, .retransmits = true, .gives_up = true}, 2, 3),
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 11465, .transitions = 53110, .depth = 41}},
        {.name = "tcp-sack",
         .asks = "The peer has the second skb and not the first, and goes back on its word: is the "
                 "second kept?",
         .profile = "6.18",
         .world = one_send(tcp_nic, {.drops = true, .retransmits = true, .sacks = true}, 2, 3),
         .expect = {.broken = "", .states = 10220, .transitions = 41142, .depth = 46}},
        {.name = "tcp-partial-ack",
         .asks = "The first send's data in a shared skb is acknowledged: does its page go, and its "
                 "ubuf stay?",
         .profile = "6.18",
         .world = two_sends(small_sends, {.retransmits = true, .trims = true}, 2, 2),
         .expect = {.broken = "", .states = 46417, .transitions = 144987, .depth = 62}},
        {.name = "tcp-orphaned-clone",
         .asks = "Sent again while a clone is still in a device that took it out of the accounts?",
         .profile = "6.18",
         .world = one_send({.transport = Transport::tcp, .dma = true, .orphans = true},
                           {.retransmits = true}, 3, 3),
         .expect = {.broken = "", .states = 28075, .transitions = 84456, .depth = 43}},
    };
}

// What else is in the stream, and what does not get in.
std::vector<KernelScenario> mixed_streams() {
    return {
        {.name = "tcp-plain-between",
         .asks = "Copied data in the same stream, before, behind and between: what is merged, and "
                 "who holds what?",
         .profile = "6.18",
         .world = one_send(
             {.transport = Transport::tcp, .dma = true, .small_sends = true, .plain_writes = true},
             {}, 2, 3),
         .expect = {.broken = "", .states = 8805, .transitions = 25665, .depth = 36}},
        {.name = "tcp-plain-between-fixed",
         .asks = "... and from a registered buffer, whose frags hold no pages until then?",
         .profile = "6.18",
         .world = {.apis = {Api::send_zc_fixed},
                   .socks = {{.transport = Transport::tcp,
                              .dma = true,
                              .small_sends = true,
                              .plain_writes = true}},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 9347, .transitions = 27265, .depth = 37}},
        {.name = "tcp-ktls",
         .asks = "kTLS is set up between two sends, and the second is refused when its "
                 "notification is there: does every buffer come back?",
         .profile = "6.18",
         .world =
             two_sends({.transport = Transport::tcp, .dma = true, .unsupported = true}, {}, 2, 2),
         .expect = {.broken = "", .states = 107345, .transitions = 283253, .depth = 52}},
        {.name = "tcp-fast-open",
         .asks = "The SYN carries a copy and the ubuf: is there one notification, and when?",
         .profile = "6.18",
         .world = two_sends(
             {.transport = Transport::tcp, .dma = true, .small_sends = true, .fast_open = true}, {},
             2, 2),
         .expect = {.broken = "", .states = 15562, .transitions = 42736, .depth = 56}},
        {.name = "linked-unfilled",
         .asks = "A notification is linked to an skb that then takes none of its data: is it late, "
                 "and never lost?",
         .profile = "6.18",
         .world = two_sends(small_sends, {.fills = true}, 2, 2),
         .expect = {.broken = "", .states = 24661, .transitions = 69031, .depth = 58}},
        {.name = "tcp-no-memory",
         .asks = "Every allocation of two sends and of the receiver may fail: is anything leaked, "
                 "or let go of early?",
         .profile = "6.18",
         .world = two_sends({.transport = Transport::tcp, .receives = true, .small_sends = true},
                            {.again = true, .fills = true, .no_memory = true}, 2, 2),
         .expect = {.broken = "", .states = 102287, .transitions = 343051, .depth = 60}},
    };
}

// Datagrams that wait, and devices that fail or cannot gather.
std::vector<KernelScenario> pending_datagrams() {
    constexpr SockConfig corking{.transport = Transport::udp, .dma = true, .corks = true};
    return {
        {.name = "udp-corked",
         .asks = "A datagram is kept back for more: what becomes of it when a second send has a "
                 "ubuf of its own?",
         .profile = "6.18",
         .world = {.socks = {corking}, .hazards = {.closes = true}, .bounds = udp_bounds(2, 1)},
         .expect = {.broken = "", .states = 42094, .transitions = 122926, .depth = 35}},
        {.name = "udp-corked-fixed",
         .asks = "... and from a registered buffer, when copied data ends the datagram?",
         .profile = "6.18",
         .world = {.apis = {Api::send_zc_fixed},
                   .socks = {corking},
                   .hazards = {.closes = true},
                   .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "", .states = 90, .transitions = 144, .depth = 17}},
        {.name = "udp-no-memory",
         .asks = "No memory while a datagram is built or received: is anything leaked or let go of "
                 "early?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::udp, .receives = true, .tapped = true}},
                   .hazards = {.issue_fails = true, .no_memory = true},
                   .bounds = {.shinfos = 2, .skbs = 2}},
         .expect = {.broken = "", .states = 2491, .transitions = 8282, .depth = 43}},
        {.name = "nic-reset",
         .asks = "A network card forgets what was queued to it: are the buffers let go of once?",
         .profile = "6.18",
         .world = {.socks = {udp_nic, tcp_nic},
                   .hazards = {.retransmits = true, .device_resets = true},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 7374, .transitions = 23258, .depth = 41}},
        {.name = "segmented-linear",
         .asks = "The device has no scatter-gather, and segments are copies: is the buffer held "
                 "until they are made?",
         .profile = "6.18",
         .world = {.socks = {{.transport = Transport::tcp, .dma = true, .linear = true}},
                   .hazards = {.drops = true, .retransmits = true},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 9320, .transitions = 38588, .depth = 37}},
    };
}

}  // namespace zcv
