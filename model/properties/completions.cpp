#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

// A notification that comes first, or twice, frees the wrong thing in every client. One that is
// still to be posted belongs to a request that still has it.
bool one_notif_after_cqe(const FixedStore& s) {
    const auto listed = [&](RequestId r) {
        unsigned times = 0;
        s.for_each<RingId>([&](RingId ring) {
            const auto& list = s[ring].compl_reqs;
            for (std::size_t i = 0; i < list.size(); ++i)
                times += list[i].request == r && list[i].kind == CqeKind::notif;
        });
        return times;
    };
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].ring == none<RingId>) return true;
        const bool ordered = !s[r].notified || s[r].phase == Phase::posted;
        return ordered && listed(r) <= (s[r].ubuf != none<UbufId> ? 1u : 0u);
    });
}

bool a_notif_follows_its_cqe(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) {
        return s[r].notified && s[r].phase == Phase::posted && s[r].ring != none<RingId>;
    });
}

// F_MORE is the only word the application has on whether to wait for a notification.
bool more_iff_notif(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].phase != Phase::posted || !notifies_each(s.api_of(r))) return true;
        const bool comes = s[r].ubuf != none<UbufId> && !s[s[r].ubuf].silent;
        const bool notif_exists = s[r].notified || comes;
        return s[r].more == notif_exists;
    });
}

bool a_cqe_promises_a_notif(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) {
        return s[r].phase == Phase::posted && s[r].more && !s[r].notified &&
               s[r].ring != none<RingId>;
    });
}

}  // namespace

std::vector<KernelProperty> completion_properties() {
    return {
        {{Must::always, "S9-one-notif-after-cqe", one_notif_after_cqe,
          "A notification came before its request's completion, or twice: clients free the wrong "
          "buffer."},
         orders_notifs},
        {{Must::sometimes, "S9-one-notif-after-cqe-reached", a_notif_follows_its_cqe,
          "No notification was ever posted: the property was not put to the test."},
         orders_notifs},
        {{Must::always, "S10-more-iff-notif", more_iff_notif,
          "F_MORE and the notification disagree: the application waits for ever, or retires a "
          "request whose notification is still to come."},
         has_own_notifs},
        {{Must::sometimes, "S10-more-iff-notif-reached", a_cqe_promises_a_notif,
          "No completion ever promised a notification: the property was not put to the test."},
         has_own_notifs},
    };
}

}  // namespace zcv
