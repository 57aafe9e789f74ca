// What TCP and UDP do with data while they still have it, and when the device lets them down: which
// ubuf holds which pages after it.
#include <catch2/catch.hpp>

#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

namespace {

SockConfig probing_nic() {
    SockConfig config = tcp_nic;
    config.probe = 2;
    return config;
}

SockConfig plain_nic() {
    SockConfig config = tcp_nic;
    config.plain_writes = true;
    return config;
}

World from_registered(World world) {
    world.apis = {Api::send_zc_fixed};
    return world;
}

bool released(const FixedStore& s, UbufId n) {
    return s[n].refs == 0 && s[n].tw == TaskWork::queued;
}

// Two small sends, each in an skb of its own, complete and not yet sent.
void queue_two(FixedStore& s) {
    append(s, first);
    append(s, second);
    complete(s, first);
    complete(s, second);
}

const auto& tail(const FixedStore& s) {
    return s[s[SkbId{s[sock].write_queue.back()}].shinfo];
}

}  // namespace

TEST_CASE("an MTU probe moves the pages since 6.5 and leaves the ubufs behind",
          "[model][tcp][probe]") {
    Bench bench(roomy(probing_nic(), GENERATE("6.6", "6.12", "6.18")));
    auto& s = bench.s;
    queue_two(s);
    const UbufId one = notif_of(s, first);
    const UbufId two = notif_of(s, second);
    take<tcp_mtu_probe>(s, sock);
    CHECK(s[sock].write_queue.size() == 1);
    CHECK(tail(s).frags.contains(first));
    CHECK(tail(s).frags.contains(second));
    CHECK(tail(s).uarg == none<UbufId>);
    CHECK(s[buffer].page_refs == 1);  // the page itself is safe: what is in it is not
    CHECK(released(s, one));
    CHECK(released(s, two));
}

TEST_CASE("an MTU probe before 6.5 is a copy: both buffers may go at once", "[model][tcp][probe]") {
    Bench bench(roomy(probing_nic(), "6.1"));
    auto& s = bench.s;
    queue_two(s);
    const UbufId one = notif_of(s, first);
    take<tcp_mtu_probe>(s, sock);
    CHECK(tail(s).frags.empty());
    CHECK(tail(s).pages.empty());
    CHECK_FALSE(tail(s).arrived);
    CHECK(s[buffer].page_refs == 0);
    CHECK(released(s, one));
    CHECK(released(s, notif_of(s, second)));
}

TEST_CASE("an MTU probe that copies bytes written too early has them for good",
          "[model][tcp][probe]") {
    World world = roomy(probing_nic(), "6.1");
    world.app = App::first_cqe;
    Bench bench(world);
    auto& s = bench.s;
    queue_two(s);
    post_all(s);
    read_all(s);
    take<app_write>(s, buffer);
    take<tcp_mtu_probe>(s, sock);
    CHECK(tail(s).wrong);
    CHECK_FALSE(tail(s).stale);
}

TEST_CASE("an MTU probe takes whole skbs, as many as it is long, and leaves the rest in order",
          "[model][tcp][probe]") {
    Bench bench(roomy(probing_nic()));
    auto& s = bench.s;
    append(s, first);
    CHECK_FALSE(can<tcp_mtu_probe>(s, sock));
    append(s, second);
    const SkbId behind = append(s, third);
    take<tcp_mtu_probe>(s, sock);
    REQUIRE(s[sock].write_queue.size() == 2);
    CHECK(s[sock].write_queue.back() == behind);
    const SkbId probe = s[sock].write_queue.front();
    CHECK(s[s[probe].shinfo].frags.contains(second));
    CHECK_FALSE(s[s[probe].shinfo].frags.contains(third));
    transmit(s);
    CHECK(s[sock].rtx_queue.front() == probe);
}

