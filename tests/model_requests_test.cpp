// What can happen to a request besides success, and what the application makes of it.
#include <catch2/catch.hpp>

#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

namespace {

World polling(const Hazards& hazards, App app = App::conforming) {
    World world = hazardous(tcp_nic, hazards);
    world.app = app;
    return world;
}

void poll(FixedStore& s, RequestId r) {
    issue(s, r);
    take<io_arm_poll_handler>(s, r);
}

World deferring(const std::string& profile = "6.18") {
    World world = roomy(tcp_nic, profile);
    world.hazards.again = true;
    world.defer_taskrun_waits = 2;
    return world;
}

// Two sends in one chain, both CQEs read: the application sleeps for both notifications.
void sleep_for_a_chain(FixedStore& s) {
    append(s, first);
    stack(s, second);
    complete(s, first);
    complete(s, second);
    post_all(s);
    read_all(s);
    take<app_enter>(s, ring);
    take<io_cqring_wait_schedule>(s, ring);
}

}  // namespace

TEST_CASE("a cancelled send announces its notification and still gets it", "[model][cancel]") {
    Bench bench(polling({.again = true, .cancels = true}));
    auto& s = bench.s;
    poll(s, first);
    take<io_async_cancel>(s, first);
    CHECK(s[first].stop == Stop::hit);
    CHECK_FALSE(can<io_async_cancel>(s, first));
    CHECK_FALSE(can<io_send_zc_issue>(s, first));
    take<io_sendrecv_fail>(s, first);
    post_all(s);
    CHECK(read_all(s) == Cqes{"stop 0", "cqe+more 0"});
    CHECK(s[buffer].lent == 1);
    take<io_send_zc_cleanup>(s, first);
    take<io_notif_tw_complete>(s, notif_of(s, first));
    post_all(s);
    CHECK(read_all(s) == Cqes{"notif 0"});
    CHECK(s[buffer].lent == 0);
}

TEST_CASE("a cancel of a send with progress calls no data back", "[model][cancel]") {
    Bench bench(polling({.again = true, .cancels = true}));
    auto& s = bench.s;
    append(s, first);
    take<io_arm_poll_handler>(s, first);
    take<io_async_cancel>(s, first);
    CHECK_FALSE(res_is_error(s, first));  // its res is what was sent so far
    CHECK(s[notif_of(s, first)].refs == 2);
    CHECK(s[s[s[sock].write_queue.front()].shinfo].frags.contains(first));
}

TEST_CASE("a cancel that comes too late changes nothing but its own CQE", "[model][cancel]") {
    Bench bench(polling({.cancels = true}));
    auto& s = bench.s;
    append(s, first);
    take<io_async_cancel>(s, first);
    CHECK(s[first].stop == Stop::missed);
    CHECK(s[first].phase == Phase::issuing);
    CHECK_FALSE(s[first].failed);
    complete(s, first);
    post_all(s);
    CHECK(read_all(s) == Cqes{"stop 0", "cqe+more 0"});
}

TEST_CASE("a timeout ends only a send that waits", "[model][timeout]") {
    Bench bench(polling({.again = true, .link_timeouts = true}));
    auto& s = bench.s;
    issue(s, first);
    CHECK_FALSE(can<io_req_task_link_timeout>(s, first));
    take<io_arm_poll_handler>(s, first);
    take<io_req_task_link_timeout>(s, first);
    CHECK(s[first].failed);
    CHECK(can<io_sendrecv_fail>(s, first));
}

TEST_CASE("an application that trusts its cancel writes what the kernel still holds",
          "[model][cancel][app]") {
    const App app = GENERATE(App::cancel, App::linked_timeout, App::conforming);
    Bench bench(polling({.again = true, .cancels = true}, app));
    auto& s = bench.s;
    append(s, first);
    take<io_arm_poll_handler>(s, first);
    take<io_async_cancel>(s, first);
    post_all(s);
    CHECK(read_all(s) == Cqes{"stop 0"});
    const bool trusts = app != App::conforming;
    CHECK(can<app_write>(s, buffer) == trusts);
    if (!trusts) return;
    take<app_write>(s, buffer);
    CHECK(s[s[s[sock].write_queue.front()].shinfo].stale);
}

TEST_CASE("the next of a link waits for the first, and falls with it", "[model][link]") {
    const bool fails = GENERATE(false, true);
    World world = roomy(udp_sink, "intended");
    world.hazards = {.issue_fails = true, .links = true};
    Bench bench(world);
    auto& s = bench.s;
    submit(s, first);
    submit(s, second);
    take<app_link>(s, first, second);
    CHECK_FALSE(can<app_link>(s, second, first));
    take<io_send_zc_prep>(s, first);
    take<io_send_zc_prep>(s, second);
    CHECK_FALSE(can<io_send_zc_issue>(s, second));
    CHECK_FALSE(can<io_req_tw_fail_links>(s, second));
    take<io_send_zc_issue>(s, first);
    take<ip_append_data>(s, first);
    take<ip_send_skb>(s, sock);
    if (fails) {
        take<io_send_zc_failure>(s, first);
        take<io_sendrecv_fail>(s, first);
    } else {
        complete(s, first);
    }
    CHECK_FALSE(can<io_send_zc_issue>(s, second));
    post_all(s);
    CHECK(can<io_send_zc_issue>(s, second) == !fails);
    CHECK(can<io_req_tw_fail_links>(s, second) == fails);
}

