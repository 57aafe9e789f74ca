#pragma once

#include "model/kernel/net/core/msg_zerocopy.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/application.hpp"
#include "model/world/world.hpp"

// The application that sends by calls instead of requests, and is told of a release by the error
// queue. It counts the calls that succeed as the kernel does, and so knows which of them a range
// means. Each misuse of MSG_ZEROCOPY (users.md A9, A10, C) is a line in one of these steps. Left
// out: EAGAIN from the error queue taken for a failure (C4), the two meanings of EPOLLERR (C5):
// wake-ups are not modelled; that one ubuf covers many small sends (C12) is no policy but what
// every scenario with two calls shows.
namespace zcv::world {

// Whether a call on this socket is running. The application is one thread, unless the world says
// otherwise: it reads nothing and calls nothing meanwhile.
template <class S>
bool in_a_call(const S& s, SockId sock) {
    return s.template any<RequestId>([&](RequestId r) {
        return s[r].sock == sock && is_call(s.api_of(r)) &&
               (s[r].phase == Phase::issuing || s[r].phase == Phase::completed);
    });
}

// Whether the application expects to be told of this call's release.
template <class S>
bool awaits(const S& s, RequestId r, SockId sock) {
    return s[r].sock == sock && s[r].phase == Phase::posted && s[r].more && !s[r].app_done &&
           is_call(s.api_of(r));
}

template <class S>
void app_is_done(S& s, RequestId r) {
    app_takes_back(s, s[r].buffer);
    s[r].app_done = true;
    kernel::retire_if_over(s, r);
}

// The kernel's ids are so many that none comes round again while it is out. Here they are few: the
// next call waits until whatever had its id before is over.
template <class S>
bool id_is_out(const S& s, SockId sock) {
    const auto& queue = s[sock].errqueue;
    for (std::size_t i = 0; i < queue.size(); ++i)
        if (kernel::covers(s, queue[i].lo, queue[i].hi, s[sock].zckey)) return true;
    return s.template any<RequestId>([&](RequestId r) {
        if (s[r].sock != sock || s[r].phase == Phase::idle) return false;
        if (s.api_of(r) != Api::msg_zerocopy) return false;
        const bool numbered = s[r].ubuf != none<UbufId> || s[r].notified;
        return (numbered && s[r].id == s[sock].zckey) ||
               (awaits(s, r, sock) && s[r].app_id == s[sock].app_key);
    });
}

struct app_sendmsg {
    using Of = Ids<BufferId, RequestId, SockId>;
    static constexpr KernelRef at{"", "sendmsg"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return std::ranges::any_of(world.apis, is_call); }
    static bool guard(const auto& s, BufferId b, RequestId r, SockId sock) {
        return s[b].written && s[r].phase == Phase::idle && is_call(s.api_of(r)) && !s[sock].dead &&
               !s[sock].orphaned && !s[sock].app_waits && !s[sock].vhost_closing &&
               (s.world().hazards.threads || !in_a_call(s, sock)) && !id_is_out(s, sock);
    }
    static void effect(auto& s, BufferId b, RequestId r, SockId sock) {
        ++s[b].lent;
        s[r].phase = Phase::issuing;
        s[r].buffer = b;
        s[r].sock = sock;
    }
};

// What the application makes of a call that returned, and of its number.
template <class S>
void count_call(S& s, RequestId r, bool failed) {
    auto& sock = s[s[r].sock];
    const App app = s.world().app;
    if (failed && app != App::counter_desync) return;
    s[r].app_id = sock.app_key;
    std::uint32_t next = kernel::id_after(s, sock.app_key);
    if (next == 0 && app == App::wrap_special_case) next = 1;
    kernel::set_count(sock.app_key, next);
}

// Everything that was sent from the buffer is taken to be over.
template <class S>
void app_gives_up(S& s, BufferId b) {
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].buffer == b && s[r].phase != Phase::idle && awaits(s, r, s[r].sock))
            app_is_done(s, r);
    });
}

