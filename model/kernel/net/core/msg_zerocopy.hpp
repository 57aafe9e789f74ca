#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models the calling side of MSG_ZEROCOPY: the ids that sendmsg takes, in net/core/skbuff.c, and
// the option memory that they cost, in net/core/sock.c; and how the call ends. In a file of its own
// because both and the protocols' sendmsg belong together here. Left out: bytes; the 512 KiB that
// one ubuf may cover are a number of calls.
namespace zcv::kernel {

// sendmsg(MSG_ZEROCOPY) is running, and nothing has gone wrong in it.
template <class S>
bool in_sendmsg(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && s.api_of(r) == Api::msg_zerocopy && !s[r].failed;
}

template <class S>
bool is_stream(const S& s, RequestId r) {
    return s.config(s[r].sock).transport == Transport::tcp;
}

// Not for TCP or UDP to send, or not yet: MSG_ZEROCOPY that is given a ubuf has not taken it.
template <class S>
bool has_nothing_to_append(const S& s, RequestId r) {
    const Api api = s.api_of(r);
    return by_own_way(api) || (api == Api::given_ubuf && s[r].uarg == none<UbufId>);
}

// skb_zcopy() of the skb at the tail of the queue. A datagram that is never left pending is built
// in a queue of the call's own.
template <class S>
UbufId tail_ubuf(const S& s, SockId sock) {
    const bool shared = s.config(sock).transport == Transport::tcp || s.config(sock).msg_more;
    if (!shared || s[sock].write_queue.empty()) return none<UbufId>;
    return s[s[SkbId{s[sock].write_queue.back()}].shinfo].uarg;
}

// What msg_zerocopy_realloc() makes of the tail's ubuf.
enum class Realloc { extend, alloc, refuse };

template <class S>
Realloc realloc_verdict(const S& s, RequestId r) {
    const UbufId tail = tail_ubuf(s, s[r].sock);
    if (tail == none<UbufId>) return Realloc::alloc;
    if (s[tail].provider != Provider::msg_zerocopy)
        // Read as a ubuf_info_msgzc, another provider's object holds anything: the model lets it
        // hold what passes for the id before the next.
        return s.world().profile.realloc_trusts_any_ubuf ? Realloc::extend : Realloc::refuse;
    if (s[tail].len >= s.world().bounds.calls_per_ubuf)
        return is_stream(s, r) ? Realloc::alloc : Realloc::refuse;
    const bool follows = id_after(s, s[tail].id, s[tail].len) == s[s[r].sock].zckey;
    return follows ? Realloc::extend : Realloc::alloc;
}

// Whether the call passes MSG_ZEROCOPY: where messages end in a short piece, that piece is sent the
// ordinary way, while the calls before it still have the buffer.
template <class S>
bool passes_flag(const S& s, RequestId r) {
    return !s.config(s[r].sock).short_tails || s[s[r].buffer].lent < 2;
}

template <class S>
bool wants_ubuf(const S& s, RequestId r) {
    return in_sendmsg(s, r) && s[r].ubuf == none<UbufId> && !s[r].appended &&
           s.world().sets_so_zerocopy() && passes_flag(s, r);
}

template <class S>
void take_id(S& s, RequestId r, UbufId u) {
    auto& sock = s[s[r].sock];
    s[r].ubuf = u;
    s[r].id = sock.zckey;
    set_count(sock.zckey, id_after(s, sock.zckey));
}

// An alternative to io_uring's own path, from the discussion of its first series: MSG_ZEROCOPY uses
// a ubuf that exists already, a request's, which comes with the call's msghdr, or, worse, lies in
// the socket. The rest is as ever: the call holds a reference of its own while it runs, one skb
// carries one ubuf. A retry takes another.
struct msg_zerocopy_alloc_given {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "msg_zerocopy_alloc", "rfc-v1"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::given_ubuf); }
    static UbufId ubuf(const auto& s, RequestId r) {
        return s.world().profile.ubuf_in_socket ? s[s[r].sock].given : s[r].ubuf;
    }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && s.api_of(r) == Api::given_ubuf &&
               s[r].uarg == none<UbufId> && (is_stream(s, r) || !s[r].appended) &&
               ubuf(s, r) != none<UbufId>;
    }
    static void effect(auto& s, RequestId r) {
        s[r].uarg = ubuf(s, r);
        net_zcopy_get(s, s[r].uarg);
    }
};

// A ubuf of the call's own. The reference that it begins with belongs to the call.
struct msg_zerocopy_alloc {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "msg_zerocopy_alloc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return wants_ubuf(s, r) && s[s[r].sock].omem < s.world().bounds.omem &&
               realloc_verdict(s, r) == Realloc::alloc && s.template room<UbufId>();
    }
    static void effect(auto& s, RequestId r) {
        const UbufId u = s.template make<UbufId>();
        s[u].provider = Provider::msg_zerocopy;
        s[u].sock = s[r].sock;
        s[u].id = s[s[r].sock].zckey;
        s[u].len = 1;
        s[u].refs = 1;
        s[r].uarg = u;
        ++s[s[r].sock].omem;
        take_id(s, r, u);
    }
};

// The call joins the ubuf of the skb that is still at the tail: one more id in its range, one
// notification for all. A stream's call holds a reference while it runs, a datagram's none.
struct msg_zerocopy_realloc {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "msg_zerocopy_realloc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return wants_ubuf(s, r) && realloc_verdict(s, r) == Realloc::extend;
    }
    static void effect(auto& s, RequestId r) {
        const UbufId u = tail_ubuf(s, s[r].sock);
        ++s[u].len;
        if (is_stream(s, r)) {
            net_zcopy_get(s, u);
            s[r].uarg = u;
        }
        take_id(s, r, u);
    }
};

