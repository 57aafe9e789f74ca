#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/core/dev.c: the way of an skb to a device, and into the receive path of this machine.
// Software segmentation, which is on that way, is skb_segment() in skbuff.hpp.
namespace zcv::kernel {

struct dev_queue_xmit {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "__dev_queue_xmit"};
    static constexpr Context context = Context::syscall;

    static bool guard(const auto& s, SkbId k) { return s[k].alive && s[k].loc == Loc::build; }
    static void effect(auto& s, SkbId k) { s[k].loc = Loc::qdisc; }
};

struct dev_hard_start_xmit {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "dev_hard_start_xmit"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) { return s[k].alive && s[k].loc == Loc::qdisc; }
    static void effect(auto& s, SkbId k) { s[k].loc = Loc::dev; }
};

struct netif_receive_skb_core {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "__netif_receive_skb_core"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).receives;
    }
    static void effect(auto& s, SkbId k) { s[k].loc = Loc::rx; }
};

// Data that has no ubuf is delivered as it is: there is nothing for skb_orphan_frags_rx() to do.
struct deliver_skb {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "deliver_skb"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::rx && s[s[k].shinfo].uarg == none<UbufId> &&
               !s[s[k].shinfo].pages.empty();
    }
    static void effect(auto& s, SkbId k) {
        read_pages(s, s[k].shinfo);
        s[k].loc = Loc::rx_copied;
    }
};

// One device hands the skb to another, with the sender's pages still in it: stacked devices,
// redirection, and forwarding, which happens before any copy on receive.
struct dev_forward_skb {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "dev_forward_skb"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && (s[k].loc == Loc::dev || s[k].loc == Loc::rx) &&
               s.config(s[k].sock).forwards;
    }
    static void effect(auto& s, SkbId k) { s[k].loc = Loc::build; }
};

// A packet socket sees what is sent: a clone, which is then copied like everything received here.
struct dev_queue_xmit_nit {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/core/dev.c", "dev_queue_xmit_nit"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::qdisc && s.config(s[k].sock).tapped &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) {
        const SkbId clone = skb_clone(s, k, Loc::rx);
        if (s[s[clone].shinfo].uarg == none<UbufId>) s[clone].loc = Loc::rx_copied;
    }
};

}  // namespace zcv::kernel
