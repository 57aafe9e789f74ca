// How connections begin and end, and datagrams that are kept back: whose data is let go of, when,
// and what the application is told.
#include <catch2/catch.hpp>

#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

namespace {

SockConfig corking_nic() {
    SockConfig config = udp_nic;
    config.corks = true;
    return config;
}

bool released(const FixedStore& s, UbufId n) {
    return s[n].refs == 0 && s[n].tw == TaskWork::queued;
}

}  // namespace

TEST_CASE("a socket that is shut down keeps what is queued and takes nothing more",
          "[model][tcp][close]") {
    Bench bench(hazardous(tcp_nic, {.closes = true}));
    auto& s = bench.s;
    append(s, first);
    complete(s, first);
    issue(s, second);
    take<tcp_shutdown>(s, sock);
    CHECK_FALSE(can<tcp_shutdown>(s, sock));
    CHECK_FALSE(can<skb_zerocopy_iter_stream>(s, second));
    CHECK_FALSE(can<io_link_skb>(s, second));
    CHECK_FALSE(can<app_submit>(s, buffer, third, sock));
    take<io_send_zc_failure>(s, second);  // EPIPE, and still a notification
    take<io_sendrecv_fail>(s, second);
    CHECK(s[second].more);
    CHECK_FALSE(released(s, notif_of(s, first)));
    through_nic(s, transmit(s));
    CHECK_FALSE(released(s, notif_of(s, first)));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(released(s, notif_of(s, first)));
}

TEST_CASE("an aborted connection lets go of its queues, and its device of nothing",
          "[model][tcp][close]") {
    Bench bench(hazardous(tcp_nic, {.aborts = true, .gives_up = true}));
    auto& s = bench.s;
    append(s, first);
    append(s, second);
    complete(s, first);
    complete(s, second);
    const SkbId clone = transmit(s);
    to_device(s, clone);
    SECTION("closed with linger 0") {
        take<tcp_disconnect>(s, sock);
        CHECK_FALSE(can<tcp_disconnect>(s, sock));
    }
    SECTION("the peer was silent for too long") {
        take<tcp_write_err>(s, sock);
        CHECK_FALSE(can<tcp_write_err>(s, sock));
    }
    CHECK(s[sock].write_queue.empty());
    CHECK(s[sock].rtx_queue.empty());
    CHECK(released(s, notif_of(s, second)));
    CHECK_FALSE(released(s, notif_of(s, first)));
    take<device_dma>(s, clone);
    take<consume_skb>(s, clone);
    CHECK(released(s, notif_of(s, first)));
}

TEST_CASE("TCP gives up only on data that it has", "[model][tcp][close]") {
    Bench bench(hazardous(tcp_nic, {.gives_up = true}));
    auto& s = bench.s;
    CHECK_FALSE(can<tcp_write_err>(s, sock));
    append(s, first);
    CHECK(can<tcp_write_err>(s, sock));
    through_nic(s, transmit(s));
    CHECK(can<tcp_write_err>(s, sock));  // sent, and not acknowledged
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK_FALSE(can<tcp_write_err>(s, sock));
}

TEST_CASE("the data of a SYN is a copy, and its notification waits for the peer all the same",
          "[model][tcp][fast-open]") {
    SockConfig config = tcp_nic;
    config.fast_open = true;
    Bench bench(roomy(config));
    auto& s = bench.s;
    issue(s, first);
    CHECK_FALSE(can<skb_zerocopy_iter_stream>(s, first));  // not connected
    SECTION("with a cookie") {
        take<tcp_send_syn_data>(s, first);
        CHECK_FALSE(can<tcp_send_syn_data>(s, first));
        const SkbId syn = s[sock].write_queue.back();
        CHECK(s[s[syn].shinfo].frags.empty());
        CHECK(s[buffer].page_refs == 0);
        CHECK(s[s[syn].shinfo].uarg == notif_of(s, first));
        complete(s, first);
        through_nic(s, transmit(s));
        CHECK_FALSE(released(s, notif_of(s, first)));
        take<tcp_clean_rtx_queue>(s, sock);
        CHECK(released(s, notif_of(s, first)));
    }
    SECTION("without") {
        take<tcp_send_syn_data_fallback>(s, first);
        CHECK(s[sock].write_queue.empty());
        CHECK(can<skb_zerocopy_iter_stream>(s, first));
    }
}

