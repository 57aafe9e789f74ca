// States as packed words: the visited set knows a state by them alone, so two states with the same
// words must be the same state, and the same state must have the same words.
#include <catch2/catch.hpp>
#include <map>
#include <queue>
#include <set>

#include "tests/any_kernel.hpp"
#include "tests/situations.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

using Words = std::vector<std::uint64_t>;

Words packed(const AnyKernel& system, const FixedStore& state) {
    Words words(system.words());
    system.pack(state, words.data());
    return words;
}

// All that people are shown of a state.
std::string in_words(const AnyKernel& system, const FixedStore& state) {
    std::string text;
    for (const checker::Field& field : system.fields(state))
        text += field.noun + "." + field.name + "=" + field.value + "\n";
    return text;
}

// Whether any bit of an object is set.
class AnyBit : public FieldCodec<AnyBit> {
  public:
    using FieldCodec::FieldCodec;
    std::uint32_t bits(std::uint32_t value, unsigned) {
        found_ = found_ || value != 0;
        return value;
    }
    bool found() const { return found_; }

  private:
    bool found_ = false;
};

template <class Id>
bool dead_are_zero(const World& world, FixedStore& state) {
    bool zero = true;
    state.for_each<Id>([&](Id id) {
        if (state[id].alive) return;
        AnyBit any(world);
        state[id].fields(any);
        zero = zero && !any.found();
    });
    return zero;
}

// Every way into every state, new or not. Counts what was wrong instead of checking each time:
// millions of assertions would be most of the test's time.
struct Findings {
    std::uint64_t states = 0;
    std::uint64_t lost = 0;       // unpacking gave another state
    std::uint64_t confused = 0;   // two states with the same words
    std::uint64_t left_over = 0;  // an object that is gone and not zero
};

Findings round_trips(const World& world) {
    const AnyKernel system(world);
    const KernelSystem plain(world);
    Findings findings;
    std::map<Words, std::size_t> seen;  // and a hash of the state in words
    std::queue<Words> open;
    const auto meet = [&](const FixedStore& state) {
        const Words words = packed(system, state);
        const std::size_t text = std::hash<std::string>{}(in_words(system, state));
        const auto [at, fresh] = seen.emplace(words, text);
        findings.confused += at->second != text;
        if (!fresh) return;
        FixedStore back(world);
        system.unpack(words.data(), back);
        findings.lost += packed(system, back) != words;
        findings.lost += std::hash<std::string>{}(in_words(system, back)) != text;
        FixedStore copy = state;
        findings.left_over += !dead_are_zero<UbufId>(world, copy) ||
                              !dead_are_zero<ShinfoId>(world, copy) ||
                              !dead_are_zero<SkbId>(world, copy);
        open.push(words);
    };
    meet(system.initial());
    while (!open.empty()) {
        FixedStore state(world);
        system.unpack(open.front().data(), state);
        open.pop();
        const Words before = packed(system, state);
        system.for_each_next(state, [&](checker::Taken, const FixedStore& after) {
            Words words(system.words(), 77);
            plain.pack_after(state, before.data(), after, words.data());
            findings.lost += words != packed(system, after);
            meet(after);
        });
    }
    findings.states = seen.size();
    return findings;
}

std::string value_of(const std::vector<checker::Field>& fields, const std::string& noun,
                     const std::string& name) {
    for (const checker::Field& field : fields)
        if (field.noun == noun && field.name == name) return field.value;
    return "(not there)";
}

}  // namespace

TEST_CASE("every reachable state survives packing, and no two share their words",
          "[model][packing]") {
    for (const char* name : {"udp-sink", "cq-overflow", "copied-at-send", "link-cancel-intended"}) {
        DYNAMIC_SECTION(name) {
            const KernelScenario& row = kernel_scenario(name);
            const Findings findings = round_trips(world_of(row));
            CHECK(findings.states == row.expect.states);
            CHECK(findings.lost == 0);
            CHECK(findings.confused == 0);
            CHECK(findings.left_over == 0);
        }
    }
}

TEST_CASE("worlds of every kind survive packing", "[model][packing]") {
    World world;
    SECTION("chains, retries and resets, over two rings") {
        world = hazardous(tcp_nic, {.again = true, .resets = true});
        world.bounds = {.requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2, .rings = 2};
    }
    SECTION("a reference of the call's own") {
        world = roomy(tcp_nic, "6.1");
        world.bounds = {.requests = 2, .ubufs = 2, .shinfos = 1, .skbs = 2};
    }
    SECTION("segments and taps, dropped anywhere") {
        world =
            hazardous({.transport = Transport::udp, .dma = true, .segments = true, .tapped = true},
                      {.drops = true});
        world.bounds = {.shinfos = 2, .skbs = 3, .cq_entries = 2};
    }
    SECTION("slots, whose notifications name no request") {
        world = world_of(kernel_scenario("slots-failures"));
        world.bounds.slots = 2;
    }
    SECTION("notifiers in two lists") {
        world = world_of(kernel_scenario("tx-ctx"));
    }
    SECTION("frames on rings") {
        world = world_of(kernel_scenario("xdp-driver"));
    }
    const Findings findings = round_trips(world);
    CHECK(findings.states > 1000);
    CHECK(findings.lost == 0);
    CHECK(findings.confused == 0);
    CHECK(findings.left_over == 0);
}

