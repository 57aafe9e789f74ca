#include "model/profiles.hpp"

#include <algorithm>
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

const std::vector<Switch>& switches() {
    static const std::vector<Switch> all{
        {"chains", &Profile::chains,
         "an skb can carry several requests' data, their notifications linked (6.10)"},
        {"sendmsg_holds_ubuf", &Profile::sendmsg_holds_ubuf,
         "tcp_sendmsg_locked() holds a ubuf reference of its own while it runs (before 6.5)"},
        {"link_cancel_forgets_more", &Profile::link_cancel_forgets_more,
         "a cancelled link member's CQE lacks F_MORE although its notification will follow"},
        {"carve_keeps_managed", &Profile::carve_keeps_managed,
         "pskb_carve() takes page references for frags that stay marked as having none (B11)"},
        {"gro_merges_zcopy", &Profile::gro_merges_zcopy,
         "GRO moves the frags of an skb with a ubuf into one without it (B12)"},
        {"copies_forget_shared", &Profile::copies_forget_shared,
         "copying and merging skbs lose the mark that their frags are shared (B13)"},
        {"splice_forgets_shared", &Profile::splice_forgets_shared,
         "spliced pages are not marked as shared (B14)"},
        {"vsock_fills_before_binding", &Profile::vsock_fills_before_binding,
         "vsock fills an skb before it attaches the ubuf (B15)"},
        {"vsock_binds_last_only", &Profile::vsock_binds_last_only,
         "only the last skb of a vsock send carries the ubuf (B16)"},
        {"tx_error_detaches_clones", &Profile::tx_error_detaches_clones,
         "skb_tx_error() detaches the ubuf from an skb whose shared info others use (B17)"},
        {"notifier_posts", &Profile::notifier_posts,
         "a notifier posts its CQE itself and is kept in a cache of two lists (RFC v1)"},
        {"flush_completes_inline", &Profile::flush_completes_inline,
         "a flush may complete a notification ahead of the request that asked for it (RFC v1)"},
        {"worker_sends_to_slots", &Profile::worker_sends_to_slots,
         "io-wq may send to a slot, under uring_lock (RFC v1)"},
        {"slot_index_off_by_one", &Profile::slot_index_off_by_one,
         "the slot after the last is taken for slot 0"},
        {"notifiers_pin_ring", &Profile::notifiers_pin_ring,
         "a notifier holds a reference to its ring (RFC v1)"},
        {"completion_forgets_task", &Profile::completion_forgets_task,
         "the task that a notification is to be queued to is forgotten just before (RFC v2)"},
        {"xsk_publishes_in_order", &Profile::xsk_publishes_in_order,
         "AF_XDP frames are given back in the order of their submission (before 6.17)"},
    };
    return all;
}

namespace {

std::vector<Profile> kernels() {
    return {
        {.name = "rfc-v1",
         .covers = "the first series: tx contexts",
         .chains = false,
         .sendmsg_holds_ubuf = true,
         .notifier_posts = true,
         .flush_completes_inline = true,
         .worker_sends_to_slots = true,
         .xsk_publishes_in_order = true},
        {.name = "6.0-rc",
         .covers = "6.0 before its release: notification slots",
         .chains = false,
         .sendmsg_holds_ubuf = true,
         .xsk_publishes_in_order = true},
        {.name = "6.0",
         .covers = "6.0",
         .chains = false,
         .sendmsg_holds_ubuf = true,
         .xsk_publishes_in_order = true},
        {.name = "6.1",
         .covers = "6.1 to 6.4",
         .chains = false,
         .sendmsg_holds_ubuf = true,
         .xsk_publishes_in_order = true},
        {.name = "6.6", .covers = "6.5 to 6.9", .chains = false, .xsk_publishes_in_order = true},
        {.name = "6.12", .covers = "6.10 to 6.12", .xsk_publishes_in_order = true},
        {.name = "6.18", .covers = "6.13 and later"},
        {.name = "intended",
         .covers = "the kernel as it should be",
         .link_cancel_forgets_more = false},
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
        {"B7", "6.0-rc", &Profile::flush_completes_inline},
        {"B11", "6.18", &Profile::carve_keeps_managed},
        {"B12", "6.18", &Profile::gro_merges_zcopy},
        {"B13", "6.18", &Profile::copies_forget_shared},
        {"B14", "6.18", &Profile::splice_forgets_shared},
        {"B15", "6.18", &Profile::vsock_fills_before_binding},
        {"B16", "6.18", &Profile::vsock_binds_last_only},
        {"B17", "6.18", &Profile::tx_error_detaches_clones},
        {"B28a", "rfc-v1", &Profile::slot_index_off_by_one},
        {"B28b", "rfc-v1", &Profile::notifiers_pin_ring},
        {"B28c", "6.0-rc", &Profile::completion_forgets_task},
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

}  // namespace zcv
