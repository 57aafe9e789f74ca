#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

// One thread that calls sendmsg on one socket.
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

}  // namespace

// MSG_ZEROCOPY: ids, ranges, option memory.
std::vector<KernelScenario> msg_zerocopy_calls() {
    return {
        {.name = "msgzc-udp",
         .asks = "Two sendmsg(MSG_ZEROCOPY) on a datagram socket that fail or are dropped anywhere: "
                 "does each range cover released calls only?",
         .profile = "6.18",
         .world = with_hazards(calls(udp_nic, 2, 2),
                               {.issue_fails = true, .drops = true, .memlock = true}),
         .expect = {.broken = ""}},
    };
}

}  // namespace zcv