TEST_CASE("the intended kernel makes an MTU probe of copied data only", "[model][tcp][probe]") {
    SockConfig config = probing_nic();
    config.plain_writes = true;
    Bench bench(roomy(config, "intended"));
    auto& s = bench.s;
    SECTION("two zero-copy skbs stay as they are") {
        queue_two(s);
        CHECK_FALSE(can<tcp_mtu_probe>(s, sock));
    }
    SECTION("one of the two is enough") {
        take<tcp_sendmsg_plain>(s, sock);
        append(s, first);
        CHECK_FALSE(can<tcp_mtu_probe>(s, sock));
    }
    SECTION("plain data may be moved") {
        take<tcp_sendmsg_plain>(s, sock);
        take<tcp_sendmsg_plain>(s, sock);
        take<tcp_mtu_probe>(s, sock);
        CHECK(s[sock].write_queue.size() == 1);
    }
}

TEST_CASE("a probe is not made of pure and mixed skbs", "[model][tcp][probe]") {
    SockConfig config = probing_nic();
    config.plain_writes = true;
    Bench bench(roomy(config));
    auto& s = bench.s;
    append(s, first);
    take<tcp_downgrade_zcopy_pure>(s, sock);
    append(s, second);
    CHECK_FALSE(can<tcp_mtu_probe>(s, sock));
    take<tcp_downgrade_zcopy_pure>(s, sock);
    CHECK(can<tcp_mtu_probe>(s, sock));
}

TEST_CASE("a SACK frees nothing, and a peer that goes back on it gets the data again",
          "[model][tcp][sack]") {
    Bench bench(hazardous(tcp_nic, {.drops = true, .retransmits = true, .sacks = true}));
    auto& s = bench.s;
    const SkbId lost = append(s, first);
    const SkbId kept = append(s, second);
    complete(s, first);
    complete(s, second);
    take<kfree_skb_reason>(s, transmit(s));
    CHECK_FALSE(can<tcp_sacktag_one>(s, kept));  // it did not arrive yet
    through_nic(s, transmit(s));
    CHECK_FALSE(can<tcp_sacktag_one>(s, lost));
    take<tcp_sacktag_one>(s, kept);
    CHECK(s[notif_of(s, second)].refs == 1);
    CHECK(s[sock].rtx_queue.size() == 2);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, kept));
    CHECK_FALSE(can<tcp_timeout_mark_lost>(s, sock));  // not while the head is what is missing

    take<tcp_retransmit_skb>(s, lost);
    through_nic(s, only_at(s, Loc::build));
    take<tcp_clean_rtx_queue>(s, sock);
    take<tcp_timeout_mark_lost>(s, sock);
    CHECK(can<tcp_retransmit_skb>(s, kept));
    CHECK_FALSE(released(s, notif_of(s, second)));
}

TEST_CASE("what is acknowledged inside an skb loses its page, and its ubuf waits for the rest",
          "[model][tcp][trim]") {
    Bench bench(hazardous(tcp_nic, {.trims = true}));
    auto& s = bench.s;
    const BufferId other{1};
    const SkbId k = append(s, first);
    stack(s, second, other);
    complete(s, first);
    complete(s, second);
    const UbufId head = notif_of(s, first);
    const SkbId clone = transmit(s);
    to_device(s, clone);
    CHECK_FALSE(can<tcp_trim_head>(s, k, first));  // nothing arrived
    take<device_dma>(s, clone);
    CHECK_FALSE(can<tcp_trim_head>(s, k, third));  // whose data is elsewhere
    SECTION("the clone is gone") {
        take<consume_skb>(s, clone);
        take<tcp_trim_head>(s, k, first);
        CHECK(s[buffer].page_refs == 0);
        CHECK(s[other].page_refs == 1);
        CHECK(s[s[k].shinfo].uarg == head);
        CHECK(s[head].refs == 1);
        CHECK_FALSE(can<tcp_trim_head>(s, k, second));  // the last one goes with the skb
    }
    SECTION("the clone has its own view of it") {
        take<tcp_trim_head>(s, k, first);
        CHECK_FALSE(s[k].shinfo == s[clone].shinfo);
        CHECK(s[s[clone].shinfo].frags.contains(first));
        CHECK(s[buffer].page_refs == 1);
        CHECK(s[other].page_refs == 2);
        CHECK(s[head].refs == 2);
        take<consume_skb>(s, clone);
        CHECK(s[buffer].page_refs == 0);
    }
    CHECK_FALSE(released(s, head));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(released(s, head));
    CHECK(s[other].page_refs == 0);
}

