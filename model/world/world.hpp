#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/profiles.hpp"
#include "model/state.hpp"

// What surrounds the kernel: who uses it, which paths its packets take, and how much of everything
// there is. A world is fixed while it is explored or replayed.
namespace zcv {

// When the application takes a buffer to be its own again.
enum class App : std::uint8_t {
    conforming,       // at the notification; at the request's CQE when that came without F_MORE
    first_cqe,        // at the request's own CQE, whatever its flags (users.md A1)
    slots_in_order,   // slots: a notification is of the oldest generation it waits for (B13)
    counts_flushes,   // slots: every flush it asks for ends a generation (B13)
    frame_early,      // AF_XDP: once the kernel was told to send it (E1)
    never_reaps,      // AF_XDP: at the completion, which it never looks for (E2)
    descriptor_lost,  // AF_XDP: at the completion, even of a descriptor that is refused (E3)
};

struct AppName {
    App app;
    std::string_view name;
};
inline constexpr std::array app_names{
    AppName{App::conforming, "conforming"},
    AppName{App::first_cqe, "first-cqe"},
    AppName{App::slots_in_order, "slots-in-order"},
    AppName{App::counts_flushes, "counts-flushes"},
    AppName{App::frame_early, "frame-early"},
    AppName{App::never_reaps, "never-reaps"},
    AppName{App::descriptor_lost, "descriptor-lost"},
};

constexpr std::string_view name_of(App app) {
    for (const AppName& each : app_names)
        if (each.app == app) return each.name;
    return "";
}

// The call through which a request hands its data to the kernel, and by which its application
// learns that the buffer was let go.
enum class Api : std::uint8_t {
    send_zc,           // SEND_ZC or SENDMSG_ZC with a notification of its own, since 6.0
    send_zc_fixed,     // the same from a registered buffer
    sendmsg_zc_fixed,  // SENDMSG_ZC with an iovec into registered buffers, since 6.15
    send,              // copied within the call
    msg_zerocopy,      // sendmsg with MSG_ZEROCOPY, error queue
    tx_ctx,            // RFC v1: a send attached to a tx context
    tx_ctx_flush,      // ... that flushes it when it succeeds
    notif_slot,        // 6.0-rc: the same with notification slots, which can also be flushed alone
    notif_slot_flush,  // ... with IORING_RECVSEND_NOTIF_FLUSH
    given_ubuf,        // MSG_ZEROCOPY given the ubuf_info of an io_uring request
    af_xdp,            // umem frames
};

struct ApiName {
    Api api;
    std::string_view name;
};
inline constexpr std::array api_names{
    ApiName{Api::send_zc, "send_zc"},
    ApiName{Api::send_zc_fixed, "send_zc_fixed"},
    ApiName{Api::sendmsg_zc_fixed, "sendmsg_zc_fixed"},
    ApiName{Api::send, "send"},
    ApiName{Api::msg_zerocopy, "msg_zerocopy"},
    ApiName{Api::tx_ctx, "tx_ctx"},
    ApiName{Api::tx_ctx_flush, "tx_ctx with flush"},
    ApiName{Api::notif_slot, "notif_slot"},
    ApiName{Api::notif_slot_flush, "notif_slot with flush"},
    ApiName{Api::given_ubuf, "given_ubuf"},
    ApiName{Api::af_xdp, "af_xdp"},
};

constexpr std::string_view name_of(Api api) {
    for (const ApiName& each : api_names)
        if (each.api == api) return each.name;
    return "";
}

// Whether every request has a notification of its own, which goes with its CQE.
constexpr bool notifies_each(Api api) {
    return api == Api::send_zc || api == Api::send_zc_fixed || api == Api::sendmsg_zc_fixed;
}

constexpr bool from_registered_buffer(Api api) {
    return api == Api::send_zc_fixed || api == Api::sendmsg_zc_fixed;
}

// Whether a request's data is covered by the notification of a slot.
constexpr bool uses_slot(Api api) {
    return api == Api::tx_ctx || api == Api::tx_ctx_flush || api == Api::notif_slot ||
           api == Api::notif_slot_flush;
}

// ... and whether the request ends that notification's generation when it succeeds.
constexpr bool asks_flush(Api api) {
    return api == Api::tx_ctx_flush || api == Api::notif_slot_flush;
}

// Whether a request is handed in through a submission ring.
constexpr bool takes_sqe(Api api) {
    return notifies_each(api) || uses_slot(api) || api == Api::send;
}

enum class Transport : std::uint8_t { udp, tcp };

// What may happen to a socket's packets. A replay, which does not know the device, allows it all.
struct SockConfig {
    Transport transport = Transport::udp;
    bool dma = false;   // nic: reads the pages after queueing, frees the skb later
    bool sink = false;  // ifb, dummy: frees the skb at once and reads nothing
    bool receives =
        false;  // loopback, veth: the skb is received on this machine, copied on the way
    bool copies_at_send =
        false;                  // no SG or a datagram above the MTU: zero copy is silently not used
    bool forwards = false;      // stacked devices, a bridge, a router: handed on to another device
    bool segments = false;      // software segmentation, or a shaper that splits large packets
    bool splits = false;        // TCP sends part of an skb, and the rest later
    bool tapped = false;        // somebody runs tcpdump: a clone goes up the receive path
    bool small_sends = false;   // TCP: a send fits into one skb
    std::uint8_t probe = 0;     // TCP: an MTU probe is as long as this many skbs; 0: none is sent
    bool plain_writes = false;  // TCP: somebody also writes data the ordinary way
    bool fast_open = false;     // TCP: the first send is in the SYN
    bool corks = false;         // UDP: MSG_MORE or UDP_CORK, with UDP_SEGMENT
    bool orphans = false;       // the driver takes an skb out of its socket's accounts at once
    bool xsk_zero_copy = false;  // AF_XDP: the driver takes frames from the ring by itself
    bool xsk_no_linear = false;  // AF_XDP: ... or skbs whose frags are the frames, no copies
};

// What this world's kernel may meet beyond success.
struct Hazards {
    bool prep_fails = false;    // before and after the notification was allocated
    bool issue_fails = false;   // sendmsg fails, perhaps after it attached something
    bool again = false;         // EAGAIN: the request is polled and issued once more
    bool io_wq = false;         // issued by a worker
    bool link_cancels = false;  // an earlier member of the link failed
    bool drops = false;         // a packet is dropped on the way
    bool resets = false;        // the peer resets the connection
    bool retransmits = false;
    bool refusals = false;  // a device's queue refuses a packet at once, and TCP keeps it for later
    bool closes = false;    // the application shuts the socket down or closes it
    bool aborts = false;    // ... with linger 0
    bool gives_up = false;  // the peer is silent for too long
    bool sacks = false;     // selective acknowledgement
    bool trims = false;     // part of an skb is acknowledged
    bool fills = false;     // an skb is full before it takes a byte more
    bool no_memory = false;          // an allocation fails
    bool device_resets = false;      // a network card forgets what was queued to it
    bool slot_out_of_range = false;  // a send names the slot after the last
    bool unregisters = false;        // the application unregisters its slots
    bool quiesces = false;           // ... or calls io_uring_register() for something else
};

// The state space is finite because of these and only these.
struct Bounds {
    std::uint32_t buffers = 1;
    std::uint32_t requests = 1;
    std::uint32_t ubufs = 1;
    std::uint32_t shinfos = 1;
    std::uint32_t skbs = 1;
    std::uint32_t rings = 1;
    std::uint32_t cq_entries = 4;
    std::uint32_t slots = 0;
    std::uint32_t seqs = 3;  // numbers of generations, after which they begin again: 2^32, scaled
};

struct World {
    Profile profile = {};
    App app = App::conforming;
    std::vector<Api> apis = {Api::send_zc};  // dealt out to the requests in turn
    std::vector<SockConfig> socks = {};
    Hazards hazards = {};
    Bounds bounds = {};

    bool has(Api api) const { return std::ranges::find(apis, api) != apis.end(); }
    template <class T>
    bool some_sock(T SockConfig::*way) const {
        return std::ranges::any_of(socks, [&](const SockConfig& sock) { return sock.*way; });
    }
    bool models(Part part) const;
};

inline bool World::models(Part part) const {
    switch (part) {
        case Part::providers:
            return has(Api::msg_zerocopy) || has(Api::given_ubuf) || models(Part::slots);
        case Part::pages:
            return true;
        case Part::registered:
            return std::ranges::any_of(apis, from_registered_buffer);
        case Part::closing:
            return hazards.closes;
        case Part::corking:
            return some_sock(&SockConfig::corks);
        case Part::fast_open:
            return some_sock(&SockConfig::fast_open);
        case Part::sacks:
            return hazards.sacks;
        case Part::full_skbs:
            return hazards.fills;
        case Part::plain_data:
            return some_sock(&SockConfig::plain_writes) || some_sock(&SockConfig::fast_open);
        case Part::slots:
            return std::ranges::any_of(apis, uses_slot);
        case Part::xdp:
            return has(Api::af_xdp);
    }
    return true;
}

}  // namespace zcv
