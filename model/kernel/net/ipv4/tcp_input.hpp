#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/ipv4/tcp_input.c: a cumulative ACK frees what it covers, in order; a SACK frees
// nothing.
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

// The peer says that it has an skb whose predecessors are missing. It may still throw the data
// away, so everything stays where it is; only sending it again is put off.
struct tcp_sacktag_one {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_input.c", "tcp_sacktag_one"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.hazards.sacks; }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::rtx_queue && !s[k].sacked && s[s[k].shinfo].arrived &&
               s[s[k].sock].rtx_queue.front() != k;
    }
    static void effect(auto& s, SkbId k) { s[k].sacked = true; }
};

// The peer went back on its word: it had the head of the queue, and acknowledges nothing. All that
// it claimed to have is sent again.
struct tcp_timeout_mark_lost {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_input.c", "tcp_timeout_mark_lost"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.hazards.sacks; }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].rtx_queue.empty() && s[SkbId{s[sock].rtx_queue.front()}].sacked;
    }
    static void effect(auto& s, SockId sock) {
        for (std::size_t i = 0; i < s[sock].rtx_queue.size(); ++i)
            s[SkbId{s[sock].rtx_queue[i]}].sacked = false;
    }
};

}  // namespace zcv::kernel