TEST_CASE("a drained send waits for those before it, and on 6.18 for itself", "[model][drain]") {
    const std::string profile = GENERATE("6.12", "6.18");
    World world = roomy(udp_sink, profile);
    world.hazards.drains = true;
    Bench bench(world);
    auto& s = bench.s;
    send_datagram(s, first);
    submit(s, second);
    take<app_drain>(s, second);
    take<io_send_zc_prep>(s, second);
    CHECK_FALSE(can<io_send_zc_issue>(s, second));
    complete(s, first);
    CHECK_FALSE(can<io_send_zc_issue>(s, second));
    post_all(s);
    CHECK(can<io_send_zc_issue>(s, second) == (profile == "6.12"));
}

World drained(const std::string& profile) {
    World world = roomy(udp_sink, profile);
    world.hazards.drains = true;
    return world;
}

template <class S>
void through_sink(S& s, SkbId skb) {
    to_device(s, skb);
    take<ifb_xmit>(s, skb);
}

// One send is over, its notification's CQE posted.
template <class S>
void send_to_the_end(S& s, RequestId r) {
    const SkbId skb = send_datagram(s, r);
    complete(s, r);
    through_sink(s, skb);
    take<io_notif_tw_complete>(s, notif_of(s, r));
    post_all(s);
}

TEST_CASE("before 6.16 a drained send behind a notification's CQE never starts", "[model][drain]") {
    const std::string profile = GENERATE("6.0", "6.1", "6.6", "6.12", "intended");
    Bench bench(drained(profile));
    auto& s = bench.s;
    send_to_the_end(s, first);
    submit(s, second);
    take<app_drain>(s, second);
    take<io_send_zc_prep>(s, second);
    CHECK(can<io_send_zc_issue>(s, second) == (profile == "intended"));
    // What comes after it is not waited for, and what it posts brings the tail no nearer.
    send_to_the_end(s, third);
    CHECK(can<io_send_zc_issue>(s, second) == (profile == "intended"));
}

TEST_CASE("before 6.16 a drained send starts too early by each notification's CQE",
          "[model][drain]") {
    const std::string profile = GENERATE("6.12", "intended");
    Bench bench(drained(profile));
    auto& s = bench.s;
    send_to_the_end(s, first);
    send_datagram(s, second);
    submit(s, third);
    take<app_drain>(s, third);
    take<io_send_zc_prep>(s, third);
    CHECK(can<io_send_zc_issue>(s, third) == (profile == "6.12"));
}

TEST_CASE("before 6.16 the tail is looked at once a batch: a notification in it is too much",
          "[model][drain]") {
    Bench bench(drained("6.12"));
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    submit(s, second);
    take<app_drain>(s, second);
    take<io_send_zc_prep>(s, second);
    complete(s, first);
    const bool together = GENERATE(false, true);
    if (!together) post_all(s);
    CHECK(can<io_send_zc_issue>(s, second) != together);
    through_sink(s, skb);
    take<io_notif_tw_complete>(s, notif_of(s, first));
    post_all(s);
    CHECK(can<io_send_zc_issue>(s, second) != together);
}

TEST_CASE("two rings on one socket do not share a chain", "[model][chain]") {
    const std::string profile = GENERATE("6.12", "6.18", "B2");
    World world = roomy(tcp_nic, profile);
    world.bounds.rings = 2;
    Bench bench(world);
    auto& s = bench.s;
    append(s, first);
    issue(s, second);
    CHECK(can<io_link_skb>(s, second) == (profile == "B2"));
    issue(s, third);  // of the first's ring again
    CHECK(can<io_link_skb>(s, third));
}

