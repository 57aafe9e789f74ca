// The network side of the model: which skbs share what, who copies, and whose references go when.
#include <catch2/catch.hpp>

#include "model/kernel_system.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

TEST_CASE("a clone shares the reference: both it and the original must go", "[model][skb]") {
    Bench bench(hazardous(tcp_nic, {.drops = true, .resets = true}));
    auto& s = bench.s;
    const SkbId original = append(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    const SkbId clone = transmit(s);
    const ShinfoId h = s[original].shinfo;
    CHECK(s[clone].shinfo == h);
    CHECK(s[h].dataref == 2);
    CHECK(s[n].refs == 1);
    CHECK(s[original].loc == Loc::rtx_queue);
    SECTION("the clone first") {
        through_nic(s, clone);
        CHECK(s[h].dataref == 1);
        CHECK_FALSE(can<io_notif_tw_complete>(s, n));
        take<tcp_clean_rtx_queue>(s, sock);
    }
    SECTION("the original first, when the connection is reset") {
        to_device(s, clone);
        take<tcp_write_queue_purge>(s, sock);
        CHECK(s[h].dataref == 1);
        CHECK_FALSE(can<io_notif_tw_complete>(s, n));
        take<device_dma>(s, clone);
        take<consume_skb>(s, clone);
    }
    CHECK_FALSE(s[h].alive);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("nothing is acknowledged that did not arrive", "[model][tcp]") {
    Bench bench(hazardous(tcp_nic, {.drops = true, .retransmits = true}));
    auto& s = bench.s;
    append(s, first);
    append(s, second);
    complete(s, first);
    complete(s, second);
    SkbId clone = transmit(s);
    CHECK_FALSE(can<tcp_clean_rtx_queue>(s, sock));
    take<kfree_skb_reason>(s, clone);
    CHECK_FALSE(can<tcp_clean_rtx_queue>(s, sock));
    through_nic(s, transmit(s));
    CHECK_FALSE(can<tcp_clean_rtx_queue>(s, sock));  // the second arrived, ACKs are cumulative

    take<tcp_retransmit_skb>(s, s[sock].rtx_queue.front());
    through_nic(s, only_at(s, Loc::build));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(can<io_notif_tw_complete>(s, notif_of(s, first)));
    CHECK_FALSE(can<io_notif_tw_complete>(s, notif_of(s, second)));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(can<io_notif_tw_complete>(s, notif_of(s, second)));
}

TEST_CASE("nothing is retransmitted while a clone is in this host's queues", "[model][tcp]") {
    Bench bench(hazardous(tcp_nic, {.retransmits = true}));
    auto& s = bench.s;
    const SkbId original = append(s, first);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, original));  // not sent at all yet
    const SkbId clone = transmit(s);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, original));
    to_device(s, clone);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, original));
    take<device_dma>(s, clone);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, original));
    take<consume_skb>(s, clone);
    CHECK(can<tcp_retransmit_skb>(s, original));
    take<tcp_retransmit_skb>(s, original);
    CHECK(s[s[original].shinfo].dataref == 2);
    CHECK_FALSE(can<tcp_retransmit_skb>(s, original));
}

