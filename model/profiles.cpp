#include "model/profiles.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "model/ensure.hpp"

namespace zcv {
namespace {

struct Release {
    int major = 0;
    int minor = 0;
};

std::optional<Release> parse(std::string_view text) {
    Release release;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, release.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, release.minor);
    if (minor.ec != std::errc{}) return std::nullopt;
    return release;
}

}  // namespace

namespace {

constexpr std::array switch_table{
    Switch{"chains", &Profile::chains,
           "an skb can carry several requests' data, their notifications linked (6.10)"},
    Switch{"sendmsg_holds_ubuf", &Profile::sendmsg_holds_ubuf,
           "tcp_sendmsg_locked() holds a ubuf reference of its own while it runs (before 6.5)",
           "the request's own reference outlives the call's, so that nothing is released sooner or "
           "later; records show the count"},
    Switch{"link_cancel_forgets_more", &Profile::link_cancel_forgets_more,
           "a cancelled link member's CQE lacks F_MORE although its notification will follow"},
    Switch{
        "mtu_probe_moves_frags", &Profile::mtu_probe_moves_frags,
        "a TCP MTU probe refers to the pages of queued skbs instead of copying their bytes (6.5)"},
    Switch{"mtu_probe_forgets_ubuf", &Profile::mtu_probe_forgets_ubuf,
           "... and not to their ubuf, whose notification then comes before the probe is sent"},
    Switch{"link_forgets_ring", &Profile::link_forgets_ring,
           "notifications of two rings that share a TCP socket are chained (6.10 to 6.12.48)"},
    Switch{"flush_keeps_cleanup", &Profile::flush_keeps_cleanup,
           "a flushed notification is given up again in the request's cleanup (6.14-rc)"},
    Switch{"worker_flushes_inline", &Profile::worker_flushes_inline,
           "a worker gives up the notification before its request's CQE is posted (6.0-rc)"},
    Switch{"failed_send_suppresses_notif", &Profile::failed_send_suppresses_notif,
           "a failed send's notification is released without a CQE (6.0)"},
    Switch{"wake_counts_work", &Profile::wake_counts_work,
           "a waiter's wake-up counts task work, though some of it posts two CQEs (before 6.10)"},
    Switch{"fail_handler_cleans_up", &Profile::fail_handler_cleans_up,
           "the fail handler gives up the notification, and the cleanup again (6.0-rc)"},
    Switch{"usage_only_on_head", &Profile::usage_only_on_head,
           "only the head of a chain learns whether data was copied (6.10)"},
    Switch{"failed_send_keeps_link", &Profile::failed_send_keeps_link,
           "a failed send is not marked so, and the rest of its link goes on (6.0-rc)"},
    Switch{"drain_counts_notifs", &Profile::drain_counts_notifs,
           "a drained send waits for its own notification"},
    Switch{"drain_counts_cqes", &Profile::drain_counts_cqes,
           "a drained request counts notifications' CQEs as those of requests (before 6.16)"},
    Switch{"ring_nodes", &Profile::ring_nodes,
           "resource nodes belong to the ring, and unregistering buffers waits for them (before "
           "6.13)"},
    Switch{
        "unregister_sleeps", &Profile::unregister_sleeps,
        "unregistering buffers under DEFER_TASKRUN sleeps over the task work it waits for (B33)"},
    Switch{"every_notif_takes_node", &Profile::every_notif_takes_node,
           "every notification holds the ring's resource node, registered buffer or not (6.1)"},
    Switch{"request_holds_node", &Profile::request_holds_node,
           "a registered buffer's node is held by the request, not by its notification"},
    Switch{"sendmsg_request_holds_node", &Profile::sendmsg_request_holds_node,
           "the same, but only for SENDMSG_ZC from registered buffers"},
    Switch{"sendmsg_zc_unaccounted", &Profile::sendmsg_zc_unaccounted,
           "the pages of a SENDMSG_ZC are not charged to RLIMIT_MEMLOCK (before 6.15)"},
    Switch{"retry_accounts_again", &Profile::retry_accounts_again,
           "a retry charges the pages of its send once more (before 6.15)"},
    Switch{"process_holds_pins", &Profile::process_holds_pins,
           "registered memory is pinned by the process alone, and let go when it ends"},
    Switch{"carve_keeps_managed", &Profile::carve_keeps_managed,
           "pskb_carve() takes page references for frags that stay marked as having none (B11)"},
    Switch{"gro_merges_zcopy", &Profile::gro_merges_zcopy,
           "GRO moves the frags of an skb with a ubuf into one without it (B12)"},
    Switch{"copies_forget_shared", &Profile::copies_forget_shared,
           "copying and merging skbs lose the mark that their frags are shared (B13)"},
    Switch{"splice_forgets_shared", &Profile::splice_forgets_shared,
           "spliced pages are not marked as shared (B14)"},
    Switch{"vsock_fills_before_binding", &Profile::vsock_fills_before_binding,
           "vsock fills an skb before it attaches the ubuf (B15)"},
    Switch{"vsock_binds_last_only", &Profile::vsock_binds_last_only,
           "only the last skb of a vsock send carries the ubuf (B16)"},
    Switch{"tx_error_detaches_clones", &Profile::tx_error_detaches_clones,
           "skb_tx_error() detaches the ubuf from an skb whose shared info others use (B17)"},
    Switch{"segment_uses_old_frags", &Profile::segment_uses_old_frags,
           "skb_segment() goes on with the frags from before the copy that it had made (B18)"},
    Switch{"errqueue_merge_ignores_code", &Profile::errqueue_merge_ignores_code,
           "the error queue joins a range to one with another code, and keeps the older code"},
    Switch{"realloc_trusts_any_ubuf", &Profile::realloc_trusts_any_ubuf,
           "msg_zerocopy_realloc() extends a ubuf of any provider as if it were its own"},
    Switch{"ubuf_in_socket", &Profile::ubuf_in_socket,
           "MSG_ZEROCOPY takes the ubuf that a request left in the socket"},
    Switch{"vhost_error_puts_again", &Profile::vhost_error_puts_again,
           "a failed sendmsg puts vhost_net's count although the completion has done so"},
    Switch{"vhost_frees_under_waker", &Profile::vhost_frees_under_waker,
           "vhost_net frees its count as soon as it is zero, under whoever will wake the waiter"},
    Switch{"tpacket_destructor_completes", &Profile::tpacket_destructor_completes,
           "a packet ring's slot is available when the skb is freed, whoever has a clone"},
    Switch{"rds_fault_keeps_pages", &Profile::rds_fault_keeps_pages,
           "an RDS message that met a fault puts its pages once more when it is purged"},
    Switch{"notifier_posts", &Profile::notifier_posts,
           "a notifier posts its CQE itself and is kept in a cache of two lists (RFC v1)"},
    Switch{"flush_completes_inline", &Profile::flush_completes_inline,
           "a flush may complete a notification ahead of the request that asked for it (RFC v1)"},
    Switch{"worker_sends_to_slots", &Profile::worker_sends_to_slots,
           "io-wq may send to a slot, under uring_lock (RFC v1)"},
    Switch{"slot_index_off_by_one", &Profile::slot_index_off_by_one,
           "the slot after the last is taken for slot 0"},
    Switch{"notifiers_pin_ring", &Profile::notifiers_pin_ring,
           "a notifier holds a reference to its ring (RFC v1)"},
    Switch{"completion_forgets_task", &Profile::completion_forgets_task,
           "the task that a notification is to be queued to is forgotten just before (RFC v2)"},
    Switch{"xsk_publishes_in_order", &Profile::xsk_publishes_in_order,
           "AF_XDP frames are given back in the order of their submission (before 6.17)"},
};

}  // namespace

