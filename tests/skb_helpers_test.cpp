// What each helper of net/core/skbuff.c does to the references of a shared info: to its ubuf, to
// the pages of its frags, and to itself. On both stores: the checker explores with the same code
// that a replay walks.
#include <catch2/catch.hpp>

#include "model/growing_store.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;

namespace {

SockConfig any_way(Transport transport) {
    return {.transport = transport,
            .dma = true,
            .receives = true,
            .segments = true,
            .splits = true,
            .expands = true,
            .carves = true,
            .merges = true,
            .duplicates = true,
            .upcall_fails = true};
}

World one_api(Api api, Transport transport) {
    World world = roomy(any_way(transport));
    world.apis = {api};
    return world;
}

struct Fixed {
    explicit Fixed(const World& w) : world(w), s(world) {}
    Fixed(const Fixed&) = delete;
    Fixed& operator=(const Fixed&) = delete;
    World world;
    FixedStore s;
};

struct Growing {
    explicit Growing(const World& w) : s(w) {
        s.add_buffer();
        s.add_ring();
        s.add_sock(w.socks.front());
        for (int i = 0; i < 2; ++i)
            s.add_request(is_call(w.apis.front()) ? none<RingId> : ring, w.apis.front());
    }
    GrowingStore s;
};

// A send under way whose ubuf has the one reference of its issuer, and an skb with its pages.
template <class Store>
struct OneSkb : Store {
    explicit OneSkb(Api api = Api::send_zc, Loc loc = Loc::rx, Transport transport = Transport::udp)
        : Store(one_api(api, transport)) {
        auto& store = this->s;
        issue(store, first);
        pins = store[buffer].page_refs;
        u = notif_of(store, first);
        h = new_zcopy_shinfo(store, first);
        fill_frags(store, h, first);
        k = new_skb(store, h, sock, loc);
    }
    // References beyond the issuer's and the registration's.
    unsigned ubuf_refs() const { return this->s[u].refs - 1u; }
    unsigned page_refs() const { return static_cast<unsigned>(this->s[buffer].page_refs - pins); }

    unsigned pins = 0;
    UbufId u = none<UbufId>;
    ShinfoId h = none<ShinfoId>;
    SkbId k = none<SkbId>;
};

template <class S>
ShinfoId shinfo_of(const S& s, SkbId k) {
    return s[k].shinfo;
}

// The only skb there is besides this one.
template <class S>
SkbId other_than(const S& s, SkbId known) {
    SkbId found = none<SkbId>;
    s.template for_each<SkbId>([&](SkbId k) {
        if (s[k].alive && k != known) found = k;
    });
    REQUIRE(found != none<SkbId>);
    return found;
}

}  // namespace

TEMPLATE_TEST_CASE("attaching a ubuf takes one reference, clearing it gives that one back",
                   "[model][skb][stores]", Fixed, Growing) {
    OneSkb<TestType> one;
    auto& s = one.s;
    CHECK(one.ubuf_refs() == 1);
    CHECK(one.page_refs() == 1);
    CHECK(s[one.h].uarg == one.u);
    CHECK(s[one.h].shared);
    CHECK_FALSE(s[one.h].managed);
    net_zcopy_get(s, one.u);
    CHECK(one.ubuf_refs() == 2);
    net_zcopy_put(s, one.u);
    CHECK(one.ubuf_refs() == 1);
    CHECK_FALSE(s[one.u].zc_used);  // no skb, no use
    const bool success = GENERATE(true, false);
    skb_zcopy_clear(s, one.h, success);
    CHECK(one.ubuf_refs() == 0);
    CHECK(one.page_refs() == 1);  // the pages are somebody else's business
    CHECK(s[one.h].uarg == none<UbufId>);
    CHECK_FALSE(s[one.h].shared);
    CHECK(s[one.u].zc_used == success);
    CHECK(s[one.u].zc_copied == !success);
}