TEST_CASE("sent again while a device has an orphaned clone: each has a shared info of its own",
          "[model][tcp][orphan]") {
    SockConfig config = tcp_nic;
    config.orphans = true;
    Bench bench(hazardous(config, {.retransmits = true}));
    auto& s = bench.s;
    const SkbId original = append(s, first);
    complete(s, first);
    const UbufId n = notif_of(s, first);
    CHECK_FALSE(can<tcp_retransmit_skb_unclone>(s, original));
    const SkbId late = transmit(s);
    to_device(s, late);
    take<tcp_retransmit_skb_unclone>(s, original);
    CHECK_FALSE(s[original].shinfo == s[late].shinfo);
    CHECK(s[s[late].shinfo].dataref == 1);
    CHECK(s[s[original].shinfo].dataref == 2);
    CHECK(s[n].refs == 2);
    CHECK(s[buffer].page_refs == 2);
    through_nic(s, only_at(s, Loc::build));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK_FALSE(released(s, n));  // the card still reads for the first copy
    take<device_dma>(s, late);
    take<consume_skb>(s, late);
    CHECK(released(s, n));
    CHECK(s[buffer].page_refs == 0);
}

TEST_CASE("a datagram that is kept back completes its send and holds its buffer",
          "[model][udp][cork]") {
    Bench bench(hazardous(corking_nic(), {.closes = true}));
    auto& s = bench.s;
    issue(s, first);
    take<ip_append_data_corked>(s, first);
    complete(s, first);
    const UbufId n = notif_of(s, first);
    CHECK_FALSE(can<ip_send_skb>(s, sock));
    CHECK(s[n].refs == 1);
    SECTION("until somebody ends it") {
        take<udp_push_pending_frames>(s, sock);
        const SkbId k = s[sock].write_queue.back();
        take<ip_send_skb>(s, sock);
        CHECK_FALSE(released(s, n));
        through_nic(s, k);
    }
    SECTION("until a second send throws it away") {
        issue(s, second);
        CHECK_FALSE(can<ip_append_data>(s, second));
        CHECK_FALSE(can<ip_append_data_corked>(s, second));
        CHECK_FALSE(can<io_send_zc_success>(s, second));
        take<udp_sendmsg_foreign_ubuf>(s, second);
        CHECK(s[second].failed);
        CHECK_FALSE(s[first].failed);
        CHECK_FALSE(s[sock].corked);
        CHECK_FALSE(released(s, notif_of(s, second)));
    }
    SECTION("until the socket is closed") {
        take<udp_flush_pending_frames>(s, sock);
        CHECK(s[sock].dead);
    }
    CHECK(released(s, n));
    CHECK(s[buffer].page_refs == 0);
}

TEST_CASE("copied data at the end of a pending datagram gives its pages references",
          "[model][udp][cork]") {
    World world = roomy(corking_nic());
    world.apis = {Api::send_zc_fixed};
    Bench bench(world);
    auto& s = bench.s;
    issue(s, first);
    take<ip_append_data_corked>(s, first);
    const ShinfoId h = s[SkbId{s[sock].write_queue.back()}].shinfo;
    CHECK(s[h].managed);
    // One is the registration's.
    CHECK(s[buffer].page_refs == 1);
    take<udp_push_pending_frames>(s, sock);
    CHECK_FALSE(s[h].managed);
    CHECK(s[buffer].page_refs == 2);
    CHECK(s[h].uarg == notif_of(s, first));
}

TEST_CASE("a card that is reset frees what was queued to it, unread", "[model][device]") {
    Bench bench(hazardous(udp_nic, {.device_resets = true}));
    auto& s = bench.s;
    const SkbId queued = send_datagram(s, first);
    complete(s, first);
    const SkbId before = send_datagram(s, second);
    complete(s, second);
    CHECK_FALSE(can<device_reset>(s, sock));
    to_device(s, queued);
    take<device_reset>(s, sock);
    CHECK_FALSE(s[queued].alive);
    CHECK(released(s, notif_of(s, first)));
    CHECK(s[before].loc == Loc::build);
    CHECK_FALSE(released(s, notif_of(s, second)));
    CHECK_FALSE(can<device_reset>(s, sock));
    SECTION("what it has read already is its to give back") {
        to_device(s, before);
        take<device_dma>(s, before);
        CHECK_FALSE(can<device_reset>(s, sock));
        take<consume_skb>(s, before);
        CHECK(released(s, notif_of(s, second)));
    }
}
