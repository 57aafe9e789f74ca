#include "model/scenarios/tables.hpp"

// What zero copy is compared with: a send that copies, and AF_XDP, which goes past the protocols.
namespace zcv {
namespace {

constexpr SockConfig xsk_driver{.xsk_zero_copy = true};
constexpr SockConfig xsk_frags{.dma = true, .xsk_no_linear = true};
constexpr SockConfig xsk_copies{.dma = true};
constexpr SockConfig xsk_forwards{.xsk_zero_copy = true, .xsk_receives = true};

World xdp_world(const SockConfig& config, std::uint32_t frames, const Hazards& hazards = {}) {
    return {
        .apis = {Api::af_xdp},
        .socks = {config},
        .hazards = hazards,
        .bounds = {
            .buffers = frames, .requests = frames, .ubufs = 0, .shinfos = frames, .skbs = frames}};
}

World copy_world(const std::vector<SockConfig>& socks, std::uint32_t requests) {
    return {.apis = {Api::send},
            .socks = socks,
            .bounds = {.buffers = requests,
                       .requests = requests,
                       .ubufs = 0,
                       .shinfos = requests,
                       .skbs = 2 * requests}};
}

std::vector<KernelScenario> copies() {
    return {
        {.name = "copy-send",
         .asks = "A plain send copies: is the buffer free at the completion?",
         .profile = "6.18",
         .app = App::first_cqe,
         .world = copy_world({udp_nic, tcp_nic}, 1),
         .expect = {.broken = "", .states = 74, .transitions = 136, .depth = 12}},
        {.name = "copy-send-mixed",
         .asks = "... and next to a zero-copy send of the same buffer?",
         .profile = "6.18",
         .world = {.apis = {Api::send, Api::send_zc},
                   .socks = {udp_nic},
                   .bounds = {.buffers = 1, .requests = 2, .ubufs = 1, .shinfos = 2, .skbs = 2}},
         .expect = {.broken = "", .states = 2595, .transitions = 8635, .depth = 31}},
    };
}

std::vector<KernelScenario> frames() {
    return {
        {.name = "xdp-driver",
         .asks = "AF_XDP with a driver that reads the frames: does a frame come back only after "
                 "DMA?",
         .profile = "6.18",
         .world = xdp_world(xsk_driver, 3),
         .expect = {.broken = "", .states = 7352, .transitions = 18120, .depth = 30}},
        {.name = "xdp-copy",
         .asks = "AF_XDP that copies frames into skbs: does every frame come back?",
         .profile = "6.18",
         .world = xdp_world(xsk_copies, 3, {.drops = true}),
         .unasked = {"R1", "S6"},
         .expect = {.broken = "", .states = 4184, .transitions = 15096, .depth = 18}},
        {.name = "xdp-frags",
         .asks = "AF_XDP skbs that refer to the frames and finish in any order: does each give "
                 "back its own?",
         .profile = "6.18",
         .world = xdp_world(xsk_frags, 3, {.drops = true}),
         .expect = {.broken = "", .states = 4184, .transitions = 15096, .depth = 18}},
        {.name = "xdp-in-order",
         .asks = "The completion ring gives frames back in the order of their submission: is the "
                 "first one done?",
         .profile = "6.12",
         .world = xdp_world(xsk_frags, 2),
         .expect = {.broken = "S1-no-early-release", .states = 80, .transitions = 128, .depth = 8}},
        {.name = "xdp-by-address",
         .asks = "... and when the frame's own address is published?",
         .profile = "6.18",
         .world = xdp_world(xsk_frags, 2),
         .expect = {.broken = "", .states = 112, .transitions = 220, .depth = 12}},
    };
}

// Frames that also receive: fill, rx, tx and completion ring.
std::vector<KernelScenario> frames_forwarded() {
    return {
        {.name = "xdp-forward",
         .asks = "Received packets are sent on from the frames they lie in: is none received into "
                 "while the device still reads it?",
         .profile = "6.18",
         .world = xdp_world(xsk_forwards, 2),
         .expect = {.broken = "", .states = 190, .transitions = 392, .depth = 14}},
    };
}

std::vector<KernelScenario> frames_lost() {
    return {
        {.name = "xdp-frame-early",
         .asks = "What if the application reuses a frame when sendto() returns?",
         .profile = "6.18",
         .app = App::frame_early,
         .world = xdp_world(xsk_driver, 1),
         .expect =
             {.broken = "R1-no-reuse-before-release", .states = 9, .transitions = 9, .depth = 5}},
        {.name = "xdp-frame-early-wire",
         .asks = "... and does the wire then carry the later packet?",
         .profile = "6.18",
         .app = App::frame_early,
         .world = xdp_world(xsk_driver, 1),
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 12, .transitions = 14, .depth = 6}},
        {.name = "xdp-frame-returned",
         .asks = "... and when it waits for the completion ring?",
         .profile = "6.18",
         .world = xdp_world(xsk_driver, 1),
         .eventually = {"L2"},
         .expect = {.broken = "", .states = 6, .transitions = 6, .depth = 5}},
        {.name = "xdp-frame-lost",
         .asks = "What if the application waits for a frame whose descriptor was invalid?",
         .profile = "6.18",
         .app = App::descriptor_lost,
         .world = xdp_world(xsk_driver, 1),
         .expect = {.broken = "X1-no-frame-lost", .states = 5, .transitions = 4, .depth = 3}},
        {.name = "xdp-never-reaps",
         .asks = "What if the application never reads the completion ring?",
         .profile = "6.18",
         .app = App::never_reaps,
         .world = xdp_world(xsk_driver, 1),
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 6, .transitions = 5, .depth = 5}},
    };
}

}  // namespace

std::vector<KernelScenario> other_paths() {
    std::vector<KernelScenario> all = copies();
    for (const auto& group : {frames(), frames_forwarded(), frames_lost()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace zcv
