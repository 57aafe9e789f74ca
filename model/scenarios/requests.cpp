#include "model/scenarios/tables.hpp"

namespace zcv {
namespace {

constexpr Bounds tcp_small{.buffers = 1, .requests = 1, .ubufs = 1, .shinfos = 1, .skbs = 2};
constexpr Bounds tcp_two{.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2};

Bounds with_entries(Bounds bounds, std::uint32_t entries) {
    bounds.cq_entries = entries;
    return bounds;
}

Bounds with_rings(Bounds bounds, std::uint32_t rings) {
    bounds.rings = rings;
    return bounds;
}

World cancels(const Bounds& bounds) {
    return {.socks = {tcp_nic}, .hazards = {.again = true, .cancels = true}, .bounds = bounds};
}

World closes() {
    return {.socks = {tcp_nic}, .hazards = {.closes = true}, .bounds = tcp_small};
}

World link_timeouts(const Bounds& bounds) {
    return {
        .socks = {tcp_nic}, .hazards = {.again = true, .link_timeouts = true}, .bounds = bounds};
}

World links() {
    return {.socks = {udp_sink},
            .hazards = {.issue_fails = true, .links = true},
            .bounds = udp_bounds(2, 1)};
}

World two_rings() {
    return {.socks = {tcp_nic}, .bounds = with_rings(tcp_two, 2)};
}

World drains() {
    return {.socks = {udp_sink}, .hazards = {.drains = true}, .bounds = udp_bounds(2, 1)};
}

World lossy_queue() {
    return {.socks = {udp_sink},
            .hazards = {.cqes_lost = true},
            .bounds = with_entries(udp_bounds(1, 1), 1)};
}

// One send that waits for room, and an application that sleeps for two CQEs.
World deferred_poll() {
    return {.socks = {tcp_nic},
            .hazards = {.again = true},
            .bounds = tcp_small,
            .defer_taskrun_waits = 2};
}

// Two sends in one chain, and an application that sleeps for both notifications.
World deferred_chain() {
    return {.socks = {tcp_nic}, .bounds = tcp_two, .defer_taskrun_waits = 2};
}

World failing_sends() {
    return {.socks = {udp_nic}, .hazards = {.issue_fails = true}, .bounds = udp_bounds(2, 2)};
}

World reporting() {
    return {.socks = {tcp_nic}, .bounds = tcp_two, .reports_usage = true};
}

World one_udp(const Hazards& hazards = {}) {
    return {.socks = {udp_nic}, .hazards = hazards, .bounds = udp_bounds(1, 1)};
}

World two_udp() {
    return {.socks = {udp_nic}, .bounds = udp_bounds(2, 2)};
}

World lost_packets() {
    return {.socks = {udp_nic},
            .hazards = {.drops = true},
            .bounds = udp_bounds(1, 1),
            .tracks_delivery = true};
}

}  // namespace

// How a request's life can go besides success.
std::vector<KernelScenario> requests() {
    return {
        {.name = "cancel-conforming",
         .asks = "A send is cancelled at any moment: does its buffer stay lent until the "
                 "notification?",
         .profile = "6.18",
         .world = cancels(tcp_small),
         .expect = {.broken = "", .states = 641, .transitions = 1611, .depth = 25}},
        {.name = "linked-timeout-conforming",
         .asks = "A send's time runs out: does its buffer stay lent until the notification?",
         .profile = "6.18",
         .world = link_timeouts(tcp_small),
         .expect = {.broken = "", .states = 305, .transitions = 689, .depth = 25}},
        {.name = "links-intended",
         .asks = "Two linked sends, the first may fail: is the second cancelled, and announced?",
         .profile = "intended",
         .world = links(),
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 74978, .transitions = 229514, .depth = 33}},
        {.name = "two-rings-one-socket",
         .asks = "Two rings send on one TCP socket: does each keep its own notifications?",
         .profile = "6.18",
         .world = two_rings(),
         .expect = {.broken = "", .states = 4297, .transitions = 13073, .depth = 39}},
        {.name = "drain-intended",
         .asks = "A send waits for all before it: does it start?",
         .profile = "intended",
         .world = drains(),
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 31484, .transitions = 92276, .depth = 45}},
        {.name = "cq-lost-conforming",
         .asks = "A CQE finds no room anywhere: does the application learn that it waits in vain?",
         .profile = "6.18",
         .world = lossy_queue(),
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 34, .transitions = 49, .depth = 15}},
        {.name = "deferred-poll",
         .asks = "The application sleeps for two CQEs while its send waits for room: is it woken?",
         .profile = "6.18",
         .world = deferred_poll(),
         .expect = {.broken = "", .states = 273, .transitions = 647, .depth = 23}},
        {.name = "deferred-chain",
         .asks = "The application sleeps for two notifications of one chain: is it woken?",
         .profile = "6.18",
         .world = deferred_chain(),
         .expect = {.broken = "", .states = 21996, .transitions = 63070, .depth = 42}},
        {.name = "failing-sends",
         .asks = "Sends fail after they attached data: is each still announced and notified?",
         .profile = "6.18",
         .world = failing_sends(),
         .expect = {.broken = "", .states = 157970, .transitions = 567630, .depth = 37}},
        {.name = "usage-intended",
         .asks = "Every member of a chain is told of its own data: is the report true?",
         .profile = "intended",
         .world = reporting(),
         .expect = {.broken = "", .states = 9597, .transitions = 26391, .depth = 39}},
    };
}

