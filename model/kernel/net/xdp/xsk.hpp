#pragma once

#include "model/kernel/net/core/skbuff.hpp"
#include "model/kernel/net/xdp/xsk_queue.hpp"

// Models net/xdp/xsk.c: frames of a memory that the application and the kernel share go out by the
// tx ring and come back by the completion ring, or go to the kernel by the fill ring and come back
// with a packet by the rx ring. Left out: frames of several descriptors; taps.
namespace zcv::kernel {

template <class S>
RequestId xskq_cons_release(S& s, SockId sock) {
    const RequestId r = s[sock].tx_ring.front();
    s[sock].tx_ring.pop_front();
    s[r].phase = Phase::issued;
    return r;
}

// The frags of the skb, or the descriptor in the driver's ring, refer to the frame itself. The
// pages of all frames are pinned together as long as the memory is registered; here each frame in
// use is held by itself.
template <class S>
SkbId skb_of_frame(S& s, RequestId r, Loc loc) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    fill_frags(s, h, r);
    return new_skb(s, h, s[r].sock, loc);
}

// sendto(): for drivers without support of their own the kernel makes an skb of the frame. It goes
// to the device directly.
struct xsk_generic_xmit {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/xdp/xsk.c", "__xsk_generic_xmit"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::xdp); }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].tx_ring.empty() && !s.config(sock).xsk_zero_copy &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        const RequestId r = xskq_cons_release(s, sock);
        if (s.world().profile.xsk_publishes_in_order) s[sock].completion_ring.push_back(r);
        const SkbId k = s.config(sock).xsk_no_linear ? skb_of_frame(s, r, Loc::dev)
                                                     : copy_into_skb(s, r, Loc::dev);
        s[k].desc = r;
        s[r].appended = true;
    }
};

// A driver that supports AF_XDP takes the frame from the ring, and its place in the completion ring
// with it. It gives frames back in this order, so the place is right.
struct xsk_tx_peek_desc {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/xdp/xsk.c", "xsk_tx_peek_desc"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.models(Part::xdp); }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].tx_ring.empty() && s.config(sock).xsk_zero_copy &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        const RequestId r = xskq_cons_release(s, sock);
        s[sock].completion_ring.push_back(r);
        skb_of_frame(s, r, Loc::xdp_ring);
    }
};

template <class S>
SkbId descriptor_of(const S& s, RequestId r) {
    SkbId found = none<SkbId>;
    s.template for_each<SkbId>([&](SkbId k) {
        const bool in_driver = s[k].loc == Loc::xdp_ring || s[k].loc == Loc::xdp_done;
        if (s[k].alive && in_driver && s[s[k].shinfo].frags.contains(r)) found = k;
    });
    return found;
}

// The driver cleans its ring from the oldest descriptor on.
struct xsk_tx_completed {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/xdp/xsk.c", "xsk_tx_completed"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.models(Part::xdp); }
    static bool guard(const auto& s, SockId sock) {
        if (!s.config(sock).xsk_zero_copy) return false;
        if (s[sock].published >= s[sock].completion_ring.size()) return false;
        const SkbId k = descriptor_of(s, s[sock].completion_ring[s[sock].published]);
        return k != none<SkbId> && s[k].loc == Loc::xdp_done;
    }
    static void effect(auto& s, SockId sock) {
        free_skb(s, descriptor_of(s, s[sock].completion_ring[s[sock].published]));
        xskq_prod_submit(s, sock);
    }
};

// A packet arrives and is written into the oldest frame of the fill ring, whoever else still reads
// that frame.
struct xsk_rcv {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/xdp/xsk.c", "xsk_rcv"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.models(Part::xdp_receive); }
    static bool guard(const auto& s, SockId sock) { return !s[sock].fill_ring.empty(); }
    static void effect(auto& s, SockId sock) {
        const BufferId b = s[sock].fill_ring.front();
        s[sock].fill_ring.pop_front();
        s[sock].rx_ring.push_back(b);
        change_content(s, b);
    }
};

// A descriptor that does not lie in the shared memory is skipped and counted. It comes back by no
// ring.
struct xskq_cons_read_desc {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/xdp/xsk_queue.h", "xskq_cons_read_desc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.app == App::descriptor_lost; }
    static bool guard(const auto& s, SockId sock) { return !s[sock].tx_ring.empty(); }
    static void effect(auto& s, SockId sock) {
        const RequestId r = xskq_cons_release(s, sock);
        s[r].failed = true;
        s[r].phase = Phase::posted;
    }
};

}  // namespace zcv::kernel
