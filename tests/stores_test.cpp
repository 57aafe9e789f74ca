// The steps are the same code on two stores. If they ever disagreed, what was explored would not be
// what is replayed; so both walk the same random ways and are compared after every step.
#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "model/growing_store.hpp"
#include "model/packing.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

// A fixed store that never runs out: what a guard says when bounds do not speak.
struct Unbounded : FixedStore {
    using FixedStore::FixedStore;
    template <class Id>
    bool room() const {
        return true;
    }
};

// Which object of the growing store stands for which of the fixed one: the stores give freed slots
// out in different orders.
template <class Id>
class Twins {
  public:
    void join(Id fixed, Id growing) {
        growing_[fixed] = growing;
        fixed_[growing] = fixed;
    }
    Id growing(Id fixed) const { return fixed == none<Id> ? fixed : growing_.at(fixed); }
    Id fixed(Id growing) const { return growing == none<Id> ? growing : fixed_.at(growing); }

  private:
    std::map<Id, Id> growing_;
    std::map<Id, Id> fixed_;
};

struct AllTwins {
    Twins<BufferId> buffers;
    Twins<RequestId> requests;
    Twins<UbufId> ubufs;
    Twins<ShinfoId> shinfos;
    Twins<SkbId> skbs;
    Twins<SockId> socks;
    Twins<RingId> rings;
    Twins<TaskId> tasks;
    Twins<SlotId> slots;

    auto& of(BufferId) { return buffers; }
    auto& of(RequestId) { return requests; }
    auto& of(UbufId) { return ubufs; }
    auto& of(ShinfoId) { return shinfos; }
    auto& of(SkbId) { return skbs; }
    auto& of(SockId) { return socks; }
    auto& of(RingId) { return rings; }
    auto& of(TaskId) { return tasks; }
    auto& of(SlotId) { return slots; }
};

// An object's fields in words, every reference by its name in the fixed store.
template <class Name>
class Described : public AnyBounds {
  public:
    explicit Described(Name name) : name_(std::move(name)) {}

    void flag(std::string_view name, bool value) { add(name, value ? "yes" : "no"); }
    template <class C>
    void count(std::string_view name, C value, std::uint32_t) {
        add(name, std::to_string(value));
    }
    template <class E, std::size_t N>
    void choice(std::string_view name, E value, const std::array<const char*, N>& names) {
        add(name, names.at(static_cast<std::size_t>(value)));
    }
    template <class R>
    void ref(std::string_view name, const R& value) {
        add(name, number(value));
    }
    template <class Set>
    void set(std::string_view name, const Set& value) {
        std::vector<std::string> all;
        value.for_each([&](auto id) { all.push_back(std::to_string(index(name_(id)))); });
        std::ranges::sort(all);
        add(name, "");
        for (const std::string& one : all) text_ += one + " ";
    }
    template <class Fifo>
    void fifo(std::string_view name, const Fifo& value, std::uint32_t) {
        add(name, "");
        for (std::size_t i = 0; i < value.size(); ++i) text_ += entry(value[i]) + " ";
    }
    const std::string& text() const { return text_; }

  private:
    template <class R>
    std::string number(const R& ref) {
        const typename R::id_type id = ref;
        return id == none<typename R::id_type> ? "-" : std::to_string(index(name_(id)));
    }
    template <class K>
    std::string entry(const Cqe<K>& cqe) {
        return number(cqe.request) + "/" + std::to_string(static_cast<int>(cqe.kind)) + "/" +
               number(cqe.slot) + "/" + std::to_string(cqe.seq);
    }
    template <class K>
    std::string entry(const ErrRange<K>& range) {
        return std::to_string(range.lo) + ".." + std::to_string(range.hi) +
               (range.copied ? "/copied" : "");
    }
    template <class R>
    std::string entry(const R& ref) {
        return number(ref);
    }
    void add(std::string_view name, const std::string& value) {
        text_ += " ";
        text_ += name;
        text_ += "=" + value;
    }

    Name name_;
    std::string text_;
};

