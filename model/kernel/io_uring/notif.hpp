#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/notif.{h,c}: who holds a reference to a notification, how notifications are
// chained, when a CQE may be posted, and what is charged to RLIMIT_MEMLOCK.
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
        const bool own = s.world().reports_usage && !s.world().profile.usage_only_on_head;
        io_tx_ubuf_complete(s, notif.head, false, success || own);
        return;
    }
    notif.tw = TaskWork::queued;
    const bool alone = notif.next == none<UbufId>;
    io_req_local_work_add(s, s[notif.request].ring, alone || s.world().profile.wake_counts_work);
}

// ubuf_info_ops.link_skb, its guard table: may the data of this notification ride in an skb that
// already carries `prev`? (kernel.md 4.1; EEXIST makes the caller start a fresh skb)
template <class S>
bool io_link_allowed(const S& s, UbufId n, UbufId prev) {
    if (!s.world().profile.chains || prev == n) return false;
    if (s[prev].provider != Provider::io_uring) return false;
    if (s[n].head != n || s[n].next != none<UbufId>) return false;
    return s.world().profile.link_forgets_ring || s[s[prev].request].ring == s[s[n].request].ring;
}

template <class S>
void io_link(S& s, UbufId n, UbufId prev) {
    s[n].head = s[prev].head;
    s[n].next = s[prev].next;
    s[prev].next = n;
    ++s[s[n].head].refs;
}

// Whether issuing this request charges its pages, now: SEND_ZC and SENDMSG_ZC from memory that is
// not registered, once.
template <class S>
bool charges_pages(const S& s, RequestId r) {
    if (!s.world().models(Part::accounting) || from_registered_buffer(s.api_of(r))) return false;
    const Profile& kernel = s.world().profile;
    if (kernel.sendmsg_zc_unaccounted && s.api_of(r) == Api::sendmsg_zc) return false;
    return s[s[r].ubuf].account_pages == 0 || (kernel.retry_accounts_again && !s[r].appended);
}

template <class S>
bool within_memlock(const S& s, RequestId r) {
    return !charges_pages(s, r) || s[the_task].locked_vm < s.world().bounds.memlock;
}

template <class S>
void io_notif_account_mem(S& s, RequestId r) {
    if (!charges_pages(s, r)) return;
    ++s[s[r].ubuf].account_pages;
    ++s[the_task].locked_vm;
}

// The issuer gives up its own reference and puts the request on the completion list. Until it does,
// no notification can be posted, however early the device lets go of the pages. A worker leaves it
// to the cleanup; the kernel in which it did not let notifications overtake.
struct io_notif_flush {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/notif.h", "io_notif_flush"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        if (s[r].phase != Phase::issued || s[r].failed || !notifies_each(s.api_of(r))) return false;
        if (!s[r].worker) return true;
        return s.world().profile.worker_flushes_inline && s[r].ubuf != none<UbufId> &&
               s[s[r].ubuf].owner_ref;
    }
    static void effect(auto& s, RequestId r) {
        const UbufId n = s[r].ubuf;
        s[n].owner_ref = false;
        io_tx_ubuf_complete(s, n, false, true);
        if (s[r].worker) return;
        s[r].more = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::more});
    }
};

// Runs for the head in the context of the ring's task, if there still is one, and completes the
// chain in list order: the head, then the newest to the oldest member. The chain is over then; the
// kernel leaves its pointers behind unread, but here a name kept would soon be the name of another
// notification.
struct io_notif_tw_complete {
    using Of = Ids<UbufId>;
    static constexpr KernelRef at{"io_uring/notif.c", "io_notif_tw_complete"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, UbufId n) {
        return s[n].tw == TaskWork::queued && s[n].provider == Provider::io_uring &&
               s[the_task].life != TaskState::gone && runs_task_work(s, s[s[n].request].ring);
    }
    static void effect(auto& s, UbufId n) {
        for (UbufId each = n; each != none<UbufId>;) {
            const RequestId r = s[each].request;
            const UbufId next = s[each].next;
            s[each].tw = TaskWork::listed;
            s[r].says_copied = s.world().reports_usage && (s[each].zc_copied || !s[each].zc_used);
            s[each].head = none<UbufId>;
            s[each].next = none<UbufId>;
            for (; s[each].account_pages > 0; --s[each].account_pages) --s[the_task].locked_vm;
            s[s[r].ring].compl_reqs.push_back({r, CqeKind::notif});
            each = next;
        }
    }
};

}  // namespace zcv::kernel
