// How many records a trace lacks, told from the numbers of those that are there.
#include "traces/sequence_gaps.hpp"

#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <set>

#include "tests/trace_builder.hpp"

using namespace zcv;
using namespace zcv::test;

TEST_CASE("missing sequence numbers are counted per CPU", "[zct]") {
    const auto missing = [](const std::vector<std::pair<std::uint16_t, std::uint32_t>>& seen) {
        SequenceGaps gaps;
        for (const auto& [cpu, seq] : seen) gaps.see(cpu, seq);
        return gaps.missing();
    };
    CHECK(missing({}) == 0);
    CHECK(missing({{0, 0}, {1, 0}, {0, 1}, {1, 1}}) == 0);
    CHECK(missing({{0, 0}, {0, 3}}) == 2);
    CHECK(missing({{3, 2}}) == 2);                          // the first two of CPU 3
    CHECK(missing({{0, 1}, {0, 0}, {0, 3}, {0, 2}}) == 0);  // stored a little out of order
    CHECK(missing({{0, 0}, {0, 1}, {0, 1}, {0, 3}}) == 1);  // a repeat hides no gap
    CHECK(missing({{0, 0xffffffffU}}) == 0xffffffffU);
    CHECK(missing({{65535, 0}, {0, 0}}) == 0);
}

TEST_CASE("sequence numbers that wrap are not a gap", "[zct]") {
    // Steps below half the range carry CPU 0 past 2^32 and on.
    SequenceGaps gaps;
    std::uint64_t seen = 0;
    std::uint64_t number = 0;
    for (int step = 0; step < 5; ++step) {
        for (int run = 0; run < 3; ++run, ++number, ++seen) {
            gaps.see(0, static_cast<std::uint32_t>(number));
        }
        number += 0x7ffffff0;
    }
    CHECK(gaps.missing() == number - 0x7ffffff0 - seen);

    SequenceGaps wrap;
    for (const std::uint64_t at : {0x7fffffffULL, 0xfffffffeULL, 0xffffffffULL, 0x100000001ULL,
                                   0x100000000ULL, 0x100000002ULL}) {
        wrap.see(9, static_cast<std::uint32_t>(at));
    }
    CHECK(wrap.missing() == 0x100000003ULL - 6);
}

TEST_CASE("any shuffle within a few places changes no gap count", "[zct][property]") {
    rc::prop("gaps = numbers left out", [] {
        const auto dropped =
            *rc::gen::container<std::set<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 200));
        std::vector<std::uint32_t> numbers;
        for (std::uint32_t number = 0; number <= 200; ++number) {
            if (!dropped.contains(number)) numbers.push_back(number);
        }
        for (std::size_t at = 0; at + 4 <= numbers.size(); at += 4) {
            std::swap(numbers[at], numbers[at + *rc::gen::inRange<std::size_t>(0, 4)]);
        }
        SequenceGaps gaps;
        for (const std::uint32_t number : numbers) gaps.see(5, number);
        RC_ASSERT(gaps.missing() == dropped.size());
    });
}

TEST_CASE("the reader reports the gaps of the records it read", "[zct]") {
    const TempDir dir;
    TraceBuilder builder;
    builder.datagram(1).lose(4).datagram(2).on_cpu(1).datagram(3).write(dir / "gaps.zct");
    CHECK(read_trace(dir / "gaps.zct").sequence_gaps == 4);
}
