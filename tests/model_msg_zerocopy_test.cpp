// MSG_ZEROCOPY step by step: what a call's id, its ubuf's range and the error queue do.
#include <catch2/catch.hpp>

#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::kernel;
using namespace zcv::world;

namespace {

World calling(const SockConfig& config, const Hazards& hazards = {},
              const std::string& profile = "6.18") {
    World world = roomy(config, profile);
    world.hazards = hazards;
    world.apis = {Api::msg_zerocopy};
    return world;
}

template <class S>
void call(S& s, RequestId r) {
    if (can<app_write>(s, buffer)) take<app_write>(s, buffer);
    take<app_sendmsg>(s, buffer, r, sock);
}

template <class S>
void returns(S& s, RequestId r) {
    if (can<tcp_sendmsg>(s, r))
        take<tcp_sendmsg>(s, r);
    else
        take<udp_sendmsg>(s, r);
    take<app_sendmsg_returns>(s, r);
}

template <class S>
SkbId datagram(S& s, RequestId r) {
    call(s, r);
    take<msg_zerocopy_alloc>(s, r);
    take<ip_append_data>(s, r);
    const SkbId skb = s[sock].write_queue.back();
    take<ip_send_skb>(s, sock);
    returns(s, r);
    return skb;
}

// The first call's data at the tail of a stream, not sent yet.
template <class S>
void stream_first(S& s) {
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    take<skb_zerocopy_iter_stream>(s, first);
    returns(s, first);
}

// Ranges of the error queue, "lo..hi".
template <class S>
std::vector<std::string> ranges(const S& s) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < s[sock].errqueue.size(); ++i) {
        const auto& range = s[sock].errqueue[i];
        all.push_back(std::to_string(range.lo) + ".." + std::to_string(range.hi) +
                      (range.copied ? " copied" : ""));
    }
    return all;
}

using Ranges = std::vector<std::string>;

}  // namespace

TEST_CASE("a stream's range waits for the acknowledgement, not for the return of the call",
          "[model][msgzc]") {
    Bench bench(calling(tcp_nic));
    auto& s = bench.s;
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    const UbufId u = s[first].ubuf;
    CHECK(s[u].refs == 1);
    take<skb_zerocopy_iter_stream>(s, first);
    CHECK(s[u].refs == 2);
    returns(s, first);
    CHECK(s[u].refs == 1);
    through_nic(s, transmit(s));
    CHECK(ranges(s).empty());
    CHECK_FALSE(can<app_write>(s, buffer));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(ranges(s) == Ranges{"0..0"});
    CHECK_FALSE(can<app_write>(s, buffer));
    take<app_read_errqueue>(s, sock);
    CHECK(can<app_write>(s, buffer));
    CHECK(s[first].phase == Phase::idle);
}

TEST_CASE("a datagram's first skb takes over the reference of the call", "[model][msgzc]") {
    Bench bench(calling(udp_nic));
    auto& s = bench.s;
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    const UbufId u = s[first].ubuf;
    CHECK(s[first].uarg == u);
    take<ip_append_data>(s, first);
    CHECK(s[u].refs == 1);
    CHECK(s[first].uarg == none<UbufId>);
}

TEST_CASE("a call on a stream joins the ubuf of the unsent tail: one range for both",
          "[model][msgzc]") {
    Bench bench(calling(tcp_nic));
    auto& s = bench.s;
    stream_first(s);
    const UbufId u = s[first].ubuf;
    call(s, second);
    CHECK_FALSE(can<msg_zerocopy_alloc>(s, second));
    take<msg_zerocopy_realloc>(s, second);
    CHECK(s[second].ubuf == u);
    CHECK(s[u].len == 2);
    CHECK(s[u].refs == 2);
    take<skb_zerocopy_iter_stream_tail>(s, second);
    CHECK_FALSE(can<skb_zerocopy_iter_stream_tail>(s, second));
    returns(s, second);
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(ranges(s) == Ranges{"0..1"});
    CHECK(s[sock].omem == 1);
    take<app_read_errqueue>(s, sock);
    CHECK(s[sock].omem == 0);
    CHECK(s[buffer].lent == 0);
}

