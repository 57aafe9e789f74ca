// The kernel scenarios against an explorer that is obviously right, and against themselves with
// their kernel changed: whatever the model promises must be shown able to fail.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "model/gallery.hpp"
#include "tests/any_kernel.hpp"
#include "tests/naive.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;
using checker::Taken;

namespace {

World small(const SockConfig& config, const Hazards& hazards = {},
            const std::string& profile = "6.18") {
    World world = roomy(config, profile);
    world.hazards = hazards;
    world.bounds = {
        .buffers = 1, .requests = 1, .ubufs = 1, .shinfos = 3, .skbs = 3, .cq_entries = 4};
    return world;
}

World two_streamed(const std::string& profile = "6.18") {
    World world = small(tcp_nic, {}, profile);
    world.bounds.requests = 2;
    world.bounds.ubufs = 2;
    world.bounds.shinfos = 2;
    world.bounds.skbs = 2;
    return world;
}

constexpr SockConfig udp_segmented{.transport = Transport::udp, .dma = true, .segments = true};
constexpr SockConfig tcp_split{.transport = Transport::tcp, .dma = true, .splits = true};
constexpr SockConfig udp_tapped{.transport = Transport::udp, .dma = true, .tapped = true};

// The object that the step brought about.
template <class Id>
Id born(const FixedStore& before, const FixedStore& after) {
    Id found = none<Id>;
    after.for_each<Id>([&](Id id) {
        if (after[id].alive && !before[id].alive) found = id;
    });
    ZCV_CHECK(found != none<Id>);
    return found;
}

using Change = std::function<void(const FixedStore& before, FixedStore& after, const Taken&)>;

AnyKernel::Mutate on(const std::string& wanted, const Change& change) {
    return [=](const FixedStore& before, FixedStore& after, std::string_view step,
               const Taken& taken) {
        if (step == wanted) change(before, after, taken);
        return true;
    };
}

AnyKernel::Mutate without(const std::set<std::string, std::less<>>& steps) {
    return [=](const FixedStore&, FixedStore&, std::string_view step, const Taken&) {
        return !steps.contains(step);
    };
}

// A new shared info that refers to the pages and not to the ubuf, as an MTU probe makes them.
void forget_ubuf(const FixedStore& before, FixedStore& after, const Taken&) {
    const auto h = born<ShinfoId>(before, after);
    --after[UbufId{after[h].uarg}].refs;
    after[h].uarg = none<UbufId>;
}

void forget_reference_of_new(const FixedStore& before, FixedStore& after, const Taken&) {
    --after[UbufId{after[born<ShinfoId>(before, after)].uarg}].refs;
}

void forget_dataref(const FixedStore& before, FixedStore& after, const Taken&) {
    --after[after[born<SkbId>(before, after)].shinfo].dataref;
}

void put_again(FixedStore& s, UbufId n) {
    if (s[n].refs == 0) return;
    if (--s[n].refs == 0) s[n].tw = TaskWork::queued;
}

UbufId notif_in(const FixedStore& s, const Taken& taken) {
    const UbufId n = s[RequestId{taken.ids[0]}].ubuf;
    ZCV_CHECK(n != none<UbufId>);
    return n;
}

// Data of a send in another's skb, and neither notification knows of the other.
void forget_link(const FixedStore& before, FixedStore& after, const Taken& taken) {
    const UbufId n = notif_in(after, taken);
    const UbufId head = after[n].head;
    ZCV_CHECK(head != none<UbufId>);
    after[n] = before[n];
    after[head] = before[head];
}

struct Mutation {
    std::string claim;
    World world;
    AnyKernel::Mutate mutate;
    std::string breaks;
    std::vector<std::string> unasked = {};
};

std::vector<Mutation> early_releases() {
    return {
        {"a segment without the ubuf, once the notification is out",
         small(udp_segmented),
         on("skb_segment", forget_ubuf),
         "S1-no-early-release",
         {"S4"}},
        {"the rest of a split skb without the ubuf, once the notification is out",
         small(tcp_split),
         on("tcp_fragment", forget_ubuf),
         "S1-no-early-release",
         {"S4"}},
        {"a private copy of a shared info without the ubuf, once the notification is out",
         small(udp_tapped),
         on("pskb_expand_head", forget_ubuf),
         "S1-no-early-release",
         {"S4"}},
        {"data behind another's skb whose notification is not linked, once that is out",
         two_streamed(),
         on("io_link_skb", forget_link),
         "S1-no-early-release",
         {"S4"}},
        {"a receiver that is handed the sender's pages, once the notification is out",
         small(udp_loopback),
         on("skb_copy_ubufs",
            [](const FixedStore& before, FixedStore& after, const Taken& taken) {
                const ShinfoId h = after[SkbId{taken.ids[0]}].shinfo;
                after[h].frags = before[h].frags;
            }),
         "S1-no-early-release",
         {"S4"}},
        {"and what the application then writes goes out",
         small(udp_segmented),
         on("skb_segment", forget_ubuf),
         "S2-stable-data",
         {"S1", "S4", "R1"}},
        {"though the application keeps its side of the promise",
         small(udp_segmented),
         on("skb_segment", forget_ubuf),
         "R1-no-reuse-before-release",
         {"S1", "S4"}},
    };
}

// What becomes of the shared info that the step makes, or of the one its skb has.
template <class F>
Change in_new_shinfo(const F& change) {
    return [=](const FixedStore& before, FixedStore& s, const Taken&) {
        change(s, born<ShinfoId>(before, s));
    };
}
template <class F>
Change in_own_shinfo(const F& change) {
    return [=](const FixedStore&, FixedStore& s, const Taken& taken) {
        change(s, ShinfoId{s[SkbId{taken.ids[0]}].shinfo});
    };
}

std::vector<Mutation> wrong_frags() {
    const auto fixed = [](World world) {
        world.apis = {Api::send_zc_fixed};
        return world;
    };
    const auto manages = [](FixedStore& s, ShinfoId h) { s[h].managed = true; };
    const auto unmanages = [](FixedStore& s, ShinfoId h) { s[h].managed = false; };
    const auto forget_mark = [](FixedStore& s, ShinfoId h) { s[h].shared = false; };
    const auto forget_page = [](FixedStore& s, ShinfoId) { --s[buffer].page_refs; };
    return {
        {"a segment without the ubuf", small(udp_segmented), on("skb_segment", forget_ubuf),
         "S4-ubuf-on-frags"},
        {"the rest of a split skb without the ubuf", small(tcp_split),
         on("tcp_fragment", forget_ubuf), "S4-ubuf-on-frags"},
        {"a private copy of a shared info without the ubuf", small(udp_tapped),
         on("pskb_expand_head", forget_ubuf), "S4-ubuf-on-frags"},
        {"data behind another's skb whose notification is not linked", two_streamed(),
         on("io_link_skb", forget_link), "S4-ubuf-on-frags"},
        {"ordinary pages in an skb that takes no references", small(udp_nic),
         on("ip_append_data", in_new_shinfo(manages)), "S6-page-refs-exact"},
        {"registered pages whose skb forgets that they are", fixed(small(udp_nic)),
         on("ip_append_data", in_new_shinfo(unmanages)), "S6-page-refs-exact"},
        {"a managed skb that loses its ubuf", fixed(small(udp_nic)),
         on("ip_append_data", forget_ubuf), "S4-ubuf-on-frags"},
        {"and nobody asks about the ubuf",
         fixed(small(udp_nic)),
         on("ip_append_data", forget_ubuf),
         "S5-managed-frags",
         {"S4"}},
        {"a segment without references to the pages", small(udp_segmented),
         on("skb_segment", in_new_shinfo(forget_page)), "S6-page-refs-exact"},
        {"a copy on receive that keeps the pages", small(udp_loopback),
         on("skb_copy_ubufs",
            [](const FixedStore&, FixedStore& s, const Taken&) { ++s[buffer].page_refs; }),
         "S6-page-refs-exact"},
        {"a page that the process unmaps and a device still reads", small(udp_nic),
         on("dev_queue_xmit",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[buffer].unmapped = true;
                s[buffer].page_refs = 0;
            }),
         "S6-page-refs-exact"},
        {"... which sends what is there by then",
         small(udp_nic),
         on("dev_queue_xmit",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[buffer].unmapped = true;
                s[buffer].page_refs = 0;
            }),
         "S2-stable-data",
         {"S6"}},
        {"user pages that are not marked as shared", small(udp_nic),
         on("ip_append_data", in_new_shinfo(forget_mark)), "S7-shared-flag"},
        {"a packet on its way that loses the mark", small(tcp_nic),
         on("dev_queue_xmit", in_own_shinfo(forget_mark)), "S7-shared-flag"},
    };
}

