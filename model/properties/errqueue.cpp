#include "model/kernel/net/core/error_queue.hpp"
#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;
using Range = ErrRange<FixedKind>;

bool has_errqueue(const World& world) {
    return world.models(Part::errqueue);
}

// A call without a ring took an id when it has a ubuf, and keeps it when that is released.
bool is_numbered(const FixedStore& s, RequestId r) {
    return s[r].ring == none<RingId> && (s[r].ubuf != none<UbufId> || s[r].notified);
}

template <class F>
void for_each_range(const FixedStore& s, SockId sock, F&& f) {
    const auto& queue = s[sock].errqueue;
    for (std::size_t i = 0; i < queue.size(); ++i) f(queue[i]);
}

// A ubuf that is not released covers the ids of its calls, each once, and no others.
bool ubufs_cover_their_calls(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId u) {
        if (!s[u].alive || s[u].provider != Provider::msg_zerocopy) return true;
        std::uint32_t calls = 0;
        bool inside = true;
        s.for_each<RequestId>([&](RequestId r) {
            if (s[r].ubuf != u) return;
            ++calls;
            inside = inside && kernel::ids_in(s, s[u].id, s[r].id) <= s[u].len;
        });
        return inside && calls == s[u].len;
    });
}

// A call's ubuf is MSG_ZEROCOPY's, and a call whose release was posted and not read yet is in
// exactly one range; one that is not released is in none.
bool calls_are_in_one_place(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (!is_numbered(s, r)) return true;
        const UbufId u = s[r].ubuf;
        if (u != none<UbufId> && (!s[u].alive || s[u].provider != Provider::msg_zerocopy))
            return false;
        unsigned ranges = 0;
        for_each_range(s, s[r].sock, [&](const Range& range) {
            ranges += kernel::covers(s, range.lo, range.hi, s[r].id);
        });
        return ranges == (s[r].notified && !s[r].range_read ? 1u : 0u);
    });
}

bool no_id_twice(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId a) {
        return !is_numbered(s, a) || !s.any<RequestId>([&](RequestId b) {
            return a != b && is_numbered(s, b) && s[a].sock == s[b].sock && s[a].id == s[b].id &&
                   !s[a].range_read && !s[b].range_read;
        });
    });
}

bool ids_are_dense(const FixedStore& s) {
    return no_id_twice(s) && ubufs_cover_their_calls(s) && calls_are_in_one_place(s);
}

bool a_range_is_posted(const FixedStore& s) {
    return s.any<SockId>([&](SockId sock) { return !s[sock].errqueue.empty(); });
}

// What is charged is what is there: ubufs in flight, and messages nobody has read.
bool omem_is_exact(const FixedStore& s) {
    return every<SockId>(s, [&](SockId sock) {
        std::size_t skbs = s[sock].errqueue.size();
        s.for_each<UbufId>([&](UbufId u) { skbs += s[u].alive && s[u].sock == sock; });
        return s[sock].omem == skbs;
    });
}

bool omem_is_charged(const FixedStore& s) {
    return s.any<SockId>([&](SockId sock) { return s[sock].omem > 0; });
}

// The code of a range speaks for all calls in it.
bool copied_code_is_true(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].ring != none<RingId> || !s[r].notified || s[r].range_read) return true;
        bool honest = true;
        for_each_range(s, s[r].sock, [&](const Range& range) {
            if (kernel::covers(s, range.lo, range.hi, s[r].id))
                honest = honest && range.copied == s[r].range_copied;
        });
        return honest;
    });
}

// Nobody will tell the application of this call any more, and it still waits; or it waits for any
// release, and there is none to come.
bool nobody_waits_in_vain(const FixedStore& s) {
    const bool calls = every<RequestId>(s, [&](RequestId r) {
        const bool waits =
            s[r].ring == none<RingId> && s[r].phase == Phase::posted && s[r].more && !s[r].app_done;
        return !waits || s[r].ubuf != none<UbufId> || (s[r].notified && !s[r].range_read);
    });
    return calls &&
           every<SockId>(s, [&](SockId sock) { return !s[sock].app_waits || s[sock].omem > 0; });
}

bool somebody_waits(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) {
        return s[r].ring == none<RingId> && s[r].phase == Phase::posted && s[r].more;
    });
}

}  // namespace

std::vector<KernelProperty> errqueue_properties() {
    return {
        {{Must::always, "S14-ids-dense", ids_are_dense,
          "The ids of calls are not dense, or a range covers what is not released: the application "
          "frees another call's buffer, or waits for an id that is never reported."},
         has_errqueue},
        {{Must::sometimes, "S14-ids-dense-reached", a_range_is_posted,
          "No range was ever posted: the property was not put to the test."},
         has_errqueue},
        {{Must::always, "S15-omem-exact", omem_is_exact,
          "Option memory is charged for what is gone, or not for what is there: in the end every "
          "send fails with ENOBUFS, or nothing limits them."},
         has_errqueue},
        {{Must::sometimes, "S15-omem-exact-reached", omem_is_charged,
          "Option memory was never charged: the property was not put to the test."},
         has_errqueue},
        {{Must::always, "R2-no-wait-in-vain", nobody_waits_in_vain,
          "The application waits for a release that nobody will tell it of: the buffer is lost to "
          "it, or it sends no more."},
         has_errqueue},
        {{Must::sometimes, "R2-no-wait-in-vain-reached", somebody_waits,
          "Nobody ever waited for a release: the property was not put to the test."},
         has_errqueue},
        {{Must::always, "S18-copied-code-true", copied_code_is_true,
          "The error queue says that data went out without a copy which was copied, or the "
          "reverse: the application judges wrongly whether zero copy is worth it."},
         has_errqueue},
        {{Must::sometimes, "S18-copied-code-true-reached", a_range_is_posted,
          "No range was ever posted: the property was not put to the test."},
         has_errqueue},
    };
}

}  // namespace zcv