// ENOBUFS: the tail's ubuf is another provider's, or a pending datagram's can cover no more.
struct msg_zerocopy_realloc_refused {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "msg_zerocopy_realloc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return wants_ubuf(s, r) && realloc_verdict(s, r) == Realloc::refuse;
    }
    static void effect(auto& s, RequestId r) { s[r].failed = true; }
};

// ENOBUFS: ubufs in flight and messages nobody read have used up the socket's option memory.
struct sock_omalloc_refused {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/sock.c", "sock_omalloc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return wants_ubuf(s, r) && s[s[r].sock].omem >= s.world().bounds.omem &&
               realloc_verdict(s, r) == Realloc::alloc;
    }
    static void effect(auto& s, RequestId r) { s[r].failed = true; }
};

// ENOBUFS: the pages would exceed RLIMIT_MEMLOCK. Left out: how many are charged, only that they
// may be too many.
struct mm_account_pinned_pages_refused {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "mm_account_pinned_pages"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.has(Api::msg_zerocopy) && world.hazards.memlock;
    }
    static bool guard(const auto& s, RequestId r) {
        return wants_ubuf(s, r) && realloc_verdict(s, r) != Realloc::refuse;
    }
    static void effect(auto& s, RequestId r) { s[r].failed = true; }
};

// Of a datagram in several skbs, which go out together: whether none of them has.
template <class S>
bool is_unsent(const S& s, RequestId r) {
    const SockId sock = s[r].sock;
    return !s.config(sock).fragments || s[UbufId{s[r].ubuf}].refs == s[sock].write_queue.size();
}

// The call fails after it took an id, and gives the id back; a datagram may have gone into an skb
// by then, which will be thrown away. When that empties the ubuf's range, its release is silent.
struct msg_zerocopy_put_abort {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "msg_zerocopy_put_abort"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        if (!in_sendmsg(s, r) || s[r].ubuf == none<UbufId>) return false;
        const bool may_fail = s.world().hazards.issue_fails || s[s[r].sock].dead;
        const bool pending =
            !is_stream(s, r) && !s[s[r].sock].write_queue.empty() && is_unsent(s, r);
        return may_fail && (!s[r].appended || pending);
    }
    static void effect(auto& s, RequestId r) {
        auto& sock = s[s[r].sock];
        const UbufId u = s[r].ubuf;
        const UbufId held = s[r].uarg;
        set_count(sock.zckey, id_after(s, sock.zckey, s.world().bounds.ids - 1));
        --s[u].len;
        s[r].failed = true;
        s[r].id = 0;
        s[r].ubuf = none<UbufId>;
        s[r].uarg = none<UbufId>;
        if (held != none<UbufId>) net_zcopy_put(s, held);
    }
};

// No flag was passed, or the socket was never told SO_ZEROCOPY, and then the flag is ignored: the
// data is copied and no id taken.
template <class S>
bool zerocopy_not_asked(const S& s, RequestId r) {
    return in_sendmsg(s, r) && !s[r].appended &&
           !(s.world().sets_so_zerocopy() && passes_flag(s, r));
}

inline bool may_not_ask_zerocopy(const World& world) {
    return world.has(Api::msg_zerocopy) &&
           (!world.sets_so_zerocopy() || world.some_sock(&SockConfig::short_tails));
}

struct ip_generic_getfrag {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/ip_output.c", "ip_generic_getfrag"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return may_not_ask_zerocopy(world); }
    static bool guard(const auto& s, RequestId r) {
        return zerocopy_not_asked(s, r) && !is_stream(s, r);
    }
    static void effect(auto& s, RequestId r) { s[r].appended = true; }
};

struct tcp_sendmsg_not_asked {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_sendmsg_locked"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return may_not_ask_zerocopy(world); }
    static bool guard(const auto& s, RequestId r) {
        return zerocopy_not_asked(s, r) && is_stream(s, r);
    }
    static void effect(auto& s, RequestId r) { s[r].appended = true; }
};

// sendmsg on a stream returns: its own reference goes, without an skb. If everything it sent is
// acknowledged by now, that is the last.
struct tcp_sendmsg {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_sendmsg"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return in_sendmsg(s, r) && s[r].appended && is_stream(s, r);
    }
    static void effect(auto& s, RequestId r) {
        const UbufId held = s[r].uarg;
        s[r].uarg = none<UbufId>;
        s[r].phase = Phase::completed;
        if (held != none<UbufId>) net_zcopy_put(s, held);
    }
};

// sendmsg on a datagram socket returns: the datagram is sent, or with MSG_MORE pending. The
// reference of the call went with the datagram's first skb.
struct udp_sendmsg {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/udp.c", "udp_sendmsg"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return in_sendmsg(s, r) && s[r].appended && !is_stream(s, r) &&
               (s[s[r].sock].write_queue.empty() || s.config(s[r].sock).msg_more);
    }
    static void effect(auto& s, RequestId r) { s[r].phase = Phase::completed; }
};

// sendmsg returns an error; of a datagram nothing is pending any more.
struct sock_sendmsg_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/socket.c", "____sys_sendmsg"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::msg_zerocopy); }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && s[r].failed && s.api_of(r) == Api::msg_zerocopy &&
               (is_stream(s, r) || s[s[r].sock].write_queue.empty());
    }
    static void effect(auto& s, RequestId r) { s[r].phase = Phase::completed; }
};

}  // namespace zcv::kernel
