#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/core/gro.c: what arrives in pieces goes up as one skb. skb_try_coalesce() on the
// receive queue and skb_shift() in TCP's refuse the same skbs and move the same references.
namespace zcv::kernel {

// The frags of one become frags of the other, with the references they have. One reference stands
// for all frags in one buffer.
template <class S>
void move_frags(S& s, ShinfoId to, ShinfoId from) {
    s[from].frags.for_each([&](RequestId r) { s[to].frags.insert(r); });
    s[from].pages.for_each([&](BufferId b) {
        if (!s[from].managed && s[to].pages.contains(b)) put_page(s, b);
        s[to].pages.insert(b);
    });
    if (!s.world().profile.copies_forget_shared && s[from].shared) s[to].shared = true;
    s[to].stale = s[to].stale || s[from].stale;
    s[from].frags.clear();
    s[from].pages.clear();
    s[from].stale = false;
}

// Never with a ubuf: an skb has room for one, and frags without references need theirs.
struct skb_gro_receive {
    using Of = Ids<SkbId, SkbId>;
    static constexpr KernelRef at{"net/core/gro.c", "skb_gro_receive"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) {
        return std::ranges::any_of(world.socks, &SockConfig::merges);
    }
    static bool guard(const auto& s, SkbId held, SkbId k) {
        if (held == k || !is_alone(s, held) || !is_alone(s, k)) return false;
        return SockId{s[held].sock} == SockId{s[k].sock};
    }
    static void effect(auto& s, SkbId held, SkbId k) {
        move_frags(s, s[held].shinfo, s[k].shinfo);
        free_skb(s, k);
    }

  private:
    static bool is_alone(const auto& s, SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::dev || !s.config(s[k].sock).merges) return false;
        const auto& shinfo = s[s[k].shinfo];
        return shinfo.dataref == 1 &&
               (shinfo.uarg == none<UbufId> || s.world().profile.gro_merges_zcopy);
    }
};

}  // namespace zcv::kernel
