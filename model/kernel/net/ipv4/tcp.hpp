#pragma once

#include "model/kernel/net/core/msg_zerocopy.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/tcp.c: where sendmsg puts the data of a request, and the ends of a connection.
// Left out: the socket lock (the model lets an ACK in while a request is being issued, which the
// kernel defers), sequence numbers, and FIN, which carries no data and whose ACK frees none. An
// allocation that fails at the head of a function (an skb in sendmsg, the clone in
// __tcp_transmit_skb(), the new half in tcp_fragment()) changes nothing: the step is not taken yet.
namespace zcv::kernel {

// Whether the protocol still takes data in.
template <class S>
bool tcp_is_open(const S& s, SockId sock) {
    return !s[sock].dead && !s[sock].shut && (s[sock].connected || !s.config(sock).fast_open) &&
           s.config(sock).transport == Transport::tcp;
}

template <class S>
bool tcp_may_append(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && tcp_is_open(s, s[r].sock) && s[r].ubuf != none<UbufId> &&
           !s[r].failed && !has_nothing_to_append(s, r) &&
           !(s[r].appended && s.config(s[r].sock).small_sends);
}

// The skb at the tail takes more data.
template <class S>
bool tail_is_open(const S& s, SockId sock) {
    return !s[sock].write_queue.empty() && !s[SkbId{s[sock].write_queue.back()}].full;
}

template <class S>
ShinfoId tail_shinfo(const S& s, SockId sock) {
    return s[SkbId{s[sock].write_queue.back()}].shinfo;
}

// The tail of the write queue takes more data, although it belongs to another request's ubuf: the
// two notifications become one chain.
struct io_link_skb {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/notif.c", "io_link_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        if (!tcp_may_append(s, r) || !tail_is_open(s, SockId{s[r].sock})) return false;
        if (s.api_of(r) == Api::given_ubuf) return false;
        const UbufId prev = s[tail_shinfo(s, SockId{s[r].sock})].uarg;
        return prev != none<UbufId> && io_link_allowed(s, s[r].ubuf, prev);
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = tail_shinfo(s, SockId{s[r].sock});
        io_link(s, s[r].ubuf, s[h].uarg);
        fill_frags(s, h, r);
    }
};

// The chain is made first, and then the skb has no room for another frag (EMSGSIZE): the data goes
// into the next skb, or nowhere when that fails, and the notification waits for the whole chain.
struct skb_zerocopy_iter_stream_unfilled {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_zerocopy_iter_stream"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.hazards.fills; }
    static bool guard(const auto& s, RequestId r) { return io_link_skb::guard(s, r); }
    static void effect(auto& s, RequestId r) {
        const SkbId tail = s[s[r].sock].write_queue.back();
        io_link(s, s[r].ubuf, s[s[tail].shinfo].uarg);
        s[tail].full = true;
    }
};

// The tail carries copied data only: the ubuf is attached behind it. Such an skb is not pure, and
// its frags keep references of their own.
struct skb_zerocopy_iter_stream_behind_copy {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_zerocopy_iter_stream"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::plain_writes); }
    static bool guard(const auto& s, RequestId r) {
        return tcp_may_append(s, r) && tail_is_open(s, SockId{s[r].sock}) &&
               s[tail_shinfo(s, SockId{s[r].sock})].uarg == none<UbufId>;
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = tail_shinfo(s, SockId{s[r].sock});
        skb_zcopy_set(s, h, s[r].ubuf);
        s[h].mixed = true;
        fill_frags(s, h, r);
    }
};

// A fresh skb at the tail: there was none, it was full, or linking was refused.
struct skb_zerocopy_iter_stream {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_zerocopy_iter_stream"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return tcp_may_append(s, r) && s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = new_zcopy_shinfo(s, r);
        fill_frags(s, h, r);
        s[s[r].sock].write_queue.push_back(new_skb(s, h, s[r].sock, Loc::write_queue));
    }
};

// Since 6.10 the ubuf is attached before the pages are looked up. When there are none (EFAULT, no
// memory), the empty skb is taken out of the queue again, and its release counts as a use.
struct tcp_remove_empty_skb {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_remove_empty_skb"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.hazards.no_memory && world.profile.chains; }
    static bool guard(const auto& s, RequestId r) {
        return tcp_may_append(s, r) && !s[UbufId{s[r].ubuf}].zc_used;
    }
    static void effect(auto& s, RequestId r) {
        net_zcopy_get(s, s[r].ubuf);
        ubuf_complete(s, s[r].ubuf, true, true);
    }
};

