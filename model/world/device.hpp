#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// A network card: it reads the pages some time after the skb was queued to it, and says later that
// it is done. Between the two the sender may believe what it likes.
namespace zcv::world {

struct device_dma {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"", "DMA"};
    static constexpr Context context = Context::device;

    static bool guard(const auto& s, SkbId k) {
        return s[k].alive && s[k].loc == Loc::dev && s.config(s[k].sock).dma;
    }
    static void effect(auto& s, SkbId k) {
        kernel::read_pages(s, s[k].shinfo);
        s[k].loc = Loc::dma_done;
    }
};

// The driver resets its card, or the cable is pulled: what was queued is freed, and nobody read it.
struct device_reset {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"", "purge the transmit ring"};
    static constexpr Context context = Context::device;

    static bool in(const World& world) { return world.hazards.device_resets; }
    static bool queued(const auto& s, SkbId k, SockId sock) {
        return s[k].alive && s[k].loc == Loc::dev && s[k].sock == sock;
    }
    static bool guard(const auto& s, SockId sock) {
        if (!s.config(sock).dma) return false;
        bool some = false;
        s.template for_each<SkbId>([&](SkbId k) { some = some || queued(s, k, sock); });
        return some;
    }
    static void effect(auto& s, SockId sock) {
        s.template for_each<SkbId>([&](SkbId k) {
            if (queued(s, k, sock)) kernel::free_skb(s, k);
        });
    }
};

}  // namespace zcv::world
