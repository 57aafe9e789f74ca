#pragma once

#include "model/kernel/net/ipv4/tcp.hpp"
#include "model/world/world.hpp"

// Models net/ipv4/tcp_output.c: what is sent is a clone; the original waits in the retransmission
// queue, and both share the user pages.
namespace zcv::kernel {

template <class Fifo>
void remove(Fifo& queue, SkbId gone) {
    for (std::size_t left = queue.size(); left > 0; --left) {
        const SkbId each = queue.front();
        queue.pop_front();
        if (each != gone) queue.push_back(each);
    }
}

template <class Fifo>
void push_front(Fifo& queue, SkbId k) {
    queue.push_back(k);
    for (std::size_t left = queue.size() - 1; left > 0; --left) {
        const SkbId each = queue.front();
        queue.pop_front();
        queue.push_back(each);
    }
}

// skb_unclone(): a private shared info for an skb whose clones are under way.
template <class S>
void skb_unclone(S& s, SkbId k) {
    const ShinfoId old = s[k].shinfo;
    skb_zcopy_downgrade_managed(s, old);
    const ShinfoId copy = share_frags(s, old);
    // The peer may acknowledge the clone, which this one no longer hears of: here it may do so from
    // now on, which allows more than the kernel does.
    s[copy].arrived = true;
    s[k].shinfo = copy;
    skb_release_data(s, old);
}

// `to` is to carry what `from` carries: which user pages, and how good they are. No references
// move.
template <class S>
void refer_to_data_of(S& s, ShinfoId to, ShinfoId from) {
    s[from].frags.for_each([&](RequestId r) { s[to].frags.insert(r); });
    s[from].pages.for_each([&](BufferId b) { s[to].pages.insert(b); });
    s[to].shared = s[to].shared || s[from].shared;
    s[to].stale = s[to].stale || s[from].stale;
    s[to].wrong = s[to].wrong || s[from].wrong;
}

// What it carried is a copy in kernel pages from here on.
template <class S>
void forget_user_pages(S& s, ShinfoId h) {
    s[h].frags.clear();
    s[h].pages.clear();
    s[h].shared = false;
    s[h].stale = false;
}

struct tcp_write_xmit {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_write_xmit"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.config(sock).transport == Transport::tcp && !s[sock].write_queue.empty() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        const SkbId k = s[sock].write_queue.front();
        s[sock].write_queue.pop_front();
        s[sock].rtx_queue.push_back(k);
        s[k].loc = Loc::rtx_queue;
        s[k].full = false;  // nobody asks any more
        skb_clone(s, k, Loc::build);
    }
};

// The device's queue has no room and says so at once: the clone will be dropped, and the skb stays
// at the front of the write queue, where more data may still be appended to it.
struct tcp_transmit_skb_refused {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "__tcp_transmit_skb"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SockId sock) {
        return s.world().hazards.refusals && tcp_write_xmit::guard(s, sock) &&
               s[s[SkbId{s[sock].write_queue.front()}].shinfo].dataref == 1;
    }
    static void effect(auto& s, SockId sock) {
        skb_clone(s, s[sock].write_queue.front(), Loc::build);
    }
};

// Only part of an skb may be sent (again): the rest becomes an skb of its own, right behind it in
// the queue. Its shared info refers to the same user pages, so it takes a reference to the ubuf.
struct tcp_fragment {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_fragment"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && (s[k].loc == Loc::write_queue || s[k].loc == Loc::rtx_queue) &&
               s.config(s[k].sock).transport == Transport::tcp && s.config(s[k].sock).splits &&
               s[s[k].shinfo].uarg != none<UbufId> && s.template room<ShinfoId>() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        skb_zcopy_downgrade_managed(s, ShinfoId{s[k].shinfo});
        const ShinfoId h = share_frags(s, s[k].shinfo);
        const SockId sock = s[k].sock;
        const SkbId rest = new_skb(s, h, sock, s[k].loc);
        s[rest].full = s[k].full;
        s[rest].sacked = s[k].sacked;
        auto& queue = s[k].loc == Loc::write_queue ? s[sock].write_queue : s[sock].rtx_queue;
        for (std::size_t left = queue.size(); left > 0; --left) {
            const SkbId each = queue.front();
            queue.pop_front();
            queue.push_back(each);
            if (each == k) queue.push_back(rest);
        }
    }
};

