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

}  // namespace zcv::world