std::vector<Mutation> wrong_counts() {
    const auto flushed = [](const auto& change) {
        return on("io_notif_flush", [=](const FixedStore& before, FixedStore& s, const Taken& t) {
            change(s, notif_in(before, t));
        });
    };
    return {
        {"a link without a reference to the head", two_streamed(),
         on("io_link_skb", [](const FixedStore&, FixedStore& s,
                              const Taken& taken) { --s[s[notif_in(s, taken)].head].refs; }),
         "S3-refs-exact"},
        {"a private copy of a shared info without a reference", small(udp_tapped),
         on("pskb_expand_head", forget_reference_of_new), "S3-refs-exact"},
        {"the rest of a split skb without a reference", small(tcp_split),
         on("tcp_fragment", forget_reference_of_new), "S3-refs-exact"},
        {"a refused clone that the shared info does not count",
         small(tcp_nic, {.drops = true, .refusals = true}),
         on("tcp_transmit_skb_refused", forget_dataref), "S3-refs-exact"},
        {"a segment without a reference", small(udp_segmented),
         on("skb_segment", forget_reference_of_new), "S3-refs-exact"},
        {"an issuer that flushes twice", small(udp_nic),
         flushed([](FixedStore& s, UbufId n) { put_again(s, n); }), "S3-refs-exact"},
        {"an issuer that forgets that it has flushed", small(udp_nic),
         flushed([](FixedStore& s, UbufId n) { s[n].owner_ref = true; }), "S3-refs-exact"},
        {"a call that keeps its reference on 6.1", small(tcp_nic, {}, "6.1"),
         on("io_send_zc_success", [](const FixedStore&, FixedStore& s,
                                     const Taken& taken) { ++s[notif_in(s, taken)].refs; }),
         "S3-refs-exact"},
        {"a transmitted clone that the shared info does not count", small(tcp_nic),
         on("tcp_write_xmit", forget_dataref), "S3-refs-exact"},
        {"a retransmitted clone that the shared info does not count",
         small(tcp_nic, {.drops = true, .retransmits = true}),
         on("tcp_retransmit_skb", forget_dataref), "S3-refs-exact"},
        {"a tap's clone that the shared info does not count", small(udp_tapped),
         on("dev_queue_xmit_nit", forget_dataref), "S3-refs-exact"},
    };
}

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
        {"a success that does not announce its notification", small(udp_nic),
         on("io_notif_flush", says(false)), "S10-more-iff-notif"},
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

