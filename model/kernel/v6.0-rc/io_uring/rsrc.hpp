#pragma once

#include "model/kernel/v6.0-rc/io_uring/notif.hpp"

// Models what io_uring/rsrc.c did for slots before 6.0 was released: a request that does nothing
// but flush.
namespace zcv::kernel {

// IORING_RSRC_UPDATE_NOTIF. A slot to which nothing was sent since its last flush is skipped: there
// is no notification of it, and no number is used up.
struct io_notif_update {
    using Of = Ids<SlotId>;
    static constexpr KernelRef at{"io_uring/rsrc.c", "io_notif_update", "6.0-rc"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) {
        return world.has(Api::notif_slot) || world.has(Api::notif_slot_flush);
    }
    static bool guard(const auto& s, SlotId i) {
        return world::app_wants_flush(s, i) && !uring_locked(s, s[i].ring);
    }
    static void effect(auto& s, SlotId i) {
        world::app_counts_flush(s, i);
        if (s[i].active != none<UbufId>) io_notif_slot_flush(s, i);
    }
};

}  // namespace zcv::kernel