// The known bugs in what a request gives back, and when.
std::vector<KernelScenario> request_bugs() {
    return {
        {.name = "links-6.18",
         .asks = "Two linked sends, the first may fail: does the cancelled second announce its "
                 "notification?",
         .profile = "6.18",
         .world = links(),
         .expect =
             {.broken = "S10-more-iff-notif", .states = 4346, .transitions = 9246, .depth = 12}},
        {.name = "two-rings-chained",
         .asks = "Two rings send on one TCP socket, and the check of whose they are looks at the "
                 "wrong one?",
         .profile = "B2",
         .world = two_rings(),
         .expect = {.broken = "S11-chain-sound", .states = 111, .transitions = 185, .depth = 9}},
        {.name = "double-flush",
         .asks = "The notification is flushed with the send, and again in its cleanup?",
         .profile = "B3",
         .world = one_udp(),
         .expect = {.broken = "S3-refs-exact", .states = 22, .transitions = 27, .depth = 10}},
        {.name = "single-flush",
         .asks = "The same, and the flush is remembered: is each reference given up once?",
         .profile = "6.18",
         .world = one_udp(),
         .expect = {.broken = "", .states = 36, .transitions = 55, .depth = 16}},
        {.name = "worker-flush",
         .asks = "A worker flushes the notification before its request is completed?",
         .profile = "B6",
         .world = {.socks = {udp_sink}, .hazards = {.io_wq = true}, .bounds = udp_bounds(1, 1)},
         .expect =
             {.broken = "S9-one-notif-after-cqe", .states = 53, .transitions = 78, .depth = 13}},
        {.name = "worker-flush-deferred",
         .asks = "A worker leaves the flush to the cleanup: is the notification always second?",
         .profile = "6.1",
         .world = {.socks = {udp_sink}, .hazards = {.io_wq = true}, .bounds = udp_bounds(1, 1)},
         .unasked = {"S2"},
         .expect = {.broken = "", .states = 61, .transitions = 98, .depth = 15}},
        {.name = "failed-send-silent",
         .asks = "A send fails after it attached data, and 6.0 hides its notification?",
         .profile = "6.0",
         .world = one_udp({.issue_fails = true}),
         .expect = {.broken = "S1-no-early-release", .states = 38, .transitions = 44, .depth = 9}},
        {.name = "failed-send-notified",
         .asks = "The same in 6.1: does the failed send's notification come?",
         .profile = "6.1",
         .world = one_udp({.issue_fails = true}),
         .expect = {.broken = "", .states = 80, .transitions = 136, .depth = 14}},
        {.name = "cleanup-twice",
         .asks = "The fail handler cleans up, and the request's cleanup again?",
         .profile = "B10",
         .world = one_udp({.issue_fails = true}),
         .expect = {.broken = "S3-refs-exact", .states = 53, .transitions = 70, .depth = 10}},
    };
}

