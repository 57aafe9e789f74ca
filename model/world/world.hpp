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
    conforming,          // at the notification; at the request's CQE when that came without F_MORE
    first_cqe,           // at the request's own CQE, whatever its flags (users.md A1)
    close,               // when it has shut the socket down or closed it (A3)
    cancel,              // at the CQE of the cancel that it submitted (A4)
    linked_timeout,      // at the CQE of the timeout that it linked behind the send (A5)
    drop_between,        // when it loses interest after the request's own CQE (A8)
    descriptor_reused,   // ... and of the msghdr, as soon as the SQE is filled (A16)
    always_expect_two,   // at the notification, though the CQE came without F_MORE (B1)
    err_means_no_notif,  // at a CQE that is an error; a notification pops its queue (B2)
    cancelled_means_no_notif,  // the same for -ECANCELED alone (B3)
    fifo_notifs,               // at any notification, the oldest it waits for (B4)
    user_data_recycled,        // at the notification, of the newest of that user_data (B5)
    notif_as_result,           // a notification is a send of 0 bytes: the peer has closed (B6)
    notif_as_delivery,         // as conforming; and then the peer must have the content (B7)
    peek_only,                 // as conforming, but it never enters the kernel for CQEs (B9, B10)
    misread_overflow,          // as conforming; dropped CQEs are late, it thinks (B11)
    slots_in_order,   // slots: a notification is of the oldest generation it waits for (B13)
    counts_flushes,   // slots: every flush it asks for ends a generation (B13)
    frame_early,      // AF_XDP: once the kernel was told to send it (E1)
    never_reaps,      // AF_XDP: at the completion, which it never looks for (E2)
    descriptor_lost,  // AF_XDP: at the completion, even of a descriptor that is refused (E3)
    // At the first CQE, but free() gives the pages back to the system: what is written at the same
    // address afterwards is other memory (users.md A15).
    first_cqe_munmap,
    ring_exit,   // when it has closed the ring (users.md A6)
    unregister,  // when it has unregistered the buffer, or emptied its slot (users.md A7)
    // The same with MSG_ZEROCOPY; `conforming` reads a range and takes back the calls it covers.
    last_chunk_decides,     // when the last call of a message returned, which was copied (A9)
    close_before_errqueue,  // when it has closed the socket (A10)
    counter_desync,         // counts calls that failed as well (C1)
    wrap_special_case,      // believes that after the largest id comes 1 (C2)
    wrong_cmsg_filter,      // reads ranges and does not recognise them (C3)
    errqueue_unread,        // never reads the error queue (C6)
    enobufs_deadlock,       // after ENOBUFS waits to be told of a release, whatever the cause (C7)
    so_zerocopy_forgotten,  // never sets SO_ZEROCOPY (C8)
    range_as_single_id,     // takes back the last call of a range only (C9)
    in_order_ranges,        // takes back as many calls as a range covers, oldest first (C10)
    trusts_copied_code,     // once told that data was copied, at the call's return (C11)
};

struct AppName {
    App app;
    std::string_view name;
};
inline constexpr std::array app_names{
    AppName{App::conforming, "conforming"},
    AppName{App::first_cqe, "first-cqe"},
    AppName{App::close, "close"},
    AppName{App::cancel, "cancel"},
    AppName{App::linked_timeout, "linked-timeout"},
    AppName{App::drop_between, "drop-between"},
    AppName{App::descriptor_reused, "descriptor-reused"},
    AppName{App::always_expect_two, "always-expect-two"},
    AppName{App::err_means_no_notif, "err-means-no-notif"},
    AppName{App::cancelled_means_no_notif, "cancelled-means-no-notif"},
    AppName{App::fifo_notifs, "fifo-notifs"},
    AppName{App::user_data_recycled, "user-data-recycled"},
    AppName{App::notif_as_result, "notif-as-result"},
    AppName{App::notif_as_delivery, "notif-as-delivery"},
    AppName{App::peek_only, "peek-only"},
    AppName{App::misread_overflow, "misread-overflow"},
    AppName{App::first_cqe_munmap, "first-cqe-munmap"},
    AppName{App::ring_exit, "ring-exit"},
    AppName{App::unregister, "unregister"},
    AppName{App::slots_in_order, "slots-in-order"},
    AppName{App::counts_flushes, "counts-flushes"},
    AppName{App::frame_early, "frame-early"},
    AppName{App::never_reaps, "never-reaps"},
    AppName{App::descriptor_lost, "descriptor-lost"},
    AppName{App::last_chunk_decides, "last-chunk-decides"},
    AppName{App::close_before_errqueue, "close-before-errqueue"},
    AppName{App::counter_desync, "counter-desync"},
    AppName{App::wrap_special_case, "wrap-special-case"},
    AppName{App::wrong_cmsg_filter, "wrong-cmsg-filter"},
    AppName{App::errqueue_unread, "errqueue-unread"},
    AppName{App::enobufs_deadlock, "enobufs-deadlock"},
    AppName{App::so_zerocopy_forgotten, "so-zerocopy-forgotten"},
    AppName{App::range_as_single_id, "range-as-single-id"},
    AppName{App::in_order_ranges, "in-order-ranges"},
    AppName{App::trusts_copied_code, "trusts-copied-code"},
};

