// The io_uring side of the model: who holds a notification, when its CQE may be posted, and what
// the application is told.
#include <catch2/catch.hpp>

#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

TEST_CASE("the notification waits for its request, however early the device lets go",
          "[model][notif]") {
    Bench bench(roomy(udp_sink));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    to_device(s, skb);
    take<ifb_xmit>(s, skb);
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));

    take<io_send_zc_success>(s, first);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    take<io_notif_flush>(s, first);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("the notification waits for the last skb that reads the buffer", "[model][notif]") {
    Bench bench(roomy(udp_nic));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[n].refs == 2);
    complete(s, first);
    CHECK(s[n].refs == 1);
    to_device(s, skb);
    take<device_dma>(s, skb);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));

    take<consume_skb>(s, skb);
    CHECK(s[n].refs == 0);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("the last reference only queues task work, so no CQE overtakes its request's",
          "[model][notif]") {
    Bench bench(roomy(udp_sink));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    to_device(s, skb);
    take<ifb_xmit>(s, skb);
    complete(s, first);
    CHECK(s[ring].cq.empty());

    take<io_notif_tw_complete>(s, notif_of(s, first));
    CHECK(s[ring].cq.empty());
    CHECK_FALSE(can<io_notif_tw_complete>(s, notif_of(s, first)));
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0", "notif 0"});
}

TEST_CASE("a send that succeeds promises a notification in its CQE", "[model][f-more]") {
    Bench bench(roomy(udp_nic));
    auto& s = bench.s;
    send_datagram(s, first);
    complete(s, first);
    CHECK(s[first].more);
    CHECK(s[first].phase == Phase::completed);
    post_all(s);
    CHECK(s[first].phase == Phase::posted);
    CHECK(read_all(s) == Cqes{"cqe+more 0"});
    CHECK_FALSE(can<io_send_zc_cleanup>(s, first));  // the reference is gone already
}

TEST_CASE("a preparation that fails before the notification exists ends with one CQE",
          "[model][f-more]") {
    Bench bench(hazardous(udp_nic, {.prep_fails = true}));
    auto& s = bench.s;
    submit(s, first);
    take<io_send_zc_prep_early_failure>(s, first);
    CHECK(s[first].ubuf == none<UbufId>);
    post_all(s);
    CHECK_FALSE(s[first].more);
    CHECK(s[buffer].lent == 1);
    CHECK(read_all(s) == Cqes{"cqe 0"});
    CHECK(s[buffer].lent == 0);
    CHECK(can<app_write>(s, buffer));
    CHECK(s[first].phase == Phase::idle);
}

TEST_CASE("a preparation that fails after it promises the notification that follows",
          "[model][f-more]") {
    Bench bench(hazardous(udp_nic, {.prep_fails = true}));
    auto& s = bench.s;
    submit(s, first);
    take<io_send_zc_prep_late_failure>(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_flush>(s, first));

    take<io_sendrecv_fail>(s, first);
    CHECK_FALSE(can<io_send_zc_cleanup>(s, first));  // only once its CQE is filled
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0"});
    CHECK(s[buffer].lent == 1);
    take<io_send_zc_cleanup>(s, first);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK(read_all(s) == Cqes{"notif 0"});
    CHECK(s[buffer].lent == 0);
}

TEST_CASE("no preparation fails where the world has no such hazard", "[model][f-more]") {
    Bench bench(roomy(udp_nic));
    auto& s = bench.s;
    submit(s, first);
    CHECK_FALSE(can<io_send_zc_prep_early_failure>(s, first));
    CHECK_FALSE(can<io_send_zc_prep_late_failure>(s, first));
    take<io_send_zc_prep>(s, first);
    CHECK_FALSE(can<io_req_tw_fail_links>(s, first));
    CHECK_FALSE(io_wq_submit_work::in(s.world()));
    take<io_send_zc_issue>(s, first);
    CHECK_FALSE(can<io_send_zc_failure>(s, first));
    CHECK_FALSE(can<io_arm_poll_handler>(s, first));
    CHECK_FALSE(can<io_send_zc_success>(s, first));  // nothing was handed to the network yet
}

