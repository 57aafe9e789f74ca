#pragma once

#include <string>
#include <vector>

#include "tests/mutation.hpp"

// CQEs, chains, rings, processes and slots that do what they should not.
namespace zcv::test {
namespace {

std::vector<Mutation> wrong_cqes() {
    const auto says = [](bool more) {
        return [=](const FixedStore&, FixedStore& s, const Taken& taken) {
            s[RequestId{taken.ids[0]}].more = more;
        };
    };
    return {
        {"a notification posted inline", small(udp_sink),
         on("io_notif_flush",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                const RequestId r{taken.ids[0]};
                const UbufId n = s[r].ubuf;
                if (s[n].tw != TaskWork::queued) return;
                s[s[r].ring].cq.push_back({r, CqeKind::notif});
                s.free(n);
                s[r].ubuf = none<UbufId>;
                s[r].notified = true;
            }),
         "S9-one-notif-after-cqe"},
        {"a worker that flushes before its CQE is posted", small(udp_sink, {.io_wq = true}),
         on("io_send_zc_success",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                if (!s[RequestId{taken.ids[0]}].worker) return;
                const UbufId n = notif_in(s, taken);
                s[n].owner_ref = false;
                put_again(s, n);
            }),
         "S9-one-notif-after-cqe"},
        {"task work that completes a notification twice", small(udp_sink),
         on("io_notif_tw_complete",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                const RequestId r = s[UbufId{taken.ids[0]}].request;
                s[s[r].ring].compl_reqs.push_back({r, CqeKind::notif});
            }),
         "S9-one-notif-after-cqe"},
        {"a chain that completes its newest member twice", two_streamed(),
         on("io_notif_tw_complete",
            [](const FixedStore& before, FixedStore& s, const Taken& taken) {
                const UbufId member = before[UbufId{taken.ids[0]}].next;
                if (member == none<UbufId>) return;
                const RequestId r = s[member].request;
                s[s[r].ring].compl_reqs.push_back({r, CqeKind::notif});
            }),
         "S9-one-notif-after-cqe"},
        {"a success that does not announce its notification",
         small(udp_nic),
         on("io_notif_flush", says(false)),
         "S10-more-iff-notif",
         {"S1-"}},
        {"a failure that does not announce its notification", small(udp_nic, {.issue_fails = true}),
         on("io_sendrecv_fail", says(false)), "S10-more-iff-notif"},
        {"a failure that announces one there is not", small(udp_nic, {.prep_fails = true}),
         on("io_send_zc_prep_early_failure", says(true)), "S10-more-iff-notif"},
        {"a notification that is dropped", small(udp_nic),
         on("io_submit_flush_completions",
            [](const FixedStore& before, FixedStore& s, const Taken& taken) {
                const auto& done = before[RingId{taken.ids[0]}].compl_reqs.front();
                if (done.kind == CqeKind::notif) s[done.request].notified = false;
            }),
         "S10-more-iff-notif"},
    };
}

World two_ordered(const Hazards& hazards) {
    World world = small(udp_sink, hazards, "intended");
    world.bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 1};
    return world;
}

World sleeping() {
    World world = small(udp_nic);
    world.bounds.shinfos = world.bounds.skbs = 1;
    world.defer_taskrun_waits = 2;
    return world;
}

World asking(bool usage) {
    World world = small(udp_nic, {.drops = true});
    world.reports_usage = usage;
    world.tracks_delivery = !usage;
    return world;
}

std::vector<Mutation> wrong_requests() {
    return {
        {"a chain whose end is its head again", two_streamed(),
         on("io_link_skb",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                const UbufId n = notif_in(s, taken);
                s[n].next = s[n].head;
            }),
         "S11-chain-sound"},
        {"a reference that nobody stands for",
         small(udp_nic),
         on("io_send_zc_success", [](const FixedStore&, FixedStore& s,
                                     const Taken& taken) { ++s[notif_in(s, taken)].refs; }),
         "S17-no-lost-ubuf",
         {"S3"}},
        {"a notification that is lost on its way into the ring", small(udp_nic),
         on("io_submit_flush_completions",
            [](const FixedStore& before, FixedStore& s, const Taken& taken) {
                const RingId of{taken.ids[0]};
                if (before[of].compl_reqs.front().kind == CqeKind::notif) s[of].cq.clear();
            }),
         "W1-no-vain-wait"},
        {"a drained request that waits for itself",
         two_ordered({.drains = true}),
         on("io_send_zc_prep",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                const RequestId r{taken.ids[0]};
                if (s[r].drain) s[r].waits_for.insert(r);
            }),
         "W2-no-circular-wait",
         {"S2"}},
        {"a link that goes on behind a failure",
         two_ordered({.issue_fails = true, .links = true}),
         on("io_req_tw_fail_links",
            [](const FixedStore&, FixedStore& s, const Taken& t) {
                s[RequestId{t.ids[0]}].phase = Phase::issued;
            }),
         "W3-links-stop",
         {"S2"}},
        {"a last reference that wakes nobody", sleeping(),
         on("consume_skb", [](const FixedStore& before, FixedStore& s,
                              const Taken&) { s[ring].entered = before[ring].entered; }),
         "L2-sleeper-is-woken"},
        {"a notification that reports the reverse", asking(true),
         on("io_notif_tw_complete",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                auto& request = s[s[UbufId{taken.ids[0]}].request];
                request.says_copied = !request.says_copied;
            }),
         "K25-usage-is-true"},
        {"an application that gives up what was lost", asking(false),
         on("app_reap",
            [](const FixedStore& before, FixedStore& s, const Taken&) {
                const auto& cqe = before[ring].cq.front();
                if (cqe.kind == CqeKind::notif && !before[cqe.request].arrived) s[sock].hole = true;
            }),
         "D1-nothing-given-up"},
    };
}

