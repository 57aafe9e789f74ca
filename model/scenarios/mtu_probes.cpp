#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

constexpr SockConfig probing{
    .transport = Transport::tcp, .dma = true, .small_sends = true, .probe = 2};

World probed(std::uint32_t rings) {
    return {.socks = {probing},
            .bounds = {
                .buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 3, .skbs = 3, .rings = rings}};
}

}  // namespace

// TCP finds out how long a packet may be, with a packet made of others.
std::vector<KernelScenario> mtu_probes() {
    return {
        {.name = "mtu-probe",
         .asks =
             "Two rings send to one socket, and an MTU probe takes the place of both skbs: does "
             "it hold their buffers?",
         .profile = "6.18",
         .world = probed(2),
         .unasked = {"S4"},
         .expect =
             {.broken = "S1-no-early-release", .states = 1195, .transitions = 2671, .depth = 15}},
        {.name = "mtu-probe-wire",
         .asks = "... and does the peer then receive bytes that nobody sent?",
         .profile = "6.18",
         .world = probed(2),
         .unasked = {"S1", "S4", "R1"},
         .expect =
             {.broken = "S2-stable-data", .states = 19579, .transitions = 60857, .depth = 29}},
        {.name = "mtu-probe-intended",
         .asks = "The same with a kernel that makes no probe of zero-copy data?",
         .profile = "intended",
         .world = probed(2),
         .expect = {.broken = "", .states = 39257, .transitions = 129225, .depth = 61}},
        {.name = "mtu-probe-6.6",
         .asks = "Before stacking every send has an skb of its own: one ring is enough?",
         .profile = "6.6",
         .world = probed(1),
         .unasked = {"S4"},
         .expect =
             {.broken = "S1-no-early-release", .states = 1231, .transitions = 2693, .depth = 15}},
        {.name = "mtu-probe-6.1",
         .asks = "Before 6.5 a probe is a copy of the bytes: may the buffers go before the ACK?",
         .profile = "6.1",
         .world = probed(1),
         .expect = {.broken = "", .states = 106754, .transitions = 362694, .depth = 84}},
    };
}

}  // namespace zcv
