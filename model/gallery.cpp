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
        {"B24", "a cancelled link member posts its CQE without F_MORE",
         "The application retires the request at a CQE that promises nothing more; the "
         "notification then meets a stranger, or nobody.",
         "found by running 6.18; io_req_tw_fail_links() never calls the fail handler",
         "link-cancel", "link-cancel-intended", ""},
    };
    return all;
}

}  // namespace zcv
