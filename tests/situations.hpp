#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/fixed_store.hpp"
#include "model/next.hpp"

// Situations a send gets into, reached by the model's own steps, for tests that are about what
// happens next. Every helper takes steps whose guards hold, or the test dies there.
namespace zcv::test {

inline constexpr BufferId buffer{0};
inline constexpr SockId sock{0};
inline constexpr RingId ring{0};
inline constexpr RequestId first{0}, second{1}, third{2}, fourth{3};

inline constexpr SockConfig udp_nic{.transport = Transport::udp, .dma = true};
inline constexpr SockConfig udp_sink{.transport = Transport::udp, .sink = true};
inline constexpr SockConfig udp_loopback{.transport = Transport::udp, .receives = true};
inline constexpr SockConfig tcp_nic{.transport = Transport::tcp, .dma = true};
inline constexpr SockConfig tcp_loopback{.transport = Transport::tcp, .receives = true};

// A world with room for everything, in which nothing goes wrong.
inline World roomy(const SockConfig& config, const std::string& profile = "6.18") {
    World world;
    world.profile = *find_profile(profile);
    world.socks = {config};
    world.bounds = {.buffers = Capacity::buffers,
                    .requests = Capacity::requests,
                    .ubufs = Capacity::ubufs,
                    .shinfos = Capacity::shinfos,
                    .skbs = Capacity::skbs,
                    .rings = 1,
                    .cq_entries = 8};
    return world;
}

inline World hazardous(const SockConfig& config, const Hazards& hazards) {
    World world = roomy(config);
    world.hazards = hazards;
    return world;
}

// A world and a state of it.
struct Bench {
    explicit Bench(World w) : world(std::move(w)), s(world) {}
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    World world;
    FixedStore s;
};

template <class S>
void submit(S& s, RequestId r, BufferId b = buffer) {
    if (kernel::io_sqe_buffers_register::in(s.world()) &&
        can<kernel::io_sqe_buffers_register>(s, ring))
        take<kernel::io_sqe_buffers_register>(s, ring);
    if (can<world::app_write>(s, b)) take<world::app_write>(s, b);
    take<world::app_submit>(s, b, r, sock);
}

template <class S>
void prepare(S& s, RequestId r, BufferId b = buffer) {
    submit(s, r, b);
    take<kernel::io_send_zc_prep>(s, r);
}

// sendmsg was called and has not yet looked at the data.
template <class S>
void issue(S& s, RequestId r, BufferId b = buffer) {
    prepare(s, r, b);
    take<kernel::io_send_zc_issue>(s, r);
}

template <class S>
UbufId notif_of(const S& s, RequestId r) {
    return s[r].ubuf;
}

// One datagram built and handed down; sendmsg is about to return.
template <class S>
SkbId send_datagram(S& s, RequestId r, BufferId b = buffer) {
    issue(s, r, b);
    take<kernel::ip_append_data>(s, r);
    const SkbId skb = s[sock].write_queue.back();
    take<kernel::ip_send_skb>(s, sock);
    return skb;
}

// The data lies in a TCP skb of its own at the tail; sendmsg is about to return.
template <class S>
SkbId append(S& s, RequestId r, BufferId b = buffer) {
    issue(s, r, b);
    take<kernel::skb_zerocopy_iter_stream>(s, r);
    return s[sock].write_queue.back();
}

// The data lies in the tail's skb, behind another request's.
template <class S>
void stack(S& s, RequestId r, BufferId b = buffer) {
    issue(s, r, b);
    take<kernel::io_link_skb>(s, r);
}

// sendmsg returned and the request completed: its CQE is on the completion list.
template <class S>
void complete(S& s, RequestId r) {
    take<kernel::io_send_zc_success>(s, r);
    take<kernel::io_notif_flush>(s, r);
}

template <class S>
void to_device(S& s, SkbId skb) {
    take<kernel::dev_queue_xmit>(s, skb);
    take<kernel::dev_hard_start_xmit>(s, skb);
}

// A network card read the data and gives the skb back.
template <class S>
void through_nic(S& s, SkbId skb) {
    to_device(s, skb);
    take<world::device_dma>(s, skb);
    take<kernel::consume_skb>(s, skb);
}

template <class S>
SkbId only_at(const S& s, Loc loc) {
    SkbId found = none<SkbId>;
    s.template for_each<SkbId>([&](SkbId k) {
        if (!s[k].alive || s[k].loc != loc) return;
        ZCV_CHECK(found == none<SkbId>);
        found = k;
    });
    ZCV_CHECK(found != none<SkbId>);
    return found;
}

// The head of the write queue is sent: the clone that goes to the device.
template <class S>
SkbId transmit(S& s) {
    take<kernel::tcp_write_xmit>(s, sock);
    return only_at(s, Loc::build);
}

// Two sends whose data shares an skb, through the device and acknowledged. Nobody is told yet.
template <class S>
void acknowledge_both(S& s) {
    append(s, first);
    stack(s, second);
    complete(s, first);
    complete(s, second);
    through_nic(s, transmit(s));
    take<kernel::tcp_clean_rtx_queue>(s, sock);
}

template <class S>
void post_all(S& s, RingId of = ring) {
    while (can<kernel::io_submit_flush_completions>(s, of))
        take<kernel::io_submit_flush_completions>(s, of);
}

// What the application reads from its CQ ring, in order.
template <class S>
std::vector<std::string> read_all(S& s, RingId of = ring) {
    std::vector<std::string> read;
    while (can<world::app_reap>(s, of)) {
        const auto& cqe = s[of].cq.front();
        read.push_back(std::string(cqe_kind_names[static_cast<std::size_t>(cqe.kind)]) + " " +
                       std::to_string(index(cqe.request)));
        take<world::app_reap>(s, of);
    }
    return read;
}

using Cqes = std::vector<std::string>;

}  // namespace zcv::test