TEST_CASE("under DEFER_TASKRUN nothing is posted until the application enters the kernel",
          "[model][defer]") {
    const App app = GENERATE(App::conforming, App::peek_only);
    World world = deferring();
    world.app = app;
    Bench bench(world);
    auto& s = bench.s;
    append(s, first);
    complete(s, first);
    post_all(s);
    CHECK(read_all(s) == Cqes{"cqe+more 0"});
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    const UbufId n = notif_of(s, first);
    CHECK(s[n].tw == TaskWork::queued);
    CHECK_FALSE(can<io_notif_tw_complete>(s, n));
    CHECK(app_enter::in(world) == (app == App::conforming));
    if (app == App::peek_only) return;
    take<app_enter>(s, ring);
    CHECK(s[ring].wants == 1);  // no more than it can get
    CHECK_FALSE(can<io_cqring_wait_schedule>(s, ring));
    CHECK_FALSE(can<io_cqring_wait>(s, ring));
    take<io_notif_tw_complete>(s, n);
    post_all(s);
    CHECK_FALSE(can<app_reap>(s, ring));  // it is still in there
    take<io_cqring_wait>(s, ring);
    CHECK_FALSE(can<app_enter>(s, ring));  // all that it wants is there to be read
    CHECK(read_all(s) == Cqes{"notif 0"});
}

TEST_CASE("a chain wakes a sleeper that waits for all of it", "[model][defer]") {
    const std::string profile = GENERATE("6.18", "B9");
    Bench bench(deferring(profile));
    auto& s = bench.s;
    sleep_for_a_chain(s);
    CHECK(s[ring].wants == 2);
    through_nic(s, transmit(s));
    CHECK(s[ring].entered == Entered::asleep);
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK((s[ring].entered == Entered::running) == (profile == "6.18"));
}

TEST_CASE("a retry wakes a sleeper whatever it waits for", "[model][defer]") {
    const std::string profile = GENERATE("6.18", "B9");
    Bench bench(deferring(profile));
    auto& s = bench.s;
    poll(s, first);
    take<app_enter>(s, ring);
    take<io_cqring_wait_schedule>(s, ring);
    take<io_poll_wake>(s, first);
    CHECK_FALSE(can<io_poll_wake>(s, first));
    CHECK((s[ring].entered == Entered::running) == (profile == "6.18"));
    CHECK(can<io_send_zc_issue>(s, first) == (profile == "6.18"));
}

TEST_CASE("a CQE that finds no room at all is gone, its notification freed all the same",
          "[model][overflow]") {
    World world = hazardous(udp_sink, {.cqes_lost = true});
    world.bounds.cq_entries = 1;
    Bench bench(world);
    auto& s = bench.s;
    const SkbId skb = send_datagram(s, first);
    complete(s, first);
    to_device(s, skb);
    take<ifb_xmit>(s, skb);
    const UbufId n = notif_of(s, first);
    take<io_notif_tw_complete>(s, n);
    CHECK_FALSE(can<io_cqring_event_overflow>(s, ring));  // there is room for the first
    take<io_submit_flush_completions>(s, ring);
    take<io_cqring_event_overflow>(s, ring);
    CHECK(s[ring].dropped);
    CHECK_FALSE(s[n].alive);
    CHECK(read_all(s) == Cqes{"cqe+more 0"});
    CHECK(s[buffer].lent == 1);
    CHECK_FALSE(can<app_write>(s, buffer));
}

TEST_CASE("only the head of a chain learns that nothing was copied", "[model][usage]") {
    const std::string profile = GENERATE("6.18", "intended");
    World world = roomy(tcp_nic, profile);
    world.reports_usage = true;
    Bench bench(world);
    auto& s = bench.s;
    acknowledge_both(s);
    take<io_notif_tw_complete>(s, notif_of(s, first));
    CHECK(s[first].zero_copied);
    CHECK(s[second].zero_copied);
    CHECK_FALSE(s[first].says_copied);
    CHECK(s[second].says_copied == (profile == "6.18"));
}

TEST_CASE("what a failed send's queue entry costs its neighbour", "[model][app]") {
    const App app = GENERATE(App::err_means_no_notif, App::fifo_notifs);
    World world = hazardous(udp_nic, {.issue_fails = true});
    world.app = app;
    Bench bench(world);
    auto& s = bench.s;
    const bool errs = app == App::err_means_no_notif;
    const RequestId early = errs ? second : first;  // whose buffer will be taken for free
    const RequestId notified = errs ? first : second;
    send_datagram(s, first, BufferId{0});
    send_datagram(s, second, BufferId{1});
    if (errs) {
        take<io_send_zc_failure>(s, first);
        take<io_sendrecv_fail>(s, first);
    } else {
        complete(s, first);
    }
    complete(s, second);
    post_all(s);
    read_all(s);
    CHECK(s[buffer].lent == (errs ? 0 : 1));
    if (errs) take<io_send_zc_cleanup>(s, first);
    SkbId skb = none<SkbId>;
    s.for_each<SkbId>([&](SkbId k) {
        if (s[k].alive && s[s[k].shinfo].frags.contains(notified)) skb = k;
    });
    through_nic(s, skb);
    take<io_notif_tw_complete>(s, notif_of(s, notified));
    post_all(s);
    read_all(s);
    CHECK(s[s[early].buffer].lent == 0);
    CHECK(s[early].app_done);
    CHECK(can<app_write>(s, s[early].buffer));
}