// The ubuf is let go of, and the data stays.
void let_go(FixedStore& s, ShinfoId h) {
    const UbufId n = s[h].uarg;
    if (n == none<UbufId>) return;
    put_again(s, n);
    s[h].uarg = none<UbufId>;
}

Change to_own_shinfo(void (*change)(FixedStore&, ShinfoId)) {
    return [=](const FixedStore&, FixedStore& s, const Taken& taken) {
        change(s, ShinfoId{s[SkbId{taken.ids[0]}].shinfo});
    };
}

void leak_a_ubuf(const FixedStore&, FixedStore& s, const Taken&) {
    s.for_each<UbufId>([&](UbufId n) {
        if (s[n].alive && s[n].refs > 0) ++s[n].refs;
    });
}

World streaming(SockConfig config, const Hazards& hazards, const std::string& profile = "6.18") {
    World world = two_streamed(profile);
    config.small_sends = true;
    world.socks = {config};
    world.hazards = hazards;
    world.bounds.shinfos = 3;
    world.bounds.skbs = 3;
    return world;
}

std::vector<Mutation> forgetful_protocols() {
    const SockConfig orphaning{.transport = Transport::tcp, .dma = true, .orphans = true};
    const SockConfig probing{.transport = Transport::tcp, .dma = true, .probe = 2};
    const Change keep_frags = [](const FixedStore& before, FixedStore& s, const Taken&) {
        const auto h = born<ShinfoId>(before, s);
        s[h].frags.insert(first);
        s[h].pages.insert(buffer);
        s[h].shared = true;
        ++s[buffer].page_refs;
    };
    return {
        {"a retransmission that is uncloned without the ubuf",
         small(orphaning, {.retransmits = true}), on("tcp_retransmit_skb_unclone", forget_ubuf),
         "S4-ubuf-on-frags"},
        {"... once the notification is out",
         small(orphaning, {.retransmits = true}),
         on("tcp_retransmit_skb_unclone", forget_ubuf),
         "S1-no-early-release",
         {"S4"}},
        {"a retransmission that is uncloned without a reference",
         small(orphaning, {.retransmits = true}),
         on("tcp_retransmit_skb_unclone", forget_reference_of_new), "S3-refs-exact"},
        {"a SACK that lets go of the ubuf",
         small(tcp_nic, {.drops = true, .retransmits = true, .sacks = true}),
         on("tcp_sacktag_one", to_own_shinfo(let_go)), "S4-ubuf-on-frags"},
        {"a partial ACK that lets go of the ubuf", streaming(tcp_nic, {.trims = true}),
         on("tcp_trim_head", to_own_shinfo(let_go)), "S4-ubuf-on-frags"},
        {"a partial ACK that keeps the page", streaming(tcp_nic, {.trims = true}),
         on("tcp_trim_head",
            [](const FixedStore&, FixedStore& s, const Taken&) { ++s[buffer].page_refs; }),
         "S6-page-refs-exact"},
        {"an MTU probe that says it is a copy and is none", streaming(probing, {}, "6.1"),
         on("tcp_mtu_probe", keep_frags), "S4-ubuf-on-frags"},
        {"an MTU probe whose pages anybody may have",
         streaming(probing, {}),
         on("tcp_mtu_probe",
            [](const FixedStore&, FixedStore& s, const Taken&) { s[buffer].page_refs = 0; }),
         "S6-page-refs-exact",
         {"S1", "S2", "S4", "R1"}},
        {"a link that holds nothing because no data followed", streaming(tcp_nic, {.fills = true}),
         on("skb_zerocopy_iter_stream_unfilled",
            [](const FixedStore&, FixedStore& s, const Taken& taken) {
                --s[s[notif_in(s, taken)].head].refs;
            }),
         "S3-refs-exact"},
    };
}

