#pragma once

#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/net/core/error_queue.hpp"
#include "model/state.hpp"

// Models include/linux/skbuff.h: struct ubuf_info_ops, through which the network tells whoever
// provided a ubuf_info, and the small helpers that move its count.
namespace zcv::kernel {

// ubuf_info_ops.complete: one reference goes. `with_skb` tells a release of data from an owner that
// gives up its own hold; `success` is false when the data was copied instead.
template <class S>
void ubuf_complete(S& s, UbufId u, bool with_skb, bool success) {
    switch (s[u].provider) {
        case Provider::io_uring:
            return io_tx_ubuf_complete(s, u, with_skb, success);
        case Provider::msg_zerocopy:
            return msg_zerocopy_complete(s, u, success);
        case Provider::tx_ctx:
            break;
    }
    ZCV_CHECK(false);
}

// net_zcopy_get(): one more holder.
template <class S>
void net_zcopy_get(S& s, UbufId u) {
    ++s[u].refs;
}

// net_zcopy_put(): an owner lets go without any data.
template <class S>
void net_zcopy_put(S& s, UbufId u) {
    ubuf_complete(s, u, false, true);
}

}  // namespace zcv::kernel