TEMPLATE_TEST_CASE("frags of a registered buffer hold no pages until they are downgraded",
                   "[model][skb][stores]", Fixed, Growing) {
    OneSkb<TestType> one(Api::send_zc_fixed);
    auto& s = one.s;
    CHECK(s[one.h].managed);
    CHECK(one.page_refs() == 0);
    SECTION("released as they are, no page is put") {
        free_skb(s, one.k);
        CHECK(one.page_refs() == 0);
        CHECK(one.ubuf_refs() == 0);
        CHECK_FALSE(s[buffer].over_put);
    }
    SECTION("downgraded once, a second time changes nothing") {
        for (int i = 0; i < 2; ++i) {
            skb_zcopy_downgrade_managed(s, one.h);
            CHECK_FALSE(s[one.h].managed);
            CHECK(one.page_refs() == 1);
            CHECK(one.ubuf_refs() == 1);
        }
        free_skb(s, one.k);
        CHECK(one.page_refs() == 0);
    }
    SECTION("a ubuf that is gone before: pages are put that nobody took") {
        skb_zcopy_clear(s, one.h, true);
        s[one.h].managed = true;
        free_skb(s, one.k);
        CHECK(s[buffer].page_refs + 1u == one.pins);
    }
}

TEMPLATE_TEST_CASE("a clone shares it all; the last of them releases ubuf and pages",
                   "[model][skb][stores]", Fixed, Growing) {
    OneSkb<TestType> one;
    auto& s = one.s;
    const SkbId clone = skb_clone(s, one.k, Loc::rx);
    CHECK(shinfo_of(s, clone) == one.h);
    CHECK(s[one.h].dataref == 2);
    CHECK(one.ubuf_refs() == 1);  // DONT_ORPHAN: no copy
    CHECK(one.page_refs() == 1);
    CHECK_FALSE(can<skb_copy_ubufs>(s, one.k));  // shared data is not copied in place
    free_skb(s, clone);
    CHECK(s[one.h].dataref == 1);
    CHECK(one.ubuf_refs() == 1);
    free_skb(s, one.k);
    CHECK_FALSE(s[one.h].alive);
    CHECK(one.ubuf_refs() == 0);
    CHECK(one.page_refs() == 0);
    CHECK(s[one.u].zc_used);
}

TEMPLATE_TEST_CASE("a ubuf that does not count its references is copied before it is cloned",
                   "[model][skb][stores]", Fixed, Growing) {
    OneSkb<TestType> one;
    auto& s = one.s;
    skb_orphan_frags(s, one.h);
    CHECK(s[one.h].uarg == one.u);
    s[one.u].provider = Provider::packet;
    skb_orphan_frags(s, one.h);
    CHECK(s[one.h].uarg == none<UbufId>);
    CHECK(s[one.h].pages.empty());
    CHECK(one.page_refs() == 0);
    skb_orphan_frags(s, one.h);  // and without a ubuf there is nothing to do
    CHECK(one.page_refs() == 0);
}

TEMPLATE_TEST_CASE("a copy for a receiver here puts pages and ubuf, and reports a copy",
                   "[model][skb][stores]", Fixed, Growing) {
    const Api api = GENERATE(Api::send_zc, Api::send_zc_fixed);
    OneSkb<TestType> one(api);
    auto& s = one.s;
    take<skb_copy_ubufs>(s, one.k);
    CHECK(one.ubuf_refs() == 0);
    CHECK(one.page_refs() == 0);
    CHECK(s[one.u].zc_copied);
    CHECK_FALSE(s[one.u].zc_used);
    CHECK(s[one.h].alive);
    CHECK(s[one.h].frags.empty());
    CHECK_FALSE(s[one.h].managed);
}

TEMPLATE_TEST_CASE("a shared info of one's own holds ubuf and pages once more",
                   "[model][skb][stores]", Fixed, Growing) {
    const Api api = GENERATE(Api::send_zc, Api::send_zc_fixed);
    OneSkb<TestType> one(api);
    auto& s = one.s;
    const auto both_hold = [&](ShinfoId other) {
        CHECK(other != one.h);
        CHECK(s[other].uarg == one.u);
        CHECK(s[other].dataref == 1);
        CHECK(s[other].shared);
        CHECK_FALSE(s[other].managed);
        CHECK(one.ubuf_refs() == 2);
    };
    SECTION("skb_zerocopy_clone") {
        both_hold(share_frags(s, one.h));
        // The original stays as it was.
        CHECK(s[one.h].managed == (api == Api::send_zc_fixed));
        CHECK(one.page_refs() == (s[one.h].managed ? 1u : 2u));
    }
    SECTION("pskb_expand_head of a clone") {
        const SkbId clone = skb_clone(s, one.k, Loc::rx);
        take<pskb_expand_head>(s, clone);
        both_hold(shinfo_of(s, clone));
        CHECK(s[one.h].dataref == 1);
        CHECK_FALSE(s[one.h].managed);
        CHECK(one.page_refs() == 2);
    }
    SECTION("pskb_carve of a clone") {
        const SkbId clone = skb_clone(s, one.k, Loc::rx);
        take<pskb_carve>(s, clone);
        both_hold(shinfo_of(s, clone));
        CHECK_FALSE(s[one.h].managed);
        CHECK(one.page_refs() == 2);
    }
}

