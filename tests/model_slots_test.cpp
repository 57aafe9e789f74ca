// The designs before and beside per-request notifications: tx contexts and slots, whose
// notifications cover many sends, and AF_XDP, whose frames come back by a ring.
#include <catch2/catch.hpp>

#include "model/kernel_scenarios.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr SlotId slot{0};

World slotted(const SockConfig& config, const std::string& profile, std::vector<Api> apis) {
    World world = roomy(config, profile);
    world.apis = std::move(apis);
    world.bounds.slots = 1;
    return world;
}

World slots_of(const SockConfig& config) {
    return slotted(config, "6.0-rc", {Api::notif_slot, Api::notif_slot_flush});
}

World tx_ctx(const std::string& profile = "rfc-v1") {
    return slotted(udp_sink, profile, {Api::tx_ctx, Api::tx_ctx_flush});
}

// A datagram built and handed down by a send that is about to return.
SkbId sending(FixedStore& s, RequestId r) {
    submit(s, r);
    take<kernel::io_sendzc>(s, r);
    take<kernel::ip_append_data>(s, r);
    const SkbId skb = s[sock].write_queue.back();
    take<kernel::ip_send_skb>(s, sock);
    return skb;
}

SkbId sent(FixedStore& s, RequestId r) {
    const SkbId skb = sending(s, r);
    take<kernel::io_sendzc_success>(s, r);
    return skb;
}

void thrown_away(FixedStore& s, SkbId skb) {
    to_device(s, skb);
    take<kernel::ifb_xmit>(s, skb);
}

}  // namespace

TEST_CASE("every call that a scenario goes through has a name", "[model]") {
    for (const KernelScenario& row : kernel_scenario_table())
        for (const Api api : row.world.apis) {
            CAPTURE(row.name);
            CHECK_FALSE(name_of(api).empty());
        }
}

TEST_CASE("a slot is opened by its first send and shared by the next", "[model][slots]") {
    Bench bench(slots_of(udp_nic));
    FixedStore& s = bench.s;
    CHECK(s[slot].active == none<UbufId>);
    sent(s, first);
    const UbufId open = s[slot].active;
    REQUIRE(open != none<UbufId>);
    CHECK(s[open].refs == 2);  // the slot and the skb; the request has none of its own
    sent(s, third);
    CHECK(s[slot].active == open);
    CHECK(s[third].ubuf == open);
    CHECK(s[open].refs == 3);
    CHECK(s[slot].seq == 1);
}

TEST_CASE("a generation that was not flushed never completes", "[model][slots]") {
    Bench bench(slots_of(udp_sink));
    FixedStore& s = bench.s;
    thrown_away(s, sent(s, first));
    const UbufId open = s[slot].active;
    CHECK(s[open].refs == 1);
    CHECK_FALSE(can<kernel::io_notif_complete_tw>(s, open));
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe 0"});
    take<kernel::io_notif_update>(s, slot);
    CHECK(can<kernel::io_notif_complete_tw>(s, open));
}

TEST_CASE("a send that asks for it flushes when it succeeds, and its notification covers all",
          "[model][slots]") {
    Bench bench(slots_of(udp_sink));
    FixedStore& s = bench.s;
    const SkbId one = sent(s, first);
    const SkbId two = sending(s, second);
    const UbufId open = s[slot].active;
    take<kernel::io_sendzc_success>(s, second);
    CHECK(s[slot].active == none<UbufId>);
    CHECK(s[open].refs == 2);
    thrown_away(s, two);
    CHECK_FALSE(can<kernel::io_notif_complete_tw>(s, open));
    thrown_away(s, one);
    take<kernel::io_notif_complete_tw>(s, open);
    post_all(s);
    CHECK(s[first].notified);
    CHECK(s[second].notified);
    CHECK(s[ring].cq.size() == 3);
    CHECK(s[ring].cq.back().slot == slot);
    CHECK(s[ring].cq.back().seq == 0);
}

TEST_CASE("a send that failed does not flush", "[model][slots]") {
    World world = slots_of(udp_sink);
    world.hazards.issue_fails = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    sending(s, second);
    const UbufId open = s[slot].active;
    take<kernel::io_sendzc_failure>(s, second);
    CHECK(s[slot].active == open);
    CHECK(s[open].owner_ref);
    sent(s, first);
    CHECK(s[first].ubuf == open);
}

TEST_CASE("a flush of a slot to which nothing was sent uses up no number", "[model][slots]") {
    World world = slots_of(udp_sink);
    world.app = App::counts_flushes;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    thrown_away(s, sent(s, first));
    post_all(s);
    take<world::app_reap>(s, ring);
    take<kernel::io_notif_update>(s, slot);
    CHECK(s[slot].seq == 1);
    take<kernel::io_notif_update>(s, slot);
    CHECK(s[slot].seq == 1);
    CHECK(s[slot].app_seq == 2);  // and an application that thinks otherwise is wrong from here on
}

