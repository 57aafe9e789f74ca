#pragma once

#include "model/kernel/net/core/msg_zerocopy.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/tcp.c: where sendmsg puts the data of a request. Left out: the socket lock (the
// model lets an ACK in while a request is being issued, which the kernel defers), sequence numbers.
namespace zcv::kernel {

template <class S>
bool tcp_may_append(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && !s[s[r].sock].dead &&
           s.config(s[r].sock).transport == Transport::tcp && s[r].ubuf != none<UbufId> &&
           !s[r].failed && !has_nothing_to_append(s, r);
}

// The tail of the write queue takes more data, although it belongs to another request's ubuf: the
// two notifications become one chain.
struct io_link_skb {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/notif.c", "io_link_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        if (!tcp_may_append(s, r) || s[s[r].sock].write_queue.empty()) return false;
        if (s.api_of(r) == Api::given_ubuf) return false;
        const UbufId prev = s[s[SkbId{s[s[r].sock].write_queue.back()}].shinfo].uarg;
        return prev != none<UbufId> && io_link_allowed(s, s[r].ubuf, prev);
    }
    static void effect(auto& s, RequestId r) {
        const ShinfoId h = s[SkbId{s[s[r].sock].write_queue.back()}].shinfo;
        io_link(s, s[r].ubuf, s[h].uarg);
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

// Reset, abort or close with linger 0: both queues are freed at once.
struct tcp_write_queue_purge {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp.c", "tcp_write_queue_purge"};
    static constexpr Context context = Context::peer;

    static bool guard(const auto& s, SockId sock) {
        return s.world().hazards.resets && !s[sock].dead &&
               s.config(sock).transport == Transport::tcp;
    }
    static void effect(auto& s, SockId sock) {
        s[sock].dead = true;
        for (auto* queue : {&s[sock].write_queue, &s[sock].rtx_queue})
            while (!queue->empty()) {
                const SkbId k = queue->front();
                queue->pop_front();
                free_skb(s, k);
            }
    }
};

}  // namespace zcv::kernel
