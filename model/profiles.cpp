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
        {"mtu_probe_moves_frags", &Profile::mtu_probe_moves_frags,
         "a TCP MTU probe refers to the pages of queued skbs instead of copying their bytes (6.5)"},
        {"mtu_probe_forgets_ubuf", &Profile::mtu_probe_forgets_ubuf,
         "... and not to their ubuf, whose notification then comes before the probe is sent"},
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

// Before 6.5: no chains, a reference for the length of the call, MTU probes that are copies.
Profile old_kernel(std::string name, std::string covers) {
    return {.name = std::move(name),
            .covers = std::move(covers),
            .chains = false,
            .sendmsg_holds_ubuf = true,
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
    return {
        slot_kernel(old_kernel("rfc-v1", "the first series: tx contexts")),
        old_kernel("6.0-rc", "6.0 before its release: notification slots"),
        old_kernel("6.0", "6.0"),
        old_kernel("6.1", "6.1 to 6.4"),
        {.name = "6.6", .covers = "6.5 to 6.9", .chains = false, .xsk_publishes_in_order = true},
        {.name = "6.12", .covers = "6.10 to 6.12", .xsk_publishes_in_order = true},
        {.name = "6.18", .covers = "6.13 and later"},
        {.name = "intended",
         .covers = "the kernel as it should be",
         .link_cancel_forgets_more = false,
         .mtu_probe_forgets_ubuf = false},
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
        {"B7", "6.0-rc", &Profile::flush_completes_inline},
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
