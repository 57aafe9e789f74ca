// Payloads of several iovecs: what lies between them is not sent, and the address of the first is
// no name for all of them.
#include "traces/gathered.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/captured.hpp"
#include "traces/replay.hpp"

using namespace zcv;
using namespace zcv::test;

namespace {

struct Piece {
    std::uint64_t addr;
    std::uint32_t len;
};

// As zcv_event.h and the observer have it.
std::uint64_t layout_of(const std::vector<Piece>& pieces) {
    std::uint64_t layout = pieces.size();
    const auto mix = [&](std::uint64_t word) {
        layout = (layout ^ word) * 0x9e3779b97f4a7c15U;
        layout ^= layout >> 29U;
    };
    for (const Piece& piece : pieces) {
        mix(piece.addr);
        mix(piece.len);
    }
    return layout | 1U;
}

// Makes this submission one of several iovecs; their records, in front of it.
std::vector<zcv_event> gather(zcv_event& submit, const std::vector<Piece>& pieces) {
    std::vector<zcv_event> vectors;
    for (const Piece& piece : pieces) {
        zcv_event vector{};
        vector.kind = ZCV_VECTOR;
        vector.time_ns = submit.time_ns - 1;
        vector.tgid = submit.tgid;
        vector.generation = submit.generation;
        vector.cpu = ZCV_CPU_WATCH;
        vector.seq = submit.generation * 100 + static_cast<std::uint32_t>(vectors.size());
        vector.addr = piece.addr;
        vector.len = piece.len;
        vector.opcode = static_cast<std::uint8_t>(vectors.size());
        vector.nr_frags = static_cast<std::uint8_t>(pieces.size());
        vectors.push_back(vector);
    }
    submit.addr = pieces.front().addr;
    submit.len = 0;
    for (const Piece& piece : pieces) submit.len += piece.len;
    submit.nr_frags = static_cast<std::uint8_t>(pieces.size());
    submit.owner = layout_of(pieces);
    return vectors;
}

zcv_event write_at(std::uint64_t addr) {
    zcv_event write{};
    write.kind = ZCV_WRITE;
    write.addr = addr;
    write.len = 8;
    return write;
}

zcv_event& submission_of(Trace& trace, std::uint32_t generation) {
    const auto found = std::ranges::find_if(trace.events, [&](const zcv_event& event) {
        return event.kind == ZCV_SUBMIT && event.generation == generation;
    });
    REQUIRE(found != trace.events.end());
    return *found;
}

// The first two sends as a header, the same for both, in front of other payloads each.
Trace two_gathered() {
    Trace trace = capture("udp-nic-conforming");
    const zcv_event first = submission_of(trace, 1);
    const std::uint64_t header = first.addr - 4096;
    std::vector<zcv_event> vectors;
    for (const std::uint32_t generation : {1U, 2U}) {
        zcv_event& submit = submission_of(trace, generation);
        const std::uint64_t payload = submit.addr;
        const std::uint32_t bytes = first.len - 64;
        for (zcv_event& event : trace.events) {
            if (event.generation != generation || event.addr != payload) continue;
            event.addr = header;
            event.len = first.len;
        }
        for (const zcv_event& each : gather(submit, {{header, 64}, {payload, bytes}}))
            vectors.push_back(each);
    }
    for (std::size_t i = 0; i < vectors.size(); ++i) vectors[i].seq = static_cast<std::uint32_t>(i);
    trace.events.insert(trace.events.end(), vectors.begin(), vectors.end());
    return trace;
}

}  // namespace