// Which ring's fullness a step can see: a growing store is told of one full ring at a time.
RingId ring_seen(const FixedStore&, RingId ring) {
    return ring;
}
RingId ring_seen(const FixedStore& s, RequestId r) {
    return s[r].ring;
}
RingId ring_seen(const FixedStore& s, UbufId u) {
    return s[u].slot == none<SlotId> ? none<RingId> : RingId{s[s[u].slot].ring};
}
template <class... Id>
RingId ring_seen(const FixedStore&, Id...) {
    return none<RingId>;
}

// The same world twice.
class Pair {
  public:
    explicit Pair(const World& world) : world_(world), fixed_(world_), growing_(world_) {
        for (std::uint32_t i = 0; i < world_.bounds.buffers; ++i)
            twins_.buffers.join(BufferId{i}, growing_.add_buffer());
        twins_.tasks.join(the_task, the_task);
        for (std::uint32_t i = 0; i < world_.bounds.rings; ++i)
            twins_.rings.join(RingId{i}, growing_.add_ring());
        for (std::uint32_t i = 0; i < world_.bounds.slots; ++i)
            twins_.slots.join(SlotId{i}, growing_.add_slot());
        for (std::uint32_t i = 0; i < world_.socks.size(); ++i)
            twins_.socks.join(SockId{i}, growing_.add_sock(world_.socks[i]));
        for (std::uint32_t i = 0; i < world_.bounds.requests; ++i) add_request(RequestId{i});
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    // Takes one of the enabled steps on both stores: the `choice`-th, counted round. False when
    // none is enabled, or when the stores have been seen to disagree.
    bool walk(std::uint64_t choice) {
        std::uint32_t enabled = 0;
        visit_all(Steps{}, [&](auto step, auto... ids) {
            compare_guards<decltype(step)>(ids...);
            enabled += can<decltype(step)>(bounded(), ids...);
        });
        if (enabled == 0 || !disagreement_.empty()) return false;
        std::uint64_t left = choice % enabled;
        bool taken = false;
        visit_all(Steps{}, [&](auto step, auto... ids) {
            if (taken || !can<decltype(step)>(bounded(), ids...) || left-- > 0) return;
            taken = true;
            take_both<decltype(step)>(ids...);
        });
        compare_all<BufferId, RequestId, UbufId, ShinfoId, SkbId, SockId, RingId, SlotId, TaskId>();
        return disagreement_.empty();
    }

    const std::string& disagreement() const { return disagreement_; }
    const std::set<std::string_view>& taken() const { return taken_; }

  private:
    template <class... Step, class F>
    void visit_all(StepList<Step...>, F&& f) {
        (visit_step(Step{}, f), ...);
    }
    // Only steps that this world has.
    template <class Step, class F>
    void visit_step(Step step, F& f) {
        if constexpr (requires { Step::in(world_); })
            if (!Step::in(world_)) return;
        visit_ids(step, typename Step::Of{}, f);
    }
    template <class Step, class A, class F>
    void visit_ids(Step step, Ids<A>, F& f) {
        fixed_.for_each<A>([&](A a) { f(step, a); });
    }
    template <class Step, class A, class B, class F>
    void visit_ids(Step step, Ids<A, B>, F& f) {
        fixed_.for_each<A>([&](A a) { fixed_.for_each<B>([&](B b) { f(step, a, b); }); });
    }
    template <class Step, class A, class B, class C, class F>
    void visit_ids(Step step, Ids<A, B, C>, F& f) {
        fixed_.for_each<A>([&](A a) {
            fixed_.for_each<B>([&](B b) { fixed_.for_each<C>([&](C c) { f(step, a, b, c); }); });
        });
    }

    const FixedStore& bounded() const { return fixed_; }

    template <class Store, class Id>
    static bool exists(const Store& store, Id id) {
        if constexpr (requires { store[id].alive; }) return store[id].alive;
        return true;
    }
    template <class Id>
    Id twin(Id id) {
        return twins_.of(id).growing(id);
    }
    void add_request(RequestId r) {
        const Api api = fixed_.api_of(r);
        const RingId ring = is_call(api) ? none<RingId> : twin(fixed_.ring_of(r));
        const SlotId slot = uses_slot(api) ? twin(fixed_.slot_of(r)) : none<SlotId>;
        twins_.requests.join(r, growing_.add_request(ring, api, slot));
    }

    template <class... Id>
    void tell_fullness(Id... ids) {
        const RingId seen = ring_seen(fixed_, ids...);
        const bool full = seen != none<RingId> && fixed_.cq_full(seen);
        growing_.set_cq_full(full ? twin(seen) : none<RingId>);
    }

    // Guards agree but for the bounds, which only the fixed store has.
    template <class Step, class... Id>
    void compare_guards(Id... ids) {
        const bool within_bounds = can<Step>(bounded(), ids...);
        if (!(exists(fixed_, ids) && ...)) {
            if (within_bounds) disagree<Step>("is enabled for what does not exist");
            return;
        }
        tell_fullness(ids...);
        const bool without_bounds = can<Step>(fixed_, ids...);
        if (without_bounds != can<Step>(growing_, twin(ids)...)) disagree<Step>("differs in guard");
        if (within_bounds && !without_bounds) disagree<Step>("is enabled by a bound");
    }

    template <class Step, class... Id>
    void take_both(Id... ids) {
        tell_fullness(ids...);
        taken_.insert(step_name<Step>());
        const FixedStore before = fixed_;
        const GrowingStore growing_before = growing_;
        Step::effect(static_cast<FixedStore&>(fixed_), ids...);
        Step::effect(growing_, twin(ids)...);
        last_ = step_name<Step>();
        join_new<UbufId>(before, growing_before);
        join_new<ShinfoId>(before, growing_before);
        join_new<SkbId>(before, growing_before);
        fixed_.for_each<RequestId>([&](RequestId r) {
            if (before[r].phase != Phase::idle && fixed_[r].phase == Phase::idle) add_request(r);
        });
    }

    // At most one object of a noun is made in a step.
    template <class Id>
    void join_new(const FixedStore& before, const GrowingStore& growing_before) {
        std::vector<Id> made;
        fixed_.for_each<Id>([&](Id id) {
            if (fixed_[id].alive && !before[id].alive) made.push_back(id);
        });
        std::size_t slots = 0;
        growing_before.for_each<Id>([&](Id) { ++slots; });
        std::vector<Id> grown;
        growing_.for_each<Id>([&](Id id) {
            const bool fresh = index(id) >= slots || !growing_before[id].alive;
            if (growing_[id].alive && fresh) grown.push_back(id);
        });
        if (made.size() != grown.size() || made.size() > 1)
            disagreement_ = std::string(last_) + " made different objects";
        else if (!made.empty())
            twins_.of(Id{}).join(made[0], grown[0]);
    }

    template <class... Id>
    void compare_all() {
        if (disagreement_.empty()) (compare_fields<Id>(), ...);
    }
    template <class Id>
    void compare_fields() {
        std::size_t alive = 0;
        fixed_.for_each<Id>([&](Id id) {
            if (!exists(fixed_, id)) return;
            ++alive;
            if (is_idle(id)) return;  // a growing store knows its ring already
            Described here([](auto same) { return same; });
            fixed_[id].fields(here);
            Described there([&](auto grown) { return twins_.of(grown).fixed(grown); });
            growing_[twin(id)].fields(there);
            if (here.text() != there.text())
                disagreement_ = std::string(last_) + " left " + noun_of(id) + here.text() +
                                "\nand, growing," + there.text();
        });
        growing_.for_each<Id>([&](Id id) { alive -= exists(growing_, id); });
        if (alive != 0) disagreement_ = std::string(last_) + " left different numbers of objects";
    }
    template <class Id>
    bool is_idle(Id id) const {
        if constexpr (std::is_same_v<Id, RequestId>) return fixed_[id].phase == Phase::idle;
        return false;
    }

    template <class Step>
    void disagree(const std::string& how) {
        disagreement_ =
            std::string(step_name<Step>()) + " " + how + ", after " + std::string(last_);
    }

    World world_;
    Unbounded fixed_;
    GrowingStore growing_;
    AllTwins twins_;
    std::string_view last_ = "the beginning";
    std::string disagreement_;
    std::set<std::string_view> taken_;
};

// Two sockets on whose ways everything happens, as a replay allows it.
World everything(const std::string& profile, App app, std::uint32_t rings, std::uint32_t entries) {
    const SockConfig any{.transport = Transport::udp,
                         .dma = true,
                         .sink = true,
                         .receives = true,
                         .copies_at_send = true,
                         .forwards = true,
                         .segments = true,
                         .linear = true,
                         .splits = true,
                         .tapped = true,
                         .stamped = true,
                         .tun = true,
                         .expands = true,
                         .carves = true,
                         .merges = true,
                         .duplicates = true,
                         .upcall_fails = true,
                         .decrypts = true};
    World world = roomy(any, profile);
    world.app = app;
    world.socks.push_back(any);
    world.socks.back().transport = Transport::tcp;
    world.hazards = {.prep_fails = true,
                     .issue_fails = true,
                     .again = true,
                     .io_wq = true,
                     // Without F_MORE a request's slot is used again while its notification is
                     // still to come, and no bound holds the CQEs that are then under way.
                     .link_cancels = !world.profile.link_cancel_forgets_more,
                     .drops = true,
                     .resets = true,
                     .retransmits = true,
                     .copy_fails = true,
                     .refusals = true};
    world.bounds.rings = rings;
    world.bounds.cq_entries = entries;
    return world;
}

// TCP alone, and nothing that ends a connection: chains get long, retries many.
World streams(const std::string& profile) {
    World world = everything(profile, App::conforming, 1, 8);
    world.socks.erase(world.socks.begin());
    world.hazards.resets = false;
    return world;
}

// Nothing but what arrives, and what sleeps until it does.
World arriving() {
    World world = roomy({.transport = Transport::udp, .receives = true, .merges = true});
    world.apis = {Api::splice};
    return world;
}

World sleeping() {
    World world = roomy({.transport = Transport::udp, .dma = true});
    world.bounds.requests = 2;
    world.defer_taskrun_waits = 2;
    return world;
}

// What a request can go through besides success.
World ordered(App app, std::uint32_t entries) {
    World world = everything("intended", app, 1, entries);
    world.hazards.links = true;
    world.hazards.cancels = true;
    world.hazards.link_timeouts = true;
    world.hazards.drains = true;
    world.hazards.cqes_lost = true;
    world.reports_usage = true;
    world.tracks_delivery = true;
    world.bounds.requests = 2;  // each with three CQEs at most
    return world;
}

World deferred() {
    World world = everything("6.18", App::conforming, 1, 8);
    world.hazards.io_wq = false;
    world.defer_taskrun_waits = 2;
    return world;
}

// Registered and other memory, and a table, a ring and a process that come to an end.
World endings(const std::string& profile, App app) {
    World world = streams(profile);
    world.app = app;
    world.apis = {Api::send_zc_fixed, Api::send_zc, Api::sendmsg_zc_fixed, Api::sendmsg_zc};
    world.hazards.unregisters = true;
    world.hazards.updates = true;
    world.hazards.ring_exits = app != App::unregister;
    world.hazards.exits = app == App::ring_exit;
    world.hazards.execs = profile == "6.12";
    world.bounds.memlock = 2;
    return world;
}

// Calls and requests on one socket each of both kinds, and everything that can happen to a call.
World calls(const std::string& profile, App app) {
    World world = everything(profile, app, 1, 8);
    world.apis = {Api::msg_zerocopy, Api::send_zc};
    world.hazards.memlock = true;
    world.hazards.close_fd = app == App::close_before_errqueue;
    world.socks[0].msg_more = true;
    world.socks[0].fragments = true;
    world.socks.back().unsupported = true;
    world.socks[0].short_tails = true;
    world.bounds.omem = 2;
    return world;
}

// Calls on a stream alone: most of them join the ubuf of one before, or have no option memory.
World joining_calls() {
    World world = streams("6.18");
    world.apis = {Api::msg_zerocopy};
    world.hazards = {.drops = true, .retransmits = true};
    world.socks[0].copies_at_send = false;
    world.bounds.ids = world.bounds.requests + 1;
    world.bounds.omem = 1;
    return world;
}

// ... on a socket that was never told SO_ZEROCOPY.
World unasked_calls() {
    World world = joining_calls();
    world.app = App::so_zerocopy_forgotten;
    return world;
}

// The other providers, and MSG_ZEROCOPY that is given a ubuf.
World others(const std::string& profile) {
    World world = everything(profile, App::conforming, 2, 8);
    world.apis = {Api::vhost, Api::packet_ring, Api::rds, Api::given_ubuf};
    world.socks[1].transport = Transport::udp;
    world.hazards.close_fd = true;
    return world;
}

// The same, and what protocols do with data while they have it.
World protocols(const std::string& profile) {
    World world = everything(profile, App::conforming, 1, 8);
    for (SockConfig& config : world.socks) {
        config.plain_writes = true;
        config.fast_open = true;
        config.corks = true;
        config.orphans = true;
        config.probe = 2;
    }
    world.hazards.closes = true;
    world.hazards.aborts = true;
    world.hazards.gives_up = true;
    world.hazards.sacks = true;
    world.hazards.trims = true;
    world.hazards.fills = true;
    world.hazards.no_memory = true;
    world.hazards.device_resets = true;
    return world;
}

// ... and nothing that ends a connection.
World busy_streams(const std::string& profile) {
    World world = protocols(profile);
    world.socks.erase(world.socks.begin());
    world.hazards.resets = world.hazards.closes = world.hazards.aborts = false;
    world.hazards.gives_up = false;
    return world;
}

World silent_peer() {
    World world = busy_streams("6.18");
    world.hazards.gives_up = true;
    return world;
}

World datagrams() {
    World world = protocols("6.18");
    world.socks.pop_back();
    world.hazards.closes = false;
    return world;
}

// Spliced pages and registered ones beside ordinary ones, and a vsock.
World all_pages() {
    World world = everything("6.18", App::conforming, 1, 8);
    world.apis = {Api::send_zc, Api::send_zc_fixed, Api::splice};
    world.socks[1].transport = Transport::vsock;
    return world;
}

// Spliced pages alone: what is deciphered where it lies.
World spliced() {
    World world = all_pages();
    world.apis = {Api::splice};
    world.hazards = {};
    return world;
}

// Every way of the designs in which notifications belong to slots. A completion that posts for two
// slots at once could overflow half-way, which the growing store is not told.
World slots(const std::string& profile, std::vector<Api> apis) {
    World world = everything(profile, App::conforming, 1, 8);
    world.apis = std::move(apis);
    world.bounds.slots = world.profile.notifier_posts ? 1 : 2;
    world.hazards.slot_out_of_range = true;
    world.hazards.quiesces = world.profile.notifier_posts;
    world.hazards.unregisters = !world.hazards.quiesces;
    return world;
}

// TCP alone, and slots that stay.
World lasting_slots() {
    World world = streams("6.0-rc");
    world.apis = {Api::notif_slot, Api::notif_slot_flush};
    world.bounds.slots = 2;
    world.hazards = {.issue_fails = true, .again = true, .drops = true, .retransmits = true};
    world.bounds.requests = 2;
    return world;
}

// A plain send next to a zero-copy one.
World copies() {
    World world = everything("6.18", App::conforming, 1, 4);
    world.apis = {Api::send, Api::send_zc};
    world.hazards = {};
    return world;
}

World frames(const std::string& profile, App app, bool receives = false) {
    World world = roomy({.xsk_zero_copy = true, .xsk_receives = receives}, profile);
    world.apis = {Api::af_xdp};
    world.app = app;
    world.socks.push_back({.dma = true, .xsk_no_linear = true});
    world.hazards.drops = true;
    return world;
}

template <class... Step, class F>
void for_each_name(StepList<Step...>, F&& f) {
    (f(step_name<Step>()), ...);
}

std::vector<World> worlds() {
    return {everything("6.18", App::conforming, 2, 8),
            everything("6.1", App::first_cqe, 1, 2),
            everything("intended", App::conforming, 1, 1),
            streams("6.12"),
            streams("6.1"),
            ordered(App::conforming, 8),
            ordered(App::drop_between, 2),
            ordered(App::descriptor_reused, 2),
            ordered(App::misread_overflow, 2),
            ordered(App::fifo_notifs, 8),
            deferred(),
            arriving(),
            sleeping(),
            endings("6.18", App::ring_exit),
            endings("6.1", App::unregister),
            endings("6.12", App::conforming),
            endings("intended", App::conforming),
            calls("6.18", App::conforming),
            calls("intended", App::close_before_errqueue),
            joining_calls(),
            unasked_calls(),
            others("6.18"),
            others("given-ubuf-in-socket"),
            protocols("6.18"),
            busy_streams("6.12"),
            busy_streams("6.1"),
            busy_streams("intended"),
            silent_peer(),
            datagrams(),
            roomy({.transport = Transport::udp, .dma = true, .mirrors = true}),
            slots("6.0-rc", {Api::notif_slot, Api::notif_slot_flush}),
            lasting_slots(),
            slots("rfc-v1", {Api::tx_ctx, Api::tx_ctx_flush}),
            copies(),
            frames("6.18", App::conforming),
            frames("6.12", App::frame_early),
            frames("6.18", App::descriptor_lost),
            frames("6.18", App::conforming, true),
            all_pages(),
            spliced()};
}

}  // namespace

