#include "model/kernel/io_uring/exit_work.hpp"
#include "model/properties/tables.hpp"

namespace zcv {
namespace {

using checker::Must;

// A notification that is still to come, of a send whose data went to the network.
bool is_out(const FixedStore& s, UbufId n) {
    return s[n].alive && s[n].request != none<RequestId> && s[s[n].request].appended;
}

bool from_the_table(const FixedStore& s, UbufId n) {
    return from_registered_buffer(s.api_of(s[n].request));
}

// Frags of registered memory may hold no reference of their own: the node is what keeps the pages.
bool node_lives_with_notif(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId n) {
        if (!is_out(s, n) || !from_the_table(s, n)) return true;
        return s[s[s[n].request].buffer].node_refs > 0;
    });
}

bool a_buffer_on_its_way_out_is_in_use(const FixedStore& s) {
    return s.any<UbufId>([&](UbufId n) {
        if (!is_out(s, n) || !from_the_table(s, n)) return false;
        const RequestId r = s[n].request;
        return !s[s[r].buffer].registered || s[s[r].ring].quiesce || s[s[r].ring].closed;
    });
}

bool table_changes(const World& world) {
    return world.models(Part::registered) && (world.hazards.unregisters || world.hazards.updates ||
                                              world.hazards.ring_exits || world.hazards.exits);
}

// An io_kiocb that went back to the cache is soon the next notification, under the same address.
bool no_alias(const FixedStore& s) {
    const auto lives = [&](UbufId n) { return n == none<UbufId> || s[n].alive; };
    return every<ShinfoId>(s, [&](ShinfoId h) { return lives(s[h].uarg); }) &&
           every<UbufId>(s, [&](UbufId n) { return lives(s[n].head) && lives(s[n].next); }) &&
           every<RequestId>(s, [&](RequestId r) {
               const UbufId n = s[r].ubuf;
               if (n == none<UbufId>) return true;
               return s[n].alive && (s[n].request == none<RequestId> || s[n].request == r);
           });
}

bool a_ubuf_is_named(const FixedStore& s) {
    return s.any<ShinfoId>([&](ShinfoId h) { return s[h].uarg != none<UbufId>; });
}

// What is charged to the user is what the notifications carry, each once, from the first data that
// goes to the network until the notification is about to be posted.
bool accounts_are_exact(const FixedStore& s) {
    unsigned charged = 0;
    s.for_each<UbufId>([&](UbufId n) { charged += s[n].account_pages; });
    return s[the_task].locked_vm == charged && every<UbufId>(s, [&](UbufId n) {
               if (!s[n].alive) return true;
               if (s[n].tw == TaskWork::listed || from_the_table(s, n))
                   return s[n].account_pages == 0;
               return s[n].account_pages <= 1 && (!is_out(s, n) || s[n].account_pages == 1);
           });
}

bool pages_are_charged(const FixedStore& s) {
    return s[the_task].locked_vm > 0;
}

bool charges_pages(const World& world) {
    return world.models(Part::accounting);
}

// Requests and notifications are memory of their ring.
bool ring_outlives_its_own(const FixedStore& s) {
    return every<RequestId>(s, [&](RequestId r) {
        return s[r].ring == none<RingId> || !s[s[r].ring].freed || !kernel::is_under_way(s, r);
    });
}

bool a_closed_ring_is_in_use(const FixedStore& s) {
    return s.any<RequestId>([&](RequestId r) {
        if (s[r].ring == none<RingId> || s[r].ubuf == none<UbufId>) return false;
        return s[r].appended && s[s[r].ring].closed;
    });
}

bool rings_end(const World& world) {
    return world.hazards.ring_exits || world.hazards.exits;
}

bool is_waited_for(const FixedStore& s, UbufId n) {
    const auto& ring = s[s[s[n].request].ring];
    return s[the_task].life == TaskState::execing || ring.quiesce || (ring.closed && !ring.freed);
}

// Whoever may still let go of it: its request, a call, a packet, a member of its chain; or else its
// task work is under way.
bool comes_to_an_end(const FixedStore& s, UbufId n) {
    if (s[n].tw != TaskWork::none || s[n].owner_ref || s[n].syscall_ref) return true;
    if (s.any<ShinfoId>([&](ShinfoId h) { return s[h].uarg == n; })) return true;
    const UbufId head = s[n].head;
    if (head == none<UbufId>) return false;
    if (s[n].refs == 0 && head != n) return comes_to_an_end(s, head);
    return s.any<UbufId>([&](UbufId m) { return m != n && s[m].head == n && s[m].refs > 0; });
}

// exec, unregister and the end of a ring wait without a bound. They may wait for the peer, but not
// for a notification that nobody will ever complete.
bool waits_for_somebody(const FixedStore& s) {
    return every<UbufId>(s, [&](UbufId n) {
        return !s[n].alive || s[n].request == none<RequestId> || !is_waited_for(s, n) ||
               comes_to_an_end(s, n);
    });
}

bool an_end_has_to_wait(const FixedStore& s) {
    return s.any<UbufId>([&](UbufId n) { return is_out(s, n) && is_waited_for(s, n); });
}

// Of slots S17 asks the same, in every state.
bool ends_wait(const World& world) {
    if (world.models(Part::slots)) return false;
    return world.models(Part::teardown) || (world.models(Part::registered) &&
                                            world.hazards.unregisters && world.profile.ring_nodes);
}

}  // namespace

std::vector<KernelProperty> ring_properties() {
    return {
        {{Must::always, "S12-node-lives-with-notif", node_lives_with_notif,
          "Registered memory is unpinned while a packet still reads it: the pages go to somebody "
          "else, whose data is sent."},
         table_changes},
        {{Must::sometimes, "S12-node-lives-with-notif-reached", a_buffer_on_its_way_out_is_in_use,
          "No buffer in use left the table, and no table its ring: the property was not put to the "
          "test."},
         table_changes},
        {{Must::always, "S13-no-alias", no_alias,
          "A notification's memory is used again while somebody still knows it by its address: "
          "letting go of one send completes another."},
         has_own_notifs},
        {{Must::sometimes, "S13-no-alias-reached", a_ubuf_is_named,
          "No packet ever named a notification: the property was not put to the test."},
         has_own_notifs},
        {{Must::always, "S15-accounts-exact", accounts_are_exact,
          "Pages are charged to RLIMIT_MEMLOCK twice, or never: sends fail below the limit, or a "
          "user holds more memory than it allows."},
         charges_pages},
        {{Must::sometimes, "S15-accounts-exact-reached", pages_are_charged,
          "Nothing was ever charged: the property was not put to the test."},
         charges_pages},
        {{Must::always, "S16-ring-outlives-its-own", ring_outlives_its_own,
          "A ring is freed that still has a request or a notification under way: completing it "
          "writes to freed memory."},
         rings_end},
        {{Must::sometimes, "S16-ring-outlives-its-own-reached", a_closed_ring_is_in_use,
          "No ring was closed with a notification to come: the property was not put to the test."},
         rings_end},
        {{Must::always, "L3-waits-for-somebody", waits_for_somebody,
          "exec, unregister or the end of a ring waits for a notification that nobody is going to "
          "complete: the process hangs for ever."},
         ends_wait},
        {{Must::sometimes, "L3-waits-for-somebody-reached", an_end_has_to_wait,
          "No end ever had to wait for a notification: the property was not put to the test."},
         ends_wait},
    };
}

}  // namespace zcv