TEST_CASE("the rest of a split skb follows it in the queue and holds the buffer", "[model][tcp]") {
    Bench bench(roomy({.transport = Transport::tcp, .dma = true, .splits = true}));
    auto& s = bench.s;
    const SkbId part = append(s, first);
    const SkbId other = append(s, second);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    complete(s, second);
    const bool sent = GENERATE(false, true);  // splits before it is sent, or to send it again
    SkbId clone = none<SkbId>;
    if (sent) {
        clone = transmit(s);
        to_device(s, clone);
    }
    take<tcp_fragment>(s, part);
    auto& queue = sent ? s[sock].rtx_queue : s[sock].write_queue;
    CHECK(queue.front() == part);
    const SkbId rest = queue[1];
    CHECK(queue.size() == (sent ? 2 : 3));
    CHECK(s[sock].write_queue.back() == other);
    CHECK(s[rest].loc == s[part].loc);
    CHECK_FALSE(s[rest].shinfo == s[part].shinfo);
    CHECK(s[s[rest].shinfo].dataref == 1);
    CHECK(s[s[rest].shinfo].frags.contains(first));
    CHECK(s[n].refs == 2);
    if (sent) {
        take<device_dma>(s, clone);
        take<consume_skb>(s, clone);
    } else {
        through_nic(s, transmit(s));
        CHECK_FALSE(can<tcp_fragment>(s, clone = transmit(s)));  // not what the device has
        through_nic(s, clone);
    }
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("an skb that the device refuses stays at the front of the write queue", "[model][tcp]") {
    Bench bench(hazardous(tcp_nic, {.drops = true, .refusals = true}));
    auto& s = bench.s;
    const SkbId skb = append(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    take<tcp_transmit_skb_refused>(s, sock);
    CHECK(s[sock].write_queue.front() == skb);
    CHECK(s[sock].rtx_queue.empty());
    CHECK_FALSE(can<tcp_transmit_skb_refused>(s, sock));  // the first clone is still there
    issue(s, second);
    CHECK(can<io_link_skb>(s, second));  // more data may still be appended
    take<kfree_skb_reason>(s, only_at(s, Loc::build));
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    CHECK_FALSE(can<tcp_clean_rtx_queue>(s, sock));
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("a reset frees both queues, and what the device has stays", "[model][tcp]") {
    Bench bench(hazardous(tcp_nic, {.resets = true}));
    auto& s = bench.s;
    append(s, first);
    complete(s, first);
    const SkbId clone = transmit(s);
    append(s, second);
    complete(s, second);
    issue(s, third);
    submit(s, fourth);
    take<tcp_write_queue_purge>(s, sock);
    CHECK(s[sock].write_queue.empty());
    CHECK(s[sock].rtx_queue.empty());
    CHECK(s[clone].alive);
    CHECK(can<io_notif_tw_complete>(s, notif_of(s, second)));
    CHECK_FALSE(can<io_notif_tw_complete>(s, notif_of(s, first)));
    through_nic(s, clone);
    CHECK(can<io_notif_tw_complete>(s, notif_of(s, first)));

    CHECK_FALSE(can<tcp_write_queue_purge>(s, sock));  // it is dead already
    CHECK_FALSE(can<skb_zerocopy_iter_stream>(s, third));
    take<io_send_zc_failure>(s, third);
    CHECK_FALSE(can<app_submit>(s, buffer, RequestId{3}, sock));
}

TEST_CASE("a purge releases a chain that was never sent, head first", "[model][tcp][chain]") {
    Bench bench(hazardous(tcp_nic, {.resets = true}));
    auto& s = bench.s;
    append(s, first);
    stack(s, second);
    stack(s, third);
    for (const RequestId r : {first, second, third}) complete(s, r);
    post_all(s);
    read_all(s);
    take<tcp_write_queue_purge>(s, sock);
    take<io_notif_tw_complete>(s, notif_of(s, first));
    post_all(s);
    CHECK(read_all(s) == Cqes{"notif 0", "notif 2", "notif 1"});
}

TEST_CASE("an skb with clones is copied on receive only after it got data of its own",
          "[model][receive]") {
    Bench bench(roomy(tcp_loopback));
    auto& s = bench.s;
    const SkbId original = append(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    const SkbId clone = transmit(s);
    const ShinfoId shared = s[original].shinfo;
    to_device(s, clone);
    take<netif_receive_skb_core>(s, clone);
    CHECK_FALSE(can<skb_copy_ubufs>(s, clone));

    take<pskb_expand_head>(s, clone);
    const ShinfoId copy = s[clone].shinfo;
    CHECK_FALSE(copy == shared);
    CHECK(s[shared].dataref == 1);
    CHECK(s[copy].dataref == 1);
    CHECK(s[n].refs == 2);  // one for each
    CHECK_FALSE(can<pskb_expand_head>(s, clone));

    take<skb_copy_ubufs>(s, clone);
    CHECK(s[n].refs == 1);  // the copy's reference, and only that one
    CHECK(s[n].zc_copied);
    CHECK(s[copy].uarg == none<UbufId>);
    CHECK(s[copy].frags.empty());
    CHECK(s[copy].pages.empty());
    CHECK(s[shared].uarg == n);
    CHECK(s[shared].frags.contains(first));
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    take<consume_skb>(s, clone);
    CHECK(s[n].refs == 1);  // what was copied holds nothing
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("an skb that shares nothing is copied on receive as it is", "[model][receive]") {
    Bench bench(roomy(udp_loopback));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    to_device(s, skb);
    CHECK_FALSE(can<skb_copy_ubufs>(s, skb));  // only on the receiving side
    take<netif_receive_skb_core>(s, skb);
    CHECK_FALSE(can<pskb_expand_head>(s, skb));
    CHECK_FALSE(can<consume_skb>(s, skb));  // nobody may read the live pages
    take<skb_copy_ubufs>(s, skb);
    CHECK(can<io_notif_tw_complete>(s, n));  // the copy was the last that needed the buffer
    CHECK(s[skb].alive);
    take<consume_skb>(s, skb);
}

TEST_CASE("what was copied on receive no longer cares for the buffer", "[model][receive]") {
    World world = roomy(udp_loopback);
    world.app = App::first_cqe;
    Bench bench(world);
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const ShinfoId h = s[skb].shinfo;
    complete(s, first);
    post_all(s);
    read_all(s);
    to_device(s, skb);
    take<netif_receive_skb_core>(s, skb);
    SECTION("a write before the copy is in the copy") {
        take<app_write>(s, buffer);
        take<skb_copy_ubufs>(s, skb);
        CHECK(s[h].wrong);
        CHECK_FALSE(s[h].stale);
    }
    SECTION("a write after it is not") {
        take<skb_copy_ubufs>(s, skb);
        take<app_write>(s, buffer);
        CHECK_FALSE(s[h].wrong);
        CHECK_FALSE(s[h].stale);
    }
}

TEST_CASE("every segment holds the buffer, and so does the large skb until it is consumed",
          "[model][segment]") {
    Bench bench(roomy({.transport = Transport::udp, .dma = true, .segments = true}));
    auto& s = bench.s;
    const SkbId large = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    CHECK_FALSE(can<skb_segment>(s, large));  // on the way out, not before
    take<dev_queue_xmit>(s, large);
    take<skb_segment>(s, large);
    const SkbId one = only_at(s, Loc::qdisc);
    CHECK(s[n].refs == 2);
    CHECK_FALSE(s[one].shinfo == s[large].shinfo);
    CHECK(s[s[one].shinfo].frags.contains(first));
    CHECK(s[s[one].shinfo].pages.contains(buffer));
    CHECK_FALSE(s[s[one].shinfo].arrived);
    take<dev_hard_start_xmit>(s, one);

    take<skb_segment>(s, large);
    const SkbId two = only_at(s, Loc::qdisc);
    CHECK(s[n].refs == 3);
    take<consume_skb>(s, large);
    CHECK(s[n].refs == 2);
    take<device_dma>(s, one);
    take<consume_skb>(s, one);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    take<dev_hard_start_xmit>(s, two);
    take<device_dma>(s, two);
    take<consume_skb>(s, two);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("without scatter-gather segments are copies, and the large skb's end lets go",
          "[model][segment]") {
    World world = roomy({.transport = Transport::tcp, .dma = true, .linear = true});
    world.reports_usage = true;
    Bench bench(world);
    auto& s = bench.s;
    const SkbId original = append(s, first);
    const ShinfoId h = s[original].shinfo;
    const UbufId n = notif_of(s, first);
    complete(s, first);
    take<tcp_write_xmit>(s, sock);
    const SkbId clone = only_at(s, Loc::build);
    take<dev_queue_xmit>(s, clone);
    CHECK_FALSE(can<skb_segment>(s, clone));
    CHECK_FALSE(can<tcp_clean_rtx_queue>(s, sock));
    take<skb_segment_linear>(s, clone);
    CHECK_FALSE(can<skb_segment_linear>(s, clone));
    CHECK(s[n].refs == 1);  // the original's alone, before and after
    CHECK(s[first].copied);
    take<consume_skb>(s, clone);
    CHECK(s[n].refs == 1);
    CHECK(s[h].arrived);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(can<io_notif_tw_complete>(s, n));
    CHECK_FALSE(s[n].zc_copied);  // nobody tells the ubuf
}

TEST_CASE("a tap gets a clone, which is copied while the original goes out uncopied",
          "[model][tap]") {
    Bench bench(roomy({.transport = Transport::udp, .dma = true, .tapped = true}));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    CHECK_FALSE(can<dev_queue_xmit_nit>(s, skb));
    take<dev_queue_xmit>(s, skb);
    take<dev_queue_xmit_nit>(s, skb);
    const SkbId seen = only_at(s, Loc::rx);
    CHECK(s[seen].shinfo == s[skb].shinfo);
    CHECK(s[n].refs == 1);
    take<pskb_expand_head>(s, seen);
    take<skb_copy_ubufs>(s, seen);
    take<consume_skb>(s, seen);
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));

    take<dev_hard_start_xmit>(s, skb);
    take<device_dma>(s, skb);
    take<consume_skb>(s, skb);
    CHECK(can<io_notif_tw_complete>(s, n));
    CHECK(s[n].zc_copied);  // although the wire's data was not
    CHECK(s[n].zc_used);
}

TEST_CASE("a redirected skb is gone, and its clone still holds the sender's pages",
          "[model][mirred]") {
    World world = roomy({.transport = Transport::udp, .dma = true, .mirrors = true});
    world.hazards.drops = true;
    Bench bench(world);
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    CHECK_FALSE(can<tcf_mirred_to_dev>(s, skb));
    take<dev_queue_xmit>(s, skb);
    take<tcf_mirred_to_dev>(s, skb);
    const SkbId clone = only_at(s, Loc::build);
    CHECK(s[clone].shinfo == s[skb].shinfo);
    take<kfree_skb_reason>(s, skb);
    CHECK(s[n].refs == 1);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));

    to_device(s, clone);
    take<device_dma>(s, clone);
    take<consume_skb>(s, clone);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("a forwarded skb still holds the sender's pages", "[model][forward]") {
    Bench bench(roomy({.transport = Transport::udp, .receives = true, .forwards = true}));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    complete(s, first);
    to_device(s, skb);
    if (GENERATE(true, false)) take<netif_receive_skb_core>(s, skb);
    take<dev_forward_skb>(s, skb);
    CHECK(s[skb].loc == Loc::build);
    CHECK(s[n].refs == 1);
    to_device(s, skb);
    take<netif_receive_skb_core>(s, skb);
    take<skb_copy_ubufs>(s, skb);
    CHECK(can<io_notif_tw_complete>(s, n));
}

TEST_CASE("a dropped packet counts as zero copy, a copied one as copied", "[model][usage]") {
    Bench bench(hazardous(udp_loopback, {.drops = true}));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const UbufId n = notif_of(s, first);
    to_device(s, skb);
    take<netif_receive_skb_core>(s, skb);
    const bool dropped = GENERATE(true, false);
    if (dropped)
        take<kfree_skb_reason>(s, skb);
    else
        take<skb_copy_ubufs>(s, skb);
    CHECK(s[n].zc_used == dropped);
    CHECK(s[n].zc_copied == !dropped);
    complete(s, first);
    CHECK(s[n].zc_used == dropped);  // the issuer's own put is no use
}

TEST_CASE("only the head of a chain learns how its skb fared", "[model][usage][chain]") {
    Bench bench(roomy(tcp_nic));
    auto& s = bench.s;
    acknowledge_both(s);
    CHECK(s[notif_of(s, first)].zc_used);
    CHECK_FALSE(s[notif_of(s, second)].zc_used);
}

TEST_CASE("packets take only the paths that their device has", "[model][device]") {
    for (const SockConfig& config : {udp_nic, udp_sink, udp_loopback}) {
        Bench bench(roomy(config));
        auto& s = bench.s;
        const SkbId skb = send_datagram(s, first);
        take<dev_queue_xmit>(s, skb);
        CHECK_FALSE(can<dev_queue_xmit_nit>(s, skb));
        CHECK_FALSE(can<skb_segment>(s, skb));
        CHECK_FALSE(can<kfree_skb_reason>(s, skb));
        CHECK_FALSE(can<device_dma>(s, skb));
        take<dev_hard_start_xmit>(s, skb);
        CHECK(can<device_dma>(s, skb) == config.dma);
        CHECK(can<ifb_xmit>(s, skb) == config.sink);
        CHECK(can<netif_receive_skb_core>(s, skb) == config.receives);
        CHECK_FALSE(can<dev_forward_skb>(s, skb));
        CHECK_FALSE(can<consume_skb>(s, skb));
    }
}

TEST_CASE("a device reads once and gives the skb back after that", "[model][device]") {
    Bench bench(roomy(udp_nic));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    const ShinfoId h = s[skb].shinfo;
    to_device(s, skb);
    CHECK_FALSE(s[h].arrived);
    take<device_dma>(s, skb);
    CHECK(s[h].arrived);
    CHECK_FALSE(can<device_dma>(s, skb));
    CHECK(can<consume_skb>(s, skb));
}

TEST_CASE("data copied in sendmsg never touches the ubuf, and the notification comes",
          "[model][copied]") {
    const bool tcp = GENERATE(false, true);
    Bench bench(roomy(
        {.transport = tcp ? Transport::tcp : Transport::udp, .dma = true, .copies_at_send = true}));
    auto& s = bench.s;
    issue(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(can<tcp_sendmsg_copy>(s, first) == tcp);
    CHECK(can<ip_append_data_copy>(s, first) == !tcp);
    if (tcp)
        take<tcp_sendmsg_copy>(s, first);
    else
        take<ip_append_data_copy>(s, first);
    CHECK(s[n].refs == 1);
    CHECK(s[sock].write_queue.empty());
    complete(s, first);
    CHECK_FALSE(s[n].zc_used);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0", "notif 0"});
}

TEST_CASE("no send returns while its datagram is half built", "[model][udp]") {
    Bench bench(hazardous(udp_nic, {.issue_fails = true}));
    auto& s = bench.s;
    issue(s, first);
    take<ip_append_data>(s, first);
    const UbufId n = notif_of(s, first);
    CHECK_FALSE(can<ip_append_data>(s, first));  // a datagram is one skb
    CHECK_FALSE(can<io_send_zc_success>(s, first));
    CHECK_FALSE(can<io_send_zc_failure>(s, first));
    SECTION("it is thrown away when building fails, and the buffer with it") {
        take<ip_flush_pending_frames>(s, sock);
        CHECK(s[n].refs == 1);
        take<io_send_zc_failure>(s, first);
        take<io_sendrecv_fail>(s, first);
        CHECK(s[n].refs == 1);  // until the cleanup
        post_all(s);
        take<io_send_zc_cleanup>(s, first);
        CHECK(can<io_notif_tw_complete>(s, n));
    }
    SECTION("an error after it was sent leaves it to the device") {
        const SkbId skb = s[sock].write_queue.front();
        take<ip_send_skb>(s, sock);
        CHECK_FALSE(can<ip_flush_pending_frames>(s, sock));
        take<io_send_zc_failure>(s, first);
        take<io_sendrecv_fail>(s, first);
        post_all(s);
        take<io_send_zc_cleanup>(s, first);
        CHECK_FALSE(can<io_notif_tw_complete>(s, n));
        through_nic(s, skb);
        CHECK(can<io_notif_tw_complete>(s, n));
    }
}

TEST_CASE("each transport uses its own way of attaching", "[model][udp][tcp]") {
    const bool tcp = GENERATE(false, true);
    Bench bench(hazardous(tcp ? tcp_nic : udp_nic, {.again = true, .resets = true}));
    auto& s = bench.s;
    issue(s, first);
    CHECK(can<ip_append_data>(s, first) == !tcp);
    CHECK(can<skb_zerocopy_iter_stream>(s, first) == tcp);
    CHECK(can<io_arm_poll_handler>(s, first) == tcp);
    CHECK(can<tcp_write_queue_purge>(s, sock) == tcp);
    CHECK_FALSE(can<io_link_skb>(s, first));  // there is nothing at the tail
    CHECK_FALSE(can<tcp_sendmsg_copy>(s, first));
    CHECK_FALSE(can<ip_append_data_copy>(s, first));
}

TEST_CASE("a freed object leaves nothing behind in its slot", "[model][store]") {
    Bench bench(roomy(tcp_loopback));
    auto& s = bench.s;
    append(s, first);
    stack(s, second);
    const UbufId head = notif_of(s, first);
    complete(s, first);
    complete(s, second);
    const SkbId clone = transmit(s);
    to_device(s, clone);
    take<netif_receive_skb_core>(s, clone);
    take<pskb_expand_head>(s, clone);
    take<skb_copy_ubufs>(s, clone);
    take<consume_skb>(s, clone);
    take<tcp_clean_rtx_queue>(s, sock);
    take<io_notif_tw_complete>(s, head);
    post_all(s);
    read_all(s);
    const KernelSystem system(bench.world);
    std::vector<std::uint64_t> now(system.words()), start(system.words());
    system.pack(s, now.data());
    system.pack(system.initial(), start.data());
    CHECK(now == start);
}
