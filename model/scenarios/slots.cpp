#include "model/scenarios/tables.hpp"

// The designs in which a notification covers all that was sent between two flushes: the tx contexts
// of the first series, the notification slots that 6.0 had until shortly before its release.
namespace zcv {
namespace {

constexpr Bounds slot_bounds{
    .buffers = 2, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2, .slots = 1};

std::vector<KernelScenario> slots_that_hold() {
    return {
        {.name = "slots-udp",
         .asks = "Two sends share a notification and the second flushes it: does it wait for both?",
         .profile = "6.0-rc",
         .world = {.apis = {Api::notif_slot, Api::notif_slot_flush},
                   .socks = {udp_nic},
                   .hazards = {.drops = true},
                   .bounds = slot_bounds},
         .expect = {.broken = "", .states = 96036, .transitions = 378254, .depth = 82}},
        {.name = "slots-tcp",
         .asks = "Two sends share a notification, and may share a TCP skb: does it wait until all "
                 "their "
                 "data is acknowledged, or the connection reset?",
         .profile = "6.0-rc",
         .world =
             {.apis = {Api::notif_slot, Api::notif_slot_flush},
              .socks = {tcp_nic},
              .hazards = {.again = true, .resets = true},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2, .slots = 1}},
         .expect = {.broken = "", .states = 16423, .transitions = 46360, .depth = 94}},
        {.name = "slots-failures",
         .asks = "A failed send never flushes: can the application still tell what a notification "
                 "covers?",
         .profile = "6.0-rc",
         .world =
             {.apis = {Api::notif_slot_flush},
              .socks = {udp_sink},
              .hazards = {.issue_fails = true, .io_wq = true, .unregisters = true},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 1, .slots = 1}},
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 45809, .transitions = 117333, .depth = 60}},
        {.name = "slots-two",
         .asks =
             "Two slots are flushed by themselves: are their numbers and their sends kept apart?",
         .profile = "6.0-rc",
         .world =
             {.apis = {Api::notif_slot},
              .socks = {udp_sink},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 1, .slots = 2}},
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 6830, .transitions = 15534, .depth = 94}},
        {.name = "tx-ctx",
         .asks = "The first series posts from work items and keeps notifiers in two lists: is a "
                 "notifier free when it is used again?",
         .profile = "rfc-v1",
         .world =
             {.apis = {Api::tx_ctx_flush},
              .socks = {udp_nic},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 3, .shinfos = 2, .skbs = 2, .slots = 1}},
         .expect = {.broken = "", .states = 114444, .transitions = 299798, .depth = 124}},
    };
}

// One datagram for each of two requests, or for one.
World slot_world(std::vector<Api> apis, std::uint32_t requests, const Hazards& hazards = {}) {
    return {.apis = std::move(apis),
            .socks = {udp_nic},
            .hazards = hazards,
            .bounds = {.buffers = requests,
                       .requests = requests,
                       .ubufs = requests,
                       .shinfos = requests,
                       .skbs = requests,
                       .slots = 1}};
}

