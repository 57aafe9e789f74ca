#pragma once

#include "model/kernel/io_uring/net.hpp"
#include "model/kernel/net/ipv4/ip_output.hpp"

// Models net/ipv4/udp.c (udpv6_sendmsg() is its twin): a datagram that is kept back for more data,
// by MSG_MORE or UDP_CORK. Zero copy then needs UDP_SEGMENT, or else the first data is copied
// already. Left out: more data behind the same ubuf, which only one that covers several calls has.
namespace zcv::kernel {

// The first send into the pending datagram. It completes, and nothing was sent.
struct ip_append_data_corked {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::corks); }
    static bool guard(const auto& s, RequestId r) {
        return ip_append_data::guard(s, r) && s.config(s[r].sock).corks &&
               s[s[r].sock].write_queue.empty();
    }
    static void effect(auto& s, RequestId r) {
        ip_append_data::effect(s, r);
        s[s[r].sock].corked = true;
    }
};

// udp_flush_pending_frames(): the datagram is thrown away, whoever's data is in it.
template <class S>
void flush_pending_frames(S& s, SockId sock) {
    while (!s[sock].write_queue.empty()) {
        const SkbId k = s[sock].write_queue.front();
        s[sock].write_queue.pop_front();
        free_skb(s, k);
    }
    s[sock].corked = false;
}

// A second send, with a ubuf of its own: one skb cannot have two (EINVAL). udp_sendmsg() then
// throws the whole datagram away, an earlier send's data with it, whose caller was told of a
// success.
struct udp_sendmsg_foreign_ubuf {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/udp.c", "udp_sendmsg"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::corks); }
    static bool guard(const auto& s, RequestId r) {
        if (!is_issuing(s, r) || !s[s[r].sock].corked || s[r].appended) return false;
        return s[s[SkbId{s[s[r].sock].write_queue.back()}].shinfo].uarg != s[r].ubuf;
    }
    static void effect(auto& s, RequestId r) {
        flush_pending_frames(s, s[r].sock);
        io_send_zc_failure::effect(s, r);
    }
};

// A send without MSG_ZEROCOPY and MSG_MORE ends the datagram: its data is copied behind what is
// there, whose frags get references of their own first.
struct udp_push_pending_frames {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/udp.c", "udp_push_pending_frames"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::corks); }
    static bool guard(const auto& s, SockId sock) { return s[sock].corked; }
    static void effect(auto& s, SockId sock) {
        skb_zcopy_downgrade_managed(s, ShinfoId{s[SkbId{s[sock].write_queue.back()}].shinfo});
        s[sock].corked = false;
    }
};

// The socket is closed with a datagram pending.
struct udp_flush_pending_frames {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/udp.c", "udp_flush_pending_frames"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.hazards.closes && world.some_sock(&SockConfig::corks);
    }
    static bool guard(const auto& s, SockId sock) { return s[sock].corked; }
    static void effect(auto& s, SockId sock) {
        flush_pending_frames(s, sock);
        s[sock].dead = true;
    }
};

}  // namespace zcv::kernel