TEMPLATE_TEST_CASE("a copied or segmented skb holds ubuf and pages beside the first",
                   "[model][skb][stores]", Fixed, Growing) {
    const Api api = GENERATE(Api::send_zc, Api::send_zc_fixed);
    OneSkb<TestType> one(api, Loc::qdisc);
    auto& s = one.s;
    if (GENERATE(true, false))
        take<pskb_copy_fclone>(s, one.k);
    else
        take<skb_segment>(s, one.k);
    const ShinfoId other = shinfo_of(s, other_than(s, one.k));
    CHECK(other != one.h);
    CHECK(s[other].uarg == one.u);
    CHECK_FALSE(s[other].managed);
    CHECK(one.ubuf_refs() == 2);
    CHECK(one.page_refs() == (s[one.h].managed ? 1u : 2u));
    free_skb(s, one.k);
    CHECK(one.ubuf_refs() == 1);
    CHECK(one.page_refs() == 1);
}

TEMPLATE_TEST_CASE("a failed upcall detaches only what nobody shares", "[model][skb][stores]",
                   Fixed, Growing) {
    const Api api = GENERATE(Api::send_zc, Api::send_zc_fixed);
    OneSkb<TestType> one(api, Loc::dev);
    auto& s = one.s;
    SECTION("alone") {
        take<skb_tx_error>(s, one.k);
        CHECK_FALSE(s[one.h].alive);
        CHECK(one.ubuf_refs() == 0);
        CHECK(one.page_refs() == 0);
        CHECK_FALSE(s[buffer].over_put);
    }
    SECTION("a clone") {
        skb_clone(s, one.k, Loc::rx);
        take<skb_tx_error>(s, one.k);
        CHECK(s[one.h].uarg == one.u);
        CHECK(s[one.h].dataref == 1);
        CHECK(one.ubuf_refs() == 1);
    }
}

TEMPLATE_TEST_CASE("TCP splits an skb: downgraded first, both parts hold it all",
                   "[model][skb][stores]", Fixed, Growing) {
    const Api api = GENERATE(Api::send_zc, Api::send_zc_fixed);
    OneSkb<TestType> one(api, Loc::write_queue, Transport::tcp);
    auto& s = one.s;
    s[sock].write_queue.push_back(one.k);
    take<tcp_fragment>(s, one.k);
    const ShinfoId rest = shinfo_of(s, other_than(s, one.k));
    CHECK(s[rest].uarg == one.u);
    CHECK_FALSE(s[one.h].managed);
    CHECK_FALSE(s[rest].managed);
    CHECK(one.ubuf_refs() == 2);
    CHECK(one.page_refs() == 2);
}

TEMPLATE_TEST_CASE("skbs that have a ubuf are never merged", "[model][skb][stores]", Fixed,
                   Growing) {
    OneSkb<TestType> one(Api::send_zc, Loc::dev);
    auto& s = one.s;
    const ShinfoId other = share_frags(s, one.h);
    const SkbId second_skb = new_skb(s, other, sock, Loc::dev);
    CHECK_FALSE(can<skb_gro_receive>(s, one.k, second_skb));
    for (const ShinfoId h : {one.h, other}) skb_zcopy_clear(s, h, true);
    CHECK(can<skb_gro_receive>(s, one.k, second_skb));
    take<skb_gro_receive>(s, one.k, second_skb);
    CHECK(one.page_refs() == 1);  // both frags lie in one page, for which one reference stands
}
