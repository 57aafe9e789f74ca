#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
        {"B1", "a TCP MTU probe takes the pages of queued skbs along, and not their ubuf",
         "The notification comes although nothing was acknowledged or even sent; what the "
         "application then writes goes out in the probe, and again with every retransmission.",
         "found by running 6.18; since 736013292e3c, \"tcp: let tcp_mtu_probe() build headless "
         "packets\" (6.5)",
         "mtu-probe", "mtu-probe-intended", ""},
        {"B7", "a flush completes its notification ahead of the request that asked for it",
         "The application gets the notification of a send that it does not know to have succeeded, "
         "and when the send fails there is only one of the two.",
         "53bdc88aac9a \"io_uring/notif: order notif vs send CQEs\", August 2022", "slot-inline",
         "slot-task-work", ""},
        {"B19", "MSG_ZEROCOPY takes any ubuf at the tail for one of its own",
         "A call behind an io_uring send in the same stream writes into a foreign object, and its "
         "own release is never reported.",
         "1b4b2b09d4fb, skbuff: don't mix ubuf_info from different sources, July 2022",
         "msgzc-foreign-ubuf", "msgzc-behind-io-uring", ""},
        {"B20", "vhost_net puts its count twice when sendmsg fails",
         "The count of what is in flight reaches zero early: the device is torn down while packets "
         "still refer to the guest's memory.",
         "01e31bea7e62, vhost_net: fix ubuf refcount incorrectly when sendmsg fails, December 2020",
         "vhost-failure", "vhost-failure-once", ""},
        {"B21", "vhost_net frees its count under whoever wakes it",
         "The last completion wakes a waiter by way of memory that the waiter has freed.",
         "dd54bcf86c91, vhost/net: protect ubufs with rcu read lock, August 2025", "vhost-teardown",
         "vhost-teardown-waits", ""},
        {"B22", "a packet ring's slot is given back while a clone still reads it",
         "The application fills the slot anew and somebody else's copy of the old packet changes.",
         "5cd8d46ea156, packet: copy user buffers before orphan or clone, 2018",
         "packet-ring-clone", "packet-ring", ""},
        {"B23", "AF_XDP publishes a frame because a later one is done",
         "The application writes its next packet into a frame that the device has yet to read.",
         "30f241fcf52a \"xsk: Fix immature cq descriptor production\", 2025; read in 6.12",
         "xdp-in-order", "xdp-by-address", ""},
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
        {"B26", "an RDS message puts its pages twice after a fault",
         "A page of the application's goes back to the system while others still refer to it, and "
         "becomes somebody else's.",
         "CVE-2026-43494, rds_message_zcopy_from_user(), May 2026", "rds-fault", "rds", ""},
        {"B28a", "the slot after the last one is taken for slot 0",
         "A send with a wrong index succeeds: its notification never comes, and its flush ends the "
         "generation of slot 0 behind the back of those who use it.",
         "found by reading the first series, where the check is idx > nr", "slot-past-the-end",
         "slot-past-the-end-checked", ""},
        {"B28b", "an open generation keeps the ring from becoming idle",
         "io_uring_register() waits for a reference that only a flush drops, and no flush can be "
         "submitted until it returns.",
         "RFC v2 17/19 \"io_uring: unclog ctx refs waiting with zc notifiers\"", "slot-pins-ring",
         "slot-pins-nothing", ""},
        {"B28c", "the task is forgotten before the completion is queued to it",
         "The last release, in an interrupt, hands the completion to nobody: no notification, and "
         "buffers that never come back.",
         "found by reading RFC v2 18/19, which clears notifier->task and then uses it",
         "slot-forgets-task", "slot-task-work", ""},
        {"B30", "joined ranges keep the older code",
         "The error queue says that data went out without a copy although it was copied: an "
         "application cannot find out whether zero copy is of any use to it.",
         "found by reading 6.12; skb_zerocopy_notify_extend() never looks at ee_code",
         "msgzc-merged-codes", "msgzc-merged-codes-intended", ""},
    };
    return all;
}

}  // namespace zcv
