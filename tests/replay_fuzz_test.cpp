// A bounded run of the replay engine's fuzzer (fuzz/replay_fuzz.cpp) without libFuzzer: captures as
// lists of records, broken in seeded ways.
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "tests/captured.hpp"
#include "tests/fuzz/record_list.hpp"
#include "traces/replay.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t record = sizeof(zcv::fuzz::Packed);

std::vector<Bytes> seeds() {
    std::vector<Bytes> all;
    for (const auto& file : zcv::test::captures())
        all.push_back(zcv::fuzz::bytes_of(zcv::read_trace(file.string())));
    std::ranges::sort(all);
    return all;
}

class Breaker {
  public:
    explicit Breaker(std::uint32_t seed) : random_(seed) {}

    std::size_t below(std::size_t end) { return random_() % end; }

    // A part of it that a run has time for, with one to eight changes.
    Bytes broken(const Bytes& whole) {
        const std::size_t records = whole.size() / record;
        const std::size_t kept = 1 + below(std::min<std::size_t>(records, 250));
        Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept * record));
        for (std::size_t left = 1 + below(8); left > 0 && bytes.size() > record; --left)
            change(bytes);
        return bytes;
    }

  private:
    void change(Bytes& bytes) {
        const std::size_t records = bytes.size() / record;
        const auto at = [&](std::size_t number) {
            return bytes.begin() + static_cast<std::ptrdiff_t>(number * record);
        };
        const std::size_t one = below(records);
        const std::size_t other = below(records);
        switch (below(5)) {
            case 0:
                bytes[below(bytes.size())] = static_cast<std::uint8_t>(random_());
                break;
            case 1:
                bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
                break;
            case 2:
                bytes.erase(at(one), at(one + 1));
                break;
            case 3: {
                const Bytes copy(at(one), at(one + 1));
                bytes.insert(at(other), copy.begin(), copy.end());
                break;
            }
            default:
                std::swap_ranges(at(one), at(one + 1), at(other));
                break;
        }
    }

    std::mt19937 random_;
};

}  // namespace

TEST_CASE("captures as lists of records are replayed as what they were", "[fuzz]") {
    const std::vector<Bytes> all = seeds();
    REQUIRE(all.size() >= 15);
    std::uint64_t matched = 0, records = 0;
    for (const Bytes& seed : all) {
        const zcv::Trace trace = zcv::fuzz::trace_of(seed);
        REQUIRE(trace.events.size() == seed.size() / record);
        const zcv::ReplayReport report = zcv::replay(trace, {});
        matched += report.matched;
        records += report.records;
    }
    // Rounding loses some of them; a fuzzer starts from what is mostly right.
    CHECK(matched * 10 > records * 5);
}

TEST_CASE("broken lists of records give a report", "[fuzz]") {
    const std::vector<Bytes> all = seeds();
    Breaker breaker(20261126);
    for (int run = 0; run < 1500; ++run) {
        INFO("run " << run);
        const Bytes bytes = breaker.broken(all[breaker.below(all.size())]);
        CHECK(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()) == 0);
    }
}

// It was one: what the model lets a failed send throw away depends on whether anybody calls.
TEST_CASE("a datagram that fails in a trace with calls is no internal error", "[replay]") {
    zcv::Trace trace;
    trace.info.kernel_release = "6.12.0";
    const auto taken = [&](zcv_event_kind kind, std::uint32_t generation) -> zcv_event& {
        zcv_event event{};
        event.kind = static_cast<std::uint16_t>(kind);
        event.generation = generation;
        event.seq = static_cast<std::uint32_t>(trace.events.size());
        event.time_ns = 1000 * (trace.events.size() + 1);
        event.sock = generation;
        event.ring = kind == ZCV_SUBMIT || kind == ZCV_COMPLETE ? 7 : 0;
        event.refs = ZCV_REFS_UNKNOWN;
        return trace.events.emplace_back(event);
    };
    taken(ZCV_CALL, 1).zc_flags = 1;
    taken(ZCV_SUBMIT, 2).ubuf = 8;
    zcv_event& failed = taken(ZCV_COMPLETE, 2);
    failed.res = -11;
    failed.cqe_flags = 2;  // IORING_CQE_F_MORE
    zcv_event& dropped = taken(ZCV_SKB_DROP, 2);
    dropped.ubuf = 8;
    dropped.skb = dropped.head = 9;
    const zcv::ReplayReport report = zcv::replay(trace, {});
    REQUIRE(report.divergence);
    CHECK(report.divergence->record == 2);
    CHECK(report.divergence->what.find("ip_flush_pending_frames cannot be taken") !=
          std::string::npos);
}