TEST_CASE("both stores walk every random way alike", "[model][stores][property]") {
    const std::vector<World> all = worlds();
    rc::prop("same guards, same effects", [&] {
        const auto which = *rc::gen::inRange<std::size_t>(0, all.size());
        const auto steps = *rc::gen::inRange<std::size_t>(1, 4000);
        std::mt19937_64 choices(*rc::gen::arbitrary<std::uint32_t>());
        Pair pair(all[which]);
        for (std::size_t step = 0; step < steps && pair.walk(choices()); ++step) {
        }
        if (!pair.disagreement().empty()) RC_FAIL(pair.disagreement());
    });
}

TEST_CASE("a long walk takes every step there is, on both stores", "[model][stores]") {
    std::set<std::string_view> taken;
    for (const World& world : worlds())
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            std::mt19937_64 choices(seed);
            Pair pair(world);
            for (int step = 0; step < 4000 && pair.walk(choices()); ++step) {
            }
            CHECK(pair.disagreement() == "");
            taken.insert(pair.taken().begin(), pair.taken().end());
        }
    for_each_name(Steps{}, [&](std::string_view name) {
        if (!taken.contains(name)) FAIL_CHECK(std::string(name) + " is never taken");
    });
}

TEST_CASE("a chain of any length completes head first, then newest to oldest",
          "[model][stores][chain]") {
    const std::uint32_t sends = GENERATE(5u, 400u);
    World world = hazardous(tcp_nic, {.resets = true});
    world.socks.clear();
    GrowingStore s(world);
    REQUIRE(s.add_ring() == ring);
    REQUIRE(s.add_sock(tcp_nic) == sock);
    REQUIRE(s.add_buffer() == buffer);
    std::vector<RequestId> requests;
    for (std::uint32_t i = 0; i < sends; ++i) {
        requests.push_back(s.add_request(ring));
        if (i == 0)
            append(s, requests[i]);
        else
            stack(s, requests[i]);
        complete(s, requests[i]);
    }
    const UbufId head = notif_of(s, requests[0]);
    CHECK(s[head].refs == 1);  // members that are done hold nothing: the shinfo alone does
    post_all(s);
    CHECK(read_all(s).size() == sends);
    take<kernel::tcp_write_queue_purge>(s, sock);
    take<kernel::io_notif_tw_complete>(s, head);
    post_all(s);
    Cqes order{"notif 0"};
    for (std::uint32_t i = sends - 1; i > 0; --i) order.push_back("notif " + std::to_string(i));
    CHECK(read_all(s) == order);
    if (sends == 5)  // as seen on a running kernel, counted from 1: 1, 5, 4, 3, 2
        CHECK(order == Cqes{"notif 0", "notif 4", "notif 3", "notif 2", "notif 1"});
}

TEST_CASE("a growing store uses a freed slot again and leaves nothing in it", "[model][stores]") {
    GrowingStore s{World{}};
    const UbufId one = s.make<UbufId>();
    const UbufId two = s.make<UbufId>();
    CHECK_FALSE(one == two);
    s[one].refs = 7;
    s[one].head = two;
    s.free(one);
    CHECK_FALSE(s[one].alive);
    CHECK(s.make<UbufId>() == one);
    CHECK(s.newest() == index(one));
    CHECK(s[one].alive);
    CHECK(s[one].refs == 0);
    CHECK(s[one].head == none<UbufId>);
    CHECK(s[two].alive);
}
