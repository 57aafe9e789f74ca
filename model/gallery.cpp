#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
        {"B7", "a flush completes its notification ahead of the request that asked for it",
         "The application gets the notification of a send that it does not know to have succeeded, "
         "and when the send fails there is only one of the two.",
         "53bdc88aac9a \"io_uring/notif: order notif vs send CQEs\", August 2022", "slot-inline",
         "slot-task-work", ""},
        {"B11", "pskb_carve() references frags that stay marked as managed",
         "The references are never put: the pages of a registered buffer stay pinned for ever.",
         "ff6e798c2eac, \"net: skbuff: fix pskb_carve leaking zcopy pages\", 2026", "carve-managed",
         "carve-managed-fixed", ""},
        {"B12", "GRO merges skbs that have a ubuf",
         "Frags without references of their own lose the ubuf they lived by: the pages are freed "
         "under a packet that is still to be read.",
         "4db79a322db8, \"net: gro: don't merge zcopy skbs\", CVE-2026-46323", "gro-zcopy",
         "gro-zcopy-fixed", ""},
        {"B13", "a copy of an skb forgets that its frags are shared",
         "A packet that is deciphered in place writes the page cache of a file that its sender may "
         "only read.",
         "48f6a5356a33, DirtyClone, CVE-2026-43503", "copy-unmarked", "spliced-and-deciphered", ""},
        {"B14", "spliced pages are not marked as shared",
         "The same without any copy: a datagram spliced from a file is deciphered in the file's "
         "own pages.",
         "f4c50a4034e6, Dirty Frag, CVE-2026-43284; f84eca581739, CVE-2026-46300",
         "splice-unmarked", "spliced-and-deciphered", ""},
        {"B15", "vsock fills an skb before it attaches the ubuf",
         "When filling fails half-way the skb is freed without a ubuf, and puts references to "
         "registered pages that it never took.",
         "1e584c304cfb, \"vsock/virtio: bind uarg before filling zerocopy skb\", CVE-2026-63970",
         "vsock-fill-first", "vsock-fixed", ""},
        {"B16", "of a vsock send's skbs only the last carries the ubuf",
         "The notification comes when the last skb is gone, while earlier ones still wait for the "
         "device.",
         "ae38d9179190, \"vsock/virtio: fix zerocopy completion for multi-skb sends\", 2026",
         "vsock-last-only", "vsock-fixed", ""},
        {"B17", "skb_tx_error() detaches the ubuf from a shared info that clones use",
         "One copy of a packet fails on its way, and the notification comes although another is "
         "still to be sent, or sent again.",
         "f66bdb1cc0fc, 8ece90615012, 0dbc2398fca3, CVE-2026-80977", "tx-error-clone",
         "tx-error-clone-fixed", ""},
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
