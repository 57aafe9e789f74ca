#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Which kernel. A profile is a set of named switches that the steps consult where kernels differ; a
// kernel is never a copied file.
namespace zcv {

struct Profile {
    std::string name = {};
    std::string covers = {};  // which kernel releases it speaks for

    // 6.10, "io_uring/notif: implement notification stacking": an skb can carry several requests'
    // data, their notifications linked behind the first one's ubuf_info.
    bool chains = true;
    // Before 6.5 tcp_sendmsg_locked() took a ubuf reference of its own while it ran.
    bool sendmsg_holds_ubuf = false;
    // io_req_tw_fail_links() completes a request without calling its fail handler, so a cancelled
    // link member posts a CQE without F_MORE although its notification will follow (B24).
    bool link_cancel_forgets_more = true;
    // 6.5, "tcp: let tcp_mtu_probe() build headless packets": an MTU probe refers to the pages of
    // the skbs it is made of. Before, it was a copy of their bytes.
    bool mtu_probe_moves_frags = true;
    // ... and takes no ubuf along, so that notifications come before the probe is sent (B1).
    bool mtu_probe_forgets_ubuf = true;

    // The designs with slots. RFC v1: a notifier posts its CQE itself, from a work item or from
    // the flush, and is kept in one of two lists for its next use.
    bool notifier_posts = false;
    // The flush that drops the last reference completes the notification on the spot, before the
    // request that asked for the flush is completed (RFC v1; B7).
    bool flush_completes_inline = false;
    // A worker takes uring_lock and sends to a slot (RFC v1), instead of failing with EAGAIN.
    bool worker_sends_to_slots = false;
    // The slot after the last passes the check of the index and becomes slot 0 (B28a).
    bool slot_index_off_by_one = false;
    // A notifier holds a reference to the ring, which an io_uring_register() waits for (B28b).
    bool notifiers_pin_ring = false;
    // The task that the completion is to be queued to is forgotten just before (B28c).
    bool completion_forgets_task = false;

    // AF_XDP: a frame's address is written to the completion ring when the frame is submitted, and
    // published by whichever packet is done next (B23; fixed in 6.17).
    bool xsk_publishes_in_order = false;
};

// One difference between kernels, by its name in the table: what it means when it is on.
struct Switch {
    std::string_view name;  // as the member is called
    bool Profile::*member;
    std::string_view means;
};

const std::vector<Switch>& switches();

// The kernels first, then the known bugs: a kernel with one switch flipped, named after the bug.
const std::vector<Profile>& profiles();

// nullptr when there is none of that name.
const Profile* find_profile(std::string_view name);

// The profile that speaks for a kernel release as uname prints it ("6.18.44-fc", "6.1.0-52-amd64").
// Releases between two profiles take the one whose switches they share; older than 6.0 has none.
const Profile* profile_for_release(std::string_view release);

}  // namespace zcv
