// Registered buffers and what holds them, processes and rings that end, and what is charged: who
// waits for whom, and who does not.
#include <catch2/catch.hpp>

#include "tests/any_kernel.hpp"
#include "tests/naive.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

namespace {

constexpr BufferId other_buffer{1};

World fixed_world(const std::string& profile, const Hazards& hazards) {
    World world = roomy(udp_nic, profile);
    world.apis = {Api::send_zc_fixed, Api::send_zc};
    world.hazards = hazards;
    return world;
}

// A datagram from registered memory is on its way, and its request is done.
template <class S>
SkbId send_registered(S& s, RequestId r, BufferId b = buffer) {
    if (can<io_sqe_buffers_register>(s, ring)) take<io_sqe_buffers_register>(s, ring);
    const SkbId skb = send_datagram(s, r, b);
    complete(s, r);
    post_all(s);
    return skb;
}

template <class S>
void recycle(S& s, SkbId skb, UbufId n) {
    through_nic(s, skb);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
}

}  // namespace

TEST_CASE("from 6.13 on unregistering returns at once and the notification keeps the pages",
          "[model][rsrc]") {
    Bench bench(fixed_world("6.18", {.unregisters = true}));
    auto& s = bench.s;
    const SkbId skb = send_registered(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[buffer].node_refs == 2);
    take<io_sqe_buffers_unregister>(s, ring);
    CHECK_FALSE(s[ring].quiesce);
    CHECK_FALSE(s[buffer].registered);
    CHECK(s[buffer].node_refs == 1);
    CHECK(s[other_buffer].node_refs == 0);  // nobody used it
    recycle(s, skb, n);
    CHECK(s[buffer].node_refs == 0);
    CHECK(s[buffer].page_refs == 0);
}

TEST_CASE("up to 6.12 unregistering waits for the last notification", "[model][rsrc]") {
    Bench bench(fixed_world("6.12", {.unregisters = true}));
    auto& s = bench.s;
    const SkbId skb = send_registered(s, first);
    const UbufId n = notif_of(s, first);
    take<io_sqe_buffers_unregister>(s, ring);
    CHECK_FALSE(can<io_rsrc_ref_quiesce>(s, ring));
    CHECK_FALSE(can<app_reap>(s, ring));  // the application is inside the call
    CHECK(s[buffer].node_refs == 1);
    recycle(s, skb, n);
    CHECK(s[buffer].node_refs == 1);
    take<io_rsrc_ref_quiesce>(s, ring);
    CHECK(s[buffer].node_refs == 0);
    CHECK(can<app_reap>(s, ring));
}

TEST_CASE("only in 6.1 does unregistering wait for sends that use no registered buffer",
          "[model][rsrc]") {
    const std::string profile = GENERATE("6.1", "6.12");
    Bench bench(fixed_world(profile, {.unregisters = true}));
    auto& s = bench.s;
    take<io_sqe_buffers_register>(s, ring);
    send_datagram(s, second);
    complete(s, second);
    CHECK(s[notif_of(s, second)].node == (profile == "6.1"));
    take<io_sqe_buffers_unregister>(s, ring);
    CHECK(can<io_rsrc_ref_quiesce>(s, ring) == (profile == "6.12"));
}

TEST_CASE("nodes of a ring free what they retire in order, however early a later one is unused",
          "[model][rsrc]") {
    Bench bench(fixed_world("6.12", {.unregisters = true, .updates = true}));
    auto& s = bench.s;
    const SkbId skb = send_registered(s, first);
    const UbufId n = notif_of(s, first);
    take<io_sqe_buffers_update>(s, ring, buffer);
    take<io_sqe_buffers_update>(s, ring, other_buffer);
    CHECK(s[buffer].node_refs == 1);
    CHECK(s[other_buffer].node_refs == 1);  // behind the one in use
    recycle(s, skb, n);
    CHECK(s[buffer].node_refs == 0);
    CHECK(s[other_buffer].node_refs == 0);
}