TEST_CASE("two sends from one buffer share the page until both are acknowledged",
          "[model][tcp][trim]") {
    Bench bench(hazardous(tcp_nic, {.trims = true}));
    auto& s = bench.s;
    const SkbId k = append(s, first);
    stack(s, second);
    through_nic(s, transmit(s));
    take<tcp_trim_head>(s, k, first);
    CHECK(s[s[k].shinfo].pages.contains(buffer));
    CHECK(s[buffer].page_refs == 1);
}

TEST_CASE("copied data behind zero-copy data ends what the skb had for being pure",
          "[model][tcp][plain]") {
    Bench bench(from_registered(roomy(plain_nic())));
    auto& s = bench.s;
    append(s, first);
    CHECK(tail(s).managed);
    // One is the registration's.
    CHECK(s[buffer].page_refs == 1);
    take<tcp_downgrade_zcopy_pure>(s, sock);
    CHECK(tail(s).mixed);
    CHECK_FALSE(tail(s).managed);
    CHECK(s[buffer].page_refs == 2);
    CHECK(tail(s).uarg == notif_of(s, first));
    CHECK_FALSE(can<tcp_downgrade_zcopy_pure>(s, sock));
}

TEST_CASE("a ubuf is attached behind copied data, and its frags hold their pages",
          "[model][tcp][plain]") {
    Bench bench(from_registered(roomy(plain_nic())));
    auto& s = bench.s;
    take<tcp_sendmsg_plain>(s, sock);
    issue(s, first);
    CHECK_FALSE(can<io_link_skb>(s, first));
    take<skb_zerocopy_iter_stream_behind_copy>(s, first);
    CHECK(s[sock].write_queue.size() == 1);
    CHECK(tail(s).uarg == notif_of(s, first));
    CHECK(tail(s).mixed);
    CHECK_FALSE(tail(s).managed);
    // One is the registration's.
    CHECK(s[buffer].page_refs == 2);
    CHECK(s[notif_of(s, first)].refs == 2);
}

TEST_CASE("data is shifted between skbs only when neither has a ubuf", "[model][tcp][plain]") {
    Bench bench(roomy(plain_nic()));
    auto& s = bench.s;
    SECTION("two plain ones") {
        take<tcp_sendmsg_plain>(s, sock);
        take<tcp_sendmsg_plain>(s, sock);
        const SkbId k = s[sock].write_queue.front();
        take<skb_shift>(s, k);
        CHECK(s[sock].write_queue.size() == 1);
        CHECK(s[sock].write_queue.front() == k);
        CHECK_FALSE(can<skb_shift>(s, k));
    }
    SECTION("the next one has a ubuf") {
        take<tcp_sendmsg_plain>(s, sock);
        append(s, first);
        CHECK_FALSE(can<skb_shift>(s, s[sock].write_queue.front()));
    }
    SECTION("the one in front has a ubuf") {
        append(s, first);
        take<tcp_sendmsg_plain>(s, sock);
        CHECK_FALSE(can<skb_shift>(s, s[sock].write_queue.front()));
    }
    SECTION("not while a clone is under way") {
        take<tcp_sendmsg_plain>(s, sock);
        take<tcp_sendmsg_plain>(s, sock);
        const SkbId clone = transmit(s);
        take<tcp_write_xmit>(s, sock);
        CHECK_FALSE(can<skb_shift>(s, s[sock].rtx_queue.front()));
        through_nic(s, clone);
        CHECK_FALSE(can<skb_shift>(s, s[sock].rtx_queue.front()));
        through_nic(s, only_at(s, Loc::build));
        take<skb_shift>(s, s[sock].rtx_queue.front());
        CHECK(s[sock].rtx_queue.size() == 1);
        CHECK(can<tcp_clean_rtx_queue>(s, sock));
    }
}

