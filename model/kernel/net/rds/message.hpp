#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/rds/message.c: a message pins the pages of its buffer and is acknowledged, or fails
// while it pins them. Left out: what carries a message; it is one skb here.
namespace zcv::kernel {

template <class S>
bool is_rds_call(const S& s, RequestId r) {
    return s[r].phase == Phase::issuing && s.api_of(r) == Api::rds && !s[r].failed;
}

struct rds_message_zcopy_from_user {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/rds/message.c", "rds_message_zcopy_from_user"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::rds); }
    static bool guard(const auto& s, RequestId r) {
        return is_rds_call(s, r) && s.template room<UbufId>() && s.template room<ShinfoId>() &&
               s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        new_ubuf_of_call(s, r, Provider::rds);
        const ShinfoId h = new_zcopy_shinfo(s, r);
        fill_frags(s, h, r);
        new_skb(s, h, s[r].sock, Loc::build);
        s[r].phase = Phase::completed;
    }
};

// The buffer's first page is pinned, the next one is not there: what was pinned is put again.
struct rds_message_zcopy_from_user_fault {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/rds/message.c", "rds_message_zcopy_from_user"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::rds) && world.hazards.issue_fails; }
    static bool guard(const auto& s, RequestId r) { return is_rds_call(s, r); }
    static void effect(auto& s, RequestId r) {
        get_page(s, s[r].buffer);
        put_page(s, s[r].buffer);
        s[r].failed = true;
    }
};

// The message is thrown away with the pages that it believes to have: none, since the fault forgot
// them (B26).
struct rds_message_purge {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/rds/message.c", "rds_message_purge"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return rds_message_zcopy_from_user_fault::in(world); }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && s[r].failed && s.api_of(r) == Api::rds;
    }
    static void effect(auto& s, RequestId r) {
        if (s.world().profile.rds_fault_keeps_pages) put_page(s, s[r].buffer);
        s[r].phase = Phase::completed;
    }
};

}  // namespace zcv::kernel
