#pragma once

#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/notif.{h,c}: who holds a reference to a notification, how notifications are
// chained, and when a CQE may be posted. Left out: memory accounting; it can neither delay nor lose
// a CQE.
namespace zcv::kernel {

// The refs == 1 it begins with belongs to the request.
template <class S>
UbufId io_alloc_notif(S& s, RequestId r) {
    const UbufId n = s.template make<UbufId>();
    s[n].request = r;
    s[n].refs = 1;
    s[n].owner_ref = true;
    s[n].head = n;
    return n;
}

// ubuf_info_ops.complete. At zero the CQE is only queued as task work, because the last reference
// may go in softirq. A chained member does not complete itself: it gives up its hold on the head.
template <class S>
void io_tx_ubuf_complete(S& s, UbufId n, bool with_skb, bool success) {
    auto& notif = s[n];
    if (success && with_skb) notif.zc_used = true;
    if (!success) notif.zc_copied = true;
    ZCV_CHECK(notif.refs > 0);
    if (--notif.refs > 0) return;
    if (notif.head != n) {
        io_tx_ubuf_complete(s, notif.head, false, success);
        return;
    }
    notif.tw = TaskWork::queued;
}

// ubuf_info_ops.link_skb, its guard table: may the data of this notification ride in an skb that
// already carries `prev`? (kernel.md 4.1; EEXIST makes the caller start a fresh skb)
template <class S>
bool io_link_allowed(const S& s, UbufId n, UbufId prev) {
    if (!s.world().profile.chains || prev == n) return false;
    if (s[prev].provider != Provider::io_uring) return false;
    if (s[n].head != n || s[n].next != none<UbufId>) return false;
    return s[s[prev].request].ring == s[s[n].request].ring;
}

template <class S>
void io_link(S& s, UbufId n, UbufId prev) {
    s[n].head = s[prev].head;
    s[n].next = s[prev].next;
    s[prev].next = n;
    ++s[s[n].head].refs;
}

// The issuer gives up its own reference and puts the request on the completion list. Until it does,
// no notification can be posted, however early the device lets go of the pages.
struct io_notif_flush {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/notif.h", "io_notif_flush"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issued && !s[r].failed && !s[r].worker &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        const UbufId n = s[r].ubuf;
        s[n].owner_ref = false;
        io_tx_ubuf_complete(s, n, false, true);
        s[r].more = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::more});
    }
};

// Runs for the head in the context of the ring's task and completes the chain in list order: the
// head, then the newest to the oldest member. The chain is over then; the kernel leaves its
// pointers behind unread, but here a name kept would soon be the name of another notification.
struct io_notif_tw_complete {
    using Of = Ids<UbufId>;
    static constexpr KernelRef at{"io_uring/notif.c", "io_notif_tw_complete"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, UbufId n) {
        return s[n].tw == TaskWork::queued && s[n].provider == Provider::io_uring;
    }
    static void effect(auto& s, UbufId n) {
        for (UbufId each = n; each != none<UbufId>;) {
            const RequestId r = s[each].request;
            const UbufId next = s[each].next;
            s[each].tw = TaskWork::listed;
            s[each].head = none<UbufId>;
            s[each].next = none<UbufId>;
            s[s[r].ring].compl_reqs.push_back({r, CqeKind::notif});
            each = next;
        }
    }
};

}  // namespace zcv::kernel
