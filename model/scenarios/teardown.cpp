#include "model/scenarios/tables.hpp"

// Who waits for the last notification, and whether it comes: a ring that is closed, a process that
// becomes another program, a call that takes something out of a ring. Each is asked twice: with a
// peer that is given up in the end, and with one that is never heard of while nobody gives the
// connection up. Then whatever waits for the network waits for ever, which is how these kernels are
// made: nothing that was sent can be called back.
namespace zcv {
namespace {

// What somebody does while a packet is on its way, and what of the peer.
World stream(Api api, Hazards hazards, bool given_up) {
    hazards.drops = true;
    hazards.retransmits = true;
    hazards.gives_up = given_up;
    return {
        .apis = {api}, .socks = {tcp_nic}, .hazards = hazards, .bounds = {.shinfos = 1, .skbs = 2}};
}

World slots(const Hazards& hazards, bool given_up) {
    World world = stream(Api::notif_slot, hazards, given_up);
    world.bounds.slots = 1;
    return world;
}

constexpr Hazards closes_ring{.ring_exits = true};
constexpr Hazards exits{.exits = true};
constexpr Hazards execs{.execs = true};
constexpr Hazards unregisters{.unregisters = true};

std::vector<KernelScenario> rings_and_processes() {
    return {
        {.name = "ring-close-end",
         .asks = "A ring is closed with a send in flight, to a peer that is given up at last: is "
                 "the ring ever freed?",
         .profile = "6.18",
         .world = stream(Api::send_zc, closes_ring, true),
         .eventually = {"L3-ring-freed"},
         .expect = {.broken = "", .states = 678, .transitions = 2118, .depth = 27}},
        {.name = "ring-close-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.18",
         .world = stream(Api::send_zc, closes_ring, false),
         .eventually = {"L3-ring-freed"},
         .expect = {.broken = "L3-ring-freed", .states = 320, .transitions = 895, .depth = 13}},
        {.name = "exit-end",
         .asks = "The process exits with a send in flight: is its ring freed, and with it what the "
                 "ring pins?",
         .profile = "6.18",
         .world = stream(Api::send_zc_fixed, exits, true),
         .eventually = {"L3-ring-freed", "L3-unpinned"},
         .expect = {.broken = "", .states = 580, .transitions = 1771, .depth = 28}},
        {.name = "exit-silent-peer",
         .asks = "... and when another process keeps the connection, and nobody gives it up?",
         .profile = "6.18",
         .world = stream(Api::send_zc_fixed, exits, false),
         .eventually = {"L3-ring-freed"},
         .expect = {.broken = "L3-ring-freed", .states = 267, .transitions = 728, .depth = 14}},
        {.name = "exec-end",
         .asks = "execve() with a send in flight, to a peer that is given up at last: does the new "
                 "program start?",
         .profile = "6.18",
         .world = stream(Api::send_zc, execs, true),
         .eventually = {"L3-exec-returns"},
         .expect = {.broken = "", .states = 692, .transitions = 2128, .depth = 27}},
        {.name = "exec-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.18",
         .world = stream(Api::send_zc, execs, false),
         .eventually = {"L3-exec-returns"},
         .expect = {.broken = "L3-exec-returns", .states = 328, .transitions = 901, .depth = 13}},
        {.name = "exec-deferred",
         .asks = "execve() under DEFER_TASKRUN, where only the thread that is in it can run the "
                 "task work it waits for: does it?",
         .profile = "6.18",
         .world = {.socks = {udp_nic},
                   .hazards = {.execs = true},
                   .bounds = udp_bounds(1, 1),
                   .defer_taskrun_waits = 2},
         .eventually = {"L3-exec-returns"},
         .expect = {.broken = "", .states = 186, .transitions = 338, .depth = 20}},
    };
}

World deferred_unregister() {
    return {.apis = {Api::send_zc_fixed},
            .socks = {udp_nic},
            .hazards = unregisters,
            .bounds = udp_bounds(1, 1),
            .defer_taskrun_waits = 2};
}

std::vector<KernelScenario> registrations() {
    return {
        {.name = "unregister-end",
         .asks =
             "Up to 6.12 unregistering buffers waits, for a peer that is given up at last: does "
             "the call return?",
         .profile = "6.12",
         .world = stream(Api::send_zc_fixed, unregisters, true),
         .eventually = {"L3-unregister-returns", "L3-unpinned"},
         .expect = {.broken = "", .states = 671, .transitions = 2117, .depth = 28}},
        {.name = "unregister-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.12",
         .world = stream(Api::send_zc_fixed, unregisters, false),
         .eventually = {"L3-unregister-returns"},
         .expect =
             {.broken = "L3-unregister-returns", .states = 313, .transitions = 890, .depth = 14}},
        {.name = "unpin-end",
         .asks = "From 6.13 on the call returns at once: is the memory unpinned when the peer is "
                 "given up?",
         .profile = "6.18",
         .world = stream(Api::send_zc_fixed, unregisters, true),
         .eventually = {"L3-unpinned"},
         .expect = {.broken = "", .states = 567, .transitions = 1847, .depth = 28}},
        {.name = "unpin-silent-peer",
         .asks = "... and when it is never given up, and nobody waits any more?",
         .profile = "6.18",
         .world = stream(Api::send_zc_fixed, unregisters, false),
         .eventually = {"L3-unpinned"},
         .expect = {.broken = "L3-unpinned", .states = 260, .transitions = 757, .depth = 15}},
        {.name = "unregister-deferred",
         .asks = "Under DEFER_TASKRUN the thread that waits in unregister must be woken for task "
                 "work: is it?",
         .profile = "6.12",
         .world = deferred_unregister(),
         .eventually = {"L3-unregister-returns"},
         .expect = {.broken = "", .states = 114, .transitions = 212, .depth = 19}},
        {.name = "unregister-sleeps",
         .asks = "... and before 6.4, where nobody wakes it?",
         .profile = "B33",
         .world = deferred_unregister(),
         .eventually = {"L3-unregister-returns"},
         .expect =
             {.broken = "L3-unregister-returns", .states = 111, .transitions = 203, .depth = 15}},
        {.name = "unregister-woken",
         .asks = "The same kernel with the wake-up?",
         .profile = "6.1",
         .world = deferred_unregister(),
         .eventually = {"L3-unregister-returns"},
         .expect = {.broken = "", .states = 114, .transitions = 212, .depth = 19}},
    };
}

World quiesced(Api api) {
    return {.apis = {api},
            .socks = {udp_nic},
            .hazards = {.quiesces = true},
            .bounds = {.shinfos = 1, .skbs = 1, .slots = 1}};
}

// The property of states that sees it coming is left aside.
std::vector<std::string> nothing_notified_or_ended() {
    std::vector<std::string> all = nothing_notified;
    all.emplace_back("L3-quiesce-can-end");
    return all;
}

std::vector<KernelScenario> slots_end() {
    return {
        {.name = "slots-unregister-end",
         .asks = "Slots are unregistered with a generation open: is it flushed, and its "
                 "notification posted when the peer is given up?",
         .profile = "6.0-rc",
         .world = slots(unregisters, true),
         .eventually = {"L3-slots-released"},
         .expect = {.broken = "", .states = 962, .transitions = 2852, .depth = 56}},
        {.name = "slots-unregister-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.0-rc",
         .world = slots(unregisters, false),
         .eventually = {"L3-slots-released"},
         .expect =
             {.broken = "L3-slots-released", .states = 482, .transitions = 1322, .depth = 12}},
        {.name = "slots-close-end",
         .asks = "A ring with an open generation is closed: is it flushed, and the ring freed when "
                 "the peer is given up?",
         .profile = "6.0-rc",
         .world = slots(closes_ring, true),
         .eventually = {"L3-ring-freed"},
         .expect = {.broken = "", .states = 970, .transitions = 2733, .depth = 54}},
        {.name = "slots-close-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.0-rc",
         .world = slots(closes_ring, false),
         .eventually = {"L3-ring-freed"},
         .expect = {.broken = "L3-ring-freed", .states = 472, .transitions = 1251, .depth = 11}},
        {.name = "slot-quiesce-end",
         .asks = "io_uring_register() waits for the ring to be idle while a generation is open: "
                 "does it return?",
         .profile = "rfc-v1",
         .world = quiesced(Api::tx_ctx),
         .unasked = nothing_notified,
         .eventually = {"L3-quiesce-returns"},
         .expect = {.broken = "", .states = 43, .transitions = 95, .depth = 13}},
        {.name = "slot-quiesce-hangs",
         .asks = "... and when the open generation holds the ring, as in the first series?",
         .profile = "B28b",
         .world = quiesced(Api::tx_ctx),
         .unasked = nothing_notified_or_ended(),
         .eventually = {"L3-quiesce-returns"},
         .expect = {.broken = "L3-quiesce-returns", .states = 43, .transitions = 80, .depth = 13}},
    };
}

}  // namespace

std::vector<KernelScenario> teardown() {
    std::vector<KernelScenario> all = rings_and_processes();
    for (const auto& group : {registrations(), slots_end()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace zcv
