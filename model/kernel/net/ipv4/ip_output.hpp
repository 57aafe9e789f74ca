#pragma once

#include "model/kernel/net/core/skbuff.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/ip_output.c (and net/ipv6/ip6_output.c, whose __ip6_append_data() is its twin
// line for line) for UDP: a datagram is one skb, built and sent within the call or kept back for
// more. A datagram above the MTU is fragmented, and for that it is copied: no fragment has a ubuf.
namespace zcv::kernel {

struct ip_append_data {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && !s[r].appended && !s[s[r].sock].dead &&
               !s[s[r].sock].corked && s.config(s[r].sock).transport == Transport::udp &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = new_zcopy_shinfo(s, r);
        fill_frags(s, h, r);
        s[s[r].sock].write_queue.push_back(new_skb(s, h, s[r].sock, Loc::write_queue));
    }
};

// The route's device cannot do scatter-gather or the datagram exceeds the MTU: plain copy, and the
// ubuf is not touched. The notification will say ZC_COPIED.
struct ip_append_data_copy {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && !s[r].appended && !s[s[r].sock].dead &&
               s.config(s[r].sock).transport == Transport::udp &&
               s.config(s[r].sock).copies_at_send;
    }
    static void effect(auto& s, RequestId r) { s[r].appended = true; }
};

struct ip_send_skb {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "ip_send_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).transport == Transport::udp && !s[sock].write_queue.empty() &&
               !s[sock].corked;
    }
    static void effect(auto& s, SockId sock) {
        s[SkbId{s[sock].write_queue.front()}].loc = Loc::build;
        s[sock].write_queue.pop_front();
    }
};

// Building failed half-way: what was built is thrown away.
struct ip_flush_pending_frames {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "ip_flush_pending_frames"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.world().hazards.issue_fails && ip_send_skb::guard(s, sock);
    }
    static void effect(auto& s, SockId sock) {
        const SkbId k = s[sock].write_queue.front();
        s[sock].write_queue.pop_front();
        free_skb(s, k);
    }
};

}  // namespace zcv::kernel
