#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

World fixed_buffers(Api api, const Hazards& hazards) {
    return {.apis = {api}, .socks = {udp_nic}, .hazards = hazards, .bounds = udp_bounds(1, 1)};
}

}  // namespace

// Memory that is registered with a ring, and what holds it once it no longer is.
std::vector<KernelScenario> registered_buffers() {
    const Hazards unregisters{.unregisters = true};
    return {
        {.name = "unregister-waits",
         .asks = "Up to 6.12 unregistering waits: may the application that waited for it reuse the "
                 "buffer?",
         .profile = "6.12",
         .app = App::unregister,
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .expect = {.broken = "", .states = 74, .transitions = 132, .depth = 23}},
        {.name = "unregister",
         .asks = "From 6.13 on it returns at once: what of the same application?",
         .profile = "6.18",
         .app = App::unregister,
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 37,
                    .transitions = 56,
                    .depth = 12}},
        {.name = "unregister-wire",
         .asks = "... and does the peer then receive bytes that nobody sent?",
         .profile = "6.18",
         .app = App::unregister,
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 72, .transitions = 137, .depth = 15}},
        {.name = "unregister-conforming",
         .asks = "Unregistered while the data is in flight: who keeps the pages pinned?",
         .profile = "6.18",
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .expect = {.broken = "", .states = 69, .transitions = 125, .depth = 18}},
    };
}

// Who holds the resource node.
std::vector<KernelScenario> resource_nodes() {
    const Hazards unregisters{.unregisters = true};
    return {
        {.name = "node-held-by-request",
         .asks = "The request holds the resource node instead of its notification: is the pin gone "
                 "too early?",
         .profile = "B4",
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .unasked = {"S5"},
         .expect =
             {.broken = "S12-node-lives-with-notif", .states = 48, .transitions = 70, .depth = 12}},
        {.name = "node-held-by-notif",
         .asks = "The same kernel, where the notification holds it?",
         .profile = "6.0",
         .world = fixed_buffers(Api::send_zc_fixed, unregisters),
         .expect = {.broken = "", .states = 75, .transitions = 130, .depth = 19}},
        {.name = "vectored-node-held-by-request",
         .asks = "SENDMSG_ZC from registered buffers leaves the node with its request: the same "
                 "again?",
         .profile = "B5",
         .world = fixed_buffers(Api::sendmsg_zc_fixed, unregisters),
         .unasked = {"S5"},
         .expect =
             {.broken = "S12-node-lives-with-notif", .states = 36, .transitions = 47, .depth = 11}},
        {.name = "vectored-node-held-by-notif",
         .asks = "... and with the node tied to the notification?",
         .profile = "6.18",
         .world = fixed_buffers(Api::sendmsg_zc_fixed, unregisters),
         .expect = {.broken = "", .states = 69, .transitions = 125, .depth = 18}},
        {.name = "nodes-in-ring-order",
         .asks = "A slot of the table is emptied, nodes retire in ring order, and every "
                 "notification holds one: is all that is in use still pinned?",
         .profile = "6.1",
         .world = {.apis = {Api::send_zc_fixed, Api::send_zc},
                   .socks = {udp_nic},
                   .hazards = {.unregisters = true, .updates = true},
                   .bounds = udp_bounds(2, 1)},
         .expect = {.broken = "", .states = 202152, .transitions = 623789, .depth = 50}},
        {.name = "slot-update",
         .asks = "The slot of a buffer is emptied after a send from it was prepared: does the send "
                 "still have its pages?",
         .profile = "6.12",
         .world = fixed_buffers(Api::send_zc_fixed, {.updates = true}),
         .expect = {.broken = "", .states = 71, .transitions = 132, .depth = 18}},
    };
}

