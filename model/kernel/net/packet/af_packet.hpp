#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models the transmit ring of net/packet/af_packet.c: an skb refers to a slot that the application
// has mapped, and the slot's status says when it may be written again. Left out: several slots in
// one call; each is a call here.
namespace zcv::kernel {

struct tpacket_snd {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"net/packet/af_packet.c", "tpacket_snd"};
    static constexpr Context context = Context::syscall;

    static bool in(const World& world) { return world.has(Api::packet_ring); }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issuing && s.api_of(r) == Api::packet_ring &&
               s.template room<UbufId>() && s.template room<ShinfoId>() && s.template room<SkbId>();
    }
    static void effect(auto& s, RequestId r) {
        new_ubuf_of_call(s, r, Provider::packet);
        const ShinfoId h = new_zcopy_shinfo(s, r);
        fill_frags(s, h, r);
        const SkbId k = new_skb(s, h, s[r].sock, Loc::build);
        s[k].destructor = s.world().profile.tpacket_destructor_completes;
        s[r].phase = Phase::completed;
    }
};

}  // namespace zcv::kernel
