#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models drivers/net/ifb.c for a packet routed straight to it (dummy does the same): a true
// zero-copy sink, nobody reads the data.
namespace zcv::kernel {

struct ifb_xmit {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"drivers/net/ifb.c", "ifb_xmit"};
    static constexpr Context context = Context::softirq;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).sink;
    }
    static void effect(auto& s, SkbId k) { free_skb(s, k); }
};

}  // namespace zcv::kernel
