#include <algorithm>

#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

template <class Fifo>
bool has_cqe_of(const Fifo& list, RequestId r) {
    for (std::size_t i = 0; i < list.size(); ++i)
        if (list[i].request == r && list[i].kind != CqeKind::stop) return true;
    return false;
}

// What the application waits for is on its way: a CQE, or a notification that will post one.
bool nobody_waits_in_vain(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        if (s[r].phase != Phase::posted || s[r].app_done || !notifies_each(s.api_of(r)))
            return true;
        if (s[r].ubuf != none<UbufId> && !s[s[r].ubuf].silent) return true;
        const auto& ring = s[s[r].ring];
        return ring.dropped || has_cqe_of(ring.cq, r) || has_cqe_of(ring.overflow, r) ||
               has_cqe_of(ring.compl_reqs, r);
    });
}

bool somebody_waits(const FixedStore& s) {
    return s.any<RequestId>(
        [&](RequestId r) { return s[r].phase == Phase::posted && !s[r].app_done; });
}

// Whether a request that has not started can only start after `other`.
bool waits_for(const FixedStore& s, RequestId r, RequestId other, std::uint32_t left) {
    if (left == 0) return false;
    bool found = s[r].waits_for.contains(other) || s[other].link == r;
    s.for_each<RequestId>([&](RequestId between) {
        const bool next = s[r].waits_for.contains(between) || s[between].link == r;
        found = found || (next && waits_for(s, between, other, left - 1));
    });
    return found;
}

bool nobody_waits_for_itself(const FixedStore& s) {
    return every<RequestId>(s,
                            [&](RequestId r) { return !waits_for(s, r, r, s.count(RequestId{})); });
}

bool somebody_is_held_back(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) {
        return s[r].phase == Phase::prepped &&
               (!s[r].waits_for.empty() || s[r].linked == Link::waiting);
    });
}

bool has_order(const World& world) {
    return (world.hazards.links || world.hazards.drains) && world.bounds.requests >= 2;
}

// The rest of a link is not sent when an earlier member failed.
bool links_stop(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        const bool started = s[r].phase == Phase::issuing || s[r].phase == Phase::polled ||
                             s[r].phase == Phase::issued;
        return !started || s[r].linked != Link::broken;
    });
}

bool a_link_broke(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) { return s[r].linked == Link::broken; });
}

bool links_break(const World& world) {
    return world.hazards.links && (world.hazards.issue_fails || world.hazards.prep_fails);
}

// CQEs that the task work of a ring will bring about: the whole of a chain; of a retry its
// request's own and its notification's.
unsigned cqes_of_task_work(const FixedStore& s, RingId ring) {
    unsigned cqes = 0;
    s.for_each<UbufId>([&](UbufId n) {
        if (s[n].tw != TaskWork::queued || s[s[n].request].ring != ring) return;
        for (UbufId each = n; each != none<UbufId>; each = s[each].next) ++cqes;
    });
    s.for_each<RequestId>(
        [&](RequestId r) { cqes += s[r].poll_woken && s[r].ring == ring ? 2u : 0u; });
    return cqes;
}

// Nobody but the sleeper can run that task work.
bool sleepers_are_woken(const FixedStore& s) {
    return every<RingId>(s, [&](RingId ring) {
        if (s[ring].entered != Entered::asleep) return true;
        const unsigned cqes = cqes_of_task_work(s, ring);
        return cqes == 0 || cqes + s[ring].cq.size() < s[ring].wants;
    });
}

bool somebody_sleeps(const FixedStore& s) {
    return s.any<RingId>([&](RingId ring) { return s[ring].entered == Entered::asleep; });
}

bool has_sleepers(const World& world) {
    return world.defer_taskrun_waits > 0 && world.app != App::peek_only;
}

bool has_request_cqes(const World& world) {
    return std::ranges::any_of(world.apis, notifies_each);
}

}  // namespace

std::vector<KernelProperty> waiting_properties() {
    return {
        {{Must::always, "W1-no-vain-wait", nobody_waits_in_vain,
          "The application waits for a CQE that will never come: it hangs, or its buffer is lost."},
         has_request_cqes},
        {{Must::sometimes, "W1-no-vain-wait-reached", somebody_waits,
          "The application never waited for a CQE: the property was not put to the test."},
         has_request_cqes},
        {{Must::always, "W2-no-circular-wait", nobody_waits_for_itself,
          "A request waits for something that only it can bring about: it never starts."},
         has_order},
        {{Must::sometimes, "W2-no-circular-wait-reached", somebody_is_held_back,
          "No request ever had to wait for another: the property was not put to the test."},
         has_order},
        {{Must::always, "W3-links-stop", links_stop,
          "A member of a link was sent although an earlier one failed: the stream has a hole."},
         links_break},
        {{Must::sometimes, "W3-links-stop-reached", a_link_broke,
          "No member of a link ever failed: the property was not put to the test."},
         links_break},
        {{Must::always, "L2-sleeper-is-woken", sleepers_are_woken,
          "The application sleeps although all that it waits for is there and needs it to run: it "
          "sleeps for ever."},
         has_sleepers},
        {{Must::sometimes, "L2-sleeper-is-woken-reached", somebody_sleeps,
          "The application never slept: the property was not put to the test."},
         has_sleepers},
    };
}

}  // namespace zcv
