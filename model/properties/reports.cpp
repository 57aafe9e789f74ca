#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

bool has_reported(const FixedStore& s, RequestId r) {
    return s[r].notified || (s[r].ubuf != none<UbufId> && s[s[r].ubuf].tw == TaskWork::listed);
}

// IORING_NOTIF_USAGE_ZC_COPIED says of each send: some of it was copied, or none of it was taken
// as it is.
bool reports_are_true(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        return !has_reported(s, r) || s[r].says_copied == (s[r].copied || !s[r].zero_copied);
    });
}

bool a_report_was_made(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) { return has_reported(s, r); });
}

bool reports(const World& world) {
    return world.reports_usage;
}

// A notification is not an acknowledgement.
bool no_content_is_given_up(const FixedStore& s) {
    return every<SockId>(s, [&](SockId sock) { return !s[sock].hole; });
}

bool a_lost_send_was_notified(const FixedStore& s) {
    return s.any<RequestId>(
        [&](RequestId r) { return s[r].notified && s[r].appended && !s[r].arrived; });
}

bool tracks_delivery(const World& world) {
    return world.tracks_delivery && world.hazards.drops;
}

}  // namespace

std::vector<KernelProperty> report_properties() {
    return {
        {{Must::always, "K25-usage-is-true", reports_are_true,
          "A notification reports a send as copied that was not, or the reverse: an application "
          "that adapts to it gives up zero copy for nothing."},
         reports},
        {{Must::sometimes, "K25-usage-is-true-reached", a_report_was_made,
          "No notification ever reported: the property was not put to the test."},
         reports},
        {{Must::always, "D1-nothing-given-up", no_content_is_given_up,
          "The application believes that the peer has what it sent, and gives up its own copy; the "
          "packet was lost."},
         tracks_delivery},
        {{Must::sometimes, "D1-nothing-given-up-reached", a_lost_send_was_notified,
          "No send that was lost was ever notified: the property was not put to the test."},
         tracks_delivery},
    };
}

}  // namespace zcv