// The known bugs in who waits for whom, and in what is reported.
std::vector<KernelScenario> waiting_bugs() {
    return {
        {.name = "lazy-wake-poll",
         .asks = "A retry that brings two CQEs is counted as one: is the sleeper woken?",
         .profile = "B9",
         .world = deferred_poll(),
         .expect = {.broken = "L2-sleeper-is-woken", .states = 39, .transitions = 60, .depth = 8}},
        {.name = "lazy-wake-chain",
         .asks = "A chain of notifications is counted as one CQE: is the sleeper woken?",
         .profile = "B9",
         .world = deferred_chain(),
         .expect =
             {.broken = "L2-sleeper-is-woken", .states = 10778, .transitions = 28832, .depth = 25}},
        {.name = "usage-on-head-only",
         .asks = "Only the head of a chain learns what became of the data: is every member's "
                 "report true?",
         .profile = "6.18",
         .world = reporting(),
         .expect =
             {.broken = "K25-usage-is-true", .states = 2549, .transitions = 5665, .depth = 20}},
        {.name = "failed-send-keeps-link",
         .asks = "A failed send is not marked so: is the rest of its link stopped?",
         .profile = "B31",
         .world = links(),
         .expect = {.broken = "W3-links-stop", .states = 2810, .transitions = 5594, .depth = 11}},
        {.name = "drain-6.18",
         .asks = "A send waits for all that is allocated: does it start?",
         .profile = "6.18",
         .world = drains(),
         .expect = {.broken = "W2-no-circular-wait", .states = 50, .transitions = 78, .depth = 4}},
    };
}

// Applications that take something else for the release.
std::vector<KernelScenario> request_misuses() {
    return {
        {.name = "close",
         .asks = "What if the application takes the end of its connection for the release?",
         .profile = "6.18",
         .app = App::close,
         .world = closes(),
         .expect =
             {.broken = "R1-no-reuse-before-release", .states = 59, .transitions = 89, .depth = 9}},
        {.name = "close-wire",
         .asks = "... and does the peer then receive bytes that nobody sent?",
         .profile = "6.18",
         .app = App::close,
         .world = closes(),
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 218, .transitions = 460, .depth = 13}},
        {.name = "close-conforming",
         .asks = "The same by an application that waits for the notification: does it come?",
         .profile = "6.18",
         .world = closes(),
         .eventually = {"L1"},
         .expect = {.broken = "", .states = 274, .transitions = 614, .depth = 23}},
        {.name = "cancel",
         .asks = "What if the application takes its cancel's CQE for the release?",
         .profile = "6.18",
         .app = App::cancel,
         .world = cancels(tcp_small),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 113,
                    .transitions = 211,
                    .depth = 10}},
        {.name = "linked-timeout",
         .asks = "What if it takes the timeout's CQE for the release?",
         .profile = "6.18",
         .app = App::linked_timeout,
         .world = link_timeouts(tcp_small),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 60,
                    .transitions = 94,
                    .depth = 10}},
        {.name = "drop-between",
         .asks = "What if it drops the operation, and the buffer, between the two CQEs?",
         .profile = "6.18",
         .app = App::drop_between,
         .world = one_udp(),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 31,
                    .transitions = 44,
                    .depth = 12}},
        {.name = "descriptor-reused",
         .asks = "What if it writes the msghdr before the SQE is taken?",
         .profile = "6.18",
         .app = App::descriptor_reused,
         .world = one_udp(),
         .unasked = {"R1"},
         .expect = {.broken = "S2-stable-data", .states = 35, .transitions = 43, .depth = 10}},
        {.name = "always-expect-two",
         .asks = "What if it waits for a notification that the CQE did not announce?",
         .profile = "6.18",
         .app = App::always_expect_two,
         .world = one_udp({.prep_fails = true}),
         .expect = {.broken = "W1-no-vain-wait", .states = 12, .transitions = 11, .depth = 5}},
        {.name = "prep-failures",
         .asks = "Preparation fails and only F_MORE is believed: does nobody wait in vain?",
         .profile = "6.18",
         .world = one_udp({.prep_fails = true}),
         .expect = {.broken = "", .states = 48, .transitions = 72, .depth = 16}},
    };
}

