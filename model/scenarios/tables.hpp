#pragma once

#include <vector>

#include "model/kernel_scenarios.hpp"

// The scenarios of the kernel model, a table a subject. Each is the smallest world that can answer
// its question.
namespace zcv {

std::vector<KernelScenario> datagrams();
std::vector<KernelScenario> streams();
std::vector<KernelScenario> pages();
std::vector<KernelScenario> broken_promises();
std::vector<KernelScenario> requests();
std::vector<KernelScenario> request_bugs();
std::vector<KernelScenario> waiting_bugs();
std::vector<KernelScenario> request_misuses();
std::vector<KernelScenario> queue_misuses();
std::vector<KernelScenario> notif_misuses();
std::vector<KernelScenario> registered_buffers();
std::vector<KernelScenario> resource_nodes();
std::vector<KernelScenario> endings();
std::vector<KernelScenario> accounts();
std::vector<KernelScenario> connections();
std::vector<KernelScenario> mixed_streams();
std::vector<KernelScenario> pending_datagrams();
std::vector<KernelScenario> mtu_probes();
std::vector<KernelScenario> msg_zerocopy_calls();
std::vector<KernelScenario> msg_zerocopy_mixed();
std::vector<KernelScenario> msg_zerocopy_misuse();
std::vector<KernelScenario> given_ubufs();
std::vector<KernelScenario> guests_of_vhost();
std::vector<KernelScenario> rings_and_messages();
std::vector<KernelScenario> slots();
std::vector<KernelScenario> other_paths();
std::vector<KernelScenario> progress();
std::vector<KernelScenario> teardown();
std::vector<KernelScenario> exhaustion();

inline constexpr SockConfig udp_sink{.transport = Transport::udp, .sink = true};
inline constexpr SockConfig udp_nic{.transport = Transport::udp, .dma = true};
inline constexpr SockConfig udp_loopback{.transport = Transport::udp, .receives = true};
inline constexpr SockConfig tcp_nic{.transport = Transport::tcp, .dma = true};
inline constexpr SockConfig tcp_loopback{.transport = Transport::tcp, .receives = true};

// No generation of a slot is ever closed, so none is released either.
inline const std::vector<std::string> nothing_notified{
    "S1-no-early-release-reached", "S9-one-notif-a-generation-reached", "G2-seq-as-counted-reached",
    "S17-no-lost-generation-reached", "S13-cached-notifier-is-free-reached"};

// One thread that calls sendmsg(MSG_ZEROCOPY) on one socket.
World calls(const SockConfig& sock, std::uint32_t requests, std::uint32_t skbs);
World with_hazards(World world, const Hazards& hazards);

// Every request can have its own notification, every datagram its own shared info.
constexpr Bounds udp_bounds(std::uint32_t requests, std::uint32_t skbs) {
    return {.buffers = requests,
            .requests = requests,
            .ubufs = requests,
            .shinfos = skbs,
            .skbs = skbs};
}

}  // namespace zcv