TEST_CASE("a ubuf that covers enough is not joined: a stream starts another, a datagram fails",
          "[model][msgzc]") {
    const bool stream = GENERATE(true, false);
    const SockConfig pending{.transport = Transport::udp, .dma = true, .msg_more = true};
    World world = calling(stream ? tcp_nic : pending);
    world.bounds.calls_per_ubuf = 1;
    Bench bench(world);
    auto& s = bench.s;
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    if (stream)
        take<skb_zerocopy_iter_stream>(s, first);
    else
        take<ip_append_data>(s, first);
    returns(s, first);
    call(s, second);
    CHECK_FALSE(can<msg_zerocopy_realloc>(s, second));
    CHECK(can<msg_zerocopy_alloc>(s, second) == stream);
    CHECK(can<msg_zerocopy_realloc_refused>(s, second) == !stream);
}

TEST_CASE("a pending datagram takes the next call's data as a copy, and one range tells of both",
          "[model][msgzc]") {
    Bench bench(calling({.transport = Transport::udp, .dma = true, .msg_more = true}));
    auto& s = bench.s;
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    take<ip_append_data>(s, first);
    const SkbId skb = s[sock].write_queue.back();
    returns(s, first);  // and the datagram is still pending
    call(s, second);
    take<msg_zerocopy_realloc>(s, second);
    CHECK(s[s[second].ubuf].refs == 1);      // nobody but the skb
    CHECK_FALSE(can<ip_send_skb>(s, sock));  // the call has the socket's lock
    CHECK_FALSE(can<ip_append_data>(s, second));
    take<ip_append_data_attach>(s, second);
    take<ip_send_skb>(s, sock);
    returns(s, second);
    through_nic(s, skb);
    CHECK(ranges(s) == Ranges{"0..1 copied"});
}

TEST_CASE("a call that fails gives its id back", "[model][msgzc]") {
    Bench bench(calling(tcp_nic, {.issue_fails = true}));
    auto& s = bench.s;
    SECTION("alone, its release is silent") {
        call(s, first);
        take<msg_zerocopy_alloc>(s, first);
        CHECK(s[sock].omem == 1);
        take<msg_zerocopy_put_abort>(s, first);
        CHECK(s[sock].omem == 0);
        CHECK(ranges(s).empty());
    }
    SECTION("behind another, that one's range stays as it was") {
        stream_first(s);
        const UbufId u = s[first].ubuf;
        call(s, second);
        take<msg_zerocopy_realloc>(s, second);
        take<msg_zerocopy_put_abort>(s, second);
        CHECK(s[u].len == 1);
        CHECK(s[u].refs == 1);
        CHECK(s[sock].zckey == 1);
        take<sock_sendmsg_failure>(s, second);
        take<app_sendmsg_returns>(s, second);
        CHECK(s[sock].app_key == 1);
        CHECK(s[buffer].lent == 1);
    }
}

TEST_CASE("a datagram that fails half-way is thrown away and not reported", "[model][msgzc]") {
    Bench bench(calling(udp_nic, {.issue_fails = true}));
    auto& s = bench.s;
    call(s, first);
    take<msg_zerocopy_alloc>(s, first);
    take<ip_append_data>(s, first);
    take<msg_zerocopy_put_abort>(s, first);
    CHECK_FALSE(can<ip_send_skb>(s, sock));
    CHECK_FALSE(can<sock_sendmsg_failure>(s, first));
    take<ip_flush_pending_frames>(s, sock);
    CHECK(s[sock].omem == 0);
    take<sock_sendmsg_failure>(s, first);
    take<app_sendmsg_returns>(s, first);
    CHECK(ranges(s).empty());
    CHECK(can<app_write>(s, buffer));
    CHECK(s[first].phase == Phase::idle);
}

