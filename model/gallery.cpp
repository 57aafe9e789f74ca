#include "model/gallery.hpp"

#include <array>

namespace zcv {
namespace {

constexpr std::array table{
    Bug{"B1", "a TCP MTU probe takes the pages of queued skbs along, and not their ubuf",
        "The notification comes although nothing was acknowledged or even sent; what the "
        "application then writes goes out in the probe, and again with every retransmission.",
        "found by running 6.18, captured on 6.12 and 6.18; since 736013292e3c, \"tcp: let "
        "tcp_mtu_probe() build headless "
        "packets\" (6.5)",
        "mtu-probe", "mtu-probe-intended", ""},
    Bug{"B2", "io_link_skb() compares a notification with itself",
        "Two rings that share a TCP socket form one chain; one ring's task then completes the "
        "other's notifications without its lock.",
        "2c139a47eff8 (6.17, stable 6.12.49 and 6.16.9), introduced by 6fe4220912d1 (6.10)",
        "two-rings-chained", "two-rings-one-socket", ""},
    Bug{"B3", "the notification is flushed twice",
        "The count goes to zero while a packet still refers to the buffer: it is released early.",
        "67c007d6c12d (6.14), introduced by cc34d8330e03 (6.14-rc); syzbot cf285a028ffba71b2ef5",
        "double-flush", "single-flush", ""},
    Bug{"B4", "the request holds the resource node of a registered buffer",
        "The request is over long before its notification: the buffer can be unregistered and its "
        "pages given away while a packet, which holds no references of its own, still reads them.",
        "e3366e023497 \"io_uring/net: fix zc fixed buf lifetime\", 6.0-rc", "node-held-by-request",
        "node-held-by-notif", ""},
    Bug{"B5", "the same again for SENDMSG_ZC from registered buffers",
        "Wait for one CQE, unregister, munmap: the peer reads what lies in the pages by then.",
        "f6041803a831 \"io_uring/net: ensure vectored buffer node import is tied to "
        "notification\", 6.18-rc; liburing test sendzc-bug.c",
        "vectored-node-held-by-request", "vectored-node-held-by-notif", ""},
    Bug{"B6", "a worker's notification overtakes its request's CQE",
        "The application meets a notification for a send that it has no result of.",
        "108893ddcc4d (6.1, stable 6.0)", "worker-flush", "worker-flush-deferred", ""},
    Bug{"B7", "a flush completes its notification ahead of the request that asked for it",
        "The application gets the notification of a send that it does not know to have succeeded, "
        "and when the send fails there is only one of the two.",
        "53bdc88aac9a \"io_uring/notif: order notif vs send CQEs\", August 2022", "slot-inline",
        "slot-task-work", ""},
    Bug{"B8", "a failed send hides its notification",
        "sendmsg failed after it attached data: the CQE says that nothing more will come, and "
        "packets still refer to the buffer.",
        "6ae91ac9a6aa (6.1, stable 6.0); argued by S. Metzmacher", "failed-send-silent",
        "failed-send-notified", ""},
    Bug{"B9", "a wake-up counts task work instead of CQEs",
        "An application that waits for two CQEs sleeps for ever, though both are ready to be "
        "posted.",
        "ef42b85a5609 and 19352a1d3954 (6.10, stable 6.9)", "lazy-wake-chain", "deferred-chain",
        ""},
    Bug{"B10", "the fail handler cleans up what the cleanup cleans up again",
        "A failed send gives up its notification twice: a packet's reference goes with it.",
        "a75155faef4e; syzbot 4c597a574a3f5a251bda", "cleanup-twice", "failed-send-notified", ""},
    Bug{"B11", "pskb_carve() references frags that stay marked as managed",
        "The references are never put: the pages of a registered buffer stay pinned for ever.",
        "ff6e798c2eac, \"net: skbuff: fix pskb_carve leaking zcopy pages\", 2026", "carve-managed",
        "carve-managed-fixed", ""},
    Bug{"B12", "GRO merges skbs that have a ubuf",
        "Frags without references of their own lose the ubuf they lived by: the pages are freed "
        "under a packet that is still to be read.",
        "4db79a322db8, \"net: gro: don't merge zcopy skbs\", CVE-2026-46323", "gro-zcopy",
        "gro-zcopy-fixed", ""},
    Bug{"B13", "a copy of an skb forgets that its frags are shared",
        "A packet that is deciphered in place writes the page cache of a file that its sender may "
        "only read.",
        "48f6a5356a33, DirtyClone, CVE-2026-43503", "copy-unmarked", "spliced-and-deciphered", ""},
    Bug{"B14", "spliced pages are not marked as shared",
        "The same without any copy: a datagram spliced from a file is deciphered in the file's "
        "own pages.",
        "f4c50a4034e6, Dirty Frag, CVE-2026-43284; f84eca581739, CVE-2026-46300", "splice-unmarked",
        "spliced-and-deciphered", ""},
    Bug{"B15", "vsock fills an skb before it attaches the ubuf",
        "When filling fails half-way the skb is freed without a ubuf, and puts references to "
        "registered pages that it never took.",
        "1e584c304cfb, \"vsock/virtio: bind uarg before filling zerocopy skb\", CVE-2026-63970",
        "vsock-fill-first", "vsock-fixed", ""},
    Bug{"B16", "of a vsock send's skbs only the last carries the ubuf",
        "The notification comes when the last skb is gone, while earlier ones still wait for the "
        "device.",
        "ae38d9179190, \"vsock/virtio: fix zerocopy completion for multi-skb sends\", 2026",
        "vsock-last-only", "vsock-fixed", ""},
    Bug{"B17", "skb_tx_error() detaches the ubuf from a shared info that clones use",
        "One copy of a packet fails on its way, and the notification comes although another is "
        "still to be sent, or sent again.",
        "f66bdb1cc0fc, 8ece90615012, 0dbc2398fca3, CVE-2026-80977", "tx-error-clone",
        "tx-error-clone-fixed", ""},
    Bug{"B18", "skb_segment() goes on with the frags from before a copy",
        "A guest's packet is copied and its descriptor given back; the segments still refer to the "
        "guest's pages, which it writes again.",
        "2ea35288c83b, \"skbuff: skb_segment, Call zero copy functions before using skbuff "
        "frags\", "
        "2023",
        "segment-old-frags", "segment-copied", ""},
    Bug{"B19", "MSG_ZEROCOPY takes any ubuf at the tail for one of its own",
        "A call behind an io_uring send in the same stream writes into a foreign object, and its "
        "own release is never reported.",
        "1b4b2b09d4fb, skbuff: don't mix ubuf_info from different sources, July 2022",
        "msgzc-foreign-ubuf", "msgzc-behind-io-uring", ""},
    Bug{"B20", "vhost_net puts its count twice when sendmsg fails",
        "The count of what is in flight reaches zero early: the device is torn down while packets "
        "still refer to the guest's memory.",
        "01e31bea7e62, vhost_net: fix ubuf refcount incorrectly when sendmsg fails, December 2020",
        "vhost-failure", "vhost-failure-once", ""},
    Bug{"B21", "vhost_net frees its count under whoever wakes it",
        "The last completion wakes a waiter by way of memory that the waiter has freed.",
        "dd54bcf86c91, vhost/net: protect ubufs with rcu read lock, August 2025", "vhost-teardown",
        "vhost-teardown-waits", ""},
    Bug{"B22", "a packet ring's slot is given back while a clone still reads it",
        "The application fills the slot anew and somebody else's copy of the old packet changes.",
        "5cd8d46ea156, packet: copy user buffers before orphan or clone, 2018", "packet-ring-clone",
        "packet-ring", ""},
    Bug{"B23", "AF_XDP publishes a frame because a later one is done",
        "The application writes its next packet into a frame that the device has yet to read.",
        "30f241fcf52a \"xsk: Fix immature cq descriptor production\", 2025; read in 6.12",
        "xdp-in-order", "xdp-by-address", ""},
    Bug{"B24", "a cancelled link member posts its CQE without F_MORE",
        "The application retires the request at a CQE that promises nothing more; the "
        "notification then meets a stranger, or nobody.",
        "found by running 6.18; io_req_tw_fail_links() never calls the fail handler", "link-cancel",
        "link-cancel-intended", ""},
    Bug{"B25", "members of a chain report COPIED whatever happened",
        "Only the head learns what became of the data: an application that believes the report "
        "gives up zero copy for nothing.",
        "found by running 6.18; the used and copied bits lie in the ubuf that the skb points at",
        "usage-on-head-only", "usage-intended", ""},
    Bug{"B26", "an RDS message puts its pages twice after a fault",
        "A page of the application's goes back to the system while others still refer to it, and "
        "becomes somebody else's.",
        "CVE-2026-43494, rds_message_zcopy_from_user(), May 2026", "rds-fault", "rds", ""},
    Bug{"B27a", "the pages of a SENDMSG_ZC are never charged",
        "A user has more memory in flight than RLIMIT_MEMLOCK allows.",
        "04491732fc99, 6.15: SENDMSG_ZC accounts its pages", "memlock-sendmsg-never",
        "memlock-sendmsg", ""},
    Bug{"B27b", "a retry charges its pages once more",
        "Sends that are tried again reach RLIMIT_MEMLOCK too early and fail with ENOMEM.",
        "8e3100fcc5cb, 6.15: the buffer is imported once", "memlock-retry-twice", "memlock-retry",
        ""},
    Bug{"B28a", "the slot after the last one is taken for slot 0",
        "A send with a wrong index succeeds: its notification never comes, and its flush ends the "
        "generation of slot 0 behind the back of those who use it.",
        "found by reading the first series, where the check is idx > nr", "slot-past-the-end",
        "slot-past-the-end-checked", ""},
    Bug{"B28b", "an open generation keeps the ring from becoming idle",
        "io_uring_register() waits for a reference that only a flush drops, and no flush can be "
        "submitted until it returns.",
        "RFC v2 17/19 \"io_uring: unclog ctx refs waiting with zc notifiers\"", "slot-pins-ring",
        "slot-pins-nothing", ""},
    Bug{"B28c", "the task is forgotten before the completion is queued to it",
        "The last release, in an interrupt, hands the completion to nobody: no notification, and "
        "buffers that never come back.",
        "found by reading RFC v2 18/19, which clears notifier->task and then uses it",
        "slot-forgets-task", "slot-task-work", ""},
    Bug{"B29", "an application takes notifications to be in order",
        "The oldest buffer of a queue is freed at any notification: somebody else's data goes out.",
        "netty PR 17238, 2026; not the kernel's, so the twin is the application that goes by "
        "user_data",
        "fifo-notifs", "notifs-by-name", ""},
    Bug{"B30", "joined ranges keep the older code",
        "The error queue says that data went out without a copy although it was copied: an "
        "application cannot find out whether zero copy is of any use to it.",
        "found by reading 6.12; skb_zerocopy_notify_extend() never looks at ee_code",
        "msgzc-merged-codes", "msgzc-merged-codes-intended", ""},
    Bug{"B31", "a failed zero-copy send is not marked failed",
        "The rest of its link is sent all the same: the stream has a hole.",
        "5a848b7c9e5e (6.0-rc)", "failed-send-keeps-link", "links-intended", ""},
    Bug{"B32", "a drained send waits for its own notification",
        "A zero-copy send with IOSQE_IO_DRAIN never starts.",
        "found by running 6.18; before 6.16 it starts only when just as many CQEs were posted as "
        "requests came before it (req_need_defer), and each notification's is one too many: "
        "drained-send-end-6.12 hangs as well",
        "drain-6.18", "drain-intended", ""},
    Bug{"B33", "unregistering buffers sleeps over the task work that it waits for",
        "Under DEFER_TASKRUN only the thread that unregisters can post the last notification, and "
        "nobody wakes it for that: the call hangs until a signal comes.",
        "\"io_uring/rsrc: fix DEFER_TASKRUN rsrc quiesce\", April 2023 (6.4)", "unregister-sleeps",
        "unregister-woken", ""},
};

}  // namespace

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all(table.begin(), table.end());
    return all;
}

}  // namespace zcv