std::vector<KernelScenario> slots_misunderstood() {
    return {
        {.name = "slots-in-order",
         .asks = "What if the application takes a slot's notifications to come in order?",
         .profile = "6.0-rc",
         .app = App::slots_in_order,
         .world = slot_world({Api::notif_slot_flush}, 2),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 8704,
                    .transitions = 25348,
                    .depth = 24}},
        {.name = "slots-any-order",
         .asks = "... and when it looks at the number of the generation?",
         .profile = "6.0-rc",
         .world = slot_world({Api::notif_slot_flush}, 2),
         .expect = {.broken = "", .states = 92964, .transitions = 281420, .depth = 97}},
        {.name = "slots-count-flushes",
         .asks = "What if the application counts a generation for every flush it asked for?",
         .profile = "6.0-rc",
         .app = App::counts_flushes,
         .world = slot_world({Api::notif_slot}, 1),
         .unasked = {"S2"},
         .expect = {.broken = "G2-seq-as-counted", .states = 92, .transitions = 142, .depth = 25}},
        {.name = "slots-first-cqe",
         .asks = "What if the application takes the send's own CQE for the release?",
         .profile = "6.0-rc",
         .app = App::first_cqe,
         .world = slot_world({Api::notif_slot_flush}, 1),
         .expect =
             {.broken = "R1-no-reuse-before-release", .states = 20, .transitions = 25, .depth = 9}},
        {.name = "tx-ctx-worker",
         .asks =
             "A worker's CQE overtakes those that its ring has yet to fill: can the application "
             "tell what a flush covered?",
         .profile = "rfc-v1",
         .world =
             {.apis = {Api::tx_ctx, Api::tx_ctx_flush},
              .socks = {udp_sink},
              .hazards = {.io_wq = true},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 3, .shinfos = 1, .skbs = 1, .slots = 1}},
         .unasked = {"S2"},
         .expect = {.broken = "G2-seq-as-counted", .states = 447, .transitions = 861, .depth = 15}},
        {.name = "tx-ctx-worker-refused",
         .asks = "... and when workers are refused?",
         .profile = "6.0-rc",
         .world =
             {.apis = {Api::tx_ctx, Api::tx_ctx_flush},
              .socks = {udp_sink},
              .hazards = {.io_wq = true},
              .bounds =
                  {.buffers = 1, .requests = 2, .ubufs = 3, .shinfos = 1, .skbs = 1, .slots = 1}},
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 1678, .transitions = 3830, .depth = 61}},
    };
}

std::vector<KernelScenario> slots_that_break() {
    return {
        {.name = "slot-inline",
         .asks = "A flush completes the notification on the spot: does its CQE still come second?",
         .profile = "B7",
         .world = slot_world({Api::notif_slot_flush}, 1),
         .expect =
             {.broken = "S9-one-notif-after-cqe", .states = 27, .transitions = 36, .depth = 11}},
        {.name = "slot-task-work",
         .asks = "... and when it leaves that to task work?",
         .profile = "6.0-rc",
         .world = slot_world({Api::notif_slot_flush}, 1),
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 93, .transitions = 138, .depth = 47}},
        {.name = "slot-unflushed",
         .asks = "A slot that nobody flushes: is its notification ever posted?",
         .profile = "6.0-rc",
         .world = slot_world({Api::notif_slot}, 1),
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 99, .transitions = 147, .depth = 12}},
        {.name = "slot-past-the-end",
         .asks = "A send names the slot after the last one: is it refused?",
         .profile = "B28a",
         .world = slot_world({Api::tx_ctx, Api::tx_ctx_flush}, 2, {.slot_out_of_range = true}),
         .expect = {.broken = "G3-slot-as-named", .states = 50, .transitions = 78, .depth = 4}},
        {.name = "slot-past-the-end-checked",
         .asks = "... and when the index is checked?",
         .profile = "rfc-v1",
         .world = slot_world({Api::tx_ctx, Api::tx_ctx_flush}, 2, {.slot_out_of_range = true}),
         .expect = {.broken = "", .states = 40494, .transitions = 121956, .depth = 100}},
        {.name = "slot-pins-ring",
         .asks = "io_uring_register() waits for the ring to be idle: can an open generation let "
                 "go of it?",
         .profile = "B28b",
         .world = slot_world({Api::tx_ctx, Api::tx_ctx_flush}, 2, {.quiesces = true}),
         .expect = {.broken = "L3-quiesce-can-end", .states = 136, .transitions = 256, .depth = 7}},
        {.name = "slot-pins-nothing",
         .asks = "... and when notifiers are counted instead?",
         .profile = "rfc-v1",
         .world = slot_world({Api::tx_ctx, Api::tx_ctx_flush}, 2, {.quiesces = true}),
         .expect = {.broken = "", .states = 54126, .transitions = 199232, .depth = 99}},
        {.name = "slot-forgets-task",
         .asks = "The task is forgotten before the completion is queued to it: who posts it?",
         .profile = "B28c",
         .world = slot_world({Api::notif_slot_flush}, 1),
         .expect =
             {.broken = "S17-no-lost-generation", .states = 23, .transitions = 30, .depth = 10}},
    };
}

}  // namespace

std::vector<KernelScenario> slots() {
    std::vector<KernelScenario> all = slots_that_hold();
    for (const auto& group : {slots_misunderstood(), slots_that_break()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace zcv
