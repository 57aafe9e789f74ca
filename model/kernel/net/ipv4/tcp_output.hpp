#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/ipv4/tcp_output.c: what is sent is a clone; the original waits in the retransmission
// queue, and both share the user pages. Left out: splitting, collapsing, MTU probes.
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
