#pragma once

#include "model/kernel/io_uring/net.hpp"
#include "model/kernel/net/core/skbuff.hpp"

// Models net/vmw_vsock/virtio_transport_common.c: a send to the host or a guest is cut into skbs
// that go straight to the virtqueue. Left out: credit, and the loopback transport, whose receiver
// copies the data out of the sender's own pages when it reads.
namespace zcv::kernel {

template <class S>
bool vsock_may_send(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && !s[r].appended && !s[s[r].sock].dead &&
           s.config(s[r].sock).transport == Transport::vsock && s.template room<ShinfoId>();
}

inline bool has_vsock(const World& world) {
    return std::ranges::find(world.socks, Transport::vsock, &SockConfig::transport) !=
           world.socks.end();
}

// An skb with some of the data, and the ubuf unless this one is to go without.
template <class S>
ShinfoId vsock_shinfo(S& s, RequestId r, bool bound) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    if (bound) skb_zcopy_set(s, h, s[r].ubuf);
    fill_frags(s, h, r);
    s[h].shared = bound;
    return h;
}

// More of the send is to come.
struct virtio_transport_alloc_skb {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/vmw_vsock/virtio_transport_common.c",
                                  "virtio_transport_alloc_skb"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return has_vsock(world); }
    static bool guard(const auto& s, RequestId r) {
        return vsock_may_send(s, r) && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const bool bound = !s.world().profile.vsock_binds_last_only;
        new_skb(s, vsock_shinfo(s, r, bound), s[r].sock, Loc::dev);
        s[r].appended = false;
    }
};

// The last skb of the send.
struct virtio_transport_send_pkt_info {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/vmw_vsock/virtio_transport_common.c",
                                  "virtio_transport_send_pkt_info"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return has_vsock(world); }
    static bool guard(const auto& s, RequestId r) {
        return vsock_may_send(s, r) && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        new_skb(s, vsock_shinfo(s, r, true), s[r].sock, Loc::dev);
    }
};

// The iterator has more frags than fit, or a page is not there: what was filled is freed again.
struct virtio_transport_fill_skb {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/vmw_vsock/virtio_transport_common.c",
                                  "virtio_transport_fill_skb"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return has_vsock(world) && world.hazards.issue_fails; }
    static bool guard(const auto& s, RequestId r) { return vsock_may_send(s, r); }
    static void effect(auto& s, RequestId r) {
        const bool bound = !s.world().profile.vsock_fills_before_binding;
        skb_release_data(s, vsock_shinfo(s, r, bound));
        s[r].appended = false;
    }
};

}  // namespace zcv::kernel
