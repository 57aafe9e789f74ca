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
    // io_link_skb() compares the new notification with itself, so that two rings which share a TCP
    // socket form one chain (B2).
    bool link_forgets_ring = false;
    // The request still believes to hold its notification after io_notif_flush() (B3).
    bool flush_keeps_cleanup = false;
    // A worker flushes before it completes its request, as the submitter does (B6).
    bool worker_flushes_inline = false;
    // 6.0: a request that failed has its notification released in silence (B8).
    bool failed_send_suppresses_notif = false;
    // A waiter is woken when enough task work is queued, not counting that some of it posts more
    // than one CQE (B9).
    bool wake_counts_work = false;
    // io_sendrecv_fail() gives up the reference that io_send_zc_cleanup() gives up too (B10).
    bool fail_handler_cleans_up = false;
    // Only the notification that the skb points at learns whether data was copied (B25).
    bool usage_only_on_head = true;
    // A send that failed is not marked so: the rest of its link goes on (B31).
    bool failed_send_keeps_link = false;
    // Since 6.16 a drained request waits for everything allocated, its own notification included
    // (B32).
    bool drain_counts_notifs = false;
    // Before, it starts when just as many CQEs were posted as requests came before it, those of
    // notifications among them (B32).
    bool drain_counts_cqes = false;
    // Before 6.13 resource nodes belong to the ring and free what they retire in order, and
    // unregistering waits until none is in use. Later every registered buffer has its own, which
    // goes with its last user, and unregistering waits for nobody.
    bool ring_nodes = false;
    // Under DEFER_TASKRUN nobody wakes a thread that waits in unregister, so the task work that it
    // waits for is not run (B33; fixed in 6.4).
    bool unregister_sleeps = false;
    // 6.1: every notification holds the ring's node, whether its buffer is registered or not.
    bool every_notif_takes_node = false;
    // The resource node is held by the request, which is over long before its notification (B4).
    bool request_holds_node = false;
    // The same for SENDMSG_ZC from registered buffers alone (B5).
    bool sendmsg_request_holds_node = false;
    // Before 6.15 the pages of a SENDMSG_ZC were never charged to RLIMIT_MEMLOCK (B27).
    bool sendmsg_zc_unaccounted = false;
    // Before 6.15 a retry imported the buffer, and charged its pages, once more (B27).
    bool retry_accounts_again = false;
    // No kernel, a design: registered memory is pinned by the process, and let go when it ends.
    bool process_holds_pins = false;
    // 6.5, "tcp: let tcp_mtu_probe() build headless packets": an MTU probe refers to the pages of
    // the skbs it is made of. Before, it was a copy of their bytes.
    bool mtu_probe_moves_frags = true;
    // ... and takes no ubuf along, so that notifications come before the probe is sent (B1).
    bool mtu_probe_forgets_ubuf = true;
    // skb_zerocopy_notify_extend() joins ranges whose codes differ (B30).
    bool errqueue_merge_ignores_code = true;
    // Before 1b4b2b09d4fb, 6.0, msg_zerocopy_realloc() took any provider's ubuf for its own (B19).
    bool realloc_trusts_any_ubuf = false;
    // An alternative from the discussion of the first series: MSG_ZEROCOPY is given the ubuf by way
    // of the socket, where a request put it, and not by way of the call's msghdr.
    bool ubuf_in_socket = false;
    // vhost_net put the count of what is in flight for a sendmsg that failed, though the completion
    // had done so (B20).
    bool vhost_error_puts_again = false;
    // Before dd54bcf86c91, 6.17, vhost_net freed that count under whoever was about to wake it
    // (B21).
    bool vhost_frees_under_waker = false;
    // Before 5cd8d46ea156, 4.20, the skb's destructor made a packet ring's slot available, and a
    // clone of the skb went on reading it (B22).
    bool tpacket_destructor_completes = false;
    // Before May 2026 a fault half-way left an RDS message with pages that were put already (B26).
    bool rds_fault_keeps_pages = false;

    // What is wrong with the shared info in kernels that have the bug.
    bool carve_keeps_managed = false;    // B11: pskb_carve() takes references and says "managed"
    bool gro_merges_zcopy = false;       // B12: skb_gro_receive() moves frags that have a ubuf
    bool copies_forget_shared = false;   // B13: a copy's frags are not marked as shared
    bool splice_forgets_shared = false;  // B14: spliced pages are not marked as shared
    bool vsock_fills_before_binding = false;  // B15: frags come before the ubuf
    bool vsock_binds_last_only = false;       // B16: of a send's skbs only the last has the ubuf
    bool tx_error_detaches_clones = false;    // B17: skb_tx_error() of a clone strips them all
    bool segment_uses_old_frags = false;      // B18: skb_segment() looks at the frags too early
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
    // Why no world of the model can tell, "" when some can: then only a replay does, which compares
    // the counts that it finds in records.
    std::string_view unseen = {};
};

const std::vector<Switch>& switches();

// The kernels first, then the known bugs: a kernel with one switch flipped, named after the bug.
const std::vector<Profile>& profiles();

// nullptr when there is none of that name.
const Profile* find_profile(std::string_view name);

// The profile that speaks for a kernel release as uname prints it ("6.18.44-fc", "6.1.0-52-amd64").
// Releases between two profiles take the one whose switches they share; older than 6.0 has none.
const Profile* profile_for_release(std::string_view release);

// Whether real runs of that version (6.12 of "6.12.9-cloud") were captured and are replayed by the
// tests. Of every other version a profile speaks from the source alone.
bool was_captured(std::string_view release);

}  // namespace zcv
