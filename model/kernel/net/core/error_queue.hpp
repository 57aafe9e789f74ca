#pragma once

#include <concepts>

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/world/world.hpp"

// Models the completing side of MSG_ZEROCOPY in net/core/skbuff.c: the last reference to a ubuf
// puts a range of ids into its socket's error queue. In a file of its own because
// include/linux/skbuff.h's dispatch needs it, and skbuff.c that dispatch.
namespace zcv::kernel {

template <std::unsigned_integral Count>
constexpr void set_count(Count& count, std::uint32_t value) {
    count = static_cast<Count>(value);
}

// Ids are as wide as the world says, and wrap around like the kernel's 32 bits.
template <class S>
std::uint32_t id_after(const S& s, std::uint32_t id, std::uint32_t calls = 1) {
    return (id + calls) % s.world().bounds.ids;
}

// How many ids [lo, hi] covers.
template <class S>
std::uint32_t ids_in(const S& s, std::uint32_t lo, std::uint32_t hi) {
    return (hi + s.world().bounds.ids - lo) % s.world().bounds.ids + 1;
}

template <class S>
bool covers(const S& s, std::uint32_t lo, std::uint32_t hi, std::uint32_t id) {
    return ids_in(s, lo, id) <= ids_in(s, lo, hi);
}

// skb_zerocopy_notify_extend(): a range right behind the queue's last one becomes part of it. As it
// is, the code of the older message stays, whatever the newer one's would have said (B30).
template <class S, class Range>
bool skb_zerocopy_notify_extend(const S& s, Range& tail, const Range& more) {
    const std::uint32_t together = ids_in(s, tail.lo, tail.hi) + ids_in(s, more.lo, more.hi);
    if (together >= s.world().bounds.ids || more.lo != id_after(s, tail.hi)) return false;
    if (!s.world().profile.errqueue_merge_ignores_code && tail.copied != more.copied) return false;
    tail.hi = more.hi;
    return true;
}

// The ubuf lies in an skb that is charged to the socket's option memory, and that skb becomes the
// message, so that posting never allocates. Nothing is posted when every call that it covered was
// aborted, and nothing to a socket that nobody has open.
template <class S>
void msg_zerocopy_callback(S& s, UbufId u) {
    auto& sock = s[s[u].sock];
    const bool silent = s[u].len == 0 || sock.orphaned;
    bool queued = false;
    if (!silent) {
        ErrRange<typename S::Kind> range;
        range.lo = s[u].id;
        set_count(range.hi, id_after(s, s[u].id, s[u].len - 1u));
        range.copied = s[u].zc_copied;
        const std::size_t last = sock.errqueue.size() - 1;
        queued =
            sock.errqueue.empty() || !skb_zerocopy_notify_extend(s, sock.errqueue[last], range);
        if (queued) sock.errqueue.push_back(range);
    }
    if (!queued) --sock.omem;
    const bool copied = s[u].zc_copied;
    s.free(u);
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].ubuf != u) return;
        s[r].ubuf = none<UbufId>;
        s[r].notified = !silent;
        s[r].range_copied = copied;
        retire_if_over(s, r);
    });
}

// ubuf_info_ops.complete.
template <class S>
void msg_zerocopy_complete(S& s, UbufId u, bool success) {
    if (!success) s[u].zc_copied = true;
    ZCV_CHECK(s[u].refs > 0);
    if (--s[u].refs == 0) msg_zerocopy_callback(s, u);
}

}  // namespace zcv::kernel
