#pragma once

#include "model/kernel/net/core/skbuff.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/tcp_output.c: what is sent is a clone; the original waits in the retransmission
// queue, and both share the user pages. Left out: collapsing, MTU probes.
namespace zcv::kernel {

struct tcp_write_xmit {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_write_xmit"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).transport == Transport::tcp && !s[sock].write_queue.empty() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        const SkbId k = s[sock].write_queue.front();
        s[sock].write_queue.pop_front();
        s[sock].rtx_queue.push_back(k);
        s[k].loc = Loc::rtx_queue;
        skb_clone(s, k, Loc::build);
    }
};

// The device's queue has no room and says so at once: the clone will be dropped, and the skb stays
// at the front of the write queue, where more data may still be appended to it.
struct tcp_transmit_skb_refused {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "__tcp_transmit_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.world().hazards.refusals && tcp_write_xmit::guard(s, sock) &&
               s[s[SkbId{s[sock].write_queue.front()}].shinfo].dataref == 1;
    }
    static void effect(auto& s, SockId sock) {
        skb_clone(s, s[sock].write_queue.front(), Loc::build);
    }
};

// Only part of an skb may be sent (again): the rest becomes an skb of its own, right behind it in
// the queue. Its shared info refers to the same user pages, so it takes a reference to the ubuf.
struct tcp_fragment {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_fragment"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && (s[k].loc == Loc::write_queue || s[k].loc == Loc::rtx_queue) &&
               s.config(s[k].sock).transport == Transport::tcp && s.config(s[k].sock).splits &&
               s[s[k].shinfo].uarg != none<UbufId> && s.template room<ShinfoId>() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        skb_zcopy_downgrade_managed(s, ShinfoId{s[k].shinfo});
        const ShinfoId h = share_frags(s, s[k].shinfo);
        const SockId sock = s[k].sock;
        const SkbId rest = new_skb(s, h, sock, s[k].loc);
        auto& queue = s[k].loc == Loc::write_queue ? s[sock].write_queue : s[sock].rtx_queue;
        for (std::size_t left = queue.size(); left > 0; --left) {
            const SkbId each = queue.front();
            queue.pop_front();
            queue.push_back(each);
            if (each == k) queue.push_back(rest);
        }
    }
};

// Not while an earlier clone is still in this host's queues (skb_still_in_host_queue).
struct tcp_retransmit_skb {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_retransmit_skb"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s.world().hazards.retransmits && s[k].alive && s[k].loc == Loc::rtx_queue &&
               s[s[k].shinfo].dataref == 1 && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) { skb_clone(s, k, Loc::build); }
};

}  // namespace zcv::kernel