TEST_CASE("from 6.13 on a slot that is emptied waits for its own users alone", "[model][rsrc]") {
    Bench bench(fixed_world("6.18", {.updates = true}));
    auto& s = bench.s;
    send_registered(s, first);
    take<io_sqe_buffers_update>(s, ring, buffer);
    take<io_sqe_buffers_update>(s, ring, other_buffer);
    CHECK(s[buffer].node_refs == 1);
    CHECK(s[other_buffer].node_refs == 0);
}

TEST_CASE("the buffer is looked up at preparation before 6.13 and at issue after",
          "[model][rsrc]") {
    const std::string profile = GENERATE("6.12", "6.18");
    Bench bench(fixed_world(profile, {.updates = true}));
    auto& s = bench.s;
    take<io_sqe_buffers_register>(s, ring);
    prepare(s, first);
    CHECK(s[notif_of(s, first)].node == (profile == "6.12"));
    take<io_sqe_buffers_update>(s, ring, buffer);
    CHECK(can<io_send_zc_issue>(s, first) == (profile == "6.12"));
    CHECK(can<io_send_zc_import>(s, first) == (profile == "6.18"));
    if (profile == "6.12") return;
    take<io_send_zc_import>(s, first);
    take<io_sendrecv_fail>(s, first);
    CHECK(s[first].more);  // the notification comes nevertheless
}

TEST_CASE("an SQE that names an unregistered buffer is refused with its notification to come",
          "[model][rsrc]") {
    Bench bench(fixed_world("6.12", {.updates = true}));
    auto& s = bench.s;
    take<io_sqe_buffers_register>(s, ring);
    submit(s, first);
    CHECK_FALSE(can<io_sqe_buffers_update>(s, ring, buffer));  // one thread: it is submitting
    s[buffer].registered = false;                              // as another thread may do it
    CHECK_FALSE(can<io_send_zc_prep>(s, first));
    take<io_send_zc_prep_late_failure>(s, first);
    CHECK_FALSE(s[notif_of(s, first)].node);
}

TEST_CASE("exit waits for nothing that was sent, and the kernel posts what nobody reads",
          "[model][exit]") {
    Bench bench(hazardous(udp_nic, {.exits = true}));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    CHECK_FALSE(can<do_exit>(s, the_task));  // it is inside io_uring_enter
    complete(s, first);
    const UbufId n = notif_of(s, first);
    take<do_exit>(s, the_task);
    CHECK(s[buffer].unmapped);
    CHECK_FALSE(can<io_ring_ctx_free>(s, ring));
    through_nic(s, skb);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));  // there is no task for it
    take<io_fallback_req_func>(s, n);
    post_all(s);
    CHECK_FALSE(can<app_reap>(s, ring));
    take<io_ring_ctx_free>(s, ring);
    CHECK(s[ring].freed);
}

TEST_CASE("exec waits for the last notification", "[model][exit]") {
    Bench bench(hazardous(udp_nic, {.execs = true}));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    complete(s, first);
    post_all(s);
    take<begin_new_exec>(s, the_task);
    CHECK_FALSE(can<io_uring_cancel_generic>(s, the_task));
    CHECK_FALSE(can<app_write>(s, other_buffer));  // no code of the old program runs
    const UbufId n = notif_of(s, first);
    through_nic(s, skb);
    CHECK_FALSE(can<io_uring_cancel_generic>(s, the_task));
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    take<io_uring_cancel_generic>(s, the_task);
    CHECK(s[buffer].unmapped);
    CHECK(s[ring].closed);
}