// Not while an earlier clone is still in this host's queues (skb_still_in_host_queue).
struct tcp_retransmit_skb {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_retransmit_skb"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s.world().hazards.retransmits && s[k].alive && s[k].loc == Loc::rtx_queue &&
               !s[k].sacked && s[s[k].shinfo].dataref == 1 && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) { skb_clone(s, k, Loc::build); }
};

// A clone that its device took out of the socket's accounts (skb_orphan()) is not seen there. The
// skb gets a shared info of its own (skb_unclone()), which refers to the same user pages.
struct tcp_retransmit_skb_unclone {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "__tcp_retransmit_skb"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return world.hazards.retransmits && world.some_sock(&SockConfig::orphans);
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::rtx_queue && s.config(s[k].sock).orphans &&
               !s[k].sacked && s[s[k].shinfo].dataref > 1 && s[s[k].shinfo].uarg != none<UbufId> &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        skb_unclone(s, k);
        skb_clone(s, k, Loc::build);
    }
};

// The first part of an skb was acknowledged: its frags go, with their page references. The ubuf
// stays until the skb goes. No order is kept among an skb's frags: any send's may be the first.
struct tcp_trim_head {
    using Of = Ids<SkbId, RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_trim_head"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.hazards.trims; }
    static bool guard(const auto& s, SkbId k, RequestId r) {
        if (!s[k].alive || s[k].loc != Loc::rtx_queue || s[s[k].sock].rtx_queue.front() != k)
            return false;
        const auto& shinfo = s[s[k].shinfo];
        if (!shinfo.arrived || shinfo.uarg == none<UbufId> || !shinfo.frags.contains(r))
            return false;
        bool more = shinfo.mixed;
        shinfo.frags.for_each([&](RequestId other) { more = more || other != r; });
        return more && (shinfo.dataref == 1 || s.template room<ShinfoId>());
    }
    static void effect(auto& s, SkbId k, RequestId r) {
        if (s[s[k].shinfo].dataref > 1) skb_unclone(s, k);
        const ShinfoId h = s[k].shinfo;
        const BufferId b = s[r].buffer;
        s[h].frags.erase(r);
        bool still = false;
        s[h].frags.for_each([&](RequestId other) { still = still || s[other].buffer == b; });
        if (still) return;
        s[h].pages.erase(b);
        if (!s[h].managed) put_page(s, b);
    }
};

// The next skb's data is moved to the end of this one: when a small skb is sent again
// (tcp_collapse_retrans), after a SACK (tcp_shift_skb_data), to fill a packet (tcp_grow_skb). No
// skb with a ubuf takes part: its data would outlive its hold. Left out: skbs with clones.
struct skb_shift {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_shift"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.some_sock(&SockConfig::plain_writes); }
    static bool takes_part(const auto& s, SkbId k) {
        return s[s[k].shinfo].uarg == none<UbufId> && s[s[k].shinfo].dataref == 1;
    }
    static SkbId behind(const auto& queue, SkbId k) {
        for (std::size_t i = 0; i + 1 < queue.size(); ++i)
            if (queue[i] == k) return queue[i + 1];
        return none<SkbId>;
    }
    static SkbId next_to(const auto& s, SkbId k) {
        const auto& sock = s[s[k].sock];
        return behind(s[k].loc == Loc::write_queue ? sock.write_queue : sock.rtx_queue, k);
    }
    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || (s[k].loc != Loc::write_queue && s[k].loc != Loc::rtx_queue) ||
            s.config(s[k].sock).transport != Transport::tcp || !takes_part(s, k))
            return false;
        const SkbId next = next_to(s, k);
        return next != none<SkbId> && !s[k].full && takes_part(s, next) &&
               s[k].sacked == s[next].sacked;
    }
    static void effect(auto& s, SkbId k) {
        const SkbId next = next_to(s, k);
        const ShinfoId to = s[k].shinfo;
        const ShinfoId from = s[next].shinfo;
        s[from].pages.for_each([&](BufferId b) {
            if (!s[to].pages.contains(b)) get_page(s, b);
        });
        refer_to_data_of(s, to, from);
        s[to].arrived = s[to].arrived && s[from].arrived;
        s[k].full = s[next].full;
        remove(s[k].loc == Loc::write_queue ? s[s[k].sock].write_queue : s[s[k].sock].rtx_queue,
               next);
        free_skb(s, next);
    }
};