TEST_CASE("a cancelled link member's notification comes whatever its CQE said", "[model][f-more]") {
    const std::string profile = GENERATE("6.18", "intended");
    World world = roomy(udp_nic, profile);
    world.hazards.link_cancels = true;
    Bench bench(world);
    auto& s = bench.s;
    prepare(s, first);
    const UbufId n = notif_of(s, first);
    take<io_req_tw_fail_links>(s, first);
    CHECK(s[first].failed);
    post_all(s);
    const bool more = profile == "intended";
    CHECK(s[first].more == more);
    CHECK(read_all(s) == Cqes{more ? "cqe+more 0" : "cqe 0"});
    CHECK((s[buffer].lent == 0) == !more);  // without F_MORE the application takes it back

    take<io_send_zc_cleanup>(s, first);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK(read_all(s) == Cqes{"notif 0"});
}

TEST_CASE("a link cannot be cancelled once the request is under way", "[model]") {
    Bench bench(hazardous(udp_nic, {.link_cancels = true}));
    auto& s = bench.s;
    issue(s, first);
    CHECK_FALSE(can<io_req_tw_fail_links>(s, first));
}

TEST_CASE("a worker's notification cannot precede its CQE", "[model][io-wq]") {
    Bench bench(hazardous(udp_sink, {.io_wq = true}));
    auto& s = bench.s;
    prepare(s, first);
    const UbufId n = notif_of(s, first);
    take<io_wq_submit_work>(s, first);
    CHECK(s[first].worker);
    take<ip_append_data>(s, first);
    const SkbId skb = s[sock].write_queue.front();
    take<ip_send_skb>(s, sock);
    to_device(s, skb);
    take<ifb_xmit>(s, skb);
    take<io_send_zc_success>(s, first);
    CHECK_FALSE(can<io_notif_flush>(s, first));
    CHECK_FALSE(can<io_send_zc_cleanup>(s, first));

    take<io_req_complete_post>(s, first);
    CHECK(s[ring].cq.size() == 1);  // at once, not by way of the completion list
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    take<io_send_zc_cleanup>(s, first);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0", "notif 0"});
}

TEST_CASE("a failed send in a worker keeps its reference until its CQE is filled",
          "[model][io-wq]") {
    Bench bench(hazardous(udp_sink, {.issue_fails = true, .io_wq = true}));
    auto& s = bench.s;
    prepare(s, first);
    take<io_wq_submit_work>(s, first);
    take<io_send_zc_failure>(s, first);
    CHECK_FALSE(can<io_req_complete_post>(s, first));
    CHECK_FALSE(can<io_send_zc_cleanup>(s, first));
    take<io_sendrecv_fail>(s, first);
    CHECK(s[notif_of(s, first)].refs == 1);
    CHECK_FALSE(can<io_send_zc_cleanup>(s, first));
    post_all(s);
    CHECK(can<io_send_zc_cleanup>(s, first));
}

TEST_CASE("a worker that arms a poll hands its request back", "[model][io-wq]") {
    Bench bench(hazardous(tcp_nic, {.again = true, .io_wq = true}));
    auto& s = bench.s;
    prepare(s, first);
    take<io_wq_submit_work>(s, first);
    take<io_arm_poll_handler>(s, first);
    CHECK_FALSE(s[first].worker);
    CHECK_FALSE(can<io_wq_submit_work>(s, first));
    take<io_send_zc_issue>(s, first);
    take<skb_zerocopy_iter_stream>(s, first);
    complete(s, first);
    CHECK(s[first].phase == Phase::completed);
}