const std::vector<Switch>& switches() {
    static const std::vector<Switch> all(switch_table.begin(), switch_table.end());
    return all;
}

namespace {

// Before 6.5: no chains, a reference for the length of the call, MTU probes that are copies.
Profile old_kernel(std::string name, std::string covers) {
    return {.name = std::move(name),
            .covers = std::move(covers),
            .chains = false,
            .sendmsg_holds_ubuf = true,
            .ring_nodes = true,
            .mtu_probe_moves_frags = false,
            .mtu_probe_forgets_ubuf = false,
            .xsk_publishes_in_order = true};
}

// Notifiers that post by themselves and are kept.
Profile slot_kernel(Profile profile) {
    profile.notifier_posts = true;
    profile.flush_completes_inline = true;
    profile.worker_sends_to_slots = true;
    return profile;
}

std::vector<Profile> kernels() {
    Profile v6_0 = old_kernel("6.0", "6.0");
    v6_0.failed_send_suppresses_notif = true;
    v6_0.retry_accounts_again = true;
    v6_0.drain_counts_cqes = true;
    Profile v6_1 = old_kernel("6.1", "6.1 to 6.4");
    v6_1.every_notif_takes_node = true;
    v6_1.sendmsg_zc_unaccounted = true;
    v6_1.retry_accounts_again = true;
    v6_1.drain_counts_cqes = true;
    return {
        slot_kernel(old_kernel("rfc-v1", "the first series: tx contexts")),
        old_kernel("6.0-rc", "6.0 before its release: notification slots"),
        v6_0,
        v6_1,
        {.name = "6.6",
         .covers = "6.5 to 6.9",
         .chains = false,
         .wake_counts_work = true,
         .drain_counts_cqes = true,
         .ring_nodes = true,
         .sendmsg_zc_unaccounted = true,
         .retry_accounts_again = true,
         .xsk_publishes_in_order = true},
        {.name = "6.12",
         .covers = "6.10 to 6.12",
         .drain_counts_cqes = true,
         .ring_nodes = true,
         .sendmsg_zc_unaccounted = true,
         .retry_accounts_again = true,
         .xsk_publishes_in_order = true},
        // Left out: until 6.15 a drained request waits as in 6.12.
        {.name = "6.18", .covers = "6.13 and later", .drain_counts_notifs = true},
        {.name = "process-pin",
         .covers = "no kernel: 6.18 with registered memory pinned by the process alone",
         .drain_counts_notifs = true,
         .process_holds_pins = true},
        {.name = "given-ubuf",
         .covers = "an alternative to the first series: MSG_ZEROCOPY given a request's ubuf",
         .chains = false},
        {.name = "given-ubuf-in-socket",
         .covers = "the same with the ubuf registered in the socket",
         .chains = false,
         .ubuf_in_socket = true},
        {.name = "intended",
         .covers = "the kernel as it should be",
         .link_cancel_forgets_more = false,
         .usage_only_on_head = false,
         .mtu_probe_forgets_ubuf = false,
         .errqueue_merge_ignores_code = false},
    };
}

// A known bug: which kernel it is shown on, and the one switch that is flipped there.
struct Flipped {
    std::string_view bug;
    std::string_view kernel;
    bool Profile::*member;
};

std::vector<Flipped> bugs() {
    return {
        {"B1", "intended", &Profile::mtu_probe_forgets_ubuf},
        {"B2", "6.12", &Profile::link_forgets_ring},
        {"B3", "6.18", &Profile::flush_keeps_cleanup},
        {"B4", "6.0", &Profile::request_holds_node},
        {"B5", "6.18", &Profile::sendmsg_request_holds_node},
        {"B6", "6.1", &Profile::worker_flushes_inline},
        {"B7", "6.0-rc", &Profile::flush_completes_inline},
        {"B9", "6.12", &Profile::wake_counts_work},
        {"B10", "6.1", &Profile::fail_handler_cleans_up},
        {"B11", "6.18", &Profile::carve_keeps_managed},
        {"B12", "6.18", &Profile::gro_merges_zcopy},
        {"B13", "6.18", &Profile::copies_forget_shared},
        {"B14", "6.18", &Profile::splice_forgets_shared},
        {"B15", "6.18", &Profile::vsock_fills_before_binding},
        {"B16", "6.18", &Profile::vsock_binds_last_only},
        {"B17", "6.18", &Profile::tx_error_detaches_clones},
        {"B18", "6.18", &Profile::segment_uses_old_frags},
        {"B19", "6.18", &Profile::realloc_trusts_any_ubuf},
        {"B20", "6.18", &Profile::vhost_error_puts_again},
        {"B21", "6.18", &Profile::vhost_frees_under_waker},
        {"B22", "6.18", &Profile::tpacket_destructor_completes},
        {"B26", "6.18", &Profile::rds_fault_keeps_pages},
        {"B27a", "6.18", &Profile::sendmsg_zc_unaccounted},
        {"B27b", "6.18", &Profile::retry_accounts_again},
        {"B28a", "rfc-v1", &Profile::slot_index_off_by_one},
        {"B28b", "rfc-v1", &Profile::notifiers_pin_ring},
        {"B28c", "6.0-rc", &Profile::completion_forgets_task},
        {"B31", "intended", &Profile::failed_send_keeps_link},
        {"B33", "6.1", &Profile::unregister_sleeps},
    };
}

}  // namespace

