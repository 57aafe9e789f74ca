#include <algorithm>

#include "model/kernel/include/linux/skbuff.hpp"
#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

bool in_one_chain(const FixedStore& s, UbufId a, UbufId b) {
    if (a == b) return true;
    return s[a].head != none<UbufId> && UbufId{s[a].head} == UbufId{s[b].head};
}

// User pages of a send whose notification is still to come lie in a shared info that holds that
// notification, its own or by way of the chain's head.
bool ubuf_on_frags(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        bool held = true;
        s[h].frags.for_each([&](RequestId r) {
            const UbufId u = s[r].ubuf;
            const UbufId held_here = s[h].uarg;
            held = held && (u == none<UbufId> ||
                            (held_here != none<UbufId> && in_one_chain(s, u, held_here)));
        });
        return held;
    });
}

bool frags_belong_to_a_ubuf(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return s[h].uarg != none<UbufId>; });
}

// Whether `node`, the buffer that a held resource node is of, keeps `b` pinned as well: where the
// ring's nodes go in order, it holds up whatever is retired later.
bool node_covers(const FixedStore& s, RingId ring, BufferId node, BufferId b) {
    if (node == none<BufferId> || node == b) return true;  // none: it is the ring's own, for all
    bool behind = false;
    const auto& retired = s[ring].retired;
    for (std::size_t i = 0; i < retired.size(); ++i) {
        if (retired[i] == node) behind = true;
        if (retired[i] == b) return behind;
    }
    return behind && s[b].registered;
}

// Whether a member of the ubuf's chain holds a resource node that keeps this buffer pinned.
bool node_is_held(const FixedStore& s, UbufId uarg, BufferId b) {
    return s.any<UbufId>([&](UbufId u) {
        return s[u].alive && s[u].node && in_one_chain(s, u, uarg) &&
               node_covers(s, s[s[u].request].ring, s[u].node_of, b);
    });
}

// Frags without references of their own live as long as the ubuf: there must be one, the pages must
// be those of registered buffers, and what keeps those pinned must go with the ubuf.
bool managed_frags(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        if (!s[h].managed) return true;
        const UbufId uarg = s[h].uarg;
        bool kept = uarg != none<UbufId>;
        s[h].frags.for_each([&](RequestId r) {
            kept =
                kept && from_registered_buffer(s.api_of(r)) && node_is_held(s, uarg, s[r].buffer);
        });
        return kept;
    });
}

bool frags_are_managed(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return s[h].managed; });
}

bool has_registered_buffers(const World& world) {
    return world.models(Part::registered);
}

// Every page is held once by each shared info that refers to it and does not manage its frags, and
// once by its registration; and no shared info refers to a page that went back to the system.
bool page_refs_are_exact(const FixedStore& s) {
    return every<BufferId>(s, [&](BufferId b) {
        unsigned holders = s[b].node_refs > 0 ? 1 : 0;
        bool used = false;
        s.for_each<ShinfoId>([&](ShinfoId h) {
            if (!s[h].alive || !s[h].pages.contains(b)) return;
            holders += !s[h].managed;
            used = true;
        });
        return s[b].page_refs == holders && !s[b].over_put && !(used && kernel::page_is_gone(s, b));
    });
}

bool a_page_is_referred_to(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return !s[h].pages.empty(); });
}

// Who refers to pages of others says so, lest somebody takes the data for the packet's own. Not
// asked of AF_XDP: its packets go straight to the driver, and nobody on the way transforms them.
bool shared_frags_are_marked(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) { return s[h].pages.empty() || s[h].shared; });
}

// ... and what they own stays what it was.
bool nothing_is_written_in_place(const FixedStore& s) {
    return every<BufferId>(s, [&](BufferId b) { return !s[b].spoiled; });
}

bool data_is_transformed(const World& world) {
    return world.models(Part::in_place);
}

bool data_was_delivered(const FixedStore& s) {
    return s.any<SkbId>([&](SkbId k) { return s[k].alive && s[k].loc == Loc::rx_copied; });
}

// What a socket, a tap or an error queue on this machine gets is a copy. Spliced pages are
// delivered as they are: nobody waits for their release.
bool delivered_data_is_a_copy(const FixedStore& s) {
    return every<SkbId>(s, [&](SkbId k) {
        if (!s[k].alive || s[k].loc != Loc::rx_copied) return true;
        bool copied = true;
        s[s[k].shinfo].frags.for_each(
            [&](RequestId r) { copied = copied && s.api_of(r) == Api::splice; });
        return copied;
    });
}

bool data_is_received_here(const World& world) {
    return lends_memory(world) && std::ranges::any_of(world.socks, [](const SockConfig& sock) {
               return sock.receives || sock.tapped || sock.tun || sock.stamped;
           });
}

}  // namespace

std::vector<KernelProperty> page_properties() {
    return {
        {{Must::always, "S4-ubuf-on-frags", ubuf_on_frags,
          "A packet refers to a send's pages and does not hold its notification: nothing keeps the "
          "application from writing what is still to be sent."},
         has_ubufs},
        {{Must::sometimes, "S4-ubuf-on-frags-reached", frags_belong_to_a_ubuf,
          "No packet ever held a notification: the property was not put to the test."},
         has_ubufs},
        {{Must::always, "S5-managed-frags", managed_frags,
          "A packet counts on a registration that its ubuf does not hold: its pages are freed "
          "under the device, or references are put that were never taken."},
         has_registered_buffers},
        {{Must::sometimes, "S5-managed-frags-reached", frags_are_managed,
          "No packet ever left its references to a registration: the property was not put to the "
          "test."},
         has_registered_buffers},
        {{Must::always, "S6-page-refs-exact", page_refs_are_exact,
          "A page has more or fewer references than holders: it is leaked, or goes back to the "
          "system while a packet still refers to it, and somebody else's data is sent."},
         lends_memory},
        {{Must::sometimes, "S6-page-refs-exact-reached", a_page_is_referred_to,
          "No packet ever referred to a page: the property was not put to the test."},
         lends_memory},
        {{Must::always, "S7-shared-flag", shared_frags_are_marked,
          "A packet refers to pages of others and does not say so: whoever transforms it does so "
          "in "
          "place, and the file in the page cache turns into something else."},
         has_ubufs},
        {{Must::sometimes, "S7-shared-flag-reached", a_page_is_referred_to,
          "No packet ever referred to a page: the property was not put to the test."},
         has_ubufs},
        {{Must::always, "S7-written-in-place", nothing_is_written_in_place,
          "What a packet carried was transformed where it lay, in memory that somebody else owns: "
          "the file in the page cache is ciphertext now, or code."},
         data_is_transformed},
        {{Must::sometimes, "S7-written-in-place-reached", data_was_delivered,
          "No packet was ever transformed: the property was not put to the test."},
         data_is_transformed},
        {{Must::always, "S8-no-rx-leak", delivered_data_is_a_copy,
          "A reader on this machine was handed the sender's live pages: it sees what the sender "
          "writes next, and the sender waits for a reader that may never read."},
         data_is_received_here},
        {{Must::sometimes, "S8-no-rx-leak-reached", data_was_delivered,
          "No packet was ever delivered on this machine: the property was not put to the test."},
         data_is_received_here},
    };
}

}  // namespace zcv