// Applications that look for a send in the wrong place.
std::vector<KernelScenario> queue_misuses() {
    return {
        {.name = "err-means-no-notif",
         .asks = "What if it takes an error for the end, and the notification for another's?",
         .profile = "6.18",
         .app = App::err_means_no_notif,
         .world = failing_sends(),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 4032,
                    .transitions = 8064,
                    .depth = 11}},
        {.name = "cancelled-means-no-notif",
         .asks = "What if it does so for -ECANCELED alone?",
         .profile = "6.18",
         .app = App::cancelled_means_no_notif,
         .world = cancels(with_entries(tcp_two, 6)),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 68236,
                    .transitions = 205427,
                    .depth = 17}},
        {.name = "cancel-two-conforming",
         .asks = "The same two sends by an application that believes F_MORE?",
         .profile = "6.18",
         .world = cancels(with_entries(tcp_two, 6)),
         .expect = {.broken = "", .states = 949757, .transitions = 3428257, .depth = 49}},
        {.name = "fifo-notifs",
         .asks = "What if it takes notifications to come in the order of the sends?",
         .profile = "6.18",
         .app = App::fifo_notifs,
         .world = two_udp(),
         .unasked = {"W1"},
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 26208,
                    .transitions = 78408,
                    .depth = 20}},
        {.name = "notifs-by-name",
         .asks = "The same two sends by an application that goes by user_data?",
         .profile = "6.18",
         .world = two_udp(),
         .expect = {.broken = "", .states = 29810, .transitions = 99238, .depth = 34}},
        {.name = "user-data-recycled",
         .asks = "What if a second send has the user_data of one whose notification is to come?",
         .profile = "6.18",
         .app = App::user_data_recycled,
         .world = two_udp(),
         .unasked = {"W1"},
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 1228,
                    .transitions = 2544,
                    .depth = 20}},
    };
}

// Applications that take a notification for something else.
std::vector<KernelScenario> notif_misuses() {
    return {
        {.name = "notif-as-result",
         .asks = "What if it takes a notification for a send of 0 bytes, and the peer for gone?",
         .profile = "6.18",
         .app = App::notif_as_result,
         .world = two_udp(),
         .expect = {.broken = "R1-no-reuse-before-release",
                    .states = 10718,
                    .transitions = 31038,
                    .depth = 19}},
        {.name = "notif-as-delivery",
         .asks = "What if it takes a notification for an acknowledgement?",
         .profile = "6.18",
         .app = App::notif_as_delivery,
         .world = lost_packets(),
         .expect = {.broken = "D1-nothing-given-up", .states = 44, .transitions = 77, .depth = 14}},
        {.name = "notif-not-delivery",
         .asks = "A notification means that the buffer is free, no more: is nothing given up?",
         .profile = "6.18",
         .world = lost_packets(),
         .expect = {.broken = "", .states = 46, .transitions = 83, .depth = 16}},
        {.name = "misread-overflow",
         .asks = "What if it takes dropped CQEs for late ones?",
         .profile = "6.18",
         .app = App::misread_overflow,
         .world = lossy_queue(),
         .expect = {.broken = "W1-no-vain-wait", .states = 36, .transitions = 52, .depth = 16}},
    };
}

}  // namespace zcv
