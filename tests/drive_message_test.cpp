#include "realimpl/drive_message.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

using namespace zcv::drive;

namespace {

constexpr std::uint64_t seed = 7;
constexpr std::uint64_t size = 100;

std::vector<std::byte> message(std::uint64_t sequence) {
    std::vector<std::byte> bytes(size);
    write_message(bytes, seed, sequence);
    return bytes;
}

Tally judged(std::uint64_t sends, const std::vector<std::uint64_t>& carried) {
    DatagramJudge judge(seed, sends, size);
    for (const std::uint64_t sequence : carried) judge.take(message(sequence));
    return judge.tally();
}

std::vector<std::byte> stream(const std::vector<std::uint64_t>& carried) {
    std::vector<std::byte> bytes;
    for (const std::uint64_t sequence : carried)
        std::ranges::copy(message(sequence), std::back_inserter(bytes));
    return bytes;
}

}  // namespace

TEST_CASE("messages differ in nearly every byte, by sequence and by seed", "[drive]") {
    const auto one = message(1);
    const auto two = message(2);
    std::vector<std::byte> reseeded(size);
    write_message(reseeded, seed + 1, 1);
    int same_as_two = 0;
    int same_as_reseeded = 0;
    for (std::size_t i = header_size; i < size; ++i) {
        same_as_two += one[i] == two[i];
        same_as_reseeded += one[i] == reseeded[i];
    }
    CHECK(same_as_two < 5);
    CHECK(same_as_reseeded < 5);
}

TEST_CASE("datagrams in order are right", "[drive]") {
    const Tally tally = judged(4, {0, 1, 2, 3});
    CHECK(tally.right == 4);
    CHECK(tally.wrong() == 0);
    CHECK(tally.wrong_bytes == 0);
}

TEST_CASE("datagrams the network swapped are right", "[drive]") {
    CHECK(judged(5, {1, 0, 2, 4, 3}).right == 5);
    CHECK(judged(4, {1, 2, 3, 0}).right == 4);
}

TEST_CASE("a buffer overwritten in flight is wrong although its number is new", "[drive]") {
    // Every datagram shows the message two later; only the last two numbers come twice.
    const Tally tally = judged(6, {2, 3, 4, 5, 4, 5});
    CHECK(tally.right == 2);
    CHECK(tally.replaced == 4);
    CHECK(tally.wrong_bytes > 4 * (size - 2 * header_size));
    CHECK(tally.wrong_bytes <= 4 * size);
}

TEST_CASE("a swap beside an overwritten buffer stays right", "[drive]") {
    const Tally tally = judged(5, {1, 0, 4, 3, 4});
    CHECK(tally.right == 4);
    CHECK(tally.replaced == 1);
}

TEST_CASE("after a loss only repeated numbers are wrong", "[drive]") {
    const Tally lost_one = judged(5, {0, 2, 3, 4});
    CHECK(lost_one.messages == 4);
    CHECK(lost_one.right == 4);
    const Tally lost_and_replaced = judged(5, {0, 2, 2, 4});
    CHECK(lost_and_replaced.right == 3);
    CHECK(lost_and_replaced.replaced == 1);
}

TEST_CASE("half of one message and half of another is torn", "[drive]") {
    DatagramJudge judge(seed, 2, size);
    auto mixed = message(0);
    const auto later = message(1);
    std::copy(later.begin() + 50, later.end(), mixed.begin() + 50);
    judge.take(mixed);
    judge.take(message(1));
    const Tally tally = judge.tally();
    CHECK(tally.torn == 1);
    CHECK(tally.right == 1);
    CHECK(tally.wrong_bytes > 40);
    CHECK(tally.wrong_bytes <= 50);
}

TEST_CASE("datagrams that are no message at all are torn, not a crash", "[drive]") {
    DatagramJudge judge(seed, 3, size);
    judge.take({});
    judge.take(std::vector<std::byte>(5));
    judge.take(message(17));
    CHECK(judge.tally().torn == 3);
    CHECK(judge.tally().right == 0);
}

