#pragma once

#include "model/kernel/include/linux/other_ubufs.hpp"
#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/net/core/error_queue.hpp"
#include "model/kernel/v6.0-rc/io_uring/notif.hpp"
#include "model/state.hpp"

// Models include/linux/skbuff.h: struct ubuf_info_ops, through which the network tells whoever
// provided a ubuf_info, and the small helpers that move its count and those of the pages.
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
        case Provider::vhost:
            return vhost_zerocopy_complete(s, u, success);
        case Provider::packet:
        case Provider::rds:
            return call_ubuf_complete(s, u, success);
        case Provider::tx_ctx:
            return io_uring_tx_zerocopy_callback(s, u, with_skb);
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

// A page that the process unmapped goes back to the system with its last reference; one that was
// put too often does so at once. What lies there from then on is somebody else's.
template <class S>
bool page_is_gone(const S& s, BufferId b) {
    return s[b].over_put || (s[b].unmapped && s[b].page_refs == 0);
}

template <class S>
void get_page(S& s, BufferId b) {
    ++s[b].page_refs;
}

template <class S>
void put_page(S& s, BufferId b) {
    if (s[b].page_refs == 0)
        s[b].over_put = true;
    else
        --s[b].page_refs;
}

// skb_frag_ref() for every frag. One reference stands for those of all frags in one buffer.
template <class S>
void skb_frags_ref(S& s, ShinfoId h) {
    s[h].pages.for_each([&](BufferId b) { get_page(s, b); });
}

template <class S>
void skb_frags_unref(S& s, ShinfoId h) {
    s[h].pages.for_each([&](BufferId b) { put_page(s, b); });
}

// skb_zcopy_downgrade_managed(): from here on the frags hold references of their own. Left out: two
// CPUs with clones of one shared info that downgrade it at once, and both take the references.
template <class S>
void skb_zcopy_downgrade_managed(S& s, ShinfoId h) {
    if (!s[h].managed) return;
    s[h].managed = false;
    skb_frags_ref(s, h);
}

// skb_zcopy_set() of a shared info that has no ubuf yet: SKBFL_ZEROCOPY_FRAG is both flags.
template <class S>
void skb_zcopy_set(S& s, ShinfoId h, UbufId u) {
    net_zcopy_get(s, u);
    s[h].uarg = u;
    s[h].shared = true;
}

// skb_zcopy_clear(): the data is no longer the ubuf's, and all flags that spoke of it go.
template <class S>
void skb_zcopy_clear(S& s, ShinfoId h, bool success) {
    ubuf_complete(s, s[h].uarg, true, success);
    s[h].uarg = none<UbufId>;
    s[h].managed = false;
    s[h].shared = false;
}

}  // namespace zcv::kernel
