#pragma once

#include "model/kernel/net/core/msg_zerocopy.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/ip_output.c (and net/ipv6/ip6_output.c, whose __ip6_append_data() is its twin
// line for line) for UDP: a datagram is one skb, built and sent within the call or kept back for
// more. A datagram above the MTU is fragmented, and for that it is copied: no fragment has a ubuf,
// but those of MSG_ZEROCOPY, which have the call's.
namespace zcv::kernel {

// What a datagram needs before its data can be looked at: MSG_ZEROCOPY has taken its id, and sends
// no zero-copy data behind a datagram that is pending.
template <class S>
bool may_append_zc(const S& s, RequestId r) {
    if (s[r].ubuf == none<UbufId> || has_nothing_to_append(s, r)) return false;
    const bool numbered = s.api_of(r) == Api::msg_zerocopy;
    return !numbered || (!s[r].failed && tail_ubuf(s, s[r].sock) == none<UbufId>);
}

// A call that failed throws away what is pending.
template <class S>
bool a_call_failed(const S& s, SockId sock) {
    return s.template any<RequestId>([&](RequestId r) {
        return s[r].sock == sock && s[r].phase == Phase::issuing && s[r].failed;
    });
}

// The socket's lock: nothing pending is sent before the call that holds it has added its data, and
// nothing at all when that failed.
template <class S>
bool a_call_holds_back(const S& s, SockId sock) {
    return s.template any<RequestId>([&](RequestId r) {
        return s[r].sock == sock && s[r].phase == Phase::issuing &&
               (s[r].failed || (s.config(sock).msg_more && !s[r].appended));
    });
}

struct ip_append_data {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && !s[r].appended && !s[s[r].sock].dead &&
               !s[s[r].sock].corked && s.config(s[r].sock).transport == Transport::udp &&
               may_append_zc(s, r) && s.template room<ShinfoId>() && s.template room<SkbId>();
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
               s.config(s[r].sock).copies_at_send && !is_call(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) { s[r].appended = true; }
};

// The same for MSG_ZEROCOPY, which has promised a notification: the data is copied, and its ubuf
// rides along with the copy. So goes all data behind a datagram that is pending, which no longer
// asks for a checksum by hardware.
struct ip_append_data_attach {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        if (!in_sendmsg(s, r) || s[r].appended || s[r].ubuf == none<UbufId> || is_stream(s, r))
            return false;
        const bool pending = tail_ubuf(s, s[r].sock) != none<UbufId>;
        return pending || (s.config(s[r].sock).copies_at_send && s.template room<ShinfoId>() &&
                           s.template room<SkbId>());
    }
    static void effect(auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        s[UbufId{s[r].ubuf}].zc_copied = true;
        s[r].appended = true;
        if (tail_ubuf(s, sock) != none<UbufId>) return;
        const ShinfoId h = new_zcopy_shinfo(s, r);
        s[sock].write_queue.push_back(new_skb(s, h, sock, Loc::write_queue));
    }
};

// A datagram above the MTU takes another skb, which has a reference of its own. All of them are
// there before the first is sent.
struct ip_append_data_attach_fragment {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "__ip_append_data"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.has(Api::msg_zerocopy) && world.some_sock(&SockConfig::fragments);
    }
    static bool guard(const auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        const UbufId u = s[r].ubuf;
        return in_sendmsg(s, r) && s[r].appended && u != none<UbufId> && s.config(sock).fragments &&
               s[u].zc_copied && !s[sock].write_queue.empty() &&
               s[s[SkbId{s[sock].write_queue.back()}].shinfo].uarg == u && is_unsent(s, r) &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        const ShinfoId h = new_zcopy_shinfo(s, r);
        s[sock].write_queue.push_back(new_skb(s, h, sock, Loc::write_queue));
    }
};

struct ip_send_skb {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "ip_send_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).transport == Transport::udp && !s[sock].write_queue.empty() &&
               !s[sock].corked && !(s.world().has(Api::msg_zerocopy) && a_call_holds_back(s, sock));
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
        if (s.world().has(Api::msg_zerocopy))
            return s.config(sock).transport == Transport::udp && !s[sock].write_queue.empty() &&
                   a_call_failed(s, sock);
        return s.world().hazards.issue_fails && ip_send_skb::guard(s, sock);
    }
    static void effect(auto& s, SockId sock) {
        const SkbId k = s[sock].write_queue.front();
        s[sock].write_queue.pop_front();
        free_skb(s, k);
    }
};

}  // namespace zcv::kernel