TEST_CASE("a stream is judged by place, whatever pieces it comes in", "[drive]") {
    const auto bytes = stream({0, 1, 3, 3});
    for (const std::size_t piece : {1UL, 7UL, 100UL, 256UL, 400UL}) {
        StreamJudge judge(seed, size);
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            judge.take(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
        CHECK(judge.tally().messages == 4);
        CHECK(judge.tally().right == 3);
        CHECK(judge.tally().replaced == 1);
        CHECK(judge.tally().torn == 0);
    }
}

TEST_CASE("one changed byte of a stream is one torn message and one wrong byte", "[drive]") {
    auto bytes = stream({0, 1, 2});
    bytes[150] ^= std::byte{1};
    StreamJudge judge(seed, size);
    judge.take(bytes);
    CHECK(judge.tally().right == 2);
    CHECK(judge.tally().torn == 1);
    CHECK(judge.tally().wrong_bytes == 1);
}

TEST_CASE("sizes are one, a range or a mix, and nothing else", "[drive]") {
    CHECK(Sizes::parsed("64k")->max() == 65536);
    CHECK(Sizes::parsed("1-2m")->max() == 2097152);
    const Sizes mix = *Sizes::parsed("1,100-2000,1m");
    CHECK(mix.min() == 1);
    CHECK(mix.max() == 1048576);
    std::size_t tiny = 0;
    std::size_t middle = 0;
    for (std::uint64_t n = 0; n < 3000; ++n) {
        const std::uint64_t bytes = mix.of(seed, n);
        tiny += bytes == 1;
        middle += bytes >= 100 && bytes <= 2000;
        CHECK((bytes == 1 || (bytes >= 100 && bytes <= 2000) || bytes == 1048576));
    }
    CHECK(tiny > 900);
    CHECK(middle > 900);
    for (const char* wrong : {"", "x", "1-", "-1", "5-4", "1,", "1 2", "1kk", "1k-2q"})
        CHECK_FALSE(Sizes::parsed(wrong));
}

TEST_CASE("a range has small messages as well as large ones", "[drive]") {
    const Sizes range = *Sizes::parsed("1-1m");
    std::size_t below_1k = 0;
    for (std::uint64_t n = 0; n < 2100; ++n) below_1k += range.of(seed, n) < 1024;
    CHECK(below_1k > 900);
    CHECK(below_1k < 1100);
}

TEST_CASE("a datagram of one byte is known by its place", "[drive]") {
    const auto tiny = [](std::uint64_t sequence) {
        std::vector<std::byte> bytes(1);
        write_message(bytes, seed, sequence);
        return bytes;
    };
    DatagramJudge judge(seed, 1000, 1);
    for (std::uint64_t n = 0; n < 1000; ++n) judge.take(tiny(n));
    CHECK(judge.tally().right == 1000);
    DatagramJudge swapped(seed, 1000, 1);
    for (std::uint64_t n = 0; n < 1000; ++n) swapped.take(tiny(n ^ 1));
    CHECK(swapped.tally().right == 1000);
    DatagramJudge late(seed, 1000, 1);
    for (std::uint64_t n = 0; n < 1000; ++n) late.take(tiny(std::min<std::uint64_t>(n + 16, 999)));
    CHECK(late.tally().right == 1);
    CHECK(late.tally().wrong() == 999);
}

TEST_CASE("a run that ends early is judged by what was sent", "[drive]") {
    DatagramJudge judge(seed, 10, size);
    for (const std::uint64_t n : {0UL, 1UL, 7UL}) judge.take(message(n));
    judge.end_at(3);
    CHECK(judge.tally().right == 2);
    CHECK(judge.tally().torn == 1);
}

TEST_CASE("the end of a cut stream is wrong only if its bytes are", "[drive]") {
    auto bytes = stream({0, 1});
    bytes.resize(150);
    for (const bool spoiled : {false, true}) {
        if (spoiled) bytes[120] ^= std::byte{1};
        StreamJudge judge(seed, size);
        judge.take(bytes);
        judge.finish();
        CHECK(judge.tally().right == 1);
        CHECK(judge.tally().torn == (spoiled ? 1 : 0));
        CHECK(judge.tally().wrong_bytes == (spoiled ? 1 : 0));
    }
}
