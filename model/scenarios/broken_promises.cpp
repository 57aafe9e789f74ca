#include "model/scenarios/tables.hpp"

namespace zcv {

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

}  // namespace zcv
