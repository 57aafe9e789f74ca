#include "traces/flat_map.hpp"

#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "traces/by_generation.hpp"

namespace {

using namespace zcv;

struct Change {
    bool erased;
    std::uint64_t name;
    std::uint32_t value;
};

// Names as they are in a trace: addresses of slabs, close together, used again and again.
std::vector<Change> any_changes() {
    return *rc::gen::container<std::vector<Change>>(rc::gen::apply(
        [](bool erased, std::uint64_t slot, std::uint32_t value) {
            return Change{erased, 0xffff888100000000U + slot * 256, value};
        },
        rc::gen::arbitrary<bool>(), rc::gen::inRange<std::uint64_t>(0, 96),
        rc::gen::arbitrary<std::uint32_t>()));
}

std::map<std::uint64_t, std::uint32_t> entries_of(
    const FlatMap<std::uint64_t, std::uint32_t>& flat) {
    std::map<std::uint64_t, std::uint32_t> entries;
    flat.for_each([&](std::uint64_t name, std::uint32_t value) { entries[name] = value; });
    return entries;
}

TEST_CASE("a flat map holds what a map holds, whatever came and went", "[flat_map]") {
    rc::prop("after any changes", [] {
        FlatMap<std::uint64_t, std::uint32_t> flat;
        std::map<std::uint64_t, std::uint32_t> known;
        for (const Change& change : any_changes()) {
            if (change.erased) {
                flat.erase(change.name);
                known.erase(change.name);
            } else {
                const auto [value, is_new] = flat.insert(change.name);
                RC_ASSERT(is_new == !known.contains(change.name));
                *value = known[change.name] = change.value;
            }
            RC_ASSERT(flat.size() == known.size());
        }
        RC_ASSERT(entries_of(flat) == known);
        for (const auto& [name, value] : known) RC_ASSERT(*flat.find(name) == value);
    });
}

TEST_CASE("0 is a name like others, and an erased one comes back empty", "[flat_map]") {
    FlatMap<std::pair<std::uint64_t, std::uint64_t>, std::vector<int>> flat;
    CHECK(flat.find({0, 0}) == nullptr);
    flat.erase({0, 0});
    flat[{0, 0}].push_back(1);
    flat[{0, 1}].push_back(2);
    CHECK(flat.find({0, 0})->size() == 1);
    flat.erase({0, 0});
    CHECK_FALSE(flat.contains({0, 0}));
    CHECK(flat[{0, 0}].empty());
    CHECK(flat.find({0, 1})->front() == 2);
}

TEST_CASE("what is known of a send stays where it is", "[by_generation]") {
    ByGeneration<std::uint32_t> known;
    std::vector<const std::uint32_t*> places;
    const auto generation_of = [](std::uint32_t i) { return i % 7 == 0 ? 0xffffff00U - i : i; };
    for (std::uint32_t i = 0; i < 1000; ++i) {
        known[generation_of(i)] = i;
        places.push_back(&known.at(generation_of(i)));
    }
    CHECK(known.size() == 1000);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        CHECK(known.find(generation_of(i)) == places[i]);
        CHECK(*places[i] == i);
    }
    CHECK(known.find(123456) == nullptr);
    CHECK_THROWS_AS(known.at(123456), std::out_of_range);
    std::set<std::uint32_t> visited;
    known.for_each([&](std::uint32_t value) { visited.insert(value); });
    CHECK(visited.size() == 1000);
}

TEST_CASE("a send that was forgotten is unknown, and its number may come again",
          "[by_generation]") {
    ByGeneration<std::vector<int>> known;
    for (std::uint32_t i = 1; i < 1000; ++i) known[i].push_back(static_cast<int>(i));
    known[0xfffffff0U].push_back(7);
    for (std::uint32_t i = 1; i < 1000; ++i)
        if (i % 10 != 0) known.erase(i);
    known.erase(0xfffffff0U);
    known.erase(5000);
    CHECK(known.size() == 99);
    for (std::uint32_t i = 1; i < 1000; ++i) CHECK(known.contains(i) == (i % 10 == 0));
    CHECK_FALSE(known.contains(0xfffffff0U));
    CHECK(known[11].empty());
    CHECK(known.at(20).front() == 20);

    Forgotten forgotten;
    for (const std::uint32_t generation : {3U, 700U, 0xfffffff0U}) forgotten.insert(generation);
    for (const std::uint32_t generation : {3U, 700U, 0xfffffff0U})
        CHECK(forgotten.contains(generation));
    for (const std::uint32_t generation : {0U, 4U, 699U, 0xfffffff1U})
        CHECK_FALSE(forgotten.contains(generation));
}

}  // namespace
