#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
        {"B19", "MSG_ZEROCOPY takes any ubuf at the tail for one of its own",
         "A call behind an io_uring send in the same stream writes into a foreign object, and its "
         "own release is never reported.",
         "1b4b2b09d4fb, skbuff: don't mix ubuf_info from different sources, July 2022",
         "msgzc-foreign-ubuf", "msgzc-behind-io-uring", ""},
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
        {"B30", "joined ranges keep the older code",
         "The error queue says that data went out without a copy although it was copied: an "
         "application cannot find out whether zero copy is of any use to it.",
         "found by reading 6.12; skb_zerocopy_notify_extend() never looks at ee_code",
         "msgzc-merged-codes", "msgzc-merged-codes-intended", ""},
    };
    return all;
}

}  // namespace zcv