TEST_CASE("while a send runs nobody else sends to the ring's slots or flushes them",
          "[model][slots]") {
    World world = slots_of(udp_sink);
    world.hazards.unregisters = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    submit(s, first);
    submit(s, third);
    take<kernel::io_sendzc>(s, first);
    CHECK_FALSE(can<kernel::io_sendzc>(s, third));
    CHECK_FALSE(can<kernel::io_notif_unregister>(s, ring));
    CHECK_FALSE(can<kernel::io_notif_update>(s, slot));
}

TEST_CASE("EAGAIN takes a send out of the generation", "[model][slots]") {
    World world = slots_of(tcp_nic);
    world.hazards.again = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    submit(s, first);
    take<kernel::io_sendzc>(s, first);
    const UbufId open = s[slot].active;
    CHECK(s[open].refs == 2);  // and tcp_sendmsg_locked()'s own
    take<kernel::io_sendzc_again>(s, first);
    CHECK(s[first].ubuf == none<UbufId>);
    CHECK(s[open].refs == 1);
    submit(s, second);
    take<kernel::io_sendzc>(s, second);
    take<kernel::skb_zerocopy_iter_stream>(s, second);
    take<kernel::io_sendzc_success>(s, second);
    take<kernel::io_sendzc>(s, first);
    CHECK_FALSE(UbufId{s[first].ubuf} == open);
    CHECK(s[first].seq == 1);
}

TEST_CASE("unregistering flushes what is open, and sends are refused from then on",
          "[model][slots]") {
    World world = slots_of(udp_sink);
    world.hazards.unregisters = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    const SkbId skb = sent(s, first);
    const UbufId open = s[slot].active;
    take<kernel::io_notif_unregister>(s, ring);
    thrown_away(s, skb);
    CHECK(can<kernel::io_notif_complete_tw>(s, open));
    submit(s, third);
    CHECK_FALSE(can<kernel::io_sendzc>(s, third));
    take<kernel::io_sendzc_refused>(s, third);
    CHECK(s[third].failed);
}

TEST_CASE("notifiers of the first series go to the locked list and come back in a batch",
          "[model][slots]") {
    Bench bench(tx_ctx());
    FixedStore& s = bench.s;
    const auto one_generation = [&](RequestId r) {
        const SkbId skb = sent(s, r);
        const UbufId u = s[r].ubuf;
        thrown_away(s, skb);
        take<kernel::io_zc_tx_work_callback>(s, u);
        return u;
    };
    const UbufId one = one_generation(second);
    CHECK(s[one].cached);
    CHECK(s[one].refs == 0);
    REQUIRE(s[ring].ubuf_list_locked.size() == 1);
    // One is not worth taking the lock: the next generation gets a new one.
    const UbufId two = one_generation(fourth);
    CHECK_FALSE(one == two);
    REQUIRE(s[ring].ubuf_list_locked.size() == 2);
    post_all(s);
    (void)read_all(s);
    submit(s, first);
    take<kernel::io_sendzc>(s, first);
    CHECK(s[slot].active == one);
    CHECK_FALSE(s[one].cached);
    CHECK(s[ring].ubuf_list_locked.empty());
    CHECK(s[ring].ubuf_list.size() == 1);
}

TEST_CASE("in the first series a notification may come before its request's CQE",
          "[model][slots]") {
    Bench bench(tx_ctx());
    FixedStore& s = bench.s;
    thrown_away(s, sending(s, second));
    take<kernel::io_sendzc_success>(s, second);
    REQUIRE(s[ring].cq.size() == 1);
    CHECK(s[ring].cq.front().slot == slot);
    CHECK(s[ring].compl_reqs.size() == 1);
    take<world::app_reap>(s, ring);
    CHECK(s[buffer].lent == 0);
    CHECK_FALSE(s[second].phase == Phase::idle);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe 1"});
    CHECK(s[second].phase == Phase::idle);
    CHECK_FALSE(s[slot].miscounted);
}

TEST_CASE("the slot after the last is refused, unless the check lets it pass as slot 0",
          "[model][slots]") {
    const std::string profile = GENERATE("rfc-v1", "B28a");
    World world = tx_ctx(profile);
    world.hazards.slot_out_of_range = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    submit(s, first);
    take<kernel::io_sendzc_prep>(s, first);
    const bool refused = s[first].failed;
    CHECK(refused == (profile == "rfc-v1"));
    CHECK(can<kernel::io_sendzc>(s, first) != refused);
    if (refused) {
        post_all(s);
        CHECK(read_all(s) == Cqes{"cqe 0"});
        CHECK(s[buffer].lent == 0);
    } else {
        take<kernel::io_sendzc>(s, first);
        CHECK(s[s[first].ubuf].slot == slot);
    }
}