std::vector<Mutation> forgetful_ends() {
    const SockConfig opening{.transport = Transport::tcp, .dma = true, .fast_open = true};
    const SockConfig corking{.transport = Transport::udp, .dma = true, .corks = true};
    World corked = two_streamed();
    corked.socks = {corking};
    return {
        {"a SYN that does not count its ubuf", small(opening),
         on("tcp_send_syn_data", forget_reference_of_new), "S3-refs-exact"},
        {"a pending datagram thrown away with its reference", corked,
         on("udp_sendmsg_foreign_ubuf", leak_a_ubuf), "S3-refs-exact"},
        {"a card that is reset and keeps a reference", small(udp_nic, {.device_resets = true}),
         on("device_reset",
            [](const FixedStore& before, FixedStore& s, const Taken&) {
                before.for_each<ShinfoId>([&](ShinfoId h) {
                    if (before[h].alive && !s[h].alive) ++s[UbufId{before[h].uarg}].refs;
                });
            }),
         "S3-refs-exact"},
        {"a connection given up whose clones lose the ubuf", small(tcp_nic, {.gives_up = true}),
         on("tcp_write_err",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s.for_each<ShinfoId>([&](ShinfoId h) {
                    if (s[h].alive) let_go(s, h);
                });
            }),
         "S4-ubuf-on-frags"},
        {"an empty skb that keeps its reference", small(tcp_nic, {.no_memory = true}),
         on("tcp_remove_empty_skb", leak_a_ubuf), "S3-refs-exact"},
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

std::vector<Mutation> mutations() {
    std::vector<Mutation> all = early_releases();
    for (const auto& group : {wrong_frags(), wrong_counts(), wrong_cqes(), wrong_generations(),
                              forgetful_protocols(), forgetful_ends()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace

TEST_CASE("every kernel scenario counts what a naive explorer counts, and what it declares",
          "[scenarios]") {
    std::size_t compared = 0;
    for (const KernelScenario& row : kernel_scenario_table()) {
        ++compared;
        DYNAMIC_SECTION(row.name) {
            const AnyKernel system(world_of(row), row.unasked);
            const naive::Counts counts = naive::explore(system);
            const checker::Outcome outcome = find_scenario(row.name)->explore({});
            CHECK(outcome.states == counts.states);
            CHECK(outcome.transitions == counts.transitions);
            CHECK(row.expect.states != 0);
            CHECK(as_declared(row.expect, outcome));
            // What must end is for liveness_test: no single state shows it.
            if (outcome.repeat) {
                CHECK(counts.broken.empty());
                continue;
            }
            CHECK(outcome.broken == counts.broken);
            const bool holds = counts.broken.empty();
            CHECK(outcome.depth == (holds ? counts.depth : counts.broken_depth));
            CHECK(outcome.counterexample.size() == (holds ? 0 : counts.broken_depth));
        }
    }
    CHECK(compared >= 10);
}

TEST_CASE("every step of the model is taken in some scenario", "[scenarios]") {
    std::vector<const KernelScenario*> rows;
    for (const KernelScenario& row : kernel_scenario_table()) rows.push_back(&row);
    std::ranges::sort(rows, {}, [](const auto* row) { return row->expect.states; });
    std::set<std::string> missing;
    for (const auto& step : AnyKernel(World{}).steps()) missing.emplace(step.name);
    CHECK(missing.size() == Steps::size);
    for (const KernelScenario* row : rows) {
        if (missing.empty()) break;
        for (const auto& [step, times] : find_scenario(row->name)->explore({}).taken)
            if (times > 0) missing.erase(step);
    }
    for (const std::string& step : missing) UNSCOPED_INFO("never taken: " << step);
    CHECK(missing.empty());
}

TEST_CASE("the switches of a profile change the world that is explored", "[scenarios][profile]") {
    const auto counts_under = [](const Profile& profile) {
        World world = two_streamed();
        world.profile = profile;
        return naive::explore(AnyKernel(world));
    };
    Profile profile;
    const naive::Counts stacked = counts_under(profile);
    profile.chains = false;
    const naive::Counts alone = counts_under(profile);
    profile.sendmsg_holds_ubuf = true;
    const naive::Counts holding = counts_under(profile);
    CHECK(stacked.broken.empty());
    CHECK(alone.broken.empty());
    CHECK(holding.broken.empty());
    CHECK(stacked.states > alone.states);
    // The request's own reference outlives the call's, so that one can release nothing early.
    CHECK(holding.states == alone.states);
    CHECK(holding.transitions == alone.transitions);
    // The profiles are those switches and no others.
    CHECK(counts_under(*find_profile("6.1")).transitions == holding.transitions);
    CHECK(counts_under(*find_profile("6.12")).transitions == stacked.transitions);
}

TEST_CASE("a cancelled link is a violation under 6.18 and none under intended",
          "[scenarios][profile]") {
    const auto verdict_of = [](const std::string& name, const std::string& profile) {
        return with(*find_scenario(name), profile, std::nullopt).explore({}).broken;
    };
    CHECK(verdict_of("link-cancel", "intended").empty());
    CHECK(verdict_of("link-cancel", "6.1") == "S10-more-iff-notif");
    CHECK(verdict_of("link-cancel-intended", "6.18") == "S10-more-iff-notif");
}

TEST_CASE("an MTU probe releases early since 6.5, and not in a kernel that makes none of such data",
          "[scenarios][profile]") {
    const auto verdict_of = [](const std::string& name, const std::string& profile) {
        return with(*find_scenario(name), profile, std::nullopt).explore({}).broken;
    };
    for (const char* kernel : {"6.6", "6.12", "6.18", "B1"})
        CHECK(verdict_of("mtu-probe", kernel) == "S1-no-early-release");
    for (const char* kernel : {"6.0", "6.1", "intended"})
        CHECK(verdict_of("mtu-probe", kernel).empty());
}

TEST_CASE("a kernel that is changed for the worse is noticed by the right property",
          "[scenarios][mutation]") {
    for (const Mutation& mutation : mutations()) {
        DYNAMIC_SECTION(mutation.claim) {
            CHECK(naive::explore(AnyKernel(mutation.world, mutation.unasked)).broken.empty());
            const AnyKernel changed(mutation.world, mutation.unasked, mutation.mutate);
            CHECK(naive::explore(changed).broken == mutation.breaks);
        }
    }
}

TEST_CASE("every property of the model can fail", "[scenarios][mutation]") {
    std::set<std::string> broken;
    for (const Mutation& mutation : mutations()) broken.insert(mutation.breaks);
    std::set<std::string> promised;
    for (const auto& property : kernel_properties())
        if (property.must == checker::Must::always) promised.emplace(property.name);
    CHECK(broken == promised);
}

TEST_CASE("a kernel that never lets go is not called clean", "[scenarios][mutation]") {
    // Nothing bad happens in it, because nothing happens: the premises are never reached.
    const auto unreached = [](const std::set<std::string, std::less<>>& steps) {
        const AnyKernel stuck(small(udp_nic), {}, without(steps));
        const checker::Outcome outcome = checker::explore(stuck, {});
        CHECK(outcome.verdict == Verdict::violation);
        return std::set<std::string>(outcome.unreached.begin(), outcome.unreached.end());
    };
    CHECK(unreached({"io_notif_flush"}).contains("S9-one-notif-after-cqe-reached"));
    CHECK(unreached({"consume_skb"}).contains("S1-no-early-release-reached"));
    CHECK(unreached({"device_dma"}).contains("S2-stable-data-reached"));
    CHECK(unreached({"ip_append_data"}).contains("S3-refs-exact-reached"));
    CHECK(unreached({"ip_append_data"}).contains("R1-no-reuse-before-release-reached"));
    CHECK(unreached({"io_submit_flush_completions"}).contains("S10-more-iff-notif-reached"));
}

TEST_CASE("each always property is followed by the premise it needs", "[scenarios]") {
    const auto& all = kernel_properties();
    REQUIRE(all.size() % 2 == 0);
    for (std::size_t i = 0; i < all.size(); i += 2) {
        CHECK(all[i].must == checker::Must::always);
        CHECK(all[i + 1].must == checker::Must::sometimes);
        CHECK(std::string(all[i + 1].name) == std::string(all[i].name) + "-reached");
    }
}

TEST_CASE("every known bug has a scenario that breaks and a twin that holds, or says why not",
          "[scenarios][gallery]") {
    const auto& table = kernel_scenario_table();
    const auto named = [&](std::string_view name) {
        return std::ranges::find(table, name, &KernelScenario::name);
    };
    for (const Bug& bug : gallery()) {
        INFO(bug.id);
        CHECK(!bug.title.empty());
        CHECK(!bug.story.empty());
        CHECK(!bug.source.empty());
        CHECK(bug.scenario.empty() == !bug.left_out.empty());
        CHECK(bug.scenario.empty() == bug.twin.empty());
        if (bug.scenario.empty()) continue;
        const auto scenario = named(bug.scenario);
        const auto twin = named(bug.twin);
        REQUIRE(scenario != table.end());
        REQUIRE(twin != table.end());
        CHECK(!scenario->expect.broken.empty());
        CHECK(twin->expect.broken.empty());
    }
}
