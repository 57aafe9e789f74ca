#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

constexpr SockConfig tcp_split{.transport = Transport::tcp, .dma = true, .splits = true};
constexpr SockConfig tcp_tunnel{.transport = Transport::tcp, .dma = true, .expands = true};
constexpr SockConfig tcp_again{.transport = Transport::tcp, .dma = true, .duplicates = true};
constexpr SockConfig tcp_switched{.transport = Transport::tcp, .dma = true, .upcall_fails = true};
constexpr SockConfig udp_carved{
    .transport = Transport::udp, .receives = true, .tapped = true, .carves = true};
constexpr SockConfig udp_tap_device{.transport = Transport::udp, .stamped = true, .tun = true};
constexpr SockConfig udp_gro{.transport = Transport::udp, .receives = true, .merges = true};
constexpr SockConfig udp_esp{
    .transport = Transport::udp, .receives = true, .duplicates = true, .decrypts = true};
constexpr SockConfig vsock{.transport = Transport::vsock, .dma = true};

// Nobody is told when spliced pages are let go.
const std::vector<std::string> about_ubufs{"S1", "S3", "S4", "S9", "S10"};

KernelScenario fixed(KernelScenario row) {
    row.world.apis = {Api::send_zc_fixed};
    return row;
}
KernelScenario spliced(KernelScenario row) {
    row.world.apis = {Api::splice};
    row.unasked.insert(row.unasked.end(), about_ubufs.begin(), about_ubufs.end());
    return row;
}

World carved() {
    return {.socks = {udp_carved}, .bounds = {.shinfos = 2, .skbs = 2}};
}
World two_datagrams() {
    return {.socks = {udp_gro}, .bounds = udp_bounds(2, 2)};
}
World deciphered() {
    return {.socks = {udp_esp}, .bounds = {.shinfos = 2, .skbs = 2}};
}
World cut_in_two() {
    return {
        .socks = {vsock}, .hazards = {.issue_fails = true}, .bounds = {.shinfos = 2, .skbs = 2}};
}
World switched() {
    return {.socks = {tcp_switched},
            .hazards = {.retransmits = true},
            .bounds = {.shinfos = 1, .skbs = 3}};
}

std::vector<KernelScenario> conforming() {
    return {
        fixed(
            {.name = "fixed-udp",
             .asks = "Datagrams from registered buffers hold no pages: does the ubuf keep them?",
             .profile = "6.18",
             .world = {.socks = {udp_nic}, .hazards = {.drops = true}, .bounds = udp_bounds(2, 2)},
             .expect = {.broken = "", .states = 29814, .transitions = 126795, .depth = 32}}),
        {.name = "fixed-and-ordinary",
         .asks = "Registered and ordinary pages meet in one TCP skb: who takes which reference?",
         .profile = "6.18",
         .world = {.apis = {Api::send_zc_fixed, Api::send_zc},
                   .socks = {tcp_nic},
                   .bounds = {.buffers = 2, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2}},
         .expect = {.broken = "", .states = 68554, .transitions = 210001, .depth = 46}},
        fixed({.name = "fixed-split",
               .asks = "TCP splits an skb of registered pages: do both parts take references?",
               .profile = "6.18",
               .world = {.socks = {tcp_split},
                         .hazards = {.resets = true},
                         .bounds = {.shinfos = 2, .skbs = 3}},
               .expect = {.broken = "", .states = 6154, .transitions = 20105, .depth = 43}}),
        fixed({.name = "fixed-expanded",
               .asks = "A tunnel needs a head of its own for registered pages in a clone: are the "
                       "references taken on both sides?",
               .profile = "6.18",
               .world = {.socks = {tcp_tunnel},
                         .hazards = {.drops = true, .retransmits = true},
                         .bounds = {.shinfos = 2, .skbs = 2}},
               .expect = {.broken = "", .states = 1117, .transitions = 3378, .depth = 32}}),
        {.name = "sent-again-as-a-copy",
         .asks = "TCP sends again what a clone still holds: does the copy hold the ubuf?",
         .profile = "6.18",
         .world = {.socks = {tcp_again},
                   .hazards = {.retransmits = true},
                   .bounds = {.shinfos = 2, .skbs = 3}},
         .expect = {.broken = "", .states = 7840, .transitions = 24740, .depth = 38}},
        {.name = "tap-device",
         .asks = "A tap device and a time stamp with payload: is each given a copy, even when "
                 "there is no memory for one?",
         .profile = "6.18",
         .world = {.socks = {udp_tap_device},
                   .hazards = {.copy_fails = true},
                   .bounds = {.shinfos = 2, .skbs = 2}},
         .expect = {.broken = "", .states = 879, .transitions = 2740, .depth = 42}},
        spliced({.name = "gro-spliced",
                 .asks = "Spliced datagrams are joined on receive: do the references move along?",
                 .profile = "6.18",
                 .world = two_datagrams(),
                 .expect = {.broken = "", .states = 618, .transitions = 1294, .depth = 15}}),
    };
}

