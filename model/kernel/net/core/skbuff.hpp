#pragma once

#include "model/kernel/include/linux/skbuff.hpp"
#include "model/kernel/net/xdp/xsk_queue.hpp"
#include "model/state.hpp"
#include "model/step.hpp"
#include "model/world/world.hpp"

// Models net/core/skbuff.c: what holds a reference to a ubuf_info is the shared info, not the skb,
// and so it is with the pages. Left out: single frags; a shinfo refers to all pages of a send or to
// none.
namespace zcv::kernel {

// The ubuf that sendmsg attaches to what it sends: one that it holds a reference to, or the one
// that its caller keeps alive.
template <class S>
UbufId uarg_of(const S& s, RequestId r) {
    return s[r].uarg != none<UbufId> ? s[r].uarg : s[r].ubuf;
}

// A ubuf_info of this request alone. Its one reference is sendmsg's to hand on.
template <class S>
void new_ubuf_of_call(S& s, RequestId r, Provider provider) {
    const UbufId u = s.template make<UbufId>();
    s[u].provider = provider;
    s[u].request = r;
    s[u].refs = 1;
    s[r].ubuf = u;
    s[r].uarg = u;
}

// A fresh shinfo for this request's data: the ubuf is attached before there are frags. A datagram's
// first skb takes over the reference that the call holds.
template <class S>
ShinfoId new_zcopy_shinfo(S& s, RequestId r) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    skb_zcopy_set(s, h, uarg_of(s, r));
    if (s[r].uarg != none<UbufId> && s.config(s[r].sock).transport == Transport::udp) {
        --s[UbufId{s[r].uarg}].refs;
        s[r].uarg = none<UbufId>;
    }
    return h;
}

// The frags now refer to the request's user pages. io_sg_from_iter() takes no references to those
// of a registered buffer, unless the skb has frags that do; pages of any other memory come with
// references, and whatever is there gets its own first (io_sg_from_iter_iovec()).
template <class S>
void fill_frags(S& s, ShinfoId h, RequestId r) {
    const BufferId b = s[r].buffer;
    if (!from_registered_buffer(s.api_of(r)))
        skb_zcopy_downgrade_managed(s, h);
    else if (s[h].pages.empty() && !s[h].mixed)
        s[h].managed = true;
    if (!s[h].managed && !s[h].pages.contains(b)) get_page(s, b);
    s[h].frags.insert(r);
    s[h].pages.insert(b);
    s[h].stale = s[h].stale || s[r].stale;
    s[r].appended = true;
}

template <class S>
SkbId new_skb(S& s, ShinfoId h, SockId sock, Loc loc) {
    const SkbId k = s.template make<SkbId>();
    s[k].shinfo = h;
    s[k].sock = sock;
    s[k].loc = loc;
    return k;
}

// The memory gets other content, under whoever refers to it.
template <class S>
void change_content(S& s, BufferId b) {
    s.template for_each<ShinfoId>([&](ShinfoId h) {
        if (s[h].alive && s[h].pages.contains(b)) s[h].stale = true;
    });
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].buffer != b) return;
        const bool unread = s[r].phase == Phase::sqe || s[r].phase == Phase::prepped ||
                            s[r].phase == Phase::issuing || s[r].phase == Phase::polled;
        if (unread) s[r].stale = true;
    });
}

// Somebody reads the data: the device by DMA, or the CPU that copies it. What it finds there is
// what the peer gets.
template <class S>
void read_pages(S& s, ShinfoId h) {
    s[h].arrived = true;
    bool gone = false;
    s[h].pages.for_each([&](BufferId b) { gone = gone || page_is_gone(s, b); });
    if (s[h].stale || gone) s[h].wrong = true;
    if (s.world().tracks_delivery) s[h].frags.for_each([&](RequestId r) { s[r].arrived = true; });
}

// Whether packets took the pages of a send as they are, or a copy: what its notification should
// report. The kernel tells only the ubuf that the skb points at, the head of a chain.
template <class S>
void note_usage(S& s, ShinfoId h, bool copied) {
    if (!s.world().reports_usage) return;
    s[h].frags.for_each([&](RequestId r) {
        (copied ? s[r].copied : s[r].zero_copied) = true;
        if (s.world().profile.usage_only_on_head || s[r].ubuf == none<UbufId>) return;
        auto& own = s[s[r].ubuf];
        (copied ? own.zc_copied : own.zc_used) = true;
    });
}

// The frags now refer to a copy, and the pages are let go.
template <class S>
void copy_ubufs(S& s, ShinfoId h) {
    read_pages(s, h);
    note_usage(s, h, true);
    skb_zcopy_downgrade_managed(s, h);
    skb_frags_unref(s, h);
    skb_zcopy_clear(s, h, false);
    s[h].frags.clear();
    s[h].pages.clear();
    s[h].stale = false;
}

// skb_orphan_frags(): SKBFL_DONT_ORPHAN, which counts its references, lets it skip the copy.
template <class S>
void skb_orphan_frags(S& s, ShinfoId h) {
    if (s[h].uarg == none<UbufId>) return;
    const Provider provider = s[s[h].uarg].provider;
    const bool counts = provider != Provider::vhost && provider != Provider::packet;
    if (!counts && !s.world().profile.tpacket_destructor_completes) copy_ubufs(s, h);
}

