#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/world/world.hpp"

// The ubuf_info_ops.complete of the providers beside io_uring and MSG_ZEROCOPY:
// drivers/vhost/net.c, net/packet/af_packet.c, and what net/rds/message.c does in its place. In a
// file of their own because the dispatch of include/linux/skbuff.h needs them.
namespace zcv::kernel {

// vhost_net_ubuf_put(). The count is of what is in flight; the device's own reference, which goes
// first when it is torn down, is that it is not `closing`. Whoever drops the last one still has to
// call wake_up() on what it counted.
template <class S>
void vhost_net_ubuf_put(S& s, SockId vq) {
    auto& sock = s[vq];
    if (sock.vhost_ubufs == 0)
        sock.vhost_over_put = true;
    else if (--sock.vhost_ubufs == 0 && sock.vhost_closing)
        sock.vhost_waking = true;
}

// One reference goes; whether it was the last.
template <class S>
bool ubuf_is_released(S& s, UbufId u, bool success) {
    if (!success) s[u].zc_copied = true;
    ZCV_CHECK(s[u].refs > 0);
    return --s[u].refs == 0;
}

// vhost_zerocopy_complete(): the descriptor is done. The guest is told in order, and later.
template <class S>
void vhost_zerocopy_complete(S& s, UbufId u, bool success) {
    if (!ubuf_is_released(s, u, success)) return;
    const RequestId r = s[u].request;
    s.free(u);
    s[r].ubuf = none<UbufId>;
    vhost_net_ubuf_put(s, s[r].sock);
}

// tpacket_ubuf_complete() makes the slot of the ring available, rds_rm_zerocopy_callback() queues
// a cookie: either is all that the application has to see.
template <class S>
void call_ubuf_complete(S& s, UbufId u, bool success) {
    if (!ubuf_is_released(s, u, success)) return;
    const RequestId r = s[u].request;
    s.free(u);
    s[r].ubuf = none<UbufId>;
    s[r].notified = true;
    retire_if_over(s, r);
}

}  // namespace zcv::kernel