// Each known bug of the shared info, and the same world without it.
std::vector<KernelScenario> known_bugs() {
    return {
        fixed({.name = "carve-managed",
               .asks = "A reader carves a clone of registered pages: are the references put again?",
               .profile = "B11",
               .world = carved(),
               .expect =
                   {.broken = "S6-page-refs-exact", .states = 23, .transitions = 26, .depth = 10}}),
        fixed({.name = "carve-managed-fixed",
               .asks = "The same, downgraded first?",
               .profile = "6.18",
               .world = carved(),
               .expect = {.broken = "", .states = 645, .transitions = 1742, .depth = 41}}),
        fixed({.name = "gro-zcopy",
               .asks = "GRO joins two datagrams of registered pages: who holds the pages then?",
               .profile = "B12",
               .world = two_datagrams(),
               .expect = {.broken = "S4-ubuf-on-frags",
                          .states = 4926,
                          .transitions = 12527,
                          .depth = 17}}),
        {.name = "gro-zcopy-pages",
         .asks = "... and, joined with ordinary ones, are the pages' references right?",
         .profile = "B12",
         .world = {.apis = {Api::send_zc_fixed, Api::send_zc},
                   .socks = {udp_gro},
                   .bounds = udp_bounds(2, 2)},
         .unasked = {"S4", "S5"},
         .expect =
             {.broken = "S6-page-refs-exact", .states = 7078, .transitions = 18669, .depth = 18}},
        fixed({.name = "gro-zcopy-fixed",
               .asks = "The same where GRO refuses skbs with a ubuf?",
               .profile = "6.18",
               .world = two_datagrams(),
               .expect = {.broken = "", .states = 53724, .transitions = 195421, .depth = 43}}),
        spliced(
            {.name = "copy-unmarked",
             .asks = "A spliced packet is duplicated: does the copy say whose its pages are?",
             .profile = "B13",
             .world = deciphered(),
             .expect = {.broken = "S7-shared-flag", .states = 7, .transitions = 6, .depth = 5}}),
        spliced({.name = "copy-unmarked-written",
                 .asks = "... and when the copy is deciphered, what becomes of the file?",
                 .profile = "B13",
                 .world = deciphered(),
                 .unasked = {"S7-shared-flag", "R1"},
                 .expect = {.broken = "S7-written-in-place",
                            .states = 28,
                            .transitions = 36,
                            .depth = 9}}),
        spliced({.name = "spliced-and-deciphered",
                 .asks = "A spliced and duplicated datagram is deciphered: is it copied first?",
                 .profile = "6.18",
                 .world = deciphered(),
                 .expect = {.broken = "", .states = 99, .transitions = 211, .depth = 21}}),
    };
}

std::vector<KernelScenario> more_known_bugs() {
    return {
        spliced(
            {.name = "splice-unmarked",
             .asks = "Are the pages of a file marked when they are spliced into a datagram?",
             .profile = "B14",
             .world = deciphered(),
             .expect = {.broken = "S7-shared-flag", .states = 3, .transitions = 2, .depth = 2}}),
        spliced({.name = "splice-unmarked-written",
                 .asks = "... and when the datagram is deciphered, what becomes of the file?",
                 .profile = "B14",
                 .world = deciphered(),
                 .unasked = {"S7-shared-flag"},
                 .expect = {.broken = "S7-written-in-place",
                            .states = 15,
                            .transitions = 15,
                            .depth = 7}}),
        fixed({.name = "vsock-fill-first",
               .asks = "Filling a vsock skb with registered pages fails: what is put then?",
               .profile = "B15",
               .world = cut_in_two(),
               .expect =
                   {.broken = "S6-page-refs-exact", .states = 11, .transitions = 10, .depth = 6}}),
        fixed({.name = "vsock-last-only",
               .asks = "A vsock send becomes two skbs: does the first hold the ubuf too?",
               .profile = "B16",
               .world = cut_in_two(),
               .expect =
                   {.broken = "S4-ubuf-on-frags", .states = 11, .transitions = 10, .depth = 6}}),
        {.name = "vsock-last-only-early",
         .asks = "... and does its notification come too early?",
         .profile = "B16",
         .world = cut_in_two(),
         .unasked = {"S4", "S7"},
         .expect =
             {.broken = "S1-no-early-release", .states = 282, .transitions = 541, .depth = 11}},
        fixed({.name = "vsock-fixed",
               .asks = "The same with the ubuf on every skb before it is filled?",
               .profile = "6.18",
               .world = cut_in_two(),
               .expect = {.broken = "", .states = 298, .transitions = 731, .depth = 15}}),
        {.name = "tx-error-clone",
         .asks = "A virtual switch gives up a clone: does the original in TCP's queue still hold "
                 "the buffer?",
         .profile = "B17",
         .world = switched(),
         .unasked = {"S4", "S7"},
         .expect =
             {.broken = "S1-no-early-release", .states = 94, .transitions = 161, .depth = 14}},
        {.name = "tx-error-clone-fixed",
         .asks = "The same where only an skb that nobody shares is detached?",
         .profile = "6.18",
         .world = switched(),
         .expect = {.broken = "", .states = 155, .transitions = 351, .depth = 25}},
    };
}

}  // namespace

// Who holds the pages, and who may write to them.
std::vector<KernelScenario> pages() {
    std::vector<KernelScenario> all = conforming();
    for (const auto& group : {known_bugs(), more_known_bugs()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace zcv
