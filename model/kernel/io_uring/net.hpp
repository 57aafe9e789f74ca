#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/kernel/io_uring/notif.hpp"
#include "model/kernel/net/core/skbuff.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models io_uring/net.c: preparing, issuing and finishing a SEND_ZC or SENDMSG_ZC. Left out: bytes;
// a send is whole or failed, and partial progress is another issue of the same request.
namespace zcv::kernel {

// Its SQE is consumed.
template <class S>
bool may_prepare(const S& s, RequestId r) {
    return s[r].phase == Phase::sqe && notifies_each(s.api_of(r)) && !s[s[r].ring].closed &&
           s[the_task].life == TaskState::running;
}

struct io_send_zc_prep {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return may_prepare(s, r) && s.template room<UbufId>() && prep_finds_buffer(s, r);
    }
    static void effect(auto& s, RequestId r) {
        s[r].ubuf = io_alloc_notif(s, r);
        prep_takes_node(s, r);
        s[r].phase = Phase::prepped;
        io_drain_req(s, r);
    }
};

// Refused before the notification exists (IOSQE_CQE_SKIP_SUCCESS, no memory for it): one CQE only.
struct io_send_zc_prep_early_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s.world().hazards.prep_fails && may_prepare(s, r);
    }
    static void effect(auto& s, RequestId r) {
        s[r].failed = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

// Refused with the notification allocated (an unknown flag, no memory for async data, a buffer that
// is not registered).
struct io_send_zc_prep_late_failure {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_prep"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return may_prepare(s, r) && s.template room<UbufId>() &&
               (s.world().hazards.prep_fails || !prep_finds_buffer(s, r));
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
    issue_takes_node(s, r);
    io_notif_account_mem(s, r);
    s[r].phase = Phase::issuing;
    if (s.api_of(r) == Api::given_ubuf) {
        if (s.world().profile.ubuf_in_socket) s[s[r].sock].given = s[r].ubuf;
        return;
    }
    const bool tcp = s.config(s[r].sock).transport == Transport::tcp;
    if (tcp && s.world().profile.sendmsg_holds_ubuf) {
        s[s[r].ubuf].syscall_ref = true;
        ++s[s[r].ubuf].refs;
    }
}

// MSG_ZEROCOPY that was given a ubuf puts the reference that it holds, unless a datagram has it.
template <class S>
void let_go_of_given(S& s, RequestId r) {
    const UbufId held = s[r].uarg;
    s[r].uarg = none<UbufId>;
    if (UbufId{s[s[r].sock].given} == UbufId{s[r].ubuf}) s[s[r].sock].given = none<UbufId>;
    if (held != none<UbufId>) io_tx_ubuf_complete(s, held, false, true);
}

template <class S>
void leave_sendmsg(S& s, RequestId r, Phase next) {
    s[r].phase = next;
    if (s.api_of(r) == Api::given_ubuf) return let_go_of_given(s, r);
    if (!s[s[r].ubuf].syscall_ref) return;
    s[s[r].ubuf].syscall_ref = false;
    io_tx_ubuf_complete(s, s[r].ubuf, false, true);
}

// Refused with its notification there, and nothing sent.
template <class S>
void fail_before_sendmsg(S& s, RequestId r) {
    s[r].poll_woken = false;
    s[r].failed = true;
    s[r].phase = Phase::issued;
}

// Also the retry from poll: the same request, the same notification.
struct io_send_zc_issue {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return ready(s, r) && issue_finds_buffer(s, r) && within_memlock(s, r);
    }
    static void effect(auto& s, RequestId r) {
        s[r].poll_woken = false;
        enter_sendmsg(s, r);
    }

    static bool ready(const auto& s, RequestId r) {
        if (!notifies_each(s.api_of(r)) || s[the_task].life == TaskState::gone) return false;
        if (s[r].phase == Phase::prepped) return may_start(s, r);
        if (s[r].phase != Phase::polled) return false;
        return s.world().defer_taskrun_waits == 0 ||
               (s[r].poll_woken && runs_task_work(s, s[r].ring));
    }
};

