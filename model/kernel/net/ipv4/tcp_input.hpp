#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/ipv4/tcp_input.c: a cumulative ACK frees what it covers, in order. Left out: SACK,
// which frees nothing.
namespace zcv::kernel {

struct tcp_clean_rtx_queue {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_input.c", "tcp_clean_rtx_queue"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SockId sock) {
        return !s[sock].rtx_queue.empty() && s[s[SkbId{s[sock].rtx_queue.front()}].shinfo].arrived;
    }
    static void effect(auto& s, SockId sock) {
        const SkbId k = s[sock].rtx_queue.front();
        s[sock].rtx_queue.pop_front();
        free_skb(s, k);
    }
};

}  // namespace zcv::kernel
