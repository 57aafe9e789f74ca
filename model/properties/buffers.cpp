#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

// The kernel's word that it has let go: the notification, or a CQE that announces none. A request
// slot that is idle again is one whose word was read.
bool is_released(const FixedStore& s, RequestId r) {
    if (s[r].notified || s[r].phase == Phase::idle) return true;
    return s[r].phase == Phase::posted && !s[r].more && notifies_each(s.api_of(r));
}

// Once that word is out, the application may overwrite the buffer, so by then no shared info may
// still refer to it.
bool no_early_release(const FixedStore& s) {
    return every<ShinfoId>(s, [&](ShinfoId h) {
        bool held_after = false;
        s[h].frags.for_each([&](RequestId r) { held_after = held_after || is_released(s, r); });
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

}  // namespace

std::vector<KernelProperty> buffer_properties() {
    return {
        {{Must::always, "S1-no-early-release", no_early_release,
          "The kernel says that it has let go of a buffer which a packet still refers to: an "
          "application that trusts it sends bytes it never meant to."},
         lends_memory},
        {{Must::sometimes, "S1-no-early-release-reached", zero_copy_was_notified,
          "No zero-copy send was ever notified: the property was not put to the test."},
         lends_memory},
        {{Must::always, "R1-no-reuse-before-release", no_reuse_before_release,
          "The application writes a buffer which the kernel still holds: the peer may receive the "
          "later bytes."},
         lends_memory},
        {{Must::sometimes, "R1-no-reuse-before-release-reached", a_buffer_is_lent,
          "The kernel never held a buffer: the property was not put to the test."},
         lends_memory},
        {{Must::always, "S2-stable-data", stable_data,
          "Bytes left the machine that were not in the buffer when it was submitted."}},
        {{Must::sometimes, "S2-stable-data-reached", a_payload_was_read,
          "Nobody ever read the pages of a send: the property was not put to the test."}},
    };
}

}  // namespace zcv
