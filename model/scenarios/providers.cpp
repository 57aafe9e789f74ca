#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

World provider(Api api, const SockConfig& sock, const Hazards& hazards, std::uint32_t requests,
               std::uint32_t skbs) {
    return {.apis = {api},
            .socks = {sock},
            .hazards = hazards,
            .bounds = {.requests = requests, .ubufs = requests, .shinfos = requests, .skbs = skbs}};
}

constexpr SockConfig tapped_nic{.transport = Transport::udp, .dma = true, .tapped = true};
const World guest = provider(Api::vhost, tapped_nic, {.issue_fails = true, .drops = true}, 2, 3);
const World guest_failing = provider(Api::vhost, udp_nic, {.issue_fails = true}, 1, 1);
const World guest_leaving = provider(Api::vhost, udp_nic, {.close_fd = true}, 1, 1);
const World packet_ring = provider(Api::packet_ring, tapped_nic, {.drops = true}, 1, 2);
const World rds = provider(Api::rds, udp_nic, {.issue_fails = true, .drops = true}, 2, 2);
const std::vector<std::string> one_holder{"S3-refs-exact-reached"};

// A guest's large packet is segmented in software.
World guest_segmented() {
    World world = provider(Api::vhost, {.transport = Transport::udp, .dma = true, .segments = true},
                           {}, 1, 3);
    world.bounds.shinfos = 3;
    return world;
}

// Two rings that send on one stream.
World given(const SockConfig& sock) {
    return {.apis = {Api::given_ubuf},
            .socks = {sock},
            .hazards = {.issue_fails = true},
            .bounds = {.requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2, .rings = 2}};
}

}  // namespace

// An alternative to both io_uring's notifications and the error queue.
std::vector<KernelScenario> given_ubufs() {
    return {
        {.name = "given-ubuf-udp",
         .asks = "MSG_ZEROCOPY is given the ubuf of an io_uring request with each call: does every "
                 "notification wait for the datagram?",
         .profile = "given-ubuf",
         .world = given(udp_nic),
         .expect = {.broken = "", .states = 23051, .transitions = 80745, .depth = 38}},
        {.name = "given-ubuf-tcp",
         .asks = "The same for two rings on one stream, an skb for each request?",
         .profile = "given-ubuf",
         .world = given(tcp_nic),
         .expect = {.broken = "", .states = 148819, .transitions = 482337, .depth = 52}},
        {.name = "given-ubuf-in-socket",
         .asks =
             "The same when the request leaves its ubuf in the socket: whose is it that the call "
             "finds?",
         .profile = "given-ubuf-in-socket",
         .world = given(tcp_nic),
         .unasked = {"S4"},
         .expect =
             {.broken = "S1-no-early-release", .states = 3675, .transitions = 7933, .depth = 14}},
    };
}

// Guests: whose ubuf it can be beside io_uring's and MSG_ZEROCOPY's.
std::vector<KernelScenario> guests_of_vhost() {
    return {
        {.name = "vhost-in-order",
         .asks =
             "A guest's buffers go out by vhost-net and tun, and a tap listens: is the guest told "
             "in order, and of none that is still held?",
         .profile = "6.18",
         .world = guest,
         .unasked = one_holder,
         .expect = {.broken = "", .states = 41626, .transitions = 220339, .depth = 41}},
        {.name = "segment-copied",
         .asks =
             "A guest's packet is segmented, and copied for that: does any segment refer to the "
             "guest's pages?",
         .profile = "6.18",
         .world = guest_segmented(),
         .unasked = one_holder,
         .expect = {.broken = "", .states = 882, .transitions = 2649, .depth = 41}},
        {.name = "segment-old-frags",
         .asks = "... and if the frags were looked at before they were copied?",
         .profile = "B18",
         .world = guest_segmented(),
         .unasked = {"S3-refs-exact-reached", "S7"},
         .expect = {.broken = "S1-no-early-release", .states = 13, .transitions = 12, .depth = 7}},
        {.name = "vhost-failure",
         .asks = "sendmsg fails after the skb with the ubuf was freed: is it put twice?",
         .profile = "B20",
         .world = guest_failing,
         .unasked = one_holder,
         .expect = {.broken = "S3-refs-exact", .states = 10, .transitions = 9, .depth = 5}},
        {.name = "vhost-failure-once",
         .asks = "The same where the descriptor's state is looked at first?",
         .profile = "6.18",
         .world = guest_failing,
         .unasked = one_holder,
         .expect = {.broken = "", .states = 14, .transitions = 16, .depth = 9}},
        {.name = "vhost-teardown",
         .asks = "The device waits for its last ubuf: is the count freed under whoever wakes it?",
         .profile = "B21",
         .world = guest_leaving,
         .unasked = one_holder,
         .expect = {.broken = "S13-waker-outlived", .states = 24, .transitions = 31, .depth = 10}},
        {.name = "vhost-teardown-waits",
         .asks = "The same where freeing waits for the waker?",
         .profile = "6.18",
         .world = guest_leaving,
         .unasked = one_holder,
         .expect = {.broken = "", .states = 26, .transitions = 39, .depth = 12}},
    };
}

// Packet sockets and RDS.
std::vector<KernelScenario> rings_and_messages() {
    return {
        {.name = "packet-ring-clone",
         .asks = "A packet ring's slot is free when its skb is, and a tap has a clone: is it read "
                 "after that?",
         .profile = "B22",
         .world = packet_ring,
         .unasked = one_holder,
         .expect = {.broken = "S1-no-early-release", .states = 16, .transitions = 24, .depth = 6}},
        {.name = "packet-ring",
         .asks = "The same where whoever clones copies first?",
         .profile = "6.18",
         .world = packet_ring,
         .unasked = one_holder,
         .expect = {.broken = "", .states = 48, .transitions = 128, .depth = 12}},
        {.name = "rds-fault",
         .asks = "A fault half-way through an RDS message: are its pages put twice?",
         .profile = "B26",
         .world = rds,
         .unasked = one_holder,
         .expect = {.broken = "S6-page-refs-exact", .states = 16, .transitions = 15, .depth = 4}},
        {.name = "rds",
         .asks = "The same where the message forgets the pages that it has put?",
         .profile = "6.18",
         .world = rds,
         .unasked = one_holder,
         .expect = {.broken = "", .states = 245, .transitions = 821, .depth = 17}},
    };
}

}  // namespace zcv
