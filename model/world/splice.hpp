#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Whoever splices pages of a file or a pipe into a socket. There is no ubuf and no notification:
// the pages are referenced and marked as shared, and the caller is never told when they are let go.
namespace zcv::world {

struct app_splice {
    using Of = Ids<BufferId, RequestId, SockId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_splice_from_iter"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::splice); }
    static bool guard(const auto& s, BufferId b, RequestId r, SockId sock) {
        return s[b].written && s[r].phase == Phase::idle && s.api_of(r) == Api::splice &&
               !s[sock].dead && s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    // The call is over with this step, and the buffer stays lent for ever.
    static void effect(auto& s, BufferId b, RequestId r, SockId sock) {
        ++s[b].lent;
        s[r].phase = Phase::posted;
        s[r].buffer = b;
        s[r].sock = sock;
        s[r].ring = s.ring_of(r);
        s[r].app_done = true;
        const ShinfoId h = s.template make<ShinfoId>();
        s[h].dataref = 1;
        kernel::fill_frags(s, h, r);
        s[h].shared = !s.world().profile.splice_forgets_shared;
        s[sock].write_queue.push_back(kernel::new_skb(s, h, sock, Loc::write_queue));
    }
};

}  // namespace zcv::world
