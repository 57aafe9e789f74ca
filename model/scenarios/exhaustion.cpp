#include "model/scenarios/tables.hpp"

// Known ways to run out of something for good, each beside an application, or a peer, with which it
// does not happen. The application goes on sending all the while, so that a run which merely stops
// is no answer: what is seen is how every further send fails, or that none can be made.
namespace zcv {
namespace {

// Two calls from one buffer, option memory for one ubuf or message.
World little_omem() {
    World world = calls(udp_nic, 2, 1);
    world.bounds.buffers = 1;
    world.bounds.ubufs = 1;
    world.bounds.omem = 1;
    return world;
}

World little_memlock(bool given_up) {
    return {.socks = {tcp_nic},
            .hazards = {.drops = true, .retransmits = true, .gives_up = given_up},
            .bounds = {.requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2, .memlock = 1}};
}

World slot(std::vector<Api> apis) {
    return {
        .apis = std::move(apis),
        .socks = {udp_nic},
        .bounds = {.buffers = 2, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 1, .slots = 1}};
}

World deferred() {
    return {.socks = {udp_nic}, .bounds = udp_bounds(1, 1), .defer_taskrun_waits = 2};
}

World frames() {
    return {.apis = {Api::af_xdp},
            .socks = {{.xsk_zero_copy = true}},
            .bounds = {.buffers = 2, .requests = 2, .ubufs = 0, .shinfos = 2, .skbs = 2}};
}

const std::vector<std::string> one_holder{"S3-refs-exact-reached"};

std::vector<KernelScenario> memory() {
    return {
        {.name = "msgzc-omem-unread",
         .asks = "Nobody reads the error queue, whose messages keep their option memory: do calls "
                 "ever succeed again?",
         .profile = "6.18",
         .app = App::errqueue_unread,
         .world = little_omem(),
         .unasked = one_holder,
         .eventually = {"L4-memory-returns"},
         .expect = {.broken = "L4-memory-returns", .states = 68, .transitions = 117, .depth = 15}},
        {.name = "msgzc-omem-read",
         .asks = "... and when the application reads the error queue after ENOBUFS, before it "
                 "calls again?",
         .profile = "6.18",
         .app = App::enobufs_deadlock,
         .world = little_omem(),
         .unasked = one_holder,
         .eventually = {"L4-memory-returns"},
         .expect = {.broken = "", .states = 234, .transitions = 387, .depth = 39}},
        {.name = "memlock-silent-peer",
         .asks = "A send to a peer that is never heard of has locked all that may be locked: does "
                 "any other send succeed?",
         .profile = "6.18",
         .world = little_memlock(false),
         .eventually = {"L4-memory-returns"},
         .expect =
             {.broken = "L4-memory-returns", .states = 11163, .transitions = 41521, .depth = 23}},
        {.name = "memlock-given-up",
         .asks = "... and when the connection is given up at last?",
         .profile = "6.18",
         .world = little_memlock(true),
         .eventually = {"L4-memory-returns"},
         .expect = {.broken = "", .states = 23975, .transitions = 94912, .depth = 41}},
    };
}

std::vector<KernelScenario> pools() {
    return {
        {.name = "slot-never-flushed",
         .asks = "All buffers are sent to a slot's open generation and nobody flushes it: does one "
                 "ever come back?",
         .profile = "6.0-rc",
         .world = slot({Api::notif_slot}),
         .eventually = {"L4-buffer-returns"},
         .expect =
             {.broken = "L4-buffer-returns", .states = 23370, .transitions = 60632, .depth = 24}},
        {.name = "slot-flushed-by-last",
         .asks = "... and when every other send flushes it?",
         .profile = "6.0-rc",
         .world = slot({Api::notif_slot, Api::notif_slot_flush}),
         .eventually = {"L4-buffer-returns"},
         .expect = {.broken = "", .states = 24300, .transitions = 65078, .depth = 88}},
        {.name = "ring-never-entered",
         .asks = "Under DEFER_TASKRUN an application submits and never waits for events: does it "
                 "get its buffer back?",
         .profile = "6.18",
         .app = App::peek_only,
         .world = deferred(),
         .unasked = {"S1", "S9", "L2-sleeper"},
         .eventually = {"L4-buffer-returns"},
         .expect = {.broken = "L4-buffer-returns", .states = 31, .transitions = 46, .depth = 14}},
        {.name = "ring-entered",
         .asks = "... and when it waits for events?",
         .profile = "6.18",
         .world = deferred(),
         .eventually = {"L4-buffer-returns"},
         .expect = {.broken = "", .states = 75, .transitions = 140, .depth = 18}},
        {.name = "xdp-frames-run-out",
         .asks = "Nobody reads the completion ring of an AF_XDP socket: is there ever a frame to "
                 "send from?",
         .profile = "6.18",
         .app = App::never_reaps,
         .world = frames(),
         .eventually = {"L4-buffer-returns"},
         .expect = {.broken = "L4-buffer-returns", .states = 88, .transitions = 132, .depth = 10}},
        {.name = "xdp-frames-return",
         .asks = "... and when somebody does?",
         .profile = "6.18",
         .world = frames(),
         .eventually = {"L4-buffer-returns"},
         .expect = {.broken = "", .states = 128, .transitions = 236, .depth = 14}},
    };
}

}  // namespace

std::vector<KernelScenario> exhaustion() {
    std::vector<KernelScenario> all = memory();
    for (KernelScenario& row : pools()) all.push_back(std::move(row));
    return all;
}

}  // namespace zcv
