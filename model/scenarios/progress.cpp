#include "model/scenarios/tables.hpp"

namespace zcv {

// What must happen in the end, given that nobody neglects his duty for ever (properties/progress).
std::vector<KernelScenario> progress() {
    return {
        {.name = "datagrams-end",
         .asks = "Packets may be dropped and preparation may fail: does every send end for its "
                 "application?",
         .profile = "6.18",
         .world = {.socks = {udp_nic},
                   .hazards = {.prep_fails = true, .io_wq = true, .drops = true},
                   .bounds = udp_bounds(1, 2)},
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 84, .transitions = 169, .depth = 13}},
        {.name = "streams-end",
         .asks = "Packets are lost, and the peer acknowledges or the connection is given up: is "
                 "every buffer released?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.drops = true, .resets = true, .retransmits = true},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 81846, .transitions = 320099, .depth = 48}},
        {.name = "streams-end-6.1",
         .asks = "The same without stacking?",
         .profile = "6.1",
         .world = {.socks = {tcp_nic},
                   .hazards = {.drops = true, .resets = true, .retransmits = true},
                   .bounds = {.buffers = 1, .requests = 1, .ubufs = 1, .shinfos = 1, .skbs = 2}},
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 344, .transitions = 1050, .depth = 26}},
        {.name = "peer-gone",
         .asks = "Every packet is lost and the connection is never given up: is the buffer ever "
                 "released?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.drops = true, .retransmits = true},
                   .bounds = {.shinfos = 1, .skbs = 2}},
         .eventually = {"L1"},
         .expect = {.broken = "L1-release", .states = 155, .transitions = 411, .depth = 13}},
        {.name = "deferred-end",
         .asks = "Under DEFER_TASKRUN the application enters the kernel for its CQEs: is every "
                 "buffer released?",
         .profile = "6.18",
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1), .defer_taskrun_waits = 2},
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 75, .transitions = 142, .depth = 18}},
        {.name = "peek-only",
         .asks = "An application that only looks into its CQ ring and never enters the kernel: is "
                 "it ever told?",
         .profile = "6.18",
         .app = App::peek_only,
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1), .defer_taskrun_waits = 2},
         .unasked = {"S1", "S9", "L2-sleeper"},
         .eventually = {"L2-told"},
         .expect = {.broken = "L2-told", .states = 31, .transitions = 46, .depth = 14}},
    };
}

}  // namespace zcv
