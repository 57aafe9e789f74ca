// Records packed by words: whatever they hold comes back, and bytes that are no records are
// refused.
#include "traces/zct_words.hpp"

#include <rapidcheck/catch.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "tests/captured.hpp"
#include "tests/trace_builder.hpp"

namespace {

using namespace zcv;
using Bytes = std::vector<std::byte>;

Bytes packed(const Bytes& raw, std::uint32_t record_bytes) {
    Bytes bytes(zct::packed_max(raw.size() / record_bytes, record_bytes));
    bytes.resize(zct::pack(raw, record_bytes, bytes));
    return bytes;
}

// Words are 0, are those of an earlier record, differ from those in some bytes, or are anything.
Bytes any_records(std::uint32_t record_bytes) {
    const std::size_t count = *rc::gen::inRange<std::size_t>(0, 40);
    const std::size_t words = record_bytes / 8;
    std::vector<std::uint64_t> all(count * words);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto how = *rc::gen::inRange(0, 4);
        const std::uint64_t before = i < words ? 0 : all[i - words];
        if (how == 1) all[i] = before;
        if (how == 2)
            all[i] = before ^ (*rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64))
                                  << *rc::gen::inRange(0, 64);
        if (how == 3) all[i] = *rc::gen::arbitrary<std::uint64_t>();
    }
    const auto bytes = std::as_bytes(std::span(all));
    return {bytes.begin(), bytes.end()};
}

TEST_CASE("any records come back from what they were packed into", "[zct]") {
    rc::prop("pack, then unpack", [] {
        const std::uint32_t record_bytes = *rc::gen::element(152U, 144U, 160U, 264U, 1024U);
        const Bytes raw = any_records(record_bytes);
        const Bytes few = packed(raw, record_bytes);
        Bytes back(raw.size());
        RC_ASSERT(zct::unpack(few, record_bytes, back));
        RC_ASSERT(back == raw);
    });
}

TEST_CASE("packed bytes with one changed, or some missing or added, are read within bounds",
          "[zct]") {
    rc::prop("unpack anything", [] {
        const std::uint32_t record_bytes = *rc::gen::element(152U, 264U);
        const Bytes raw = any_records(record_bytes);
        Bytes few = packed(raw, record_bytes);
        Bytes back(raw.size());
        const Bytes less(few.begin(), few.begin() + *rc::gen::inRange<std::ptrdiff_t>(
                                                        0, static_cast<std::ptrdiff_t>(few.size()) +
                                                               (few.empty() ? 1 : 0)));
        RC_ASSERT(few.empty() || !zct::unpack(less, record_bytes, back));
        Bytes more = few;
        more.push_back(std::byte{1});
        RC_ASSERT(!zct::unpack(more, record_bytes, back));
        if (few.empty()) return;
        few[*rc::gen::inRange<std::size_t>(0, few.size())] ^=
            *rc::gen::element(std::byte{1}, std::byte{0x80}, std::byte{0xff});
        static_cast<void>(zct::unpack(few, record_bytes, back));
    });
}

std::uintmax_t bytes_written(const std::vector<zcv_event>& events) {
    const test::TempDir dir;
    TraceWriter writer(dir / "a.zct", {});
    writer.append(events);
    writer.close({});
    const Trace trace = read_trace(dir / "a.zct");
    REQUIRE(trace.events.size() == events.size());
    CHECK(std::memcmp(trace.events.data(), events.data(), events.size() * sizeof(zcv_event)) == 0);
    return std::filesystem::file_size(dir / "a.zct");
}

TEST_CASE("records that are all alike shrink, and such as have nothing in common are stored plain",
          "[zct]") {
    const std::vector<zcv_event> zeros(4096, zcv_event{});
    CHECK(bytes_written(zeros) < zeros.size() * sizeof(zcv_event) / 30);
    std::mt19937_64 random;
    std::vector<zcv_event> noise(100);
    for (std::byte& byte : std::as_writable_bytes(std::span(noise)))
        byte = static_cast<std::byte>(random());
    CHECK(bytes_written(noise) > noise.size() * sizeof(zcv_event));
}

TEST_CASE("the records of a capture take less than a fifth of their size", "[zct]") {
    for (const auto& file : test::captures()) {
        const Trace trace = read_trace(file.string());
        if (trace.events.size() < 100) continue;
        INFO(file.filename().string());
        const auto bytes = std::as_bytes(std::span(trace.events));
        const Bytes raw(bytes.begin(), bytes.end());
        CHECK(packed(raw, sizeof(zcv_event)).size() * 5 < raw.size());
    }
}

}  // namespace
