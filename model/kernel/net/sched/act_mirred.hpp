#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/sched/act_mirred.c: what a filter on a device's egress copies or redirects to another
// device. It sends a clone there either way; of a redirected skb the original is then freed
// (TC_ACT_STOLEN), which is kfree_skb_reason() here: its data was not read.
namespace zcv::kernel {

struct tcf_mirred_to_dev {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/sched/act_mirred.c", "tcf_mirred_to_dev"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.some_sock(&SockConfig::mirrors); }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::qdisc && s.config(s[k].sock).mirrors &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, SkbId k) { skb_clone(s, k, Loc::build); }
};

}  // namespace zcv::kernel
