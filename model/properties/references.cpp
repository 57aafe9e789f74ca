#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

bool ubuf_refs_are_exact(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId n) {
        if (!s[n].alive) return true;
        unsigned holders = (s[n].owner_ref ? 1u : 0u) + (s[n].syscall_ref ? 1u : 0u);
        s.for_each<RequestId>([&](RequestId r) { holders += s[r].uarg == n; });
        s.for_each<ShinfoId>([&](ShinfoId h) { holders += s[h].alive && s[h].uarg == n; });
        if (s[n].head == n)
            s.for_each<UbufId>([&](UbufId m) {
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

bool vhost_refs_are_exact(const FixedStore& s) {
    return every<SockId>(s, [&](SockId sock) {
        unsigned in_flight = 0;
        s.for_each<UbufId>([&](UbufId u) {
            in_flight +=
                s[u].alive && s[u].provider == Provider::vhost && s[s[u].request].sock == sock;
        });
        return s[sock].vhost_ubufs == in_flight && !s[sock].vhost_over_put;
    });
}

// A count that is too low releases early, one that is too high never does. All counts: the skbs on
// a shared info, those who hold a ubuf, and vhost_net's of what is in flight.
bool refs_are_exact(const FixedStore& s) {
    return ubuf_refs_are_exact(s) && datarefs_are_exact(s) && vhost_refs_are_exact(s);
}

bool a_ubuf_is_shared(const FixedStore& s) {
    return s.any<UbufId>([&](UbufId n) { return s[n].refs >= 2; });
}

// What a waker is about to look at is still there.
bool wakers_are_waited_for(const FixedStore& s) {
    return every<SockId>(
        s, [&](SockId sock) { return !(s[sock].vhost_waking && s[sock].vhost_freed); });
}

bool somebody_is_to_be_woken(const FixedStore& s) {
    return s.any<SockId>([&](SockId sock) { return s[sock].vhost_waking; });
}

bool tears_vhost_down(const World& world) {
    return world.has(Api::vhost) && world.hazards.close_fd;
}

}  // namespace

std::vector<KernelProperty> reference_properties() {
    return {
        {{Must::always, "S3-refs-exact", refs_are_exact,
          "A reference count differs from the number of holders: too low releases early, too high "
          "never releases."},
         has_ubufs},
        {{Must::sometimes, "S3-refs-exact-reached", a_ubuf_is_shared,
          "No ubuf ever had two holders: the property was not put to the test."},
         has_ubufs},
        {{Must::always, "S13-waker-outlived", wakers_are_waited_for,
          "An object is freed under whoever is about to use it once more: memory of something else "
          "is taken for a queue of waiters."},
         tears_vhost_down},
        {{Must::sometimes, "S13-waker-outlived-reached", somebody_is_to_be_woken,
          "Nobody ever waited for the last ubuf: the property was not put to the test."},
         tears_vhost_down},
    };
}

}  // namespace zcv
