#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
        {"B4", "the request holds the resource node of a registered buffer",
         "The request is over long before its notification: the buffer can be unregistered and its "
         "pages given away while a packet, which holds no references of its own, still reads them.",
         "e3366e023497 \"io_uring/net: fix zc fixed buf lifetime\", 6.0-rc", "node-held-by-request",
         "node-held-by-notif", ""},
        {"B5", "the same again for SENDMSG_ZC from registered buffers",
         "Wait for one CQE, unregister, munmap: the peer reads what lies in the pages by then.",
         "f6041803a831 \"io_uring/net: ensure vectored buffer node import is tied to "
         "notification\", 6.18-rc; liburing test sendzc-bug.c",
         "vectored-node-held-by-request", "vectored-node-held-by-notif", ""},
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
        {"B27a", "the pages of a SENDMSG_ZC are never charged",
         "A user has more memory in flight than RLIMIT_MEMLOCK allows.",
         "04491732fc99, 6.15: SENDMSG_ZC accounts its pages", "memlock-sendmsg-never",
         "memlock-sendmsg", ""},
        {"B27b", "a retry charges its pages once more",
         "Sends that are tried again reach RLIMIT_MEMLOCK too early and fail with ENOMEM.",
         "8e3100fcc5cb, 6.15: the buffer is imported once", "memlock-retry-twice", "memlock-retry",
         ""},
    };
    return all;
}

}  // namespace zcv
