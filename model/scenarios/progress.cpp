#include "model/scenarios/tables.hpp"

// What must happen in the end, given that nobody neglects his duty for ever (properties/fairness).
// Of every design something is asked. Of two of them L1 is not: a send that copies has no
// ubuf_info, and AF_XDP gives frames back by its completion ring; both are asked L2.
namespace zcv {
namespace {

World stream(Api api, const Hazards& hazards) {
    return {
        .apis = {api}, .socks = {tcp_nic}, .hazards = hazards, .bounds = {.shinfos = 1, .skbs = 2}};
}

constexpr Hazards silent_peer{.drops = true, .retransmits = true};
constexpr Hazards given_up{.drops = true, .retransmits = true, .gives_up = true};

// What is queued leaves a place for the packet that carries it.
World called(const Hazards& hazards) {
    World world = with_hazards(calls(tcp_nic, 1, 2), hazards);
    world.bounds.shinfos = 1;
    return world;
}

World in_slot(Api api, const SockConfig& sock) {
    return {.apis = {api},
            .socks = {sock},
            .hazards = {.drops = true},
            .bounds = {.ubufs = 3, .shinfos = 1, .skbs = 1, .slots = 1}};
}

std::vector<KernelScenario> requests_end() {
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
                 "buffer released, and the application told?",
         .profile = "6.18",
         .world = {.socks = {udp_nic}, .bounds = udp_bounds(1, 1), .defer_taskrun_waits = 2},
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 75, .transitions = 140, .depth = 18}},
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

// Requests that wait for one another, or are released together.
std::vector<KernelScenario> bound_requests_end() {
    return {
        // Not L2: beside a send that is repeated for ever another may find the socket full each
        // time.
        {.name = "chain-end",
         .asks =
             "A chain is released as one, with its newest member: is every ubuf of it released?",
         .profile = "6.12",
         .world = {.socks = {tcp_nic},
                   .hazards = {.gives_up = true},
                   .bounds = {.requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 47005, .transitions = 141458, .depth = 44}},
        {.name = "drained-send-end",
         .asks = "A send waits for all before it, and with them for its own notification: does it "
                 "ever start?",
         .profile = "6.18",
         .world = {.socks = {udp_nic}, .hazards = {.drains = true}, .bounds = udp_bounds(1, 1)},
         .unasked = {"W2"},
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 38, .transitions = 57, .depth = 4}},
        {.name = "drained-send-end-6.12",
         .asks = "A send waits until as many CQEs were posted as requests came before it, and "
                 "notifications post CQEs: does it ever start?",
         .profile = "6.12",
         .world = {.socks = {udp_nic}, .hazards = {.drains = true}, .bounds = udp_bounds(1, 1)},
         .unasked = {"W2"},
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 106, .transitions = 164, .depth = 21}},
        {.name = "drained-send-end-intended",
         .asks = "... and when notifications are not waited for?",
         .profile = "intended",
         .world = {.socks = {udp_nic}, .hazards = {.drains = true}, .bounds = udp_bounds(1, 1)},
         .unasked = {"W2"},
         .eventually = {"L2"},
         .expect = {.broken = "", .states = 70, .transitions = 109, .depth = 17}},
    };
}

// The designs beside the requests with a notification of their own.
std::vector<KernelScenario> others_end() {
    return {
        {.name = "copy-send-end",
         .asks = "A send that copies, to a peer that is never heard of and given up at last: does "
                 "it end?",
         .profile = "6.18",
         .world = stream(Api::send, given_up),
         .unasked = {"R1", "S2", "S6"},
         .eventually = {"L2"},
         .expect = {.broken = "", .states = 131, .transitions = 390, .depth = 18}},
        {.name = "copy-send-silent-peer",
         .asks = "... and when it is never given up, and the socket has room for one packet?",
         .profile = "6.18",
         .world = stream(Api::send, silent_peer),
         .unasked = {"R1", "S2", "S6"},
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 75, .transitions = 201, .depth = 11}},
        {.name = "msgzc-end",
         .asks = "sendmsg(MSG_ZEROCOPY) to a peer that may be given up: does every call's range "
                 "come?",
         .profile = "6.18",
         .world = called(given_up),
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 150, .transitions = 414, .depth = 28}},
        {.name = "msgzc-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "6.18",
         .world = called(silent_peer),
         .eventually = {"L1"},
         .expect = {.broken = "L1-release", .states = 98, .transitions = 240, .depth = 10}},
        {.name = "tx-ctx-end",
         .asks = "A tx context that every send flushes: is its notifier released, and every send "
                 "told of it?",
         .profile = "rfc-v1",
         .world = in_slot(Api::tx_ctx_flush, udp_nic),
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 234, .transitions = 437, .depth = 72}},
        {.name = "tx-ctx-unflushed",
         .asks = "... and one that nobody flushes?",
         .profile = "rfc-v1",
         .world = in_slot(Api::tx_ctx, udp_nic),
         .unasked = nothing_notified,
         .eventually = {"L2"},
         .expect = {.broken = "L2-told", .states = 25, .transitions = 48, .depth = 9}},
        {.name = "given-ubuf-end",
         .asks = "MSG_ZEROCOPY given a request's ubuf, and a peer that may be given up: is the "
                 "ubuf released?",
         .profile = "given-ubuf",
         .world = stream(Api::given_ubuf, given_up),
         .eventually = {"L1", "L2"},
         .expect = {.broken = "", .states = 332, .transitions = 980, .depth = 27}},
        {.name = "given-ubuf-silent-peer",
         .asks = "... and when it is never given up?",
         .profile = "given-ubuf",
         .world = stream(Api::given_ubuf, silent_peer),
         .eventually = {"L1"},
         .expect = {.broken = "L1-release", .states = 156, .transitions = 412, .depth = 14}},
        {.name = "xdp-frames-end",
         .asks = "AF_XDP frames in skbs that may be dropped: does every frame come back?",
         .profile = "6.18",
         .world = {.apis = {Api::af_xdp},
                   .socks = {{.dma = true, .xsk_no_linear = true}},
                   .hazards = {.drops = true},
                   .bounds = {.buffers = 2, .requests = 2, .ubufs = 0, .shinfos = 2, .skbs = 2}},
         .eventually = {"L2"},
         .expect = {.broken = "", .states = 112, .transitions = 268, .depth = 11}},
    };
}

}  // namespace

std::vector<KernelScenario> progress() {
    std::vector<KernelScenario> all = requests_end();
    for (const auto& group : {bound_requests_end(), others_end()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace zcv
