#include "model/scenarios/tables.hpp"

namespace zcv {

World calls(const SockConfig& sock, std::uint32_t requests, std::uint32_t skbs) {
    return {.apis = {Api::msg_zerocopy},
            .socks = {sock},
            .bounds = {.buffers = requests,
                       .requests = requests,
                       .ubufs = requests,
                       .shinfos = skbs,
                       .skbs = skbs,
                       .ids = requests + 1}};
}

World with_hazards(World world, const Hazards& hazards) {
    world.hazards = hazards;
    return world;
}

namespace {

// A datagram's one skb takes over the call's reference, so nobody shares a ubuf.
const std::vector<std::string> one_holder{"S3-refs-exact-reached"};

constexpr SockConfig udp_sometimes_copied{
    .transport = Transport::udp, .dma = true, .copies_at_send = true};

// Requests of both kinds on one stream.
const World mixed{.apis = {Api::send_zc, Api::msg_zerocopy},
                  .socks = {tcp_nic},
                  .bounds = {.requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2, .ids = 3}};

const World two_threads{.apis = {Api::msg_zerocopy},
                        .socks = {udp_nic},
                        .hazards = {.issue_fails = true, .threads = true},
                        .bounds = {.requests = 3, .ubufs = 3, .shinfos = 1, .skbs = 1, .ids = 4}};

}  // namespace

// MSG_ZEROCOPY: ids, ranges, option memory.
std::vector<KernelScenario> msg_zerocopy_calls() {
    return {
        {.name = "msgzc-udp",
         .asks =
             "Two sendmsg(MSG_ZEROCOPY) on a datagram socket that fail or are dropped anywhere: "
             "does each range cover released calls only?",
         .profile = "6.18",
         .world = with_hazards(calls(udp_nic, 2, 2),
                               {.issue_fails = true, .drops = true, .memlock = true}),
         .unasked = one_holder,
         .expect = {.broken = "", .states = 33132, .transitions = 122928, .depth = 60}},
        {.name = "msgzc-udp-copied",
         .asks = "No scatter-gather: the data is copied, and a notification was promised all the "
                 "same. Does it come?",
         .profile = "6.18",
         .world = with_hazards(
             calls({.transport = Transport::udp, .dma = true, .copies_at_send = true}, 2, 2),
             {.issue_fails = true}),
         .unasked = {"S3-refs-exact-reached", "S18"},
         .expect = {.broken = "", .states = 114204, .transitions = 309540, .depth = 77}},
        {.name = "msgzc-udp-fragments",
         .asks = "A datagram above the MTU is copied into several skbs, each of which holds the "
                 "call's ubuf: does the last to go post the range?",
         .profile = "6.18",
         .world = with_hazards(calls({.transport = Transport::udp,
                                      .dma = true,
                                      .copies_at_send = true,
                                      .fragments = true},
                                     2, 2),
                               {.issue_fails = true, .drops = true}),
         .unasked = {"S18"},
         .expect = {.broken = "", .states = 138156, .transitions = 541044, .depth = 60}},
        {.name = "msgzc-udp-cork",
         .asks = "Datagrams that are left pending take the next calls' data and share one ubuf: "
                 "does its range speak for all of them?",
         .profile = "6.18",
         .world =
             with_hazards(calls({.transport = Transport::udp, .dma = true, .msg_more = true}, 2, 2),
                          {.issue_fails = true}),
         .unasked = {"S3-refs-exact-reached", "S18"},
         .expect = {.broken = "", .states = 39900, .transitions = 104928, .depth = 72}},
        {.name = "msgzc-tcp",
         .asks =
             "Calls on a stream join the ubuf of the unsent tail: is their one range posted only "
             "after the last byte is acknowledged?",
         .profile = "6.18",
         .world = with_hazards(calls(tcp_nic, 2, 2), {.issue_fails = true, .resets = true}),
         .expect = {.broken = "", .states = 70896, .transitions = 209352, .depth = 55}},
        {.name = "msgzc-tcp-retransmits",
         .asks = "Three calls, lost packets and retransmissions: does a range ever cover data that "
                 "may still be sent?",
         .profile = "6.18",
         .world = with_hazards(calls(tcp_nic, 2, 2), {.drops = true, .retransmits = true}),
         .expect = {.broken = "", .states = 96144, .transitions = 273300, .depth = 58}},
        {.name = "msgzc-loopback",
         .asks = "Copied on receive: does the range wait for the copy and say so?",
         .profile = "6.18",
         .world = calls(udp_loopback, 2, 2),
         .unasked = one_holder,
         .expect = {.broken = "", .states = 40464, .transitions = 113736, .depth = 71}},
    };
}

// What the kernel makes of codes that differ, of other providers, and of two threads.
std::vector<KernelScenario> msg_zerocopy_mixed() {
    return {
        {.name = "msgzc-merged-codes",
         .asks = "One call's data was copied, the next one's was not, and nobody reads in between: "
                 "is the code of their common range true?",
         .profile = "6.18",
         .world = calls(udp_sometimes_copied, 2, 2),
         .unasked = one_holder,
         .expect =
             {.broken = "S18-copied-code-true", .states = 5264, .transitions = 12096, .depth = 19}},
        {.name = "msgzc-merged-codes-intended",
         .asks = "The same when ranges with different codes stay apart?",
         .profile = "intended",
         .world = calls(udp_sometimes_copied, 2, 2),
         .unasked = one_holder,
         .expect = {.broken = "", .states = 98508, .transitions = 266340, .depth = 77}},
        {.name = "msgzc-behind-io-uring",
         .asks =
             "A call finds an io_uring send's skb at the tail, and the reverse: does each keep to "
             "its own ubuf?",
         .profile = "6.18",
         .world = mixed,
         .expect = {.broken = "", .states = 34011, .transitions = 94041, .depth = 61}},
        {.name = "msgzc-foreign-ubuf",
         .asks = "The same when the call takes any ubuf at the tail for one of its own?",
         .profile = "B19",
         .world = mixed,
         .expect = {.broken = "S14-ids-dense", .states = 60, .transitions = 87, .depth = 7}},
        {.name = "msgzc-two-threads",
         .asks =
             "Two threads call sendmsg on one datagram socket, and one call fails: are ids still "
             "dense?",
         .profile = "6.18",
         .world = two_threads,
         .unasked = {"R2"},
         .expect = {.broken = "S14-ids-dense", .states = 483, .transitions = 877, .depth = 8}},
    };
}

}  // namespace zcv
