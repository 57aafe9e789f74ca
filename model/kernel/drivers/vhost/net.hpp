#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models the zero-copy transmission of drivers/vhost/net.c with tun behind it: a guest's buffer is
// a descriptor, sendmsg on the tun device makes an skb of it, and the guest is told in the order of
// descriptors. Its ubuf has no SKBFL_DONT_ORPHAN: whoever clones the skb copies first. Left out:
// how often the worker looks for descriptors that are done (it may always, as a guest that goes on
// sending makes it), the switch to copying after too many copies, and a sendmsg that asks to be
// repeated.
namespace zcv::kernel {

template <class S>
bool is_vhost_call(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && s.api_of(r) == Api::vhost;
}

// The worker takes a descriptor: VHOST_DMA_IN_PROGRESS.
struct handle_tx_zerocopy {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "handle_tx_zerocopy"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) { return world.has(Api::vhost); }
    static bool guard(const auto& s, RequestId r) {
        return is_vhost_call(s, r) && s[r].ubuf == none<UbufId> && !s[r].failed &&
               s.template room<UbufId>();
    }
    static void effect(auto& s, RequestId r) {
        auto& sock = s[s[r].sock];
        new_ubuf_of_call(s, r, Provider::vhost);
        sock.vhost_heads.push_back(r);
        ++sock.vhost_ubufs;
    }
};

// tun makes an skb, which goes its way through this machine. It takes over the ubuf's reference.
struct tun_get_user {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"drivers/net/tun.c", "tun_get_user"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) { return world.has(Api::vhost); }
    static bool guard(const auto& s, RequestId r) {
        return is_vhost_call(s, r) && s[r].uarg != none<UbufId> && !s[r].failed &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = new_zcopy_shinfo(s, r);
        fill_frags(s, h, r);
        new_skb(s, h, s[r].sock, Loc::build);
        s[r].phase = Phase::posted;
        s[r].more = true;
    }
};

// The guest's memory could not be looked at: nobody has the ubuf.
struct tun_get_user_fault {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"drivers/net/tun.c", "tun_get_user"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) {
        return world.has(Api::vhost) && world.hazards.issue_fails;
    }
    static bool guard(const auto& s, RequestId r) {
        return is_vhost_call(s, r) && s[r].uarg != none<UbufId> && !s[r].failed;
    }
    static void effect(auto& s, RequestId r) { s[r].failed = true; }
};

// The device is down: the skb had the ubuf by then, and was freed with it.
struct tun_get_user_down {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"drivers/net/tun.c", "tun_get_user"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) { return tun_get_user_fault::in(world); }
    static bool guard(const auto& s, RequestId r) { return tun_get_user_fault::guard(s, r); }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].uarg = none<UbufId>;
        vhost_zerocopy_complete(s, s[r].ubuf, true);
    }
};

// sendmsg failed. The descriptor is done, and its reference to what counts those in flight goes;
// unless the completion has seen to both, which the descriptor's state tells (B20).
struct handle_tx_zerocopy_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "handle_tx_zerocopy"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) { return tun_get_user_fault::in(world); }
    static bool guard(const auto& s, RequestId r) { return is_vhost_call(s, r) && s[r].failed; }
    static void effect(auto& s, RequestId r) {
        const bool in_progress = s[r].ubuf != none<UbufId>;
        if (in_progress) {
            s.free(UbufId{s[r].ubuf});
            s[r].ubuf = none<UbufId>;
            s[r].uarg = none<UbufId>;
        }
        if (in_progress || s.world().profile.vhost_error_puts_again)
            vhost_net_ubuf_put(s, s[r].sock);
        s[r].phase = Phase::posted;
        s[r].more = true;
    }
};

// The guest gets back what is done, up to the first descriptor that is not.
struct vhost_zerocopy_signal_used {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "vhost_zerocopy_signal_used"};
    static constexpr Context context = Context::kthread;

    static bool in(const World& world) { return world.has(Api::vhost); }
    static bool guard(const auto& s, SockId sock) {
        if (s[sock].vhost_heads.empty()) return false;
        const RequestId r = s[sock].vhost_heads.front();
        return s[r].phase == Phase::posted && s[r].ubuf == none<UbufId>;
    }
    static void effect(auto& s, SockId sock) {
        s[RequestId{s[sock].vhost_heads.front()}].notified = true;
        s[sock].vhost_heads.pop_front();
    }
};

// The device is torn down or gets another backend: its own reference goes, and it waits for all
// that is in flight.
struct vhost_net_ubuf_put_and_wait {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "vhost_net_ubuf_put_and_wait"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::vhost) && world.hazards.close_fd; }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].vhost_closing && !s.template any<RequestId>([&](RequestId r) {
            return s[r].sock == sock && is_vhost_call(s, r);
        });
    }
    static void effect(auto& s, SockId sock) { s[sock].vhost_closing = true; }
};

// Whoever dropped the last reference wakes the waiter, by a queue in the object that it counted.
struct vhost_net_ubuf_wake {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "vhost_net_ubuf_put"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return vhost_net_ubuf_put_and_wait::in(world); }
    static bool guard(const auto& s, SockId sock) { return s[sock].vhost_waking; }
    static void effect(auto& s, SockId sock) { s[sock].vhost_waking = false; }
};

// The waiter finds the count at zero, perhaps before it is woken, and frees the object: since
// dd54bcf86c91 not before those who are still about to wake it are out of it (B21).
struct vhost_net_ubuf_put_wait_and_free {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"drivers/vhost/net.c", "vhost_net_ubuf_put_wait_and_free"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return vhost_net_ubuf_put_and_wait::in(world); }
    static bool guard(const auto& s, SockId sock) {
        return s[sock].vhost_closing && !s[sock].vhost_freed && s[sock].vhost_ubufs == 0 &&
               (s.world().profile.vhost_frees_under_waker || !s[sock].vhost_waking);
    }
    static void effect(auto& s, SockId sock) { s[sock].vhost_freed = true; }
};

}  // namespace zcv::kernel