// The sender's bytes are read here and now, into pages of the kernel's own: nothing refers to the
// sender's memory afterwards.
template <class S>
SkbId copy_into_skb(S& s, RequestId r, Loc loc) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    s[h].wrong = s[r].stale;
    return new_skb(s, h, s[r].sock, loc);
}

// skb_clone(): a second skb on the same shared info.
template <class S>
SkbId skb_clone(S& s, SkbId k, Loc loc) {
    skb_orphan_frags(s, s[k].shinfo);
    ++s[s[k].shinfo].dataref;
    return new_skb(s, s[k].shinfo, s[k].sock, loc);
}

// skb_release_data(): the last skb lets go of the shared info, which lets go of the ubuf and then
// of the pages. That their references were managed is asked only where there is a ubuf.
template <class S>
void skb_release_data(S& s, ShinfoId h) {
    ZCV_CHECK(s[h].dataref > 0);
    if (--s[h].dataref > 0) return;
    note_usage(s, h, false);
    const bool skip_unref = s[h].managed && s[h].uarg != none<UbufId>;
    if (s[h].uarg != none<UbufId>) skb_zcopy_clear(s, h, true);
    if (!skip_unref) skb_frags_unref(s, h);
    s.free(h);
}

// The destructor of a packet ring's skb says that its slot is available. A clone has none.
template <class S>
void tpacket_destruct_skb(S& s, ShinfoId h) {
    s[h].frags.for_each([&](RequestId r) { s[r].notified = true; });
}

template <class S>
void free_skb(S& s, SkbId k) {
    const ShinfoId h = s[k].shinfo;
    if (s[k].destructor) tpacket_destruct_skb(s, h);
    const RequestId desc = s[k].desc;
    const SockId sock = s[k].sock;
    s.free(k);
    if (desc != none<RequestId>) xsk_destruct_skb(s, sock, desc);
    skb_release_data(s, h);
}

// A second shared info that refers to the same user pages. It holds the ubuf
// (skb_zerocopy_clone()), and its frags always have references of their own.
template <class S>
ShinfoId share_frags(S& s, ShinfoId from) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h] = s[from];
    s[h].dataref = 1;
    s[h].managed = false;
    if (s[h].uarg != none<UbufId>) net_zcopy_get(s, s[h].uarg);
    skb_frags_ref(s, h);
    return h;
}

// The skb gets a shared info of its own, equal to the one it shared with others.
template <class S>
ShinfoId unshare(S& s, SkbId k) {
    const ShinfoId old = s[k].shinfo;
    const ShinfoId copy = share_frags(s, old);
    // The peer may acknowledge from here on. That is early by what is done with the copy: it allows
    // more than the kernel does.
    s[old].arrived = true;
    s[k].shinfo = copy;
    skb_release_data(s, old);
    return copy;
}

// An skb that shares its data must get a private copy of the shared info before it may be changed;
// the copy refers to the same user pages, so it takes a reference to the ubuf and to each page.
// Left out: a private head that is only made larger, which moves no reference.
struct pskb_expand_head {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "pskb_expand_head"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive) return false;
        const Loc loc = s[k].loc;
        const bool under_way = loc == Loc::build || loc == Loc::qdisc || loc == Loc::dev;
        if (loc != Loc::rx && !(under_way && s.config(s[k].sock).expands)) return false;
        const auto& shinfo = s[s[k].shinfo];
        return shinfo.dataref > 1 && shinfo.uarg != none<UbufId> && s.template room<ShinfoId>();
    }
    static void effect(auto& s, SkbId k) {
        skb_zcopy_downgrade_managed(s, s[k].shinfo);
        unshare(s, k);
    }
};

// A reader cuts the beginning off its clone. That copies the shared info too.
struct pskb_carve {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "pskb_carve"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::carves);
    }
    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::rx || !s.config(s[k].sock).carves) return false;
        return s[s[k].shinfo].dataref > 1 && s[s[k].shinfo].uarg != none<UbufId> &&
               s.template room<ShinfoId>();
    }
    static void effect(auto& s, SkbId k) {
        const bool keeps = s.world().profile.carve_keeps_managed && s[s[k].shinfo].managed;
        if (!keeps) skb_zcopy_downgrade_managed(s, s[k].shinfo);
        const ShinfoId copy = unshare(s, k);
        s[copy].managed = keeps;
    }
};

// A copy of an skb with frags that refer to the same pages: for netfilter's TEE, or for TCP, which
// cannot clone again what an earlier clone still holds elsewhere on this machine.
struct pskb_copy_fclone {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "__pskb_copy_fclone"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::duplicates);
    }
    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || !s.config(s[k].sock).duplicates) return false;
        const bool again = s.world().hazards.retransmits && s[k].loc == Loc::rtx_queue &&
                           s[s[k].shinfo].dataref > 1;
        return (again || s[k].loc == Loc::qdisc) && !s[s[k].shinfo].pages.empty() &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId from = s[k].shinfo;
        const ShinfoId h = share_frags(s, from);
        // Attaching the ubuf sets the mark anew.
        if (s.world().profile.copies_forget_shared && s[h].uarg == none<UbufId>)
            s[h].shared = false;
        s[from].arrived = true;  // as in unshare()
        new_skb(s, h, s[k].sock, Loc::build);
    }
};

