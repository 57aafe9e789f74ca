#include <algorithm>

#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

// From the head along the list: whether it ends, and whether n is on it.
bool is_on_chain_of(const FixedStore& s, UbufId head, UbufId n) {
    bool found = false;
    UbufId each = head;
    for (std::uint32_t left = s.count(UbufId{}); each != none<UbufId>; --left) {
        if (left == 0 || !s[each].alive) return false;
        found = found || each == n;
        each = s[each].next;
    }
    return found;
}

// Task work of one ring completes the whole chain under that ring's lock, from its head on.
bool chains_are_sound(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId n) {
        if (!s[n].alive || s[n].provider != Provider::io_uring || s[n].head == none<UbufId>)
            return true;
        const UbufId head = s[n].head;
        if (head == n && s[n].next == none<UbufId>) return true;
        return s[head].alive && s[head].head == head && is_on_chain_of(s, head, n) &&
               s[s[head].request].ring == s[s[n].request].ring;
    });
}

// Two notifications of sends to one socket at once: a chain, or a reason why there is none.
bool notifs_meet_in_a_socket(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId a) {
        return s.any<RequestId>([&](RequestId b) {
            return index(a) < index(b) && s[a].appended && s[b].appended &&
                   s[a].sock == s[b].sock && s[a].ubuf != none<UbufId> && s[b].ubuf != none<UbufId>;
        });
    });
}

bool may_chain(const World& world) {
    const bool tcp = std::ranges::any_of(
        world.socks, [](const SockConfig& sock) { return sock.transport == Transport::tcp; });
    return tcp && world.profile.chains && world.bounds.ubufs >= 2 && world.bounds.requests >= 2 &&
           std::ranges::all_of(world.apis, notifies_each);
}

// A count that nobody stands for is never given back.
bool no_ubuf_is_lost(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId n) {
        if (s[n].refs == 0 || s[n].owner_ref || s[n].syscall_ref) return true;
        const bool shown =
            s.any<ShinfoId>([&](ShinfoId h) { return s[h].alive && s[h].uarg == n; });
        const bool called = s.any<RequestId>([&](RequestId r) { return s[r].uarg == n; });
        return shown || called || s.any<UbufId>([&](UbufId m) {
            return m != n && s[m].alive && s[m].head == n && s[m].refs > 0;
        });
    });
}

bool only_packets_hold_a_ubuf(const FixedStore& s) {
    return s.any<UbufId>([&](UbufId n) { return s[n].refs > 0 && !s[n].owner_ref; });
}

bool has_request_notifs(const World& world) {
    return std::ranges::all_of(world.apis, notifies_each);
}

}  // namespace

std::vector<KernelProperty> chain_properties() {
    return {
        {{Must::always, "S11-chain-sound", chains_are_sound,
          "A chain of notifications has no proper head, or belongs to two rings: one ring's task "
          "completes what another's is working on, and CQEs are lost or doubled."},
         may_chain},
        {{Must::sometimes, "S11-chain-sound-reached", notifs_meet_in_a_socket,
          "Two notifications never met in a socket: the property was not put to the test."},
         may_chain},
        {{Must::always, "S17-no-lost-ubuf", no_ubuf_is_lost,
          "Nobody is left to give back a reference: the notification never comes, and the buffer "
          "is lost to the application."},
         has_request_notifs},
        {{Must::sometimes, "S17-no-lost-ubuf-reached", only_packets_hold_a_ubuf,
          "No ubuf was ever held by packets alone: the property was not put to the test."},
         has_request_notifs},
    };
}

}  // namespace zcv
