#pragma once

#include <string>
#include <vector>

#include "tests/mutation.hpp"

// References that packets hold: forgotten, counted twice, not marked.
namespace zcv::test {
namespace {

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
         {"S4", "S8"}},
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
         {"S4", "S8"}},
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

void forget_mark(FixedStore& s, ShinfoId h) {
    s[h].shared = false;
}

std::vector<Mutation> wrong_frags() {
    const auto fixed = [](World world) {
        world.apis = {Api::send_zc_fixed};
        return world;
    };
    const auto manages = [](FixedStore& s, ShinfoId h) { s[h].managed = true; };
    const auto unmanages = [](FixedStore& s, ShinfoId h) { s[h].managed = false; };
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
        {"a receiver that is handed the sender's pages",
         small(udp_loopback),
         on("skb_copy_ubufs",
            [](const FixedStore& before, FixedStore& after, const Taken& taken) {
                const ShinfoId h = after[SkbId{taken.ids[0]}].shinfo;
                after[h].frags = before[h].frags;
            }),
         "S8-no-rx-leak",
         {"S4"}},
        {"a file that is deciphered where it lies", spliced(),
         on("esp_input",
            [](const FixedStore&, FixedStore& s, const Taken&) { s[buffer].spoiled = true; }),
         "S7-written-in-place"},
        {"a duplicate that loses the mark", spliced(),
         on("pskb_copy_fclone", in_new_shinfo(forget_mark)), "S7-shared-flag"},
        {"a carved clone of registered pages that is managed still", fixed(small(udp_carved)),
         on("pskb_carve", in_own_shinfo(manages)), "S6-page-refs-exact"},
        {"a second skb of a vsock send without the ubuf", small(vsock),
         on("virtio_transport_send_pkt_info", forget_ubuf), "S4-ubuf-on-frags"},
        {"a segment without references to the pages", small(udp_segmented),
         on("skb_segment", in_new_shinfo(forget_page)), "S6-page-refs-exact"},
        {"a copy on receive that keeps the pages", small(udp_loopback),
         on("skb_copy_ubufs",
            [](const FixedStore&, FixedStore& s, const Taken&) { ++s[buffer].page_refs; }),
         "S6-page-refs-exact"},
    };
}

std::vector<Mutation> wrong_pages() {
    return {
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
        {"a mirrored clone that the shared info does not count",
         small({.transport = Transport::udp, .dma = true, .mirrors = true}, {.drops = true}),
         on("tcf_mirred_to_dev", forget_dataref), "S3-refs-exact"},
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

World calling(const SockConfig& config, std::uint32_t requests, const Hazards& hazards = {}) {
    World world = small(config, hazards);
    world.apis = {Api::msg_zerocopy};
    world.bounds.requests = requests;
    world.bounds.ubufs = requests;
    world.bounds.shinfos = 2;
    world.bounds.skbs = 2;
    return world;
}

std::vector<Mutation> wrong_ranges() {
    World guest = calling(udp_nic, 1, {.close_fd = true});
    guest.apis = {Api::vhost};
    return {
        {"a guest's device whose count is freed under its waker", guest,
         on("consume_skb",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                s[SockId{0}].vhost_freed = s[SockId{0}].vhost_waking;
            }),
         "S13-waker-outlived"},
        {"a guest's descriptor that is not counted", guest,
         on("handle_tx_zerocopy",
            [](const FixedStore&, FixedStore& s, const Taken&) { --s[SockId{0}].vhost_ubufs; }),
         "S3-refs-exact"},
        {"a call that joins a ubuf whose range does not grow", calling(tcp_nic, 2),
         on("msg_zerocopy_realloc", [](const FixedStore&, FixedStore& s,
                                       const Taken& taken) { --s[notif_in(s, taken)].len; }),
         "S14-ids-dense"},
        {"a call that joins without a reference", calling(tcp_nic, 2),
         on("msg_zerocopy_realloc", [](const FixedStore&, FixedStore& s,
                                       const Taken& taken) { --s[notif_in(s, taken)].refs; }),
         "S3-refs-exact"},
        {"a segment of a call's data without the ubuf", calling(udp_segmented, 1),
         on("skb_segment", forget_ubuf), "S4-ubuf-on-frags"},
        {"a ubuf that option memory is not charged for", calling(udp_nic, 1),
         on("msg_zerocopy_alloc",
            [](const FixedStore&, FixedStore& s, const Taken&) { --s[SockId{0}].omem; }),
         "S15-omem-exact"},
        {"a failing call that keeps its id", calling(udp_nic, 1, {.issue_fails = true}),
         on("msg_zerocopy_put_abort",
            [](const FixedStore& before, FixedStore& s, const Taken&) {
                s[SockId{0}].zckey = before[SockId{0}].zckey;
            }),
         "R2-no-wait-in-vain"},
        {"a copy that is not reported", calling(udp_loopback, 1),
         on("skb_copy_ubufs",
            [](const FixedStore&, FixedStore& s, const Taken&) {
                auto& queue = s[SockId{0}].errqueue;
                if (!queue.empty()) queue[queue.size() - 1].copied = false;
            }),
         "S18-copied-code-true"},
    };
}

}  // namespace
}  // namespace zcv::test