World registered(const Hazards& hazards, const std::string& profile = "6.18") {
    World world = small(udp_nic, hazards, profile);
    world.apis = {Api::send_zc_fixed};
    return world;
}

World charged() {
    World world = small(udp_nic);
    world.bounds.memlock = 2;
    return world;
}

std::vector<Mutation> wrong_ends() {
    return {
        {"an unregistration that forgets who still uses the buffer",
         registered({.unregisters = true}),
         on("io_sqe_buffers_unregister",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[buffer].node_refs = 0;
                s[buffer].page_refs = 0;
            }),
         "S12-node-lives-with-notif"},
        {"a table that does not wait for its nodes", registered({.unregisters = true}, "6.12"),
         on("io_sqe_buffers_unregister",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[ring].quiesce = false;
                kernel::io_sqe_buffers_unregister::drop_table(s);
            }),
         "S12-node-lives-with-notif"},
        {"a ring that takes the table along before its last notification",
         registered({.exits = true}),
         on("do_exit",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                if (s[buffer].node_refs == 0) return;
                s[buffer].node_refs = 0;
                --s[buffer].page_refs;
            }),
         "S12-node-lives-with-notif",
         {"S6"}},
        {"a notification that goes back to the cache while a packet knows it", small(udp_nic),
         on("io_notif_flush", [](const FixedStore& before, FixedStore& s,
                                 const Taken& taken) { s.free(notif_in(before, taken)); }),
         "S13-no-alias"},
        {"task work that gives nothing back", charged(),
         on("io_notif_tw_complete",
            [](const FixedStore&, FixedStore& s, const Taken&) { ++s[the_task].locked_vm; }),
         "S15-accounts-exact"},
        {"a charge that the notification does not remember", charged(),
         on("io_send_zc_issue",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                s[notif_in(s, taken)].account_pages = 0;
            }),
         "S15-accounts-exact"},
        {"a ring that is freed as it is closed", small(udp_nic, {.ring_exits = true}),
         on("io_uring_release", [](const FixedStore&, FixedStore& s,
                                   const Taken& taken) { s[RingId{taken.ids[0]}].freed = true; }),
         "S16-ring-outlives-its-own"},
        {"a last reference that queues no task work", small(udp_nic, {.execs = true}),
         on("consume_skb",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s.for_each<UbufId>([&](UbufId n) { s[n].tw = TaskWork::none; });
            }),
         "L3-waits-for-somebody"},
    };
}

World world_named(const std::string& name) {
    return world_of(kernel_scenario(name));
}

void close_generation(FixedStore& s, UbufId u) {
    s[s[u].slot].active = none<UbufId>;
    s[u].owner_ref = false;
    --s[u].refs;
}

std::vector<Mutation> wrong_generations() {
    const World one = world_named("slot-task-work");
    const World pinned = world_named("slot-pins-nothing");
    World failing = one;
    failing.hazards.issue_fails = true;
    return {
        {"task work that completes a generation twice", one,
         on("io_notif_complete_tw",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[RingId{0}].compl_reqs.push_back(s[RingId{0}].compl_reqs.back());
            }),
         "S9-one-notif-a-generation"},
        {"a flush that does not wait for uring_lock", one,
         on("io_sendzc", [](const FixedStore&, FixedStore& s,
                            const Taken& taken) { close_generation(s, notif_in(s, taken)); }),
         "G1-open-while-sending"},
        {"a failed send that flushes all the same", failing,
         on("io_sendzc_failure",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                const UbufId u = notif_in(s, taken);
                close_generation(s, u);
                if (s[u].refs == 0) s[u].tw = TaskWork::queued;
            }),
         "G2-seq-as-counted"},
        {"a send that is attached to the other slot",
         world_named("slots-two"),
         on("io_sendzc",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                s[RequestId{taken.ids[0]}].slot = SlotId{1u - taken.ids[0] % 2u};
            }),
         "G3-slot-as-named",
         {"S2"}},
        {"a release that nobody is told of", one,
         on("consume_skb",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s.for_each<UbufId>([&](UbufId u) { s[u].tw = TaskWork::none; });
            }),
         "S17-no-lost-generation"},
        {"a flush that caches a notifier which packets still refer to",
         world_named("tx-ctx"),
         on("io_sendzc_success",
            [](const FixedStore& before, FixedStore& s, const Taken& taken) {
                const UbufId u = notif_in(before, taken);
                if (s[u].refs == 0) return;
                s[u] = {};
                s[u].alive = true;
                s[u].cached = true;
                s[RingId{0}].ubuf_list_locked.push_back(u);
            }),
         "S13-cached-notifier-is-free",
         {"S3", "G3"}},
        {"a notifier that holds the ring while it is open", pinned,
         on("io_sendzc", [](const FixedStore&, FixedStore& s,
                            const Taken& taken) { s[notif_in(s, taken)].ring_ref = true; }),
         "L3-quiesce-can-end"},
        {"a destructor that publishes nothing", world_named("xdp-by-address"),
         on("consume_skb",
            [](const FixedStore& before, FixedStore& s, const Taken&) {
                if (s[SockId{0}].published == before[SockId{0}].published) return;
                s[SockId{0}].completion_ring.pop_front();
                --s[SockId{0}].published;
            }),
         "X1-no-frame-lost"},
    };
}

}  // namespace
}  // namespace zcv::test
