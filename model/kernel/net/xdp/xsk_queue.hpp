#pragma once

#include "model/state.hpp"
#include "model/world/world.hpp"

// Models net/xdp/xsk_queue.h and the part of net/xdp/xsk.c that gives frames back: the completion
// ring has a place for a frame before the application may see it there.
namespace zcv::kernel {

// xskq_prod_submit_n(): the producer index moves past one more entry, whichever frame that names.
template <class S>
void xskq_prod_submit(S& s, SockId sock) {
    auto& xs = s[sock];
    ZCV_CHECK(xs.published < xs.completion_ring.size());
    s[xs.completion_ring[xs.published]].notified = true;
    ++xs.published;
}

// The skb's destructor. Where the frame's address was written when it was submitted, one entry is
// published all the same, and that may be another frame's.
template <class S>
void xsk_destruct_skb(S& s, SockId sock, RequestId desc) {
    if (!s.world().profile.xsk_publishes_in_order) s[sock].completion_ring.push_back(desc);
    xskq_prod_submit(s, sock);
}

}  // namespace zcv::kernel