TEST_CASE("a full skb takes nothing more", "[model][tcp][full]") {
    Bench bench(hazardous(tcp_nic, {.fills = true}));
    auto& s = bench.s;
    append(s, first);
    issue(s, second);
    CHECK(can<io_link_skb>(s, second));
    take<tcp_mark_push>(s, sock);
    CHECK_FALSE(can<tcp_mark_push>(s, sock));
    CHECK_FALSE(can<io_link_skb>(s, second));
    CHECK_FALSE(can<skb_zerocopy_iter_stream_unfilled>(s, second));
    take<skb_zerocopy_iter_stream>(s, second);
    CHECK(s[notif_of(s, second)].head == notif_of(s, second));
}

TEST_CASE("a link without data stays: the notification waits for data that is not its own",
          "[model][tcp][full]") {
    Bench bench(hazardous(tcp_nic, {.issue_fails = true, .fills = true}));
    auto& s = bench.s;
    const SkbId k = append(s, first);
    complete(s, first);
    issue(s, second);
    take<skb_zerocopy_iter_stream_unfilled>(s, second);
    const UbufId head = notif_of(s, first);
    const UbufId member = notif_of(s, second);
    CHECK(s[member].head == head);
    CHECK(s[head].refs == 2);
    CHECK_FALSE(s[s[k].shinfo].frags.contains(second));
    SECTION("the request fails, its notification comes with the head's") {
        take<io_send_zc_failure>(s, second);
        take<io_sendrecv_fail>(s, second);
        post_all(s);
        take<io_send_zc_cleanup>(s, second);
        CHECK(s[member].refs == 0);
        CHECK_FALSE(can<io_notif_tw_complete>(s, member));
        CHECK_FALSE(can<io_notif_tw_complete>(s, head));
        through_nic(s, transmit(s));
        take<tcp_clean_rtx_queue>(s, sock);
        take<io_notif_tw_complete>(s, head);
        post_all(s);
        CHECK(s[first].notified);
        CHECK(s[second].notified);
    }
    SECTION("the data goes into the next skb, which holds the member") {
        CHECK_FALSE(can<skb_zerocopy_iter_stream_unfilled>(s, second));
        take<skb_zerocopy_iter_stream>(s, second);
        complete(s, second);
        CHECK(s[member].refs == 1);
        through_nic(s, transmit(s));
        take<tcp_clean_rtx_queue>(s, sock);
        CHECK(s[head].refs == 1);  // the first data is gone, and the head still waits
        CHECK_FALSE(can<io_notif_tw_complete>(s, head));
    }
}

TEST_CASE("an skb that got no data leaves no reference, and says that it was used",
          "[model][tcp][memory]") {
    Bench bench(hazardous(tcp_nic, {.no_memory = true}));
    auto& s = bench.s;
    issue(s, first);
    take<tcp_remove_empty_skb>(s, first);
    CHECK(s[notif_of(s, first)].refs == 1);
    CHECK(s[notif_of(s, first)].zc_used);
    CHECK_FALSE(s[first].appended);
    CHECK_FALSE(tcp_remove_empty_skb::in([] {
        World old = hazardous(tcp_nic, {.no_memory = true});
        old.profile = *find_profile("6.1");
        return old;
    }()));
}

TEST_CASE("a receiver without memory for its copy drops the packet, which reports no copy",
          "[model][memory]") {
    Bench bench(hazardous(udp_loopback, {.no_memory = true}));
    auto& s = bench.s;
    const SkbId k = send_datagram(s, first);
    complete(s, first);
    to_device(s, k);
    CHECK_FALSE(can<skb_copy_ubufs_failure>(s, k));
    take<netif_receive_skb_core>(s, k);
    take<skb_copy_ubufs_failure>(s, k);
    CHECK(released(s, notif_of(s, first)));
    CHECK(s[notif_of(s, first)].zc_used);
    CHECK_FALSE(s[notif_of(s, first)].zc_copied);
    CHECK(s[buffer].page_refs == 0);
}