// The socket has no SOCK_SUPPORT_ZC, perhaps since it was given kTLS (EOPNOTSUPP): the notification
// was there before that was asked.
struct io_send_zc_unsupported {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::unsupported); }
    static bool guard(const auto& s, RequestId r) {
        return io_send_zc_issue::ready(s, r) && s.config(s[r].sock).unsupported;
    }
    static void effect(auto& s, RequestId r) { fail_before_sendmsg(s, r); }
};

// Before anything is sent: the buffer is no longer registered (EFAULT), or the pages cannot be
// charged (ENOMEM).
struct io_send_zc_import {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_import"};
    static constexpr Context context = Context::syscall;
    static bool in(const World& world) {
        return world.models(Part::registered) || world.models(Part::accounting);
    }

    static bool guard(const auto& s, RequestId r) {
        return io_send_zc_issue::ready(s, r) && !(issue_finds_buffer(s, r) && within_memlock(s, r));
    }
    static void effect(auto& s, RequestId r) { fail_before_sendmsg(s, r); }
};

struct io_wq_submit_work {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/io_uring.c", "io_wq_submit_work"};
    static constexpr Context context = Context::io_wq;
    static bool in(const World& world) { return world.hazards.io_wq; }

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::prepped && notifies_each(s.api_of(r)) && may_start(s, r) &&
               s[the_task].life == TaskState::running && issue_finds_buffer(s, r) &&
               within_memlock(s, r);
    }
    static void effect(auto& s, RequestId r) {
        s[r].worker = true;
        enter_sendmsg(s, r);
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
// reference stays with the request until its cleanup. In 6.0 it had the notification released in
// silence instead.
struct io_sendrecv_fail {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_sendrecv_fail"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issued && s[r].failed && notifies_each(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        const Profile& kernel = s.world().profile;
        const UbufId n = s[r].ubuf;
        s[r].more = !kernel.failed_send_suppresses_notif;
        if (kernel.failed_send_suppresses_notif) s[n].silent = true;
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, s[r].more ? CqeKind::more : CqeKind::last});
        if (!kernel.fail_handler_cleans_up) return;
        s[n].owner_ref = false;
        io_tx_ubuf_complete(s, n, false, true);
    }
};

// When the finished request is freed, after its CQE was filled. A kernel that forgets what it has
// given up before gives it up again; at zero the count warns and stays there.
struct io_send_zc_cleanup {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send_zc_cleanup"};
    static constexpr Context context = Context::task_work;

    static bool guard(const auto& s, RequestId r) {
        if (s[r].phase != Phase::posted || s[r].ubuf == none<UbufId>) return false;
        if (!notifies_each(s.api_of(r))) return false;
        const Profile& kernel = s.world().profile;
        const bool again = (kernel.flush_keeps_cleanup && !s[r].failed && !s[r].worker) ||
                           (kernel.fail_handler_cleans_up && s[r].failed);
        return s[s[r].ubuf].owner_ref || (again && s[s[r].ubuf].refs > 0);
    }
    static void effect(auto& s, RequestId r) {
        const UbufId n = s[r].ubuf;
        s[n].owner_ref = false;
        io_tx_ubuf_complete(s, n, false, true);
    }
};

// The plain send copies the data within the call: its completion is the release. It waits for room
// in the socket, or finds that the connection is gone. Left out: what a short send leaves over,
// which is another send.
struct io_send {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"io_uring/net.c", "io_send"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::send); }
    static bool guard(const auto& s, RequestId r) {
        if (s[r].phase != Phase::sqe || s.api_of(r) != Api::send) return false;
        return s[s[r].sock].dead || (s.template room<ShinfoId>() && s.template room<SkbId>());
    }
    static void effect(auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        const bool tcp = s.config(sock).transport == Transport::tcp;
        if (s[sock].dead) {
            s[r].failed = true;
        } else {
            const SkbId k = copy_into_skb(s, r, tcp ? Loc::write_queue : Loc::build);
            if (tcp) s[sock].write_queue.push_back(k);
            s[r].appended = true;
        }
        s[r].phase = Phase::completed;
        s[s[r].ring].compl_reqs.push_back({r, CqeKind::last});
    }
};

}  // namespace zcv::kernel