TEST_CASE("a retry collects its skbs under the same notification", "[model][retry]") {
    Bench bench(hazardous(tcp_nic, {.again = true}));
    auto& s = bench.s;
    append(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[n].refs == 2);
    take<io_arm_poll_handler>(s, first);
    CHECK(s[n].refs == 2);
    CHECK_FALSE(can<io_notif_flush>(s, first));

    take<io_send_zc_issue>(s, first);
    take<skb_zerocopy_iter_stream>(s, first);
    CHECK(notif_of(s, first) == n);
    CHECK(s[n].refs == 3);
    complete(s, first);
    CHECK(s[n].refs == 2);
    for (int skbs = 0; skbs < 2; ++skbs) {
        CHECK_FALSE(can<io_notif_tw_complete>(s, n));
        through_nic(s, transmit(s));
        take<tcp_clean_rtx_queue>(s, sock);
    }
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("6.1 holds a reference of the call's own while TCP's sendmsg runs", "[model][6.1]") {
    World world = roomy(tcp_nic, "6.1");
    world.hazards = {.issue_fails = true, .again = true};
    Bench bench(world);
    auto& s = bench.s;
    append(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[n].syscall_ref);
    CHECK(s[n].refs == 3);
    SECTION("until it returns with success") {
        take<io_send_zc_success>(s, first);
    }
    SECTION("until it returns with an error") {
        take<io_send_zc_failure>(s, first);
    }
    SECTION("until it waits for room, and again when it is called again") {
        take<io_arm_poll_handler>(s, first);
        CHECK(s[n].refs == 2);
        take<io_send_zc_issue>(s, first);
        CHECK(s[n].refs == 3);
        take<io_arm_poll_handler>(s, first);
    }
    CHECK_FALSE(s[n].syscall_ref);
    CHECK(s[n].refs == 2);
}

TEST_CASE("UDP, and TCP after 6.1, hold no reference for the call", "[model][6.1]") {
    const bool udp = GENERATE(true, false);
    Bench bench(roomy(udp ? udp_nic : tcp_nic, udp ? "6.1" : "6.12"));
    auto& s = bench.s;
    issue(s, first);
    CHECK(s[notif_of(s, first)].refs == 1);
    CHECK_FALSE(s[notif_of(s, first)].syscall_ref);
}

TEST_CASE("a linked notification holds its head, and no shared info of its own", "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    const SkbId skb = append(s, first);
    const UbufId head = notif_of(s, first);
    stack(s, second);
    const UbufId member = notif_of(s, second);
    CHECK(s[head].refs == 3);  // its request, its shinfo, the member
    CHECK(s[member].refs == 1);
    CHECK(s[member].head == head);
    CHECK(s[head].next == member);
    const ShinfoId h = s[skb].shinfo;
    CHECK(s[h].uarg == head);
    CHECK(s[h].frags.contains(first));
    CHECK(s[h].frags.contains(second));
}

TEST_CASE("a member of a chain is released only with its head", "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    append(s, first);
    const UbufId head = notif_of(s, first);
    stack(s, second);
    const UbufId member = notif_of(s, second);
    complete(s, second);
    CHECK(s[member].refs == 0);
    CHECK_FALSE(can<io_notif_tw_complete>(s, member));
    CHECK(s[head].refs == 2);  // the member has given up its hold
    complete(s, first);
    CHECK(s[head].refs == 1);

    through_nic(s, transmit(s));
    CHECK_FALSE(can<io_notif_tw_complete>(s, head));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK_FALSE(can<io_notif_tw_complete>(s, member));
    take<io_notif_tw_complete>(s, head);
    CHECK(s[member].tw == TaskWork::listed);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 1", "cqe+more 0", "notif 0", "notif 1"});
}

TEST_CASE("a member whose request still runs keeps the whole chain waiting", "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    append(s, first);
    stack(s, second);
    const UbufId head = notif_of(s, first);
    complete(s, first);
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(s[head].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, head));
    complete(s, second);
    CHECK(can<io_notif_tw_complete>(s, head));
}

TEST_CASE("a chain's CQEs come head first, then newest to oldest", "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    append(s, first);
    for (const RequestId r : {second, third, fourth}) stack(s, r);
    for (const RequestId r : {first, second, third, fourth}) complete(s, r);
    const UbufId head = notif_of(s, first);
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    take<io_notif_tw_complete>(s, head);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0", "cqe+more 1", "cqe+more 2", "cqe+more 3", "notif 0",
                              "notif 3", "notif 2", "notif 1"});
    CHECK(s[head].alive == false);
}