// A packet that is longer than usual finds out how long a packet may be. It takes the place of the
// skbs at the head of the write queue, which are freed. Left out: a last skb of which it takes a
// part; the rest keeps the ubuf, and its notification waits as before.
struct tcp_mtu_probe {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_mtu_probe"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.some_sock(&SockConfig::probe); }
    // skb_pure_zcopy_same() and, where the data is moved, who must keep its ubuf.
    static bool may_be_eaten(const auto& s, SkbId k, SkbId head) {
        const auto pure = [&](SkbId each) {
            const auto& shinfo = s[s[each].shinfo];
            return shinfo.uarg != none<UbufId> && !shinfo.mixed;
        };
        const Profile& kernel = s.world().profile;
        const bool would_lose_ubuf = kernel.mtu_probe_moves_frags && !kernel.mtu_probe_forgets_ubuf;
        return pure(k) == pure(head) && !(would_lose_ubuf && s[s[k].shinfo].uarg != none<UbufId>);
    }
    static bool guard(const auto& s, SockId sock) {
        const std::size_t skbs = s.config(sock).probe;
        const auto& queue = s[sock].write_queue;
        if (skbs == 0 || queue.size() < skbs || s.config(sock).transport != Transport::tcp)
            return false;
        for (std::size_t i = 0; i < skbs; ++i)
            if (!may_be_eaten(s, queue[i], queue[0])) return false;
        return s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SockId sock) {
        auto& queue = s[sock].write_queue;
        const std::size_t skbs = s.config(sock).probe;
        const ShinfoId h = s.template make<ShinfoId>();
        s[h].dataref = 1;
        const SkbId probe = new_skb(s, h, sock, Loc::write_queue);
        for (std::size_t i = 0; i < skbs; ++i) {
            refer_to_data_of(s, h, s[SkbId{queue[i]}].shinfo);
            s[probe].full = s[SkbId{queue[i]}].full;
        }
        if (s.world().profile.mtu_probe_moves_frags) {
            skb_frags_ref(s, h);
        } else {
            read_pages(s, h);
            forget_user_pages(s, h);
            s[h].arrived = false;
        }
        for (std::size_t i = 0; i < skbs; ++i) {
            const SkbId eaten = queue.front();
            queue.pop_front();
            free_skb(s, eaten);
        }
        push_front(queue, probe);
    }
};

// TCP Fast Open: what the SYN carries is a copy, and the ubuf is attached to that copy all the
// same. It is queued here and sent by tcp_write_xmit; when the SYN could not be sent it lies there.
struct tcp_send_syn_data {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_send_syn_data"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::fast_open); }
    static bool connects(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && s.config(s[r].sock).fast_open &&
               s.config(s[r].sock).transport == Transport::tcp && !s[s[r].sock].connected &&
               !s[s[r].sock].dead && !s[s[r].sock].shut;
    }
    static bool guard(const auto& s, RequestId r) {
        return connects(s, r) && s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        const SockId sock = s[r].sock;
        const ShinfoId h = new_zcopy_shinfo(s, r);
        s[h].mixed = true;
        s[h].wrong = s[r].stale;
        s[r].appended = true;
        s[sock].connected = true;
        s[sock].write_queue.push_back(new_skb(s, h, sock, Loc::write_queue));
    }
};

// No cookie, or no memory for the copy: the connection opens first, and the data follows.
struct tcp_send_syn_data_fallback {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/ipv4/tcp_output.c", "tcp_send_syn_data"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.some_sock(&SockConfig::fast_open); }
    static bool guard(const auto& s, RequestId r) { return tcp_send_syn_data::connects(s, r); }
    static void effect(auto& s, RequestId r) { s[s[r].sock].connected = true; }
};

}  // namespace zcv::kernel
