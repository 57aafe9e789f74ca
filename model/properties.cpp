#include "model/properties.hpp"

namespace zcv {
namespace {

using checker::Must;

template <class Id, class F>
bool every(const FixedStore& s, F&& f) {
    return !s.any<Id>([&](Id id) { return !f(id); });
}

// Once the notification is out, the application may overwrite the buffer, so by then no shared info
// may still refer to it. A request slot that is idle again is one whose notification was read.
bool no_early_release(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        bool held_after = false;
        s[h].frags.for_each([&](RequestId r) {
            held_after = held_after || s[r].notified || s[r].phase == Phase::idle;
        });
        return !s[h].alive || !held_after;
    });
}

bool zero_copy_was_notified(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) { return s[r].notified && s[r].appended; });
}

// The application's side of the promise: no write while a shared info refers to the pages.
bool no_reuse_before_release(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) { return !s[h].stale; }) &&
           every<RequestId>(s, [&](RequestId r) { return !s[r].stale; });
}

bool a_buffer_is_lent(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return s[h].alive && !s[h].pages.empty(); });
}

// What the device or the copying CPU reads is what was submitted.
bool stable_data(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) { return !s[h].wrong; });
}

bool a_payload_was_read(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return s[h].alive && s[h].arrived; });
}

bool ubuf_refs_are_exact(const FixedStore& s) {
    return every<NotifId>(s, [&](NotifId n) {
        if (!s[n].alive) return true;
        unsigned holders = (s[n].owner_ref ? 1u : 0u) + (s[n].syscall_ref ? 1u : 0u);
        s.for_each<ShinfoId>([&](ShinfoId h) { holders += s[h].alive && s[h].uarg == n; });
        if (s[n].head == n)
            s.for_each<NotifId>([&](NotifId m) {
                holders += m != n && s[m].alive && s[m].head == n && s[m].refs > 0;
            });
        return s[n].refs == holders;
    });
}

bool datarefs_are_exact(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        unsigned skbs = 0;
        s.for_each<SkbId>([&](SkbId k) { skbs += s[k].alive && s[k].shinfo == h; });
        return s[h].dataref == skbs && s[h].alive == (skbs > 0);
    });
}

// A count that is too low releases early, one that is too high never does. Both counts: the skbs on
// a shared info, and those who hold a ubuf.
bool refs_are_exact(const FixedStore& s) {
    return ubuf_refs_are_exact(s) && datarefs_are_exact(s);
}

bool a_ubuf_is_shared(const FixedStore& s) {
    return s.any<NotifId>([&](NotifId n) { return s[n].refs >= 2; });
}

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
        const bool ordered = !s[r].notified || s[r].phase == Phase::posted;
        return ordered && listed(r) <= (s[r].notif != none<NotifId> ? 1u : 0u);
    });
}

bool a_notif_follows_its_cqe(const FixedStore& s) {
    return s.any<RequestId>(
        [&](RequestId r) { return s[r].notified && s[r].phase == Phase::posted; });
}

// F_MORE is the only word the application has on whether to wait for a notification.
bool more_iff_notif(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].phase != Phase::posted) return true;
        const bool notif_exists = s[r].notified || s[r].notif != none<NotifId>;
        return s[r].more == notif_exists;
    });
}

bool a_cqe_promises_a_notif(const FixedStore& s) {
    return s.any<RequestId>(
        [&](RequestId r) { return s[r].phase == Phase::posted && s[r].more && !s[r].notified; });
}

}  // namespace

const std::vector<checker::Property<FixedStore>>& kernel_properties() {
    static const std::vector<checker::Property<FixedStore>> all{
        {Must::always, "S1-no-early-release", no_early_release,
         "The kernel says that it has let go of a buffer which a packet still refers to: an "
         "application that trusts it sends bytes it never meant to."},
        {Must::sometimes, "S1-no-early-release-reached", zero_copy_was_notified,
         "No zero-copy send was ever notified: the property was not put to the test."},
        {Must::always, "R1-no-reuse-before-release", no_reuse_before_release,
         "The application writes a buffer which the kernel still holds: the peer may receive the "
         "later bytes."},
        {Must::sometimes, "R1-no-reuse-before-release-reached", a_buffer_is_lent,
         "The kernel never held a buffer: the property was not put to the test."},
        {Must::always, "S2-stable-data", stable_data,
         "Bytes left the machine that were not in the buffer when it was submitted."},
        {Must::sometimes, "S2-stable-data-reached", a_payload_was_read,
         "Nobody ever read the pages of a send: the property was not put to the test."},
        {Must::always, "S3-refs-exact", refs_are_exact,
         "A reference count differs from the number of holders: too low releases early, too high "
         "never releases."},
        {Must::sometimes, "S3-refs-exact-reached", a_ubuf_is_shared,
         "No ubuf ever had two holders: the property was not put to the test."},
        {Must::always, "S9-one-notif-after-cqe", one_notif_after_cqe,
         "A notification came before its request's completion, or twice: clients free the wrong "
         "buffer."},
        {Must::sometimes, "S9-one-notif-after-cqe-reached", a_notif_follows_its_cqe,
         "No notification was ever posted: the property was not put to the test."},
        {Must::always, "S10-more-iff-notif", more_iff_notif,
         "F_MORE and the notification disagree: the application waits for ever, or retires a "
         "request whose notification is still to come."},
        {Must::sometimes, "S10-more-iff-notif-reached", a_cqe_promises_a_notif,
         "No completion ever promised a notification: the property was not put to the test."},
    };
    return all;
}

}  // namespace zcv