TEST_CASE("a notification behind a member's own skb comes right after that member",
          "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    append(s, first);
    stack(s, second);
    take<skb_zerocopy_iter_stream>(s, second);  // the rest of its data: a fresh skb
    const UbufId head = notif_of(s, first);
    const UbufId member = notif_of(s, second);
    CHECK(s[member].refs == 2);
    for (const RequestId r : {third, fourth}) stack(s, r);
    for (const RequestId r : {third, fourth}) CHECK(s[notif_of(s, r)].head == head);
    CHECK(s[head].refs == 5);  // its request, its shinfo, three members
    for (const RequestId r : {first, second, third, fourth}) complete(s, r);
    post_all(s);
    read_all(s);

    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(s[head].refs == 1);  // by way of the member, whose own skb is still there
    CHECK(s[member].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, head));
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    take<io_notif_tw_complete>(s, head);
    post_all(s);
    CHECK(read_all(s) == Cqes{"notif 0", "notif 1", "notif 3", "notif 2"});
}

TEST_CASE("before 6.10 nothing is linked: each send gets an skb of its own", "[model][chain]") {
    const std::string profile = GENERATE("6.1", "6.12");
    Bench bench(roomy(tcp_nic, profile));
    auto& s = bench.s;
    append(s, first);
    issue(s, second);
    CHECK(can<io_link_skb>(s, second) == (profile == "6.12"));
    take<skb_zerocopy_iter_stream>(s, second);
    CHECK(s[sock].write_queue.size() == 2);
    CHECK(s[notif_of(s, second)].head == notif_of(s, second));
}

TEST_CASE("notifications of two rings are never linked", "[model][chain]") {
    World world = roomy(tcp_nic);
    world.bounds.rings = 2;
    Bench bench(world);
    auto& s = bench.s;
    append(s, first);
    issue(s, second);
    CHECK_FALSE(s[first].ring == s[second].ring);
    CHECK_FALSE(can<io_link_skb>(s, second));
    issue(s, third);  // on the first one's ring
    CHECK(can<io_link_skb>(s, third));
}

TEST_CASE("a notification that is in a chain is not linked again", "[model][chain]") {
    Bench bench(hazardous(tcp_nic, {.again = true}));
    auto& s = bench.s;
    SECTION("as a member") {
        append(s, first);
        stack(s, second);
        take<io_arm_poll_handler>(s, second);
        take<io_send_zc_issue>(s, second);
        CHECK_FALSE(can<io_link_skb>(s, second));
    }
    SECTION("as a head with members, behind another's skb") {
        append(s, first);
        take<io_arm_poll_handler>(s, first);
        stack(s, second);
        take<skb_zerocopy_iter_stream>(s, second);
        take<io_send_zc_issue>(s, first);
        CHECK_FALSE(can<io_link_skb>(s, first));
        CHECK(can<skb_zerocopy_iter_stream>(s, first));
    }
    SECTION("to itself") {
        append(s, first);
        take<io_arm_poll_handler>(s, first);
        take<io_send_zc_issue>(s, first);
        CHECK_FALSE(can<io_link_skb>(s, first));
    }
}

TEST_CASE("nothing is linked to an skb that has left the write queue", "[model][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    append(s, first);
    transmit(s);
    issue(s, second);
    CHECK_FALSE(can<io_link_skb>(s, second));
}

TEST_CASE("once a CQE has overflowed, all later ones queue behind it", "[model][cq]") {
    World world = roomy(udp_nic);
    world.bounds.cq_entries = 1;
    Bench bench(world);
    auto& s = bench.s;
    for (const RequestId r : {first, second, third}) {
        send_datagram(s, r);
        complete(s, r);
    }
    take<io_submit_flush_completions>(s, ring);
    CHECK(s[ring].cq.size() == 1);
    CHECK_FALSE(can<io_cqring_overflow_flush>(s, ring));
    take<io_submit_flush_completions>(s, ring);
    CHECK(s[ring].cq.size() == 1);
    CHECK(s[ring].overflow.size() == 1);
    CHECK_FALSE(can<io_cqring_overflow_flush>(s, ring));  // no room yet

    take<app_reap>(s, ring);
    take<io_submit_flush_completions>(s, ring);  // there is room, and still it may not overtake
    CHECK(s[ring].cq.empty());
    CHECK(s[ring].overflow.size() == 2);
    take<io_cqring_overflow_flush>(s, ring);
    CHECK(read_all(s) == Cqes{"cqe+more 1"});
    take<io_cqring_overflow_flush>(s, ring);
    CHECK(read_all(s) == Cqes{"cqe+more 2"});
}