// skb_orphan_frags_rx(): nobody on this machine may be handed the sender's live pages, so they are
// copied here, and this shared info lets go of the ubuf, reporting a copy.
struct skb_copy_ubufs {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_copy_ubufs"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::rx) return false;
        const auto& shinfo = s[s[k].shinfo];
        return shinfo.dataref == 1 && shinfo.uarg != none<UbufId>;
    }
    static void effect(auto& s, SkbId k) {
        copy_ubufs(s, s[k].shinfo);
        s[k].loc = Loc::rx_copied;
    }
};

// No memory for the copy, or for the private shared info that a clone needs first: the packet is
// dropped, and its ubuf hears of a success.
struct skb_copy_ubufs_failure {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_copy_ubufs"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return world.hazards.copy_fails || world.hazards.no_memory;
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::rx && s[s[k].shinfo].uarg != none<UbufId>;
    }
    static void effect(auto& s, SkbId k) { free_skb(s, k); }
};

// The sender asked for its time stamp together with the payload: a clone goes to its error queue,
// copied like everything that is received here.
struct skb_tstamp_tx {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "__skb_tstamp_tx"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::stamped);
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).stamped &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) { skb_clone(s, k, Loc::rx); }
};

// A virtual switch could not hand a packet to its daemon: it reports the failure and frees the skb.
// One step, because nobody else sees an skb that is not cloned; of a clone, nothing is detached.
struct skb_tx_error {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_tx_error"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::upcall_fails);
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).upcall_fails;
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId h = s[k].shinfo;
        const bool alone = s[h].dataref == 1;
        if (s[h].uarg != none<UbufId> && (alone || s.world().profile.tx_error_detaches_clones)) {
            skb_zcopy_downgrade_managed(s, h);
            skb_zcopy_clear(s, h, true);
        }
        free_skb(s, k);
    }
};

// Software segmentation makes one more skb, with a shared info of its own that refers to the same
// user pages, so each segment holds the ubuf. The large one is consumed when all are made.
struct skb_segment {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_segment"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && (s[k].loc == Loc::qdisc || s[k].loc == Loc::segmented) &&
               s.config(s[k].sock).segments && !s[s[k].shinfo].pages.empty() &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId large = s[k].shinfo;
        const auto before = s[large];
        // A ubuf that does not count its references gets a copy here, and the frags are others.
        skb_orphan_frags(s, large);
        const ShinfoId h = share_frags(s, large);
        if (s.world().profile.segment_uses_old_frags && before.uarg != none<UbufId> &&
            s[large].uarg == none<UbufId>) {
            s[h].frags = before.frags;
            s[h].pages = before.pages;
            skb_frags_ref(s, h);
        }
        s[h].arrived = false;
        if (s.world().profile.copies_forget_shared && s[h].uarg == none<UbufId>)
            s[h].shared = false;
        // Whatever becomes of the segments, the peer has to acknowledge the large one's bytes: here
        // that may happen as soon as it is split, which allows more than the kernel does.
        s[large].arrived = true;
        s[k].loc = Loc::segmented;
        new_skb(s, h, s[k].sock, Loc::qdisc);
    }
};

// For a device without scatter-gather the segments of a stream are copies of their bytes, which
// hold nothing: the large one is consumed as if it had been sent, and its ubuf hears of no copy.
// Left out: an skb that fits one packet is made linear as well, which is like the copy on receive.
struct skb_segment_linear {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "skb_segment"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::linear);
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::qdisc && s.config(s[k].sock).linear &&
               !s[s[k].shinfo].pages.empty();
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId large = s[k].shinfo;
        skb_orphan_frags(s, large);
        read_pages(s, large);
        if (s.world().reports_usage)
            s[large].frags.for_each([&](RequestId r) { s[r].copied = true; });
        s[k].loc = Loc::segmented;
    }
};

// The receiver has read it, or the transmitting side is done with it after DMA.
struct consume_skb {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "consume_skb"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && (s[k].loc == Loc::rx_copied || s[k].loc == Loc::dma_done ||
                              s[k].loc == Loc::segmented);
    }
    static void effect(auto& s, SkbId k) { free_skb(s, k); }
};

// Dropped: by a filter, a full queue, a device without carrier. Counts as a success for the ubuf.
struct kfree_skb_reason {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "sk_skb_reason_drop"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s.world().hazards.drops && s[k].alive &&
               (s[k].loc == Loc::build || s[k].loc == Loc::qdisc || s[k].loc == Loc::dev ||
                s[k].loc == Loc::rx);
    }
    static void effect(auto& s, SkbId k) { free_skb(s, k); }
};

}  // namespace zcv::kernel
