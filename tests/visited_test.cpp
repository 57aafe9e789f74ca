// The visited set and what is around it: alone and under threads, in memory and on disk.
#include "model/checker/visited.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "model/checker/frontier.hpp"
#include "model/outcome.hpp"

using namespace zcv;
using namespace zcv::checker;

namespace {

// Inserts as a worker does: grows what is crowded, comes back to what is being spread out. Several
// threads are here at once, which Catch's assertions do not bear.
template <class Store>
bool insert(Store& store, unsigned thread, std::uint64_t hash, std::vector<std::uint64_t> entry) {
    Hand& hand = store.hand(thread);
    hand.begin_turn();
    for (;;) {
        const Inserted how = store.insert(thread, hash, entry.data());
        if (how == Inserted::seen || how == Inserted::fresh) {
            hand.end_turn();
            return how == Inserted::fresh;
        }
        const bool crowded = how == Inserted::crowded;
        if (how == Inserted::no_room || (crowded && store.grow(thread, hash) == Grown::no_memory))
            throw std::bad_alloc();
        hand.next_turn();
        std::this_thread::yield();
    }
}

template <class Store>
std::vector<std::uint64_t> entry_of(const std::uint64_t* state, std::size_t words) {
    std::vector<std::uint64_t> entry(Store::entry_words(words));
    enter<Store>(state, words, entry.data());
    return entry;
}

template <class Store>
bool insert(Store& store, unsigned thread, const std::uint64_t* state, std::size_t words = 1) {
    const std::vector<std::uint64_t> entry = entry_of<Store>(state, words);
    return insert(store, thread, store.hash(entry.data()), entry);
}

// Random words with repetitions, and the two that a table could confuse with its own marks.
std::vector<std::uint64_t> many_words(std::size_t count) {
    std::mt19937_64 random(20);
    std::vector<std::uint64_t> words{0, ~std::uint64_t{0}, 0};
    for (std::size_t i = 0; i < count; ++i) words.push_back(random() % (count * 3 / 4));
    return words;
}

// Every thread inserts every state, each in an order of its own: all of them are found new once.
template <class Store>
void share_out(std::size_t words, unsigned threads, std::uint64_t states) {
    Budget budget(0);
    Store store(budget, words, threads);
    std::vector<std::uint64_t> fresh(threads);
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread)
        running.emplace_back([&, thread] {
            std::vector<std::uint64_t> order(states);
            std::iota(order.begin(), order.end(), 0);
            std::shuffle(order.begin(), order.end(), std::mt19937_64(thread));
            std::vector<std::uint64_t> state(words, 7);
            for (const std::uint64_t number : order) {
                state.back() = number;
                fresh[thread] += insert(store, thread, state.data(), words);
            }
        });
    for (std::thread& thread : running) thread.join();
    CHECK(std::accumulate(fresh.begin(), fresh.end(), std::uint64_t{0}) == states);
    std::vector<std::uint64_t> state(words, 7);
    for (std::uint64_t number = 0; number < states; ++number) {
        state.back() = number;
        REQUIRE_FALSE(insert(store, 0, state.data(), words));
    }
}

struct TempFile {
    TempFile() {
        static int number = 0;
        path = (std::filesystem::temp_directory_path() /
                ("zcv-visited-" + std::to_string(std::random_device{}()) + "-" +
                 std::to_string(number++)))
                   .string();
    }
    ~TempFile() { std::filesystem::remove(path); }
    std::string path;
};

}  // namespace

