#pragma once

#include "model/kernel/net/ipv4/tcp.hpp"

// Models net/ipv4/tcp_timer.c: a peer that says nothing is not waited for for ever. Left out: time;
// the timer may expire as soon as there is something to wait for.
namespace zcv::kernel {

// No retransmission and no zero window probe was answered in time. Until then every buffer in the
// queues is the kernel's; the notifications that come now say nothing about the peer.
struct tcp_write_err {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_timer.c", "tcp_write_err"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.hazards.gives_up; }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].dead && s.config(sock).transport == Transport::tcp &&
               (!s[sock].rtx_queue.empty() || !s[sock].write_queue.empty());
    }
    static void effect(auto& s, SockId sock) { purge_queues(s, sock); }
};

}  // namespace zcv::kernel