// Processes and rings end while data is in flight.
std::vector<KernelScenario> endings() {
    return {
        {.name = "exit-in-flight",
         .asks = "The process exits with data in flight: does the data keep its pages?",
         .profile = "6.18",
         .world = {.socks = {udp_nic}, .hazards = {.exits = true}, .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "", .states = 72, .transitions = 114, .depth = 18}},
        {.name = "exit-in-flight-registered",
         .asks = "... and when its frags hold no references, because the memory is registered?",
         .profile = "6.18",
         .world = fixed_buffers(Api::send_zc_fixed, {.exits = true}),
         .expect = {.broken = "", .states = 76, .transitions = 120, .depth = 19}},
        {.name = "process-holds-pins",
         .asks = "Pages must outlive the process: what if only the process pins them?",
         .profile = "process-pin",
         .world = fixed_buffers(Api::send_zc_fixed, {.exits = true}),
         .expect = {.broken = "S6-page-refs-exact", .states = 33, .transitions = 37, .depth = 10}},
        {.name = "process-holds-pins-wire",
         .asks = "... and is it then somebody else's memory that is sent?",
         .profile = "process-pin",
         .world = fixed_buffers(Api::send_zc_fixed, {.exits = true}),
         .unasked = {"S12", "S5", "S6"},
         .expect = {.broken = "S2-stable-data", .states = 56, .transitions = 78, .depth = 13}},
        {.name = "ring-exit",
         .asks = "What if the application takes the end of its ring for the end of its sends?",
         .profile = "6.18",
         .app = App::ring_exit,
         .world = {.socks = {udp_nic}, .hazards = {.ring_exits = true}, .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 39,
                    .transitions = 57,
                    .depth = 11}},
        {.name = "ring-exit-conforming",
         .asks = "A ring is closed with sends polled and in flight: is it freed after the last "
                 "notification?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.again = true, .ring_exits = true},
                   .bounds = {.shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 275, .transitions = 595, .depth = 23}},
        {.name = "exec-waits",
         .asks = "exec waits for every notification: is there always somebody who will complete "
                 "it?",
         .profile = "6.18",
         .world = {.socks = {tcp_nic},
                   .hazards = {.again = true, .resets = true, .execs = true},
                   .bounds = {.requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 146772, .transitions = 509984, .depth = 46}},
        {.name = "same-address-other-page",
         .asks = "The buffer is freed at the first CQE and its pages go back to the system: is a "
                 "write to the same address a write to the data in flight?",
         .profile = "6.18",
         .app = App::first_cqe_munmap,
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1)},
         .expect = {.broken = "", .states = 45, .transitions = 70, .depth = 18}},
    };
}

// What is charged to RLIMIT_MEMLOCK.
std::vector<KernelScenario> accounts() {
    const auto charged = [](Api api, std::uint32_t memlock) {
        return World{.apis = {api},
                     .socks = {tcp_nic},
                     .hazards = {.again = true},
                     .bounds = {.shinfos = 1, .skbs = 2, .memlock = memlock}};
    };
    World limited = charged(Api::send_zc, 1);
    limited.bounds.requests = 2;
    limited.bounds.ubufs = 2;
    return {
        {.name = "memlock-limit",
         .asks =
             "Two sends and a limit of one: does the second fail, and is everything given back?",
         .profile = "6.18",
         .world = limited,
         .expect = {.broken = "", .states = 7219, .transitions = 22361, .depth = 36}},
        {.name = "memlock-sendmsg",
         .asks = "Are the pages of a SENDMSG_ZC charged as those of a SEND_ZC are?",
         .profile = "6.18",
         .world = charged(Api::sendmsg_zc, 2),
         .expect = {.broken = "", .states = 101, .transitions = 203, .depth = 21}},
        {.name = "memlock-sendmsg-never",
         .asks = "... and before 6.15?",
         .profile = "B27a",
         .world = charged(Api::sendmsg_zc, 2),
         .expect = {.broken = "S15-accounts-exact", .states = 7, .transitions = 6, .depth = 5}},
        {.name = "memlock-retry",
         .asks = "A send is tried again: are its pages charged once?",
         .profile = "6.18",
         .world = charged(Api::send_zc, 2),
         .expect = {.broken = "", .states = 101, .transitions = 203, .depth = 21}},
        {.name = "memlock-retry-twice",
         .asks = "... and before 6.15?",
         .profile = "B27b",
         .world = charged(Api::send_zc, 2),
         .expect = {.broken = "S15-accounts-exact", .states = 11, .transitions = 10, .depth = 6}},
    };
}

}  // namespace zcv
