#pragma once

#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/net.c: preparing, issuing and finishing a SEND_ZC or SENDMSG_ZC. Left out: bytes;
// a send is whole or failed, and partial progress is another issue of the same request.
namespace zcv::kernel {

struct io_send_zc_prep {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::sqe && notifies_each(s.api_of(r)) && s.template room<UbufId>();
    }
    static void effect(auto& s, RequestId r) {
        s[r].ubuf = io_alloc_notif(s, r);
        s[r].phase = Phase::prepped;
    }
};

// Refused before the notification exists (IOSQE_CQE_SKIP_SUCCESS, no memory for it): one CQE only.
struct io_send_zc_prep_early_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.prep_fails && s[r].phase == Phase::sqe &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

// Refused with the notification allocated (an unknown flag, no memory for async data).
struct io_send_zc_prep_late_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.prep_fails && s[r].phase == Phase::sqe &&
               notifies_each(s.api_of(r)) && s.template room<UbufId>();
    }
    static void effect(auto& s, RequestId r) {
        s[r].ubuf = io_alloc_notif(s, r);
        s[r].failed = true;
        s[r].phase = Phase::issued;
    }
};

// sendmsg is running for a request with a notification of its own.
template <class S>
bool is_issuing(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && notifies_each(s.api_of(r));
}

template <class S>
void enter_sendmsg(S& s, RequestId r) {
    s[r].phase = Phase::issuing;
    const bool tcp = s.config(s[r].sock).transport == Transport::tcp;
    if (tcp && s.world().profile.sendmsg_holds_ubuf) {
        s[s[r].ubuf].syscall_ref = true;
        ++s[s[r].ubuf].refs;
    }
}

template <class S>
void leave_sendmsg(S& s, RequestId r, Phase next) {
    s[r].phase = next;
    if (!s[s[r].ubuf].syscall_ref) return;
    s[s[r].ubuf].syscall_ref = false;
    io_tx_ubuf_complete(s, s[r].ubuf, false, true);
}

// Also the retry from poll: the same request, the same notification.
struct io_send_zc_issue {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return (s[r].phase == Phase::prepped || s[r].phase == Phase::polled) &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) { enter_sendmsg(s, r); }
};

struct io_wq_submit_work {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_wq_submit_work"};
    static constexpr Context context = Context::io_wq;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.io_wq && s[r].phase == Phase::prepped &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].worker = true;
        enter_sendmsg(s, r);
    }
};

// EAGAIN, or a short send of MSG_WAITALL: what was attached stays attached. A worker that arms a
// poll hands the request back: the next attempt is task work.
struct io_arm_poll_handler {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/poll.c", "io_arm_poll_handler"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.again && is_issuing(s, r) &&
               s.config(s[r].sock).transport == Transport::tcp;
    }
    static void effect(auto& s, RequestId r) {
        s[r].worker = false;
        leave_sendmsg(s, r, Phase::polled);
    }
};

// A datagram leaves within the call.
template <class S>
bool datagram_is_sent(const S& s, RequestId r) {
    return s.config(s[r].sock).transport == Transport::tcp || s[s[r].sock].write_queue.empty();
}

struct io_send_zc_success {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return is_issuing(s, r) && s[r].appended &&
               (s.config(s[r].sock).transport == Transport::tcp ||
                s[s[r].sock].write_queue.empty() || s[s[r].sock].corked);
    }
    static void effect(auto& s, RequestId r) { leave_sendmsg(s, r, Phase::issued); }
};

// sendmsg failed, perhaps after it attached something.
struct io_send_zc_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        if (!is_issuing(s, r)) return false;
        const auto& sock = s[s[r].sock];
        return (s.world().hazards.issue_fails || sock.dead || sock.shut) &&
               (s.config(s[r].sock).transport == Transport::tcp || sock.write_queue.empty() ||
                (sock.corked && !s[r].appended));
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        leave_sendmsg(s, r, Phase::issued);
    }
};

// The fail handler says F_MORE for every request that still has a notification to come. The
// reference stays with the request until its cleanup.
struct io_sendrecv_fail {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendrecv_fail"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issued && s[r].failed && notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        s[r].more = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::more});
    }
};

// When the finished request is freed, after its CQE was filled.
struct io_send_zc_cleanup {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_cleanup"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::posted && s[r].ubuf != none<UbufId> && s[s[r].ubuf].owner_ref &&
               notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        const UbufId n = s[r].ubuf;
        s[n].owner_ref = false;
        io_tx_ubuf_complete(s, n, false, true);
    }
};

// The plain send copies the data within the call: its completion is the release. Left out: what a
// short send leaves over, which is another send.
struct io_send {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::send); }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::sqe && s.api_of(r) == Api::send && !s[s[r].sock].dead &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        const bool tcp = s.config(sock).transport == Transport::tcp;
        const SkbId k = copy_into_skb(s, r, tcp ? Loc::write_queue : Loc::build);
        if (tcp) s[sock].write_queue.push_back(k);
        s[r].appended = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

}  // namespace zcv::kernel