TEST_CASE("a request's slot is used again only when both sides are done with it",
          "[model][application]") {
    Bench bench(roomy(udp_nic));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    through_nic(s, skb);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK_FALSE(s[n].alive);
    CHECK(s[first].notified);
    take<app_reap>(s, ring);
    CHECK(s[first].phase == Phase::posted);
    CHECK(s[buffer].written);
    CHECK_FALSE(can<app_submit>(s, buffer, first, sock));

    take<app_reap>(s, ring);
    CHECK(s[first].phase == Phase::idle);
    CHECK_FALSE(s[buffer].written);
    take<app_write>(s, buffer);
    CHECK(can<app_submit>(s, buffer, first, sock));
}

TEST_CASE("the policy says which CQE gives the buffer back", "[model][application]") {
    World world = roomy(udp_nic);
    world.app = GENERATE(App::conforming, App::first_cqe);
    Bench bench(world);
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    complete(s, first);
    post_all(s);
    CHECK_FALSE(can<app_write>(s, buffer));
    take<app_reap>(s, ring);
    const bool early = world.app == App::first_cqe;
    CHECK(can<app_write>(s, buffer) == early);
    if (early) {
        const ShinfoId h = s[skb].shinfo;
        take<app_write>(s, buffer);
        CHECK(s[h].stale);
        CHECK_FALSE(s[h].wrong);  // nobody has read it yet
        to_device(s, skb);
        take<device_dma>(s, skb);
        CHECK(s[h].wrong);
        take<consume_skb>(s, skb);
        take<io_notif_tw_complete>(s, notif_of(s, first));
        post_all(s);
        take<app_reap>(s, ring);  // means nothing to it any more
        CHECK(s[buffer].lent == 0);
        CHECK(s[buffer].written);
    } else {
        through_nic(s, skb);
        take<io_notif_tw_complete>(s, notif_of(s, first));
        post_all(s);
        CHECK_FALSE(can<app_write>(s, buffer));  // posted, but not read
        take<app_reap>(s, ring);
        CHECK(can<app_write>(s, buffer));
    }
}

TEST_CASE("a buffer sent twice is lent until both sends give it back", "[model][application]") {
    Bench bench(hazardous(udp_nic, {.prep_fails = true}));
    auto& s = bench.s;
    submit(s, first);
    submit(s, second);
    CHECK(s[buffer].lent == 2);
    take<io_send_zc_prep_early_failure>(s, first);
    post_all(s);
    read_all(s);
    CHECK(s[buffer].lent == 1);
    CHECK_FALSE(can<app_write>(s, buffer));
    take<io_send_zc_prep_early_failure>(s, second);
    post_all(s);
    read_all(s);
    CHECK(can<app_write>(s, buffer));
}

TEST_CASE("a write before the data is attached goes out with it", "[model][application]") {
    World world = roomy(udp_nic);
    world.app = App::first_cqe;
    world.hazards.prep_fails = true;
    Bench bench(world);
    auto& s = bench.s;
    submit(s, first);
    submit(s, second, BufferId{1});
    // The application gives the first buffer back by itself, as a misuse of another kind would.
    s[buffer].lent = 0;
    s[buffer].written = false;
    take<app_write>(s, buffer);
    CHECK(s[first].stale);
    CHECK_FALSE(s[second].stale);
    take<io_send_zc_prep>(s, first);
    take<io_send_zc_issue>(s, first);
    take<ip_append_data>(s, first);
    CHECK(s[s[SkbId{s[sock].write_queue.front()}].shinfo].stale);
}