// The tail of the write queue takes more data, and it already carries the call's ubuf.
struct skb_zerocopy_iter_stream_tail {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_zerocopy_iter_stream"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.models(Part::calls); }
    static bool guard(const auto& s, RequestId r) {
        if (!tcp_may_append(s, r) || s[r].uarg == none<UbufId>) return false;
        if (tail_ubuf(s, s[r].sock) != s[r].uarg) return false;
        return !s[s[SkbId{s[s[r].sock].write_queue.back()}].shinfo].frags.contains(r);
    }
    static void effect(auto& s, RequestId r) {
        fill_frags(s, s[SkbId{s[s[r].sock].write_queue.back()}].shinfo, r);
    }
};

// The route cannot do scatter-gather: plain copy, and the ubuf is not touched, but that
// MSG_ZEROCOPY's will say so.
struct tcp_sendmsg_copy {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_sendmsg_locked"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return tcp_may_append(s, r) && !s[r].appended && s.config(s[r].sock).copies_at_send;
    }
    static void effect(auto& s, RequestId r) {
        s[r].appended = true;
        if (s.api_of(r) == Api::msg_zerocopy) s[UbufId{s[r].ubuf}].zc_copied = true;
    }
};

// Somebody writes to the same stream the ordinary way, into an skb of its own.
struct tcp_sendmsg_plain {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_sendmsg_locked"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::plain_writes); }
    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).plain_writes && tcp_is_open(s, sock) && s.template room<ShinfoId>() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        const ShinfoId h = s.template make<ShinfoId>();
        s[h].dataref = 1;
        s[sock].write_queue.push_back(new_skb(s, h, sock, Loc::write_queue));
    }
};

// ... or behind zero-copy data: the skb is no longer pure, and frags that lived as long as the ubuf
// get references of their own (skb_zcopy_downgrade_managed()).
struct tcp_downgrade_zcopy_pure {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_downgrade_zcopy_pure"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::plain_writes); }
    static bool guard(const auto& s, SockId sock) {
        if (!s.config(sock).plain_writes || !tcp_is_open(s, sock) || !tail_is_open(s, sock))
            return false;
        const auto& tail = s[tail_shinfo(s, sock)];
        return tail.uarg != none<UbufId> && !tail.mixed;
    }
    static void effect(auto& s, SockId sock) {
        const ShinfoId h = tail_shinfo(s, sock);
        skb_zcopy_downgrade_managed(s, h);
        s[h].mixed = true;
    }
};

// The tail is as long as a packet may be, or its writer said that a record ends here (MSG_EOR).
struct tcp_mark_push {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_mark_push"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.hazards.fills; }
    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).transport == Transport::tcp && tail_is_open(s, sock);
    }
    static void effect(auto& s, SockId sock) { s[SkbId{s[sock].write_queue.back()}].full = true; }
};

// shutdown(SHUT_WR), and close() once the last request has let go of the file: nothing is added,
// and what is queued is sent and sent again as before.
struct tcp_shutdown {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_shutdown"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.hazards.closes; }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].dead && !s[sock].shut && s.config(sock).transport == Transport::tcp;
    }
    static void effect(auto& s, SockId sock) { s[sock].shut = true; }
};

// tcp_write_queue_purge(): both queues are freed at once.
template <class S>
void purge_queues(S& s, SockId sock) {
    s[sock].dead = true;
    for (auto* queue : {&s[sock].write_queue, &s[sock].rtx_queue})
        while (!queue->empty()) {
            const SkbId k = queue->front();
            queue->pop_front();
            free_skb(s, k);
        }
}

// close() with linger 0, connect() to nowhere, `ss -K`.
struct tcp_disconnect {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_disconnect"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.hazards.aborts; }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].dead && s.config(sock).transport == Transport::tcp;
    }
    static void effect(auto& s, SockId sock) { purge_queues(s, sock); }
};

// The peer resets the connection.
struct tcp_write_queue_purge {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_write_queue_purge"};
    static constexpr Context context = Context::peer;

    static bool guard(const auto& s, SockId sock) {
        return s.world().hazards.resets && !s[sock].dead &&
               s.config(sock).transport == Transport::tcp;
    }
    static void effect(auto& s, SockId sock) { purge_queues(s, sock); }
};

}  // namespace zcv::kernel
