#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models drivers/net/tun.c as a device that is sent to: a program on this machine reads the packet,
// so it is copied like everything that is received here. Left out: tun as a source of zero-copy
// data, which is vhost's.
namespace zcv::kernel {

struct tun_net_xmit {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"drivers/net/tun.c", "tun_net_xmit"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::tun);
    }
    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).tun;
    }
    static void effect(auto& s, SkbId k) { s[k].loc = Loc::rx; }
};

}  // namespace zcv::kernel