constexpr std::string_view name_of(App app) {
    for (const AppName& each : app_names)
        if (each.app == app) return each.name;
    return "";
}

// Whether the application finds its sends again in a queue instead of by their user_data.
constexpr bool keeps_a_queue(App app) {
    return app == App::err_means_no_notif || app == App::cancelled_means_no_notif ||
           app == App::fifo_notifs || app == App::user_data_recycled;
}

// Whether a request's own CQE gives the buffer back, whatever its flags.
constexpr bool first_cqe_is_release(App app) {
    return app == App::first_cqe || app == App::first_cqe_munmap;
}

// The call through which a request hands its data to the kernel, and by which its application
// learns that the buffer was let go.
enum class Api : std::uint8_t {
    send_zc,           // SEND_ZC or SENDMSG_ZC with a notification of its own, since 6.0
    sendmsg_zc,        // SENDMSG_ZC alone, where the two differ
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
    splice,            // MSG_SPLICE_PAGES: pages of a file or pipe, nobody is told of their release
    vhost,             // a guest's transmission by vhost-net and tun
    packet_ring,       // a slot of a packet socket's transmit ring
    rds,               // sendmsg with MSG_ZEROCOPY on an RDS socket: cookies
};

// Whether a request hands its data down by a way of its own, and not by TCP's or UDP's sendmsg.
constexpr bool by_own_way(Api api) {
    return api == Api::vhost || api == Api::packet_ring || api == Api::rds;
}

// Whether a request is a call, whose return the application waits for.
constexpr bool is_call(Api api) {
    return api == Api::msg_zerocopy || by_own_way(api);
}

struct ApiName {
    Api api;
    std::string_view name;
};
inline constexpr std::array api_names{
    ApiName{Api::send_zc, "send_zc"},
    ApiName{Api::sendmsg_zc, "sendmsg_zc"},
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
    ApiName{Api::vhost, "vhost"},
    ApiName{Api::packet_ring, "packet_ring"},
    ApiName{Api::rds, "rds"},
    ApiName{Api::splice, "splice"},
};

constexpr std::string_view name_of(Api api) {
    for (const ApiName& each : api_names)
        if (each.api == api) return each.name;
    return "";
}

