#include "model/gallery.hpp"

namespace zcv {

const std::vector<Bug>& gallery() {
    static const std::vector<Bug> all{
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
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
    };
    return all;
}

}  // namespace zcv
