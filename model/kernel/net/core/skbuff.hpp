#pragma once

#include "model/kernel/include/linux/skbuff.hpp"
#include "model/kernel/net/xdp/xsk_queue.hpp"
#include "model/state.hpp"
#include "model/step.hpp"

// Models net/core/skbuff.c: what holds a reference to a ubuf_info is the shared info, not the skb,
// and so it is with the pages. Left out: single frags; a shinfo refers to all pages of a send or to
// none.
namespace zcv::kernel {

// A fresh shinfo for this request's data: the ubuf is attached before there are frags.
template <class S>
ShinfoId new_zcopy_shinfo(S& s, RequestId r) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    skb_zcopy_set(s, h, s[r].ubuf);
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

// The sender's bytes are read here and now, into pages of the kernel's own: nothing refers to the
// sender's memory afterwards.
template <class S>
SkbId copy_into_skb(S& s, RequestId r, Loc loc) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h].dataref = 1;
    s[h].wrong = s[r].stale;
    return new_skb(s, h, s[r].sock, loc);
}

// skb_clone(): a second skb on the same shared info. SKBFL_DONT_ORPHAN lets it skip the copy.
template <class S>
SkbId skb_clone(S& s, SkbId k, Loc loc) {
    ++s[s[k].shinfo].dataref;
    return new_skb(s, s[k].shinfo, s[k].sock, loc);
}

// skb_release_data(): the last skb lets go of the shared info, which lets go of the ubuf and then
// of the pages. That their references were managed is asked only where there is a ubuf.
template <class S>
void skb_release_data(S& s, ShinfoId h) {
    ZCV_CHECK(s[h].dataref > 0);
    if (--s[h].dataref > 0) return;
    const bool skip_unref = s[h].managed && s[h].uarg != none<UbufId>;
    if (s[h].uarg != none<UbufId>) skb_zcopy_clear(s, h, true);
    if (!skip_unref) skb_frags_unref(s, h);
    s.free(h);
}

template <class S>
void free_skb(S& s, SkbId k) {
    const ShinfoId h = s[k].shinfo;
    const RequestId desc = s[k].desc;
    const SockId sock = s[k].sock;
    s.free(k);
    if (desc != none<RequestId>) xsk_destruct_skb(s, sock, desc);
    skb_release_data(s, h);
}

// Somebody reads the data: the device by DMA, or the CPU that copies it. What it finds there is
// what the peer gets.
template <class S>
void read_pages(S& s, ShinfoId h) {
    s[h].arrived = true;
    bool gone = false;
    s[h].pages.for_each([&](BufferId b) { gone = gone || page_is_gone(s, b); });
    if (s[h].stale || gone) s[h].wrong = true;
}

// A second shared info that refers to the same user pages. It holds the ubuf
// (skb_zerocopy_clone()), and its frags always have references of their own.
template <class S>
ShinfoId share_frags(S& s, ShinfoId from) {
    const ShinfoId h = s.template make<ShinfoId>();
    s[h] = s[from];
    s[h].dataref = 1;
    s[h].managed = false;
    net_zcopy_get(s, s[from].uarg);
    skb_frags_ref(s, h);
    return h;
}

// An skb that shares its data must get a private copy of the shared info before it may be changed;
// the copy refers to the same user pages, so it takes a reference to the ubuf.
struct pskb_expand_head {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/skbuff.c", "pskb_expand_head"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::rx) return false;
        const auto& shinfo = s[s[k].shinfo];
        return shinfo.dataref > 1 && shinfo.uarg != none<UbufId> && s.template room<ShinfoId>();
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId old = s[k].shinfo;
        skb_zcopy_downgrade_managed(s, old);
        const ShinfoId copy = share_frags(s, old);
        // The peer may acknowledge from here on. That is early by the copy below: it allows more
        // than the kernel does.
        s[old].arrived = true;
        s[k].shinfo = copy;
        skb_release_data(s, old);
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
        const ShinfoId h = s[k].shinfo;
        read_pages(s, h);
        skb_zcopy_downgrade_managed(s, h);
        skb_frags_unref(s, h);
        skb_zcopy_clear(s, h, false);
        s[h].frags.clear();
        s[h].pages.clear();
        s[h].stale = false;
        s[k].loc = Loc::rx_copied;
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
               s.config(s[k].sock).segments && s[s[k].shinfo].uarg != none<UbufId> &&
               s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId large = s[k].shinfo;
        const ShinfoId h = share_frags(s, large);
        s[h].arrived = false;
        // Whatever becomes of the segments, the peer has to acknowledge the large one's bytes: here
        // that may happen as soon as it is split, which allows more than the kernel does.
        s[large].arrived = true;
        s[k].loc = Loc::segmented;
        new_skb(s, h, s[k].sock, Loc::qdisc);
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