TEST_CASE("every field at its largest survives packing, in every world", "[model][packing]") {
    // Each single bit of every field of every object, in worlds whose fields straddle the words
    // at different places.
    class OneBit : public FieldCodec<OneBit> {
      public:
        OneBit(const World& world, std::size_t bit) : FieldCodec(world), left_(bit) {}
        std::uint32_t bits(std::uint32_t, unsigned width) {
            const bool mine = left_ < width;
            const std::uint32_t value = mine && !done_ ? 1u << left_ : 0u;
            done_ = done_ || mine;
            if (!mine) left_ -= width;
            return value;
        }
        bool done() const { return done_; }

      private:
        std::size_t left_;
        bool done_ = false;
    };
    for (std::uint32_t requests = 1; requests <= Capacity::requests; ++requests) {
        World world = roomy(tcp_nic);
        world.bounds.requests = requests;
        world.bounds.ubufs = requests;
        world.bounds.skbs = 2 * requests;
        world.bounds.shinfos = requests + 1;
        const AnyKernel system(world);
        std::set<Words> distinct;
        std::size_t bits = 0;
        for (;; ++bits) {
            FixedStore state(world);
            OneBit one(world, bits);
            state.visit(one);
            if (!one.done()) break;
            FixedStore back(world);
            const Words words = packed(system, state);
            system.unpack(words.data(), back);
            if (packed(system, back) != words) FAIL("bit " << bits << " is lost");
            distinct.insert(words);
        }
        CHECK(distinct.size() == bits);
        CHECK((bits + 63) / 64 == system.words());
    }
}

TEST_CASE("a state is listed field by field, what does not exist left out", "[model][fields]") {
    Bench bench(roomy(tcp_nic));
    const AnyKernel system(bench.world);
    auto& s = bench.s;
    for (const checker::Field& field : system.fields(s)) {
        const std::string kind = field.noun.substr(0, field.noun.find(' '));
        CHECK(std::set<std::string>{"buffer", "request", "sock", "ring", "task"}.contains(kind));
    }
    append(s, first);
    stack(s, second);
    complete(s, second);
    const auto fields = system.fields(s);
    CHECK(value_of(fields, "buffer 0", "lent") == "2");
    CHECK(value_of(fields, "request 1", "phase") == "completed");
    CHECK(value_of(fields, "request 1", "more") == "yes");
    CHECK(value_of(fields, "request 0", "more") == "no");
    CHECK(value_of(fields, "ubuf 0", "refs") == "2");
    CHECK(value_of(fields, "ubuf 0", "head") == "0");
    CHECK(value_of(fields, "ubuf 0", "next") == "1");
    CHECK(value_of(fields, "ubuf 1", "next") == "-");
    CHECK(value_of(fields, "ubuf 1", "head") == "0");
    CHECK(value_of(fields, "ubuf 2", "alive") == "(not there)");
    CHECK(value_of(fields, "shinfo 0", "frags") == "{0 1}");
    CHECK(value_of(fields, "skb 0", "loc") == "write-queue");
    CHECK(value_of(fields, "sock 0", "write-queue") == "[0]");
    CHECK(value_of(fields, "ring 0", "compl") == "[cqe+more:1]");

    take<kernel::io_submit_flush_completions>(s, ring);
    CHECK(value_of(system.fields(s), "ring 0", "cq") == "[cqe+more:1]");
    CHECK(value_of(system.fields(s), "ring 0", "compl") == "[]");
}

TEST_CASE("no object has two fields of one name", "[model][fields]") {
    World world = roomy(tcp_nic);
    Bench bench(world);
    const AnyKernel system(bench.world);
    append(bench.s, first);
    std::set<std::string> names;
    std::set<std::string> nouns;
    for (const checker::Field& field : system.fields(bench.s)) {
        CAPTURE(field.noun, field.name);
        CHECK(names.insert(field.noun + "/" + field.name).second);
        CHECK(field.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
        CHECK_FALSE(field.value.empty());
        nouns.insert(field.noun.substr(0, field.noun.find(' ')));
    }
    CHECK(nouns == std::set<std::string>{"buffer", "request", "ubuf", "shinfo", "skb", "sock",
                                         "ring", "task"});
}
