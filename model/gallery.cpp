#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
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
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
        {"B26", "an RDS message puts its pages twice after a fault",
         "A page of the application's goes back to the system while others still refer to it, and "
         "becomes somebody else's.",
         "CVE-2026-43494, rds_message_zcopy_from_user(), May 2026", "rds-fault", "rds", ""},
        {"B30", "joined ranges keep the older code",
         "The error queue says that data went out without a copy although it was copied: an "
         "application cannot find out whether zero copy is of any use to it.",
         "found by reading 6.12; skb_zerocopy_notify_extend() never looks at ee_code",
         "msgzc-merged-codes", "msgzc-merged-codes-intended", ""},
    };
    return all;
}

}  // namespace zcv
