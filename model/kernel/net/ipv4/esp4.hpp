#pragma once

#include "model/kernel/net/core/skbuff.hpp"

// Models net/ipv4/esp4.c (and its IPv6 twin) on receive: the payload is deciphered. Left out:
// sending, where the ciphertext goes to pages of its own whenever there are frags.
namespace zcv::kernel {

struct esp_input {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"net/ipv4/esp4.c", "esp_input"};
    static constexpr Context context = Context::softirq;

    static bool in(const World& world) { return world.models(Part::in_place); }
    static bool guard(const auto& s, SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::rx || !s.config(s[k].sock).decrypts) return false;
        const auto& shinfo = s[s[k].shinfo];
        return shinfo.uarg == none<UbufId> && !shinfo.pages.empty() && shinfo.dataref == 1;
    }
    static void effect(auto& s, SkbId k) {
        const ShinfoId h = s[k].shinfo;
        read_pages(s, h);
        if (s[h].shared)
            skb_cow_data(s, h);
        else
            write_in_place(s, h);
        s[k].loc = Loc::rx_copied;
    }

  private:
    static void skb_cow_data(auto& s, ShinfoId h) {
        skb_frags_unref(s, h);
        s[h].frags.clear();
        s[h].pages.clear();
        s[h].shared = false;
        s[h].stale = false;
    }
    static void write_in_place(auto& s, ShinfoId h) {
        s[h].pages.for_each([&](BufferId b) {
            s[b].spoiled = true;
            s.template for_each<ShinfoId>([&](ShinfoId other) {
                if (other != h && s[other].pages.contains(b)) s[other].stale = true;
            });
        });
    }
};

}  // namespace zcv::kernel
