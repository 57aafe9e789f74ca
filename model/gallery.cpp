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
        {"B23", "AF_XDP publishes a frame because a later one is done",
         "The application writes its next packet into a frame that the device has yet to read.",
         "30f241fcf52a \"xsk: Fix immature cq descriptor production\", 2025; read in 6.12",
         "xdp-in-order", "xdp-by-address", ""},
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
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
    };
    return all;
}

}  // namespace zcv
