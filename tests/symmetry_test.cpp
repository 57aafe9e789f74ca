// Symmetry of the kernel's worlds: that what is merged behaves alike, that nothing else is merged,
// and that nothing is left unmerged.
#include "model/symmetry.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/checker/symmetry_check.hpp"
#include "model/scenarios.hpp"
#include "tests/any_kernel.hpp"
#include "tests/reachable.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

constexpr std::uint64_t small_states = 60'000;

template <class Use>
void each_small_scenario(Use&& use) {
    for (const KernelScenario& row : kernel_scenario_table())
        if (row.expect.states <= small_states) use(row);
}

FixedStore unpacked(const KernelSystem& system, const Words& words) {
    FixedStore state = system.initial();
    system.unpack(words.data(), state);
    return state;
}

// Renames the slow way: in the state itself, object by object and name by name.
class Rename : public AnyBounds {
  public:
    explicit Rename(const Naming& naming) : naming_(naming) {}
    template <class Id>
    Id now(Id id) const {
        const auto& places = naming_.order[object_numbers::noun(id)];
        const auto at = std::ranges::find(places, index(id)) - places.begin();
        return Id{static_cast<std::uint32_t>(at)};
    }
    template <class Id>
    void object(Id) {}
    void flag(std::string_view, bool) {}
    template <class... Bound>
    void count(std::string_view, std::uint8_t, Bound...) {}
    template <class E, std::size_t N>
    void choice(std::string_view, E, const std::array<const char*, N>&) {}
    template <class Id>
    void ref(std::string_view, FixedKind::Ref<Id>& value) {
        if (static_cast<Id>(value) != none<Id>) value = now(static_cast<Id>(value));
    }
    template <class Id>
    void set(std::string_view, FixedKind::Set<Id>& value) {
        FixedKind::Set<Id> renamed;
        value.for_each([&](Id id) { renamed.insert(now(id)); });
        value = renamed;
    }
    template <class Id, class... Bound>
    void fifo(std::string_view name, FixedKind::Fifo<FixedKind::Ref<Id>>& value, Bound...) {
        for (std::size_t i = 0; i < value.size(); ++i) ref(name, value[i]);
    }
    template <class... Bound>
    void fifo(std::string_view name, FixedKind::Fifo<Cqe<FixedKind>>& value, Bound...) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            ref(name, value[i].request);
            ref(name, value[i].slot);
        }
    }
    template <class... Bound>
    void fifo(std::string_view, FixedKind::Fifo<ErrRange<FixedKind>>&, Bound...) {}

  private:
    Naming naming_;
};

template <class Id>
void move_objects(const FixedStore& from, FixedStore& to, const Rename& rename) {
    from.for_each<Id>([&](Id id) { to[rename.now(id)] = from[id]; });
}

FixedStore renamed(const FixedStore& from, const Naming& naming) {
    FixedStore to = from;
    Rename rename(naming);
    move_objects<BufferId>(from, to, rename);
    move_objects<RequestId>(from, to, rename);
    move_objects<UbufId>(from, to, rename);
    move_objects<ShinfoId>(from, to, rename);
    move_objects<SkbId>(from, to, rename);
    move_objects<SockId>(from, to, rename);
    move_objects<RingId>(from, to, rename);
    move_objects<SlotId>(from, to, rename);
    to.visit(rename);
    return to;
}

// Every way to place the objects that the kernel allocates.
std::vector<Naming> all_placings(const World& world) {
    std::vector<Naming> all{Naming{}};
    const auto vary = [&](unsigned noun, std::uint32_t count) {
        std::vector<Naming> more;
        for (Naming each : all) {
            auto& places = each.order[noun];
            do {
                more.push_back(each);
            } while (std::next_permutation(places.begin(), places.begin() + count));
        }
        all = more;
    };
    vary(object_numbers::noun(UbufId{}), world.bounds.ubufs);
    vary(object_numbers::noun(ShinfoId{}), world.bounds.shinfos);
    vary(object_numbers::noun(SkbId{}), world.bounds.skbs);
    return all;
}

std::uint64_t factorial(std::uint64_t n) {
    return n <= 1 ? 1 : n * factorial(n - 1);
}