TEST_CASE("a send that waits for its socket is cancelled when the ring is closed",
          "[model][exit]") {
    Bench bench(hazardous(tcp_nic, {.again = true, .ring_exits = true}));
    auto& s = bench.s;
    issue(s, first);
    take<io_arm_poll_handler>(s, first);
    take<io_uring_release>(s, ring);
    CHECK_FALSE(can<app_submit>(s, buffer, second, sock));
    take<io_uring_try_cancel_requests>(s, first);
    take<io_sendrecv_fail>(s, first);
    CHECK(s[first].more);
    post_all(s);
    CHECK_FALSE(can<io_ring_ctx_free>(s, ring));
    const UbufId n = notif_of(s, first);
    take<io_send_zc_cleanup>(s, first);
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK(can<io_ring_ctx_free>(s, ring));
}

TEST_CASE("a peer that never acknowledges keeps exec waiting, and nothing else does",
          "[model][exit]") {
    // Every state is followed to its end: without ACKs no exec comes through with data unsent.
    World world = hazardous(tcp_nic, {.execs = true});
    world.bounds = {.shinfos = 1, .skbs = 2};
    const auto finished_with_data = [&](bool acks) {
        std::uint64_t finished = 0;
        const AnyKernel system(
            world, {},
            [&](const FixedStore& before, FixedStore& after, std::string_view step,
                const checker::Taken&) {
                if (step == "tcp_clean_rtx_queue" && !acks) return false;
                bool sent = false;
                before.for_each<RequestId>([&](RequestId r) { sent = sent || before[r].appended; });
                finished += sent && before[the_task].life != after[the_task].life &&
                            after[the_task].life == TaskState::gone;
                return true;
            });
        CHECK(naive::explore(system).broken.empty());
        return finished;
    };
    CHECK(finished_with_data(false) == 0);
    CHECK(finished_with_data(true) > 0);
}

TEST_CASE("what a send is charged is given back as its notification is completed",
          "[model][account]") {
    World world = roomy(udp_nic);
    world.bounds.memlock = 1;
    Bench bench(world);
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    complete(s, first);
    const UbufId n = notif_of(s, first);
    CHECK(s[the_task].locked_vm == 1);
    prepare(s, second, other_buffer);
    CHECK_FALSE(can<io_send_zc_issue>(s, second));
    through_nic(s, skb);
    CHECK(s[the_task].locked_vm == 1);  // the pages are free, the charge is not
    take<io_notif_tw_complete>(s, n);
    CHECK(s[the_task].locked_vm == 0);
    CHECK(can<io_send_zc_issue>(s, second));
}

TEST_CASE("a send beyond the limit fails and still has its notification", "[model][account]") {
    World world = roomy(udp_nic);
    world.bounds.memlock = 1;
    Bench bench(world);
    auto& s = bench.s;
    send_datagram(s, first);
    complete(s, first);
    prepare(s, second, other_buffer);
    take<io_send_zc_import>(s, second);
    take<io_sendrecv_fail>(s, second);
    CHECK(s[second].more);
    CHECK(s[the_task].locked_vm == 1);
}

TEST_CASE("kernels differ in what a SENDMSG_ZC and a retry are charged", "[model][account]") {
    const auto [profile, scenario, broken] = GENERATE(table<std::string, std::string, std::string>(
        {{"6.18", "memlock-sendmsg", ""},
         {"6.18", "memlock-retry", ""},
         {"6.12", "memlock-sendmsg", "S15-accounts-exact"},
         {"6.12", "memlock-retry", "S15-accounts-exact"},
         {"6.1", "memlock-sendmsg", "S15-accounts-exact"}}));
    World world = world_of(kernel_scenario(scenario));
    world.profile = *find_profile(profile);
    CAPTURE(profile, scenario);
    CHECK(naive::explore(AnyKernel(world)).broken == broken);
}

TEST_CASE("whether every notification takes a node changes what is explored", "[model][rsrc]") {
    World world = fixed_world("6.12", {.unregisters = true});
    world.bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 1};
    const auto few = naive::explore(AnyKernel(world));
    world.profile.every_notif_takes_node = true;
    const auto many = naive::explore(AnyKernel(world));
    CHECK(few.broken.empty());
    CHECK(many.broken.empty());
    CHECK(few.transitions != many.transitions);
}