TEST_CASE("words in a table agree with std::set through every growth", "[visited]") {
    Budget budget(0);
    CellStore store(budget, 1, 1);
    std::set<std::uint64_t> expected;
    for (const std::uint64_t word : many_words(200'000))
        REQUIRE(insert(store, 0, &word) == expected.insert(word).second);
    for (const std::uint64_t word : expected) REQUIRE_FALSE(insert(store, 0, &word));
    CHECK(static_cast<double>(budget.used()) / static_cast<double>(expected.size()) < 14);
}

TEST_CASE("words that share their upper bits share a cell and are told apart", "[visited]") {
    Budget budget(0);
    GroupStore store(budget, 1, 1);
    std::set<std::uint64_t> expected;
    for (const std::uint64_t word : many_words(400'000))
        REQUIRE(insert(store, 0, &word) == expected.insert(word).second);
    for (const std::uint64_t word : expected) REQUIRE_FALSE(insert(store, 0, &word));
    // About 34 of 64 neighbours are there, and each group takes 16 bytes and its share of room.
    CHECK(static_cast<double>(budget.used()) / static_cast<double>(expected.size()) < 1.1);
}

TEST_CASE("longer states agree with std::set through every growth", "[visited]") {
    Budget budget(0);
    SlotStore store(budget, 3, 1);
    std::set<std::vector<std::uint64_t>> expected;
    for (const std::uint64_t word : many_words(100'000)) {
        // States that differ in their last word only, or in their first.
        const std::vector<std::uint64_t> state{word % 3, 5, word / 3};
        const bool fresh = expected.insert(state).second;
        REQUIRE(insert(store, 0, state.data(), 3) == fresh);
        if (fresh) REQUIRE(std::equal(state.begin(), state.end(), store.newest(0)));
    }
    CHECK(static_cast<double>(budget.used()) / static_cast<double>(expected.size()) < 24 + 14);
}

TEST_CASE("a crowded hash only makes a table slow, never wrong", "[visited]") {
    Budget budget(0);
    CellStore store(budget, 1, 1);
    GroupStore groups(budget, 1, 1);
    // Hashes at the very end of a partition: all of them wrap around its end.
    for (std::uint64_t i = 0; i < 3000; ++i) {
        REQUIRE(insert(store, 0, ~i, entry_of<CellStore>(&i, 1)));
        REQUIRE(insert(groups, 0, ~(i / 64), entry_of<GroupStore>(&i, 1)));
    }
    for (std::uint64_t i = 0; i < 3000; ++i) {
        REQUIRE_FALSE(insert(store, 0, ~i, entry_of<CellStore>(&i, 1)));
        REQUIRE_FALSE(insert(groups, 0, ~(i / 64), entry_of<GroupStore>(&i, 1)));
    }
}

TEST_CASE("of threads that find the same states one finds each of them new", "[visited][threads]") {
    const unsigned threads = GENERATE(2U, 3U, 8U);
    share_out<CellStore>(1, threads, 30'000);
    share_out<GroupStore>(1, threads, 30'000);
    share_out<SlotStore>(3, threads, 20'000);
}

// Neighbours are found at the same moment by design: here every thread is after the same 64 bits.
TEST_CASE("of threads that set bits of one cell each sets its own", "[visited][threads]") {
    Budget budget(0);
    GroupStore store(budget, 1, 4);
    constexpr std::uint64_t groups = 2000;
    std::atomic<std::uint64_t> fresh{0};
    std::atomic<unsigned> at_start{0};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < 4; ++thread)
        running.emplace_back([&, thread] {
            ++at_start;
            while (at_start < 4) {
            }
            for (std::uint64_t group = 0; group < groups; ++group)
                for (std::uint64_t i = 0; i < 64; ++i) {
                    const std::uint64_t word = group * 64 + (i + 16 * thread) % 64;
                    fresh += insert(store, thread, &word);
                }
        });
    for (std::thread& thread : running) thread.join();
    CHECK(fresh == groups * 64);
    for (std::uint64_t word = 0; word < groups * 64; ++word) REQUIRE_FALSE(insert(store, 0, &word));
}

TEST_CASE("a table that may not grow says so and keeps what it has", "[visited]") {
    Budget budget(16 * 512 * 8);
    CellStore store(budget, 1, 1);
    std::uint64_t kept = 0;
    CHECK_THROWS_AS(([&] {
                        for (std::uint64_t i = 0; i < 100'000; ++i) kept += insert(store, 0, &i);
                    }()),
                    std::bad_alloc);
    CHECK(kept > 16 * 512 / 2);
    CHECK(budget.used() == 16 * 512 * 8);
}

TEST_CASE("what an inexact set may miss grows with what it holds", "[visited]") {
    Budget budget(std::uint64_t{64} << 20);
    const CellStore words(budget, 1, 1);
    CHECK(words.miss_probability(1'000'000) == 0);
    const CellStore fingerprints(budget, 3, 1);
    CHECK(fingerprints.miss_probability(1) < fingerprints.miss_probability(1'000'000));
    // Half of all pairs of 2^32 states collide in 64 bits, as every birthday book says.
    CHECK(fingerprints.miss_probability(std::uint64_t{1} << 32) == Approx(0.5));
    BitStore bits(budget, 1, 1);
    CHECK(bits.miss_probability(0) == 0);
    CHECK(bits.miss_probability(100'000) < bits.miss_probability(1'000'000));

    // As often as said, within a factor of two: new words that it takes for known ones.
    const std::uint64_t states = 3'000'000;
    for (std::uint64_t i = 0; i < states; ++i) bits.insert(0, bits.hash(&i), &i);
    std::uint64_t missed = 0;
    for (std::uint64_t i = states; i < states + 100'000; ++i)
        missed += bits.insert(0, bits.hash(&i), &i) == Inserted::seen;
    const double said = bits.miss_probability(states) * 100'000;
    CHECK(static_cast<double>(missed) > said / 2);
    CHECK(static_cast<double>(missed) < said * 2);
}

TEST_CASE("a level comes back from memory and from disk as it was found", "[visited][frontier]") {
    const bool disk = GENERATE(false, true);
    Budget budget(0);
    Frontier frontier(budget, 2, 2, false);
    if (disk) frontier.spill_to(std::filesystem::temp_directory_path().string());
    std::vector<std::uint64_t> buffer(block_entries * 2);
    for (std::uint64_t level = 0; level < 4; ++level) {
        std::set<std::uint64_t> expected;
        for (std::uint64_t i = 0; i < 5000; ++i) {
            const std::array<std::uint64_t, 2> state{level, i};
            REQUIRE(frontier.append(i % 2, state.data()));
            expected.insert(i);
        }
        REQUIRE(frontier.turn_over(level));
        for (Block& block : frontier.level()) {
            const std::uint64_t* const states = frontier.entries_of(block, buffer.data());
            REQUIRE(states != nullptr);
            for (std::uint32_t i = 0; i < block.count; ++i) {
                CHECK(states[2 * i] == level);
                CHECK(expected.erase(states[2 * i + 1]) == 1);
            }
            frontier.done(0, block);
        }
        CHECK(expected.empty());
    }
    if (disk) CHECK(budget.used() <= 2 * block_entries * 16);
}

TEST_CASE("members of a group are found once, however they come", "[visited][frontier]") {
    Budget budget(0);
    GroupStore store(budget, 1, 1);
    Frontier frontier(budget, 2, 1, false);
    std::mt19937_64 random(7);
    std::set<std::uint64_t> expected;
    std::uint64_t found = 0;
    for (int i = 0; i < 50'000; ++i) {
        // Groups come back soon, and long after their block was closed.
        const std::uint64_t number = random() % 4 == 0 ? random() % 9000 : random() % 20;
        std::array<std::uint64_t, 2> entry{number << Group::bits, random() & random() & random()};
        const Group all{entry[0], entry[1]};
        std::uint64_t fresh = 0;
        all.each([&](std::uint64_t word) { fresh += expected.insert(word).second; });
        const std::uint64_t hash = GroupStore::hash(entry.data());
        Inserted how = store.insert(0, hash, entry.data());
        while (how == Inserted::crowded && store.grow(0, hash) == Grown::yes)
            how = store.insert(0, hash, entry.data());
        REQUIRE(how == (fresh > 0 ? Inserted::fresh : Inserted::seen));
        if (how == Inserted::seen) continue;
        REQUIRE(states_in<GroupStore>(entry.data()) == fresh);
        REQUIRE(frontier.append_group(0, hash, entry.data()));
        ++found;
    }
    REQUIRE(frontier.turn_over(0));
    std::uint64_t entries = 0;
    for (Block& block : frontier.level()) {
        entries += block.count;
        for (std::uint32_t i = 0; i < block.count; ++i)
            Group{block.entries[2 * i], block.entries[2 * i + 1]}.each(
                [&](std::uint64_t word) { REQUIRE(expected.erase(word) == 1); });
    }
    CHECK(expected.empty());
    CHECK(entries < found);  // what was found apart is expanded together
}

TEST_CASE("a file cut anywhere is good up to its last whole level", "[visited][checkpoint]") {
    const TempFile file;
    const std::vector<std::uint64_t> states{1, 2, 3};
    std::vector<std::uint64_t> ends;
    {
        LevelFile levels;
        levels.create(file.path, "a search", 1);
        for (std::uint64_t level = 0; level < 3; ++level) {
            levels.append(LevelFile::states, level, 3, states.data(), 3);
            levels.append(LevelFile::level_end, level, 1, &level, 1);
            ends.push_back(std::filesystem::file_size(file.path));
        }
    }
    const std::uint64_t size = ends.back();
    std::vector<char> whole(size);
    std::ifstream(file.path, std::ios::binary).read(whole.data(), static_cast<long>(size));
    for (std::uint64_t cut = 0; cut <= size; ++cut) {
        std::ofstream(file.path, std::ios::binary).write(whole.data(), static_cast<long>(cut));
        LevelFile levels;
        if (cut < ends.front()) {
            CHECK_THROWS_AS(levels.open(file.path, "a search", 1), Refusal);
            continue;
        }
        const auto ended = levels.open(file.path, "a search", 1);
        const auto next = std::upper_bound(ends.begin(), ends.end(), cut);
        CHECK(ended ==
              std::vector<std::uint64_t>{static_cast<std::uint64_t>(next - ends.begin() - 1)});
        CHECK(std::filesystem::file_size(file.path) == *(next - 1));
        std::uint64_t records = 0;
        levels.each_states(
            [&](std::uint64_t, std::uint64_t, std::uint32_t count, const std::uint64_t* got) {
                ++records;
                CHECK(std::equal(got, got + count, states.begin(), states.end()));
            });
        CHECK(records == ended[0] + 1);
    }
}

TEST_CASE("a damaged level does not count, another search is refused", "[visited][checkpoint]") {
    const TempFile file;
    const std::uint64_t state = 5;
    {
        LevelFile levels;
        levels.create(file.path, "a search", 1);
        for (std::uint64_t level = 0; level < 2; ++level) {
            levels.append(LevelFile::states, level, 1, &state, 1);
            levels.append(LevelFile::level_end, level, 1, &level, 1);
        }
    }
    CHECK_THROWS_AS(LevelFile().open(file.path, "another search", 1), Refusal);
    // The last state of the last level, one bit of it.
    std::fstream bytes(file.path, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(static_cast<long>(std::filesystem::file_size(file.path)) - 48);
    bytes.put(4);
    bytes.close();
    LevelFile levels;
    CHECK(levels.open(file.path, "a search", 1) == std::vector<std::uint64_t>{0});
}