std::uint64_t placings_of(const World& world) {
    return factorial(world.bounds.ubufs) * factorial(world.bounds.shinfos) *
           factorial(world.bounds.skbs);
}

Words packed(const KernelSystem& system, const FixedStore& state) {
    Words words(system.words());
    system.pack(state, words.data());
    return words;
}

Words least_placed(const KernelSystem& system, const std::vector<Naming>& placings,
                   const FixedStore& state) {
    Words least = packed(system, state);
    for (const Naming& each : placings) {
        Words other(system.words());
        system.symmetry().pack_renamed(state, each, other.data());
        least = std::min(least, other);
    }
    return least;
}

// The first promise that is not kept in the states of a world.
std::string broken_promise_in(const KernelSystem& system, std::size_t most = small_states) {
    for (const Words& words : reachable(system, most)) {
        const std::string broken = checker::broken_symmetry(system, unpacked(system, words));
        if (!broken.empty()) return broken;
    }
    return "";
}

checker::Outcome explored_by_symmetry(const Scenario& scenario) {
    checker::Limits limits;
    limits.symmetry = checker::Symmetry::on;
    limits.threads = 2;
    return scenario.explore(limits);
}

// Two sends through the same ring, of different kinds: their requests are no equals.
World of_two_kinds() {
    World world;
    world.apis = {Api::send_zc, Api::send};
    world.socks = {SockConfig{.transport = Transport::udp, .dma = true}};
    world.bounds = {.buffers = 2, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2};
    return world;
}

World of_two_sockets() {
    World world;
    world.socks = {SockConfig{.transport = Transport::udp, .dma = true},
                   SockConfig{.transport = Transport::udp, .sink = true}};
    world.bounds = {.buffers = 1, .requests = 2, .ubufs = 2, .shinfos = 2, .skbs = 2};
    return world;
}

}  // namespace

TEST_CASE("every byte of a state is a field, so that none is left out when names are exchanged",
          "[symmetry]") {
    World world;
    world.socks = {SockConfig{}};
    world.bounds.slots = 1;
    const FixedStore state(world);
    EveryField fields;
    FixedStore copy = state;
    copy.visit(fields);
    CHECK(fields.take().size() ==
          sizeof(state[BufferId{}]) + sizeof(state[RequestId{}]) + sizeof(state[UbufId{}]) +
              sizeof(state[ShinfoId{}]) + sizeof(state[SkbId{}]) + sizeof(state[SockId{}]) +
              sizeof(state[RingId{}]) + sizeof(state[SlotId{}]) + sizeof(state[the_task]));
}