TEST_CASE("a ring that quiesces waits for open generations that hold it", "[model][slots]") {
    const std::string profile = GENERATE("rfc-v1", "B28b");
    World world = tx_ctx(profile);
    world.hazards.quiesces = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    sent(s, first);
    take<kernel::io_ctx_quiesce>(s, ring);
    CHECK_FALSE(can<world::app_submit>(s, buffer, second, sock));
    CHECK(can<kernel::io_ring_ctx_ref_free>(s, ring) == (profile == "rfc-v1"));
}

TEST_CASE("a worker is refused a slot in 6.0-rc and has its own CQE posted in the first series",
          "[model][slots]") {
    const std::string profile = GENERATE("rfc-v1", "6.0-rc");
    World world = tx_ctx(profile);
    world.hazards.io_wq = true;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    submit(s, first);
    if (profile == "6.0-rc") {
        take<kernel::io_sendzc_refused>(s, first);
        CHECK(s[slot].active == none<UbufId>);
        return;
    }
    CHECK_FALSE(can<kernel::io_sendzc_refused>(s, first));
    take<kernel::io_sendzc_worker>(s, first);
    take<kernel::ip_append_data>(s, first);
    take<kernel::ip_send_skb>(s, sock);
    take<kernel::io_sendzc_success>(s, first);
    CHECK(s[ring].compl_reqs.empty());
    CHECK(s[ring].cq.size() == 1);
}

TEST_CASE("a plain send leaves nothing that refers to the buffer", "[model][copy]") {
    const SockConfig config = GENERATE(udp_nic, tcp_nic);
    World world = roomy(config);
    world.apis = {Api::send};
    world.app = App::first_cqe;
    Bench bench(std::move(world));
    FixedStore& s = bench.s;
    submit(s, first);
    take<kernel::io_send>(s, first);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe 0"});
    take<world::app_write>(s, buffer);
    s.for_each<ShinfoId>([&](ShinfoId h) {
        CHECK_FALSE(s[h].stale);
        CHECK(s[h].uarg == none<UbufId>);
    });
    CHECK(s[first].phase == Phase::idle);
}

namespace {

World frames(const SockConfig& config, const std::string& profile = "6.18") {
    World world = roomy(config, profile);
    world.apis = {Api::af_xdp};
    return world;
}

void fill(FixedStore& s, BufferId b, RequestId r) {
    take<world::app_write>(s, b);
    take<world::app_fill_tx_ring>(s, b, r, sock);
}

constexpr BufferId other{1};

}  // namespace

TEST_CASE("a frame comes back when its packet is done, or the one before it used to",
          "[model][xdp]") {
    const std::string profile = GENERATE("6.12", "6.18");
    Bench bench(frames({.dma = true, .xsk_no_linear = true}, profile));
    FixedStore& s = bench.s;
    fill(s, buffer, first);
    fill(s, other, second);
    take<kernel::xsk_generic_xmit>(s, sock);
    take<kernel::xsk_generic_xmit>(s, sock);
    CHECK_FALSE(can<world::app_reap_frame>(s, sock));
    const SkbId later{1};
    REQUIRE(s[later].desc == second);
    take<world::device_dma>(s, later);
    take<kernel::consume_skb>(s, later);
    take<world::app_reap_frame>(s, sock);
    const bool its_own = s[other].lent == 0;
    CHECK(its_own == (profile == "6.18"));
    CHECK(s[buffer].lent == (its_own ? 1 : 0));
}

TEST_CASE("a driver gives frames back in order, whichever it has read first", "[model][xdp]") {
    Bench bench(frames({.xsk_zero_copy = true}));
    FixedStore& s = bench.s;
    fill(s, buffer, first);
    fill(s, other, second);
    CHECK_FALSE(can<kernel::xsk_generic_xmit>(s, sock));
    take<kernel::xsk_tx_peek_desc>(s, sock);
    take<kernel::xsk_tx_peek_desc>(s, sock);
    take<world::xsk_device_dma>(s, SkbId{1});
    CHECK_FALSE(can<kernel::xsk_tx_completed>(s, sock));
    take<world::xsk_device_dma>(s, SkbId{0});
    take<kernel::xsk_tx_completed>(s, sock);
    take<world::app_reap_frame>(s, sock);
    CHECK(s[buffer].lent == 0);
    CHECK(s[other].lent == 1);
    take<kernel::xsk_tx_completed>(s, sock);
    take<world::app_reap_frame>(s, sock);
    CHECK(s[other].lent == 0);
    CHECK(s[sock].completion_ring.empty());
}

TEST_CASE("a frame that was copied into an skb is not read again", "[model][xdp]") {
    Bench bench(frames({.dma = true}));
    FixedStore& s = bench.s;
    fill(s, buffer, first);
    take<kernel::xsk_generic_xmit>(s, sock);
    CHECK(s[ShinfoId{0}].pages.empty());
    take<world::device_dma>(s, SkbId{0});
    take<kernel::consume_skb>(s, SkbId{0});
    take<world::app_reap_frame>(s, sock);
    CHECK(s[first].phase == Phase::idle);
}