TEST_CASE("a payload of several iovecs is touched where they lie, and nowhere between",
          "[gathered]") {
    Gathered gathered;
    zcv_event submit{};
    submit.generation = 7;
    submit.time_ns = 1;
    const std::vector<Piece> pieces{{0x1000, 64}, {0x9000, 4096}, {0x5000, 8}};
    for (const zcv_event& each : gather(submit, pieces)) gathered.see(each);
    REQUIRE(gathered.settle(submit) == std::nullopt);
    const auto touched = [&](std::uint64_t at) {
        return gathered.touched(write_at(at), submit.addr, submit.len, submit.owner);
    };
    for (const Piece& piece : pieces) {
        CHECK(touched(piece.addr));
        CHECK(touched(piece.addr + piece.len - 1));
        CHECK_FALSE(touched(piece.addr + piece.len));
        CHECK_FALSE(touched(piece.addr - 1));
    }
    // One range alone is what its address and length say.
    CHECK(gathered.touched(write_at(0x1040), 0x1000, 65, 0));
    CHECK_FALSE(gathered.touched(write_at(0x1041), 0x1000, 65, 0));
    // Of a layout that was never told of nobody knows where it lies.
    CHECK_FALSE(gathered.touched(write_at(0x1000), 0x1000, 64, 12345));
}

TEST_CASE("iovecs that do not make up their submission are told", "[gathered]") {
    zcv_event submit{};
    submit.generation = 7;
    submit.time_ns = 1;
    std::vector<zcv_event> vectors = gather(submit, {{0x1000, 64}, {0x9000, 4096}});
    const auto settled = [&] {
        Gathered gathered;
        for (const zcv_event& each : vectors) gathered.see(each);
        return gathered.settle(submit).value_or("");
    };
    CHECK(settled().empty());
    SECTION("one is missing") {
        vectors.pop_back();
        CHECK(settled() == "its payload lies in 2 iovecs, and 1 are recorded");
    }
    SECTION("one is twice there") {
        vectors.push_back(vectors.back());
        CHECK(settled() == "its payload lies in 2 iovecs, and 3 are recorded");
    }
    SECTION("one lies elsewhere") {
        vectors.back().addr += 8;
        CHECK(settled() == "its iovecs are not the ones that were recorded");
    }
    SECTION("they come in another order") {
        std::swap(vectors.front(), vectors.back());
        CHECK(settled() == "its iovecs are not the ones that were recorded");
    }
    SECTION("the submission knows of none") {
        submit.nr_frags = 0;
        CHECK(settled() == "its payload lies in 1 iovecs, and 2 are recorded");
    }
}

TEST_CASE("one header in front of different payloads is no early reuse", "[gathered]") {
    Trace trace = two_gathered();
    REQUIRE(submission_of(trace, 1).hash != submission_of(trace, 2).hash);
    const ReplayReport clean = replay(trace, {});
    INFO((clean.divergence ? clean.divergence->what : ""));
    CHECK(clean.verdict == Verdict::clean);
    SECTION("... were it one range, it would be") {
        for (const std::uint32_t generation : {1U, 2U}) {
            submission_of(trace, generation).owner = 0;
            submission_of(trace, generation).nr_frags = 0;
        }
        std::erase_if(trace.events,
                      [](const zcv_event& event) { return event.kind == ZCV_VECTOR; });
        CHECK(replay(trace, {}).verdict == Verdict::violation);
    }
    SECTION("what lies between header and payload may be written") {
        zcv_event write = watched_write(trace, submission_of(trace, 1).user_data);
        write.seq = 100;
        write.time_ns = submission_of(trace, 1).time_ns + 1;
        write.addr += 64;
        trace.events.push_back(write);
        CHECK(replay(trace, {}).verdict == Verdict::clean);
        trace.events.back().addr += 4096 - 64;
        CHECK(replay(trace, {}).verdict == Verdict::violation);
    }
    SECTION("a missing iovec is a record that is not explained") {
        const auto vector =
            std::ranges::find(trace.events, std::uint16_t{ZCV_VECTOR}, &zcv_event::kind);
        trace.events.erase(vector);
        const ReplayReport report = replay(trace, {});
        CHECK(report.verdict != Verdict::clean);
        REQUIRE(report.divergence);
        CHECK(report.divergence->what.find("in 2 iovecs, and 1 are recorded") != std::string::npos);
    }
}