TEST_CASE("what stands for a state goes on as it does", "[symmetry]") {
    each_small_scenario([](const KernelScenario& row) {
        DYNAMIC_SECTION(row.name) {
            const World world = world_of(row);
            const KernelSystem system(world, row.unasked);
            // Every state twice over is dear: of the larger worlds the nearer states are enough.
            CHECK(broken_promise_in(system, std::min<std::uint64_t>(row.expect.states, 12'000)) ==
                  "");
        }
    });
}

TEST_CASE("a search by symmetry meets one state of each orbit", "[symmetry]") {
    each_small_scenario([](const KernelScenario& row) {
        // Behind a violation a search does not go on.
        if (!row.expect.broken.empty()) return;
        DYNAMIC_SECTION(row.name) {
            const World world = world_of(row);
            const KernelSystem system(world, row.unasked);
            const std::vector<Words> all = reachable(system, small_states);
            REQUIRE(all.size() == row.expect.states);
            std::set<Words> orbits;
            for (const Words& words : all) {
                Words least = words;
                system.canonical(least.data(), false);
                orbits.insert(least);
            }
            const checker::Outcome outcome =
                explored_by_symmetry(under_profile(row, world.profile));
            CHECK(outcome.states == orbits.size());
            CHECK(outcome.verdict == Verdict::clean);
            // The longest of the shortest ways may lead to a state whose equals are nearer.
            CHECK(outcome.depth <= row.expect.depth);
        }
    });
}

TEST_CASE("orbits are those that trying every exchange of names finds, and their sizes add up",
          "[symmetry]") {
    constexpr std::uint64_t trials_max = 3'000'000;
    unsigned tried = 0;
    each_small_scenario([&](const KernelScenario& row) {
        if (!row.expect.broken.empty()) return;
        const World world = world_of(row);
        const KernelSystem system(world, row.unasked);
        const std::vector<Naming> exchanges = system.symmetry().exchanges();
        if (row.expect.states * placings_of(world) * (1 + exchanges.size()) > trials_max) return;
        ++tried;
        DYNAMIC_SECTION(row.name) {
            const std::vector<Naming> placings = all_placings(world);
            // Of each orbit: which states are in it, but for where allocated objects lie.
            std::map<Words, std::set<Words>> orbits;
            std::map<Words, Words> known_as;  // the representative of each orbit, by its least
            std::set<Words> placed;
            for (const Words& words : reachable(system, small_states)) {
                const FixedStore state = unpacked(system, words);
                placed.insert(least_placed(system, placings, state));
                Words canonical = words;
                system.canonical(canonical.data(), false);
                std::set<Words> orbit;
                for (const Naming& exchange : exchanges) {
                    const FixedStore other = renamed(state, exchange);
                    Words written(system.words());
                    system.symmetry().pack_renamed(state, exchange, written.data());
                    REQUIRE(written == packed(system, other));
                    orbit.insert(least_placed(system, placings, other));
                }
                // One representative for the whole orbit, and another for every other orbit.
                const auto at = known_as.emplace(*orbit.begin(), canonical).first;
                REQUIRE(at->second == canonical);
                REQUIRE(orbits.emplace(canonical, orbit).first->second == orbit);
            }
            std::size_t sum = 0;
            for (const auto& [canonical, orbit] : orbits) sum += orbit.size();
            CHECK(sum == placed.size());
            CHECK(known_as.size() == orbits.size());
        }
    });
    CHECK(tried >= 20);
}

TEST_CASE("names that nobody tells apart do not matter to what stands for a state", "[symmetry]") {
    std::mt19937 random(1);
    each_small_scenario([&](const KernelScenario& row) {
        const World world = world_of(row);
        const KernelSystem system(world, row.unasked);
        const std::vector<Naming> exchanges = system.symmetry().exchanges();
        const auto shuffle = [&](Naming& naming, auto id, std::uint32_t count) {
            auto& places = naming.order[object_numbers::noun(id)];
            std::shuffle(places.begin(), places.begin() + count, random);
        };
        bool same = true;
        const std::vector<Words> all =
            reachable(system, std::min<std::uint64_t>(2000, row.expect.states));
        for (const Words& words : all) {
            Naming naming = exchanges[random() % exchanges.size()];
            shuffle(naming, UbufId{}, world.bounds.ubufs);
            shuffle(naming, ShinfoId{}, world.bounds.shinfos);
            shuffle(naming, SkbId{}, world.bounds.skbs);
            Words one = words;
            Words two = packed(system, renamed(unpacked(system, words), naming));
            system.canonical(one.data(), false);
            system.canonical(two.data(), false);
            same = same && one == two;
        }
        INFO(row.name);
        CHECK(same);
    });
}

TEST_CASE("a declaration that merges what is no equal is noticed", "[symmetry][mutation]") {
    for (const World& world : {of_two_kinds(), of_two_sockets()}) {
        World kernel = world;
        kernel.profile = *find_profile("6.18");
        const KernelSystem right(kernel);
        const KernelSystem wrong(kernel, {}, true);
        CHECK(broken_promise_in(right, 20'000) == "");
        CHECK(broken_promise_in(wrong, 20'000) != "");
        CHECK(representatives(wrong, 20'000).size() != representatives(right, 20'000).size());
    }
}

TEST_CASE("every scenario ends by symmetry as it does without", "[symmetry][all]") {
    for (const Scenario& scenario : scenarios()) {
        if (!scenario.in_all) continue;
        DYNAMIC_SECTION(scenario.name) {
            const checker::Outcome outcome = explored_by_symmetry(scenario);
            CHECK(outcome.symmetry == checker::Symmetry::on);
            CHECK(outcome.broken == scenario.expect.broken);
            CHECK(outcome.states <= scenario.expect.states);
            CHECK(outcome.depth <= scenario.expect.depth);
            if (!outcome.broken.empty()) CHECK(outcome.depth == scenario.expect.depth);
        }
    }
}