// Whether every request has a notification of its own, which goes with its CQE.
constexpr bool notifies_each(Api api) {
    return api == Api::send_zc || api == Api::sendmsg_zc || api == Api::send_zc_fixed ||
           api == Api::sendmsg_zc_fixed || api == Api::given_ubuf;
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

enum class Transport : std::uint8_t { udp, tcp, vsock };

// What may happen to a socket's packets. A replay, which does not know the device, allows it all.
struct SockConfig {
    Transport transport = Transport::udp;
    bool dma = false;   // nic: reads the pages after queueing, frees the skb later
    bool sink = false;  // ifb, dummy: frees the skb at once and reads nothing
    bool receives =
        false;  // loopback, veth: the skb is received on this machine, copied on the way
    bool copies_at_send =
        false;                // no SG or a datagram above the MTU: zero copy is silently not used
    bool forwards = false;    // stacked devices, a bridge, a router: handed on to another device
    bool segments = false;    // software segmentation, or a shaper that splits large packets
    bool linear = false;      // ... for a device without scatter-gather: segments are copies
    bool splits = false;      // TCP sends part of an skb, and the rest later
    bool tapped = false;      // somebody runs tcpdump: a clone goes up the receive path
    bool mirrors = false;     // a filter sends a clone to another device
    bool stamped = false;     // send time stamps with the payload: a clone goes to the error queue
    bool tun = false;         // a tap device: a program on this machine reads what is sent
    bool expands = false;     // on the way a driver or tunnel needs a head of its own to write to
    bool carves = false;      // a reader cuts off what it has seen of an skb
    bool merges = false;      // GRO joins what arrives
    bool duplicates = false;  // netfilter's TEE, or TCP sends again what a clone still holds
    bool upcall_fails = false;  // a virtual switch gives a packet up
    bool decrypts = false;      // what arrives is ESP: it is deciphered, in place where that may be
    bool small_sends = false;   // TCP: a send fits into one skb
    std::uint8_t probe = 0;     // TCP: an MTU probe is as long as this many skbs; 0: none is sent
    bool plain_writes = false;  // TCP: somebody also writes data the ordinary way
    bool fast_open = false;     // TCP: the first send is in the SYN
    bool corks = false;         // UDP: MSG_MORE or UDP_CORK, with UDP_SEGMENT
    bool orphans = false;       // the driver takes an skb out of its socket's accounts at once
    bool xsk_zero_copy = false;  // AF_XDP: the driver takes frames from the ring by itself
    bool xsk_no_linear = false;  // AF_XDP: ... or skbs whose frags are the frames, no copies
    bool xsk_receives = false;   // AF_XDP: the application sends on what it received
    bool short_tails = false;    // MSG_ZEROCOPY: a message's last call is short and does without
    bool unsupported = false;    // kTLS, or another protocol: the socket knows no zero copy
    bool fragments = false;      // UDP: a copied datagram is above the MTU and takes several skbs
    bool msg_more = false;  // UDP: a call may leave its datagram pending for the next one's data

    friend bool operator==(const SockConfig&, const SockConfig&) = default;
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
    bool copy_fails = false;  // no memory for a copy of the user pages
    bool refusals = false;  // a device's queue refuses a packet at once, and TCP keeps it for later
    bool links = false;     // the application links two sends
    bool cancels = false;   // it cancels a send
    bool link_timeouts = false;      // it limits a send's time, and the time runs out
    bool drains = false;             // it lets a send wait for all before it
    bool cqes_lost = false;          // no memory for the overflow list
    bool unregisters = false;        // the application unregisters its buffers, or its slots
    bool updates = false;            // ... or takes one of them out of the table
    bool ring_exits = false;         // it closes its ring
    bool exits = false;              // the process exits
    bool execs = false;              // ... or becomes another program
    bool closes = false;             // the application shuts the socket down or closes it
    bool aborts = false;             // ... with linger 0
    bool gives_up = false;           // the peer is silent for too long
    bool sacks = false;              // selective acknowledgement
    bool trims = false;              // part of an skb is acknowledged
    bool fills = false;              // an skb is full before it takes a byte more
    bool no_memory = false;          // an allocation fails
    bool device_resets = false;      // a network card forgets what was queued to it
    bool memlock = false;            // RLIMIT_MEMLOCK may be used up
    bool close_fd = false;           // the application closes the socket
    bool threads = false;            // several threads are in sendmsg on one UDP socket at once
    bool slot_out_of_range = false;  // a send names the slot after the last
    bool quiesces = false;           // it calls io_uring_register() for something else
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
    std::uint32_t memlock = 0;  // sends that RLIMIT_MEMLOCK lets be charged; 0: none is charged
    std::uint32_t ids = 4;      // MSG_ZEROCOPY's 32-bit ids: so many different ones
    std::uint32_t omem = 4;     // net.core.optmem_max: so many ubufs and messages
    std::uint32_t calls_per_ubuf = 2;  // what 512 KiB a ubuf let it cover
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
    // IORING_SETUP_DEFER_TASKRUN: task work waits until the application enters the kernel, where it
    // sleeps for this many CQEs. 0: task work runs whenever it likes.
    std::uint32_t defer_taskrun_waits = 0;
    bool reports_usage = false;    // IORING_SEND_ZC_REPORT_USAGE with every send
    bool tracks_delivery = false;  // the application asks whether its content arrived

    bool has(Api api) const { return std::ranges::find(apis, api) != apis.end(); }
    template <class T>
    bool some_sock(T SockConfig::*way) const {
        return std::ranges::any_of(socks, [&](const SockConfig& sock) { return sock.*way; });
    }
    bool models(Part part) const;
    bool sets_so_zerocopy() const { return app != App::so_zerocopy_forgotten; }
};

inline bool World::models(Part part) const {
    switch (part) {
        case Part::providers:
            return std::ranges::any_of(apis, is_call) || has(Api::given_ubuf) ||
                   models(Part::slots);
        case Part::pages:
            return true;
        case Part::registered:
            return std::ranges::any_of(apis, from_registered_buffer);
        case Part::links:
            return hazards.links;
        case Part::stops:
            return hazards.cancels || hazards.link_timeouts;
        case Part::drains:
            return hazards.drains;
        case Part::waiters:
            return defer_taskrun_waits > 0;
        case Part::losses:
            return hazards.cqes_lost;
        case Part::usage:
            return reports_usage;
        case Part::delivery:
            return tracks_delivery;
        case Part::silence:
            return profile.failed_send_suppresses_notif;
        case Part::told:
            return defer_taskrun_waits > 0 || app == App::drop_between ||
                   app == App::user_data_recycled;
        case Part::queue:
            return keeps_a_queue(app);
        case Part::teardown:
            return hazards.ring_exits || hazards.exits || hazards.execs;
        case Part::accounting:
            return bounds.memlock > 0;
        case Part::freeing:
            return app == App::ring_exit || app == App::unregister || app == App::close;
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
        case Part::in_place:
            return std::ranges::any_of(socks, &SockConfig::decrypts);
        case Part::calls:
            return has(Api::given_ubuf) || std::ranges::any_of(apis, is_call);
        case Part::errqueue:
            return has(Api::msg_zerocopy);
        case Part::given:
            return has(Api::given_ubuf);
        case Part::vhost:
            return has(Api::vhost);
        case Part::packet:
            return has(Api::packet_ring);
        case Part::slots:
            return std::ranges::any_of(apis, uses_slot);
        case Part::xdp:
            return has(Api::af_xdp);
        case Part::xdp_receive:
            return has(Api::af_xdp) && some_sock(&SockConfig::xsk_receives);
    }
    return true;
}

}  // namespace zcv