struct app_sendmsg_returns {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "sendmsg returns"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return app_sendmsg::in(world); }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::completed && is_call(s.api_of(r));
    }
    static void effect(auto& s, RequestId r) {
        const App app = s.world().app;
        auto& sock = s[s[r].sock];
        const bool plain = !kernel::passes_flag(s, r);
        s[r].phase = Phase::posted;
        if (!plain && s.api_of(r) == Api::msg_zerocopy) count_call(s, r, s[r].failed);
        if (s[r].failed) {
            sock.app_waits = app == App::enobufs_deadlock;
            return app_is_done(s, r);
        }
        if (plain) {
            const BufferId b = s[r].buffer;
            app_is_done(s, r);
            if (app == App::last_chunk_decides) app_gives_up(s, b);
            return;
        }
        s[r].more = true;
        if (sock.app_trusts) app_is_done(s, r);
    }
};

// Takes back the `calls` oldest calls of the socket: the order of ranges is not looked at.
template <class S>
void take_back_oldest(S& s, SockId sock, std::uint32_t calls) {
    for (; calls > 0; --calls) {
        RequestId oldest = none<RequestId>;
        s.template for_each<RequestId>([&](RequestId r) {
            if (!awaits(s, r, sock)) return;
            const bool older = oldest == none<RequestId> ||
                               kernel::ids_in(s, s[r].app_id, s[sock].app_key) >
                                   kernel::ids_in(s, s[oldest].app_id, s[sock].app_key);
            if (older) oldest = r;
        });
        if (oldest != none<RequestId>) app_is_done(s, oldest);
    }
}

// Reads one range, and takes back the buffers of the calls that it covers.
struct app_read_errqueue {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"", "recvmsg(MSG_ERRQUEUE)"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) {
        return world.has(Api::msg_zerocopy) && world.app != App::errqueue_unread;
    }
    static bool guard(const auto& s, SockId sock) {
        return !s[sock].errqueue.empty() && !s[sock].orphaned &&
               (s.world().hazards.threads || !in_a_call(s, sock));
    }
    static void effect(auto& s, SockId sock) {
        const App app = s.world().app;
        const auto range = s[sock].errqueue.front();
        s[sock].errqueue.pop_front();
        --s[sock].omem;
        s[sock].app_waits = false;
        s[sock].app_trusts = s[sock].app_trusts || (app == App::trusts_copied_code && range.copied);
        s.template for_each<RequestId>([&](RequestId r) {
            const bool numbered = s[r].sock == sock && s[r].notified && is_call(s.api_of(r));
            if (numbered && kernel::covers(s, range.lo, range.hi, s[r].id)) s[r].range_read = true;
        });
        if (app == App::wrong_cmsg_filter) return;
        if (app == App::in_order_ranges)
            return take_back_oldest(s, sock, kernel::ids_in(s, range.lo, range.hi));
        const std::uint32_t lo = app == App::range_as_single_id ? range.hi : range.lo;
        s.template for_each<RequestId>([&](RequestId r) {
            if (awaits(s, r, sock) && kernel::covers(s, lo, range.hi, s[r].app_id))
                app_is_done(s, r);
        });
    }
};

// The guest finds a descriptor in its used ring, or the application a slot of its packet ring
// available, or a cookie in its RDS socket.
struct app_sees_release {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "the buffer is given back"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) {
        return app_sendmsg::in(world) && !world.has(Api::msg_zerocopy);
    }
    static bool guard(const auto& s, RequestId r) {
        return s[r].notified && awaits(s, r, s[r].sock);
    }
    static void effect(auto& s, RequestId r) { app_is_done(s, r); }
};

// close(fd). What is queued is sent all the same; notifications are not: there is no one to read
// them.
struct app_close {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"", "close"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) {
        return world.has(Api::msg_zerocopy) && world.hazards.close_fd;
    }
    static bool guard(const auto& s, SockId sock) {
        if (s[sock].orphaned || in_a_call(s, sock)) return false;
        return s.world().app == App::close_before_errqueue ||
               !s.template any<RequestId>([&](RequestId r) { return awaits(s, r, sock); });
    }
    static void effect(auto& s, SockId sock) {
        s[sock].orphaned = true;
        s.template for_each<RequestId>([&](RequestId r) {
            if (awaits(s, r, sock)) app_is_done(s, r);
        });
    }
};

}  // namespace zcv::world