TEST_CASE("adjacent ranges join behind the newest one only, and as it is with the older code",
          "[model][msgzc]") {
    const std::string profile = GENERATE("6.18", "intended");
    Bench bench(
        calling({.transport = Transport::udp, .dma = true, .copies_at_send = true}, {}, profile));
    auto& s = bench.s;
    const SkbId a = datagram(s, first);
    call(s, second);
    take<msg_zerocopy_alloc>(s, second);
    take<ip_append_data_attach>(s, second);
    const SkbId b = s[sock].write_queue.back();
    take<ip_send_skb>(s, sock);
    returns(s, second);
    SECTION("in order") {
        through_nic(s, a);
        through_nic(s, b);
        const bool joined = profile == "6.18";
        CHECK(ranges(s) == (joined ? Ranges{"0..1"} : Ranges{"0..0", "1..1 copied"}));
        CHECK(s[sock].omem == (joined ? 1 : 2));
    }
    SECTION("in reverse") {
        through_nic(s, b);
        through_nic(s, a);
        CHECK(ranges(s) == Ranges{"1..1 copied", "0..0"});
    }
}

TEST_CASE("ids wrap around, and a range does with them", "[model][msgzc]") {
    World world = calling(udp_nic);
    world.bounds.ids = 3;
    Bench bench(world);
    auto& s = bench.s;
    const auto send_and_read = [&] {
        through_nic(s, datagram(s, first));
        take<app_read_errqueue>(s, sock);
    };
    send_and_read();
    send_and_read();
    const SkbId last = datagram(s, first);
    const SkbId next = datagram(s, second);
    through_nic(s, last);
    through_nic(s, next);
    CHECK(ranges(s) == Ranges{"2..0"});
    take<app_read_errqueue>(s, sock);
    CHECK(s[buffer].lent == 0);
}

TEST_CASE("unread messages use up option memory until they are read", "[model][msgzc]") {
    World world = calling(udp_nic);
    world.bounds.omem = 1;
    Bench bench(world);
    auto& s = bench.s;
    through_nic(s, datagram(s, first));
    call(s, second);
    CHECK_FALSE(can<msg_zerocopy_alloc>(s, second));
    take<sock_omalloc_refused>(s, second);
    take<sock_sendmsg_failure>(s, second);
    take<app_sendmsg_returns>(s, second);
    CHECK(s[buffer].lent == 1);
    take<app_read_errqueue>(s, sock);
    call(s, second);
    CHECK(can<msg_zerocopy_alloc>(s, second));
}

TEST_CASE("a closed socket is told nothing, and its data goes out all the same", "[model][msgzc]") {
    World world = calling(tcp_nic, {.close_fd = true});
    world.app = GENERATE(App::close_before_errqueue, App::conforming);
    Bench bench(world);
    auto& s = bench.s;
    stream_first(s);
    if (world.app == App::conforming) {
        CHECK_FALSE(can<app_close>(s, sock));
        return;
    }
    take<app_close>(s, sock);
    CHECK(can<app_write>(s, buffer));  // too early
    CHECK(s[first].ubuf != none<UbufId>);
    through_nic(s, transmit(s));
    take<tcp_clean_rtx_queue>(s, sock);
    CHECK(ranges(s).empty());
    CHECK(s[sock].omem == 0);
    CHECK(s[first].phase == Phase::idle);
}

TEST_CASE("providers keep to their own ubufs on one stream", "[model][msgzc]") {
    World world = roomy(tcp_nic, GENERATE("6.18", "B19"));
    world.apis = {Api::send_zc, Api::msg_zerocopy};
    Bench bench(world);
    auto& s = bench.s;
    SECTION("a call behind a request's skb is refused") {
        append(s, first);
        complete(s, first);
        call(s, second);
        const bool trusts = world.profile.name == "B19";
        CHECK(can<msg_zerocopy_realloc_refused>(s, second) == !trusts);
        CHECK(can<msg_zerocopy_realloc>(s, second) == trusts);
        CHECK_FALSE(can<msg_zerocopy_alloc>(s, second));
    }
    SECTION("a request behind a call's skb starts one of its own") {
        call(s, second);
        take<msg_zerocopy_alloc>(s, second);
        take<skb_zerocopy_iter_stream>(s, second);
        returns(s, second);
        issue(s, first);
        CHECK_FALSE(can<io_link_skb>(s, first));
        CHECK(can<skb_zerocopy_iter_stream>(s, first));
    }
}