const std::vector<Profile>& profiles() {
    static const std::vector<Profile> all = [] {
        std::vector<Profile> list = kernels();
        const std::size_t kernels_end = list.size();
        for (const Flipped& bug : bugs()) {
            const auto end = list.begin() + static_cast<std::ptrdiff_t>(kernels_end);
            const auto kernel = std::find_if(list.begin(), end, [&](const Profile& profile) {
                return profile.name == bug.kernel;
            });
            ZCV_CHECK(kernel != end);
            Profile profile = *kernel;
            profile.name = bug.bug;
            profile.*bug.member = !(profile.*bug.member);
            profile.covers = profile.covers + " with bug " + profile.name;
            list.push_back(profile);
        }
        return list;
    }();
    return all;
}

const Profile* find_profile(std::string_view name) {
    const auto found = std::ranges::find(profiles(), name, &Profile::name);
    return found == profiles().end() ? nullptr : &*found;
}

const Profile* profile_for_release(std::string_view text) {
    const std::optional<Release> release = parse(text);
    if (!release || release->major < 6) return nullptr;
    if (release->major > 6 || release->minor >= 13) return find_profile("6.18");
    if (release->minor >= 10) return find_profile("6.12");
    if (release->minor >= 5) return find_profile("6.6");
    if (release->minor >= 1) return find_profile("6.1");
    // A release candidate of 6.0 with slots calls itself 6.0 as well: it is not told apart.
    return find_profile("6.0");
}

bool was_captured(std::string_view text) {
    constexpr std::array<Release, 3> captured{{{6, 1}, {6, 12}, {6, 18}}};
    const std::optional<Release> release = parse(text);
    return release && std::ranges::any_of(captured, [&](const Release& each) {
               return each.major == release->major && each.minor == release->minor;
           });
}

}  // namespace zcv
