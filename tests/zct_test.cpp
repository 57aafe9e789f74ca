// The reader and the writer of .zct files: what goes in comes out, and nothing else ever does.
#include <fcntl.h>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <optional>
#include <set>

#include "model/outcome.hpp"
#include "tests/trace_builder.hpp"
#include "traces/zct_format.hpp"
#include "traces/zct_json.hpp"

using namespace zcv;
using namespace zcv::test;
using zct::BlockHeader;
using zct::BlockKind;
using zct::FileHeader;

namespace {

using Bytes = std::vector<std::byte>;

template <typename Header>
void add_header(Bytes& file, const Header& header) {
    const auto bytes = std::as_bytes(std::span(&header, 1));
    file.insert(file.end(), bytes.begin(), bytes.end());
}

// A file built by hand, to say what our writer never says. Checksums are right unless a test
// breaks them.
class FileMaker {
  public:
    explicit FileMaker(std::function<void(FileHeader&)> change = [](FileHeader&) {}) {
        FileHeader header;
        header.version_major = zct_version_major;
        header.version_minor = zct_version_minor;
        change(header);
        header.checksum = zct::checksum_of(header);
        add_header(file_, header);
    }

    FileMaker& block(
        std::uint16_t kind, std::span<const std::byte> payload,
        const std::function<void(BlockHeader&)>& change = [](BlockHeader&) {}) {
        Bytes stored(payload.begin(), payload.end());
        stored.resize(zct::padded(payload.size()));
        BlockHeader header;
        header.kind = kind;
        header.number = blocks_++;
        header.payload_bytes = static_cast<std::uint32_t>(payload.size());
        header.raw_bytes = header.payload_bytes;
        change(header);
        header.checksum = zct::checksum_of(header, stored);
        add_header(file_, header);
        file_.insert(file_.end(), stored.begin(), stored.end());
        return *this;
    }
    FileMaker& block(
        BlockKind kind, std::span<const std::byte> payload,
        const std::function<void(BlockHeader&)>& change = [](BlockHeader&) {}) {
        return block(static_cast<std::uint16_t>(kind), payload, change);
    }
    FileMaker& text(BlockKind kind, const std::string& text) {
        return block(kind, std::as_bytes(std::span(text)));
    }
    FileMaker& info() { return text(BlockKind::info, zct::text_of(zct::json_of(TraceInfo{}))); }
    FileMaker& totals() { return text(BlockKind::totals, zct::text_of(zct::json_of(Totals{}))); }
    FileMaker& events(const std::vector<zcv_event>& events) {
        return block(BlockKind::events, std::as_bytes(std::span(events)));
    }

    const Bytes& bytes() const { return file_; }
    Trace read() const { return parse_trace(file_, "made.zct"); }

  private:
    Bytes file_;
    std::uint32_t blocks_ = 0;
};

Bytes as_bytes(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

std::vector<zcv_event> some_events(std::size_t count) {
    TraceBuilder builder;
    for (std::uint64_t send = 0; builder.trace().events.size() < count; ++send) {
        builder.on_cpu(static_cast<std::uint16_t>(send % 2)).datagram(send);
    }
    auto events = builder.trace().events;
    events.resize(count);
    return events;
}

// The refusal's message; fails the test when there is none or it is not one usable line.
std::string refused(const std::function<void()>& act, Status status = Status::usage) {
    try {
        act();
    } catch (const Refusal& refusal) {
        const std::string what = refusal.what();
        CHECK(refusal.status() == status);
        CHECK(what.find('\n') == std::string::npos);
        CHECK(std::ranges::count(what, ':') >= 2);  // what: where or why: what to do
        return what;
    }
    FAIL("nothing was refused");
    return {};
}

std::string refused_bytes(const Bytes& bytes) {
    return refused([&] { parse_trace(bytes, "made.zct"); });
}

bool says(const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
}

// A trace of several blocks, made by flushes, with compressed and plain ones among them.
Bytes several_blocks(const TempDir& dir, std::vector<zcv_event>& events) {
    events = some_events(700);
    const std::string path = dir / "several.zct";
    TraceWriter writer(path, TraceBuilder().info());
    for (std::size_t block = 0; block < 7; ++block) {
        // One record alone does not shrink and is stored plain.
        writer.append(std::span(events).subspan(block * 100, 1));
        writer.flush();
        writer.append(std::span(events).subspan(block * 100 + 1, 99));
        writer.flush();
    }
    Totals totals;
    totals.records = 700;
    totals.lost = 3;
    totals.blind_spells = 2;
    writer.close(totals);
    return bytes_of(path);
}

rc::Gen<zcv_event> any_event() {
    return rc::gen::map(rc::gen::container<std::vector<std::uint8_t>>(
                            sizeof(zcv_event), rc::gen::arbitrary<std::uint8_t>()),
                        [](const std::vector<std::uint8_t>& bytes) {
                            zcv_event event;
                            std::memcpy(&event, bytes.data(), sizeof event);
                            return event;
                        });
}

}  // namespace

TEST_CASE("a written trace reads back bit for bit", "[zct]") {
    const TempDir dir;
    TraceBuilder builder;
    for (std::uint64_t send = 0; send < 3000; ++send) builder.datagram(send);
    builder.lose(2).write(dir / "a.zct");

    const Trace trace = read_trace(dir / "a.zct");
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.cut_reason.empty());
    CHECK(trace.events.size() == 21000);
    CHECK(is_prefix(trace.events, builder.trace().events));
    CHECK(zct::json_of(trace.info) == zct::json_of(builder.trace().info));
    CHECK(zct::json_of(trace.totals) == zct::json_of(builder.trace().totals));
    CHECK(trace.totals.lost == 2);
    CHECK(trace.unknown_kinds == 0);
    CHECK_FALSE(std::filesystem::exists(dir / "a.zct.part"));
}

TEST_CASE("event blocks are compressed where that pays and bounded in any case", "[zct]") {
    const TempDir dir;
    TraceBuilder builder;
    for (std::uint64_t send = 0; send < 3000; ++send) builder.datagram(send);
    builder.write(dir / "a.zct");
    const Bytes file = bytes_of(dir / "a.zct");
    CHECK(file.size() * 5 < builder.trace().events.size() * sizeof(zcv_event));

    std::size_t blocks = 0;
    std::set<std::uint16_t> flags;
    for (std::size_t at = sizeof(FileHeader); at < file.size();) {
        const auto header = zct::header_at<BlockHeader>(std::span(file).subspan(at));
        CHECK(header.number == blocks++);
        CHECK(header.raw_bytes <= zct::block_records_max * sizeof(zcv_event));
        if (header.kind == static_cast<std::uint16_t>(BlockKind::events))
            flags.insert(header.flags);
        at += sizeof header + zct::padded(header.payload_bytes);
    }
    CHECK(blocks == 1 + (21000 + 4095) / 4096 + 1);
    CHECK(flags == std::set<std::uint16_t>{zct::flag_words});
}

TEST_CASE("blocks of zstd, as they were written before 1.3, are still read", "[zct]") {
    const auto events = some_events(1000);
    const auto raw = std::as_bytes(std::span(events));
    std::vector<std::byte> packed(ZSTD_compressBound(raw.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 1));
    const Trace trace = FileMaker([](FileHeader& header) { header.version_minor = 2; })
                            .info()
                            .block(BlockKind::events, packed,
                                   [&](BlockHeader& header) {
                                       header.flags = zct::flag_zstd;
                                       header.raw_bytes = static_cast<std::uint32_t>(raw.size());
                                   })
                            .totals()
                            .read();
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.events.size() == events.size());
    CHECK(is_prefix(events, trace.events));
}

TEST_CASE("a trace without records is whole", "[zct]") {
    const TempDir dir;
    TraceBuilder().write(dir / "none.zct");
    const Trace trace = read_trace(dir / "none.zct");
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.events.empty());
}

TEST_CASE("any records in any portions round-trip", "[zct][property]") {
    rc::prop("what is appended is what is read", [] {
        const TempDir dir;
        const auto portions = *rc::gen::container<std::vector<std::vector<zcv_event>>>(
            rc::gen::container<std::vector<zcv_event>>(any_event()));
        std::vector<zcv_event> all;
        TraceWriter writer(dir / "p.zct", {});
        for (const auto& portion : portions) {
            writer.append(portion);
            if (*rc::gen::arbitrary<bool>()) writer.flush();
            all.insert(all.end(), portion.begin(), portion.end());
        }
        writer.close({});
        const Trace trace = read_trace(dir / "p.zct");
        RC_ASSERT(!trace.cut_off);
        RC_ASSERT(trace.events.size() == all.size());
        RC_ASSERT(is_prefix(trace.events, all));
    });
}

TEST_CASE("changed bytes never pass for records", "[zct][property]") {
    const TempDir dir;
    std::vector<zcv_event> events;
    const Bytes file = several_blocks(dir, events);
    rc::prop("one to four changed bytes are noticed", [&] {
        Bytes changed = file;
        const auto count = *rc::gen::inRange(1, 5);
        for (int flip = 0; flip < count; ++flip) {
            const auto at = *rc::gen::inRange<std::size_t>(0, file.size());
            changed[at] = std::byte{*rc::gen::arbitrary<std::uint8_t>()};
        }
        RC_PRE(changed != file);
        try {
            const Trace trace = parse_trace(changed, "changed.zct");
            RC_ASSERT(trace.cut_off);
            RC_ASSERT(trace.totals.records == 0U);
            RC_ASSERT(is_prefix(trace.events, events));
        } catch (const Refusal& refusal) {
            RC_ASSERT(refusal.status() == Status::usage);
        }
    });
}

TEST_CASE("every single flipped bit of a small trace is noticed", "[zct]") {
    const TempDir dir;
    TraceBuilder builder;
    builder.datagram(1).write(dir / "small.zct");
    const Bytes file = bytes_of(dir / "small.zct");
    std::size_t noticed = 0;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        Bytes changed = file;
        changed[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        try {
            const Trace trace = parse_trace(changed, "changed.zct");
            if (trace.cut_off && is_prefix(trace.events, builder.trace().events)) ++noticed;
        } catch (const Refusal&) {
            ++noticed;
        }
    }
    CHECK(noticed == file.size() * 8);
}

TEST_CASE("a trace cut at any byte is refused or read up to its last whole block", "[zct]") {
    const TempDir dir;
    std::vector<zcv_event> events;
    const Bytes file = several_blocks(dir, events);
    // How many records are in whole blocks, by file length.
    std::vector<std::size_t> whole(file.size() + 1, 0);
    std::size_t records = 0;
    std::size_t info_end = 0;
    for (std::size_t at = sizeof(FileHeader); at < file.size();) {
        const auto header = zct::header_at<BlockHeader>(std::span(file).subspan(at));
        at += sizeof header + zct::padded(header.payload_bytes);
        if (info_end == 0) info_end = at;
        if (header.kind == 2) records += header.raw_bytes / sizeof(zcv_event);
        std::fill(whole.begin() + static_cast<std::ptrdiff_t>(at), whole.end(), records);
    }
    REQUIRE(records == 700);

    for (std::size_t length = 0; length < file.size(); ++length) {
        INFO("cut at byte " << length);
        const auto cut = std::span(file).first(length);
        if (length < info_end) {
            REQUIRE_THROWS_AS(parse_trace(cut, "cut.zct"), Refusal);
            continue;
        }
        const Trace trace = parse_trace(cut, "cut.zct");
        REQUIRE(trace.cut_off);
        REQUIRE_FALSE(trace.cut_reason.empty());
        REQUIRE(trace.totals.records == 0);
        REQUIRE(trace.events.size() == whole[length]);
        REQUIRE(is_prefix(trace.events, events));
    }
    const Trace trace = parse_trace(file, "whole.zct");
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.events.size() == 700);
    CHECK(trace.totals.lost == 3);
}

TEST_CASE("a cut trace says where it ends", "[zct]") {
    const TempDir dir;
    std::vector<zcv_event> events;
    Bytes file = several_blocks(dir, events);
    const auto last = file.size() - 1;
    CHECK(parse_trace(std::span(file).first(last), "x").cut_reason ==
          "ends inside block 15 at byte " + std::to_string(last));
    const auto info = zct::header_at<BlockHeader>(std::span(file).subspan(sizeof(FileHeader)));
    const auto first_events =
        sizeof(FileHeader) + sizeof(BlockHeader) + zct::padded(info.payload_bytes);
    CHECK(parse_trace(std::span(file).first(first_events), "x").cut_reason ==
          "ends before its totals at byte " + std::to_string(first_events));
    file[first_events + sizeof(BlockHeader) + 5] ^= std::byte{1};
    CHECK(parse_trace(file, "x").cut_reason ==
          "block 1 at byte " + std::to_string(first_events) + " is damaged");
}

TEST_CASE("a newer major version and a foreign byte order are refused with the remedy", "[zct]") {
    const std::string newer = refused_bytes(
        FileMaker([](FileHeader& header) { header.version_major = 2; }).info().totals().bytes());
    CHECK(says(newer,
               "made.zct: format version 2." + std::to_string(zct_version_minor) + " is newer"));
    CHECK(says(newer, "use a newer zcv"));
    const std::string foreign = refused_bytes(
        FileMaker([](FileHeader& header) { header.byte_order = zct::byte_order_swapped; })
            .info()
            .totals()
            .bytes());
    CHECK(says(foreign, "big-endian"));
}

TEST_CASE("a newer minor version gives what this build knows of it", "[zct]") {
    constexpr std::uint32_t stride = sizeof(zcv_event) + 16;
    auto events = some_events(5);
    events[2].kind = ZCV_KIND_COUNT + 7;
    Bytes longer;
    for (const zcv_event& event : events) {
        add_header(longer, event);
        longer.resize(longer.size() + 16, std::byte{0xab});
    }
    const Trace trace = FileMaker([](FileHeader& header) {
                            header.version_minor = zct_version_minor + 1;
                            header.record_bytes = stride;
                            header.reserved = 99;
                        })
                            .text(BlockKind::info, R"({"tool":"zcv 9","weather":{"sky":["blue"]}})")
                            .block(77, as_bytes("what later versions have to say"))
                            .block(BlockKind::events, longer)
                            .totals()
                            .block(78, as_bytes("even after the totals"))
                            .read();
    CHECK_FALSE(trace.cut_off);
    CHECK(trace.info.tool == "zcv 9");
    CHECK(trace.unknown_kinds == 1);
    events.erase(events.begin() + 2);
    REQUIRE(trace.events.size() == 4);
    CHECK(is_prefix(trace.events, events));
    CHECK(trace.sequence_gaps == 0);  // the unknown one was there, it only means nothing to us
}

TEST_CASE("shorter records of an older minor version end in zeros", "[zct]") {
    auto events = some_events(3);
    Bytes shorter;
    for (zcv_event& event : events) {
        const auto bytes = std::as_bytes(std::span(&event, 1)).first(zct::record_bytes_min);
        shorter.insert(shorter.end(), bytes.begin(), bytes.end());
        event.context = event.opcode = event.sqe_flags = event.shinfo_flags = event.nr_frags =
            event.protocol = 0;
    }
    const Trace trace =
        FileMaker([](FileHeader& header) { header.record_bytes = zct::record_bytes_min; })
            .info()
            .block(BlockKind::events, shorter)
            .totals()
            .read();
    REQUIRE(trace.events.size() == 3);
    CHECK(is_prefix(trace.events, events));
}

TEST_CASE("a kind that should not exist stays in the trace and is counted", "[zct]") {
    auto events = some_events(3);
    events[1].kind = 60000;
    events[2].kind = ZCV_NONE;
    const Trace trace = FileMaker().info().events(events).totals().read();
    CHECK(trace.unknown_kinds == 2);
    CHECK(trace.events.size() == 3);
    CHECK(is_prefix(trace.events, events));
}

TEST_CASE("what a header may not say ends the trace there or refuses the file", "[zct]") {
    const auto events = some_events(4);
    const auto raw = std::as_bytes(std::span(events));
    const auto cut_by = [&](const std::function<void(BlockHeader&)>& change) {
        const Trace trace =
            FileMaker().info().events(events).block(BlockKind::events, raw, change).totals().read();
        CHECK(trace.events.size() == 4);
        CHECK(trace.cut_off);
        return trace.cut_reason;
    };
    const std::string second = "block 2 at byte ";
    CHECK(says(cut_by([](BlockHeader& h) { h.magic[0] = 'X'; }), "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.number = 7; }), "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.reserved = 1; }), "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.raw_bytes -= 8; }), "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.payload_bytes = h.raw_bytes = 0xffffff00; }),
               "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.flags = 0x8000; }), "needs a newer zcv"));
    CHECK(says(cut_by([](BlockHeader& h) {
                   h.flags = zct::flag_zstd;
                   h.raw_bytes *= 4;
               }),
               "does not decompress"));
    CHECK(says(cut_by([](BlockHeader& h) {
                   h.flags = zct::flag_zstd;
                   h.raw_bytes = 0xfffffff0;
               }),
               "is damaged"));
    CHECK(says(cut_by([](BlockHeader& h) { h.kind = 1; }), "a second time"));
    CHECK(says(cut_by([](BlockHeader& h) { h.kind = 3; }), second));
    CHECK(says(cut_by([](BlockHeader& h) {
                   h.kind = 99;
                   h.payload_bytes = 0xffffffff;
               }),
               "ends inside block 2"));

    for (const std::uint32_t bytes : {0U, 8U, 143U, 153U, 1032U, 0xfffffff8U}) {
        INFO("record_bytes " << bytes);
        CHECK(says(
            refused_bytes(
                FileMaker([&](FileHeader& h) { h.record_bytes = bytes; }).info().totals().bytes()),
            "header is damaged"));
    }
    CHECK(says(
        refused_bytes(FileMaker([](FileHeader& h) { h.reserved = 1; }).info().totals().bytes()),
        "header is damaged"));
}

TEST_CASE("a block that shrinks beyond belief is not unpacked", "[zct]") {
    // Four bytes of payload cannot justify a block of records, whatever zstd would make of them.
    const Trace trace = FileMaker()
                            .info()
                            .block(BlockKind::events, as_bytes("tiny"),
                                   [](BlockHeader& header) {
                                       header.flags = zct::flag_zstd;
                                       header.raw_bytes = 4096 * sizeof(zcv_event);
                                   })
                            .totals()
                            .read();
    CHECK(trace.cut_off);
    CHECK(says(trace.cut_reason, "is damaged"));
    CHECK(trace.events.capacity() == 0);
}

TEST_CASE("two traces in one file are not read as one", "[zct]") {
    const auto events = some_events(4);
    const Trace trace = FileMaker().info().events(events).totals().events(events).read();
    CHECK(trace.cut_off);
    CHECK(says(trace.cut_reason, "after the totals"));
    CHECK(trace.events.size() == 4);

    Bytes twice = FileMaker().info().events(events).totals().bytes();
    const Bytes once = twice;
    twice.insert(twice.end(), once.begin(), once.end());
    CHECK(parse_trace(twice, "twice.zct").cut_off);
}

TEST_CASE("totals without a counter do not count as nothing lost", "[zct]") {
    for (const char* text :
         {R"({"records":1,"recursion_misses":0,"map_failures":0})",
          R"({"records":1,"lost":-1,"recursion_misses":0,"map_failures":0})",
          R"({"records":1,"lost":0.5,"recursion_misses":0,"map_failures":0})",
          R"({"records":1,"lost":"0","recursion_misses":0,"map_failures":0})",
          R"({"records":1,"lost":0,"recursion_misses":0,"map_failures":0,"by_kind":[1]})",
          R"({"records":1,"lost":0,"recursion_misses":0,"map_failures":0,"blind_spells":-1})", "[]",
          "", "{"}) {
        INFO(text);
        const Trace trace = FileMaker().info().text(BlockKind::totals, text).read();
        CHECK(trace.cut_off);
        CHECK(says(trace.cut_reason, "is not what totals look like"));
    }
}

TEST_CASE("an info block that is no info is refused", "[zct]") {
    for (const char* text :
         {"", "{", "[]", "7", R"({"tool":7})", R"({"watched":[-1]})", R"({"watched":[4294967296]})",
          R"({"missing":{"a":[]}})", R"({"command":"not a list"})", "\xff\xfe"}) {
        INFO(text);
        CHECK(says(refused_bytes(FileMaker().text(BlockKind::info, text).totals().bytes()),
                   "does not say what was captured"));
    }
    CHECK(says(refused_bytes(FileMaker().totals().bytes()), "does not say what was captured"));
    // Deep nesting costs a stack or a heap elsewhere; here it is not kept.
    CHECK(says(refused_bytes(FileMaker()
                                 .text(BlockKind::info,
                                       std::string(1U << 20U, '[') + std::string(1U << 20U, ']'))
                                 .totals()
                                 .bytes()),
               "does not say what was captured"));
}

TEST_CASE("a command line of any bytes is kept readable", "[zct]") {
    const TempDir dir;
    TraceBuilder builder;
    builder.info().command = {"a\"b\n", "\xff\xfe", "päck", std::string(1, '\0')};
    builder.write(dir / "odd.zct");
    const TraceInfo info = read_trace(dir / "odd.zct").info;
    REQUIRE(info.command.size() == 4);
    CHECK(info.command[0] == "a\"b\n");
    CHECK(info.command[1] == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(info.command[2] == "päck");
    CHECK(info.command[3] == std::string(1, '\0'));
}

TEST_CASE("what is not a trace is refused by name with what to do", "[zct]") {
    const TempDir dir;
    const auto file = [&](const std::string& name, const std::string& content) {
        put(dir / name, as_bytes(content));
        return dir / name;
    };
    const auto refusal = [](const std::string& path) {
        const std::string what = refused([&] { read_trace(path); });
        CHECK(says(what, path));
        return what;
    };
    CHECK(says(refusal(dir / "missing.zct"), "no such file"));
    CHECK(says(refusal(dir / "missing/deeper.zct"), "no such file"));
    CHECK(says(refusal(file("empty.zct", "")), "empty"));
    CHECK(says(refusal(file("a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), "not a .zct trace"));
    CHECK(says(refusal(file("a.txt", "once upon a time\n")), "not a .zct trace"));
    CHECK(says(refusal(file("magic.zct", "\x89ZCT\r\n")), "too short to be a trace"));
    CHECK(says(refusal(file("text-mode.zct", "\x89ZCT\n\x1a\n")), "not a .zct trace"));
    CHECK(
        says(refusal((std::filesystem::path(dir / "x").parent_path()).string()), "is a directory"));
    CHECK(says(refusal("/dev/null"), "not a regular file"));

    file("broken.zct.part", "x");
    CHECK(says(refusal(dir / "broken.zct"), "name " + (dir / "broken.zct.part")));
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK(says(refusal(dir / "fifo"), "not a regular file"));
    CHECK(says(refused([] { read_trace(""); }), "no such file"));
    // A line break in a name does not make a second line.
    CHECK(says(refused([&] { read_trace(dir / "two\nlines"); }), "two\\x0alines"));
}

TEST_CASE("an unfinished capture keeps every record it was given", "[zct]") {
    const TempDir dir;
    const auto events = some_events(5000);
    {
        TraceWriter writer(dir / "a.zct", {});
        writer.append(events);
        CHECK(read_trace(dir / "a.zct.part").events.size() == 4096);
        writer.flush();
        CHECK(read_trace(dir / "a.zct.part").events.size() == 5000);
        writer.append(std::span(events).first(3));
    }
    CHECK_FALSE(std::filesystem::exists(dir / "a.zct"));
    const Trace trace = read_trace(dir / "a.zct.part");
    CHECK(trace.cut_off);
    CHECK(says(trace.cut_reason, "ends before its totals"));
    CHECK(trace.events.size() == 5003);
}

TEST_CASE("an output that cannot be is refused before anything is captured", "[zct]") {
    const TempDir dir;
    const auto refusal = [](const std::string& path) {
        return refused([&] { TraceWriter(path, {}); });
    };
    CHECK(says(refusal(dir / "no/such/directory.zct"), "cannot be made: no such file"));
    CHECK(says(refusal("/dev/full"), "not a regular file"));
    CHECK(says(refusal(""), "no file name"));
    std::filesystem::create_directory(dir / "d.zct");
    CHECK(says(refusal(dir / "d.zct"), "is a directory"));
    std::filesystem::create_directory(dir / "e.zct.part");
    CHECK(says(refusal(dir / "e.zct"), "cannot be made: is a directory"));
    std::filesystem::create_symlink(dir / "victim", dir / "s.zct.part");
    CHECK(says(refusal(dir / "s.zct"), "is a symbolic link"));
    CHECK_FALSE(std::filesystem::exists(dir / "victim"));

    TraceInfo endless;
    endless.command = {std::string(5U << 20U, 'x')};
    CHECK(says(refused([&] { TraceWriter(dir / "long.zct", endless); }), "command is longer"));
    CHECK_FALSE(std::filesystem::exists(dir / "long.zct.part"));
}

TEST_CASE("a limit on file sizes stops the writer and keeps its whole blocks", "[zct]") {
    const TempDir dir;
    struct rlimit before {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit small = before;
    small.rlim_cur = 100'000;
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    std::string what;
    {
        TraceWriter writer(dir / "a.zct", {});
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        what = refused(
            [&] {
                for (int round = 0; round < 1000; ++round) {
                    writer.append(some_events(100));
                    writer.flush();
                }
            },
            Status::unable);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
        // There is room again, but the records in between are lost: it stays refused.
        CHECK(refused([&] { writer.flush(); }, Status::unable) == what);
    }
    std::signal(SIGXFSZ, handler);
    CHECK(says(what, (dir / "a.zct.part") + ": cannot be written: file too large"));
    const Trace trace = read_trace(dir / "a.zct.part");
    CHECK(says(trace.cut_reason, "ends before its totals"));
    CHECK(trace.events.size() % 100 == 0);
    CHECK(trace.events.size() >= 100);
}

TEST_CASE("a .part is replaced only when it is an abandoned trace", "[zct]") {
    const TempDir dir;
    put(dir / "a.zct.part", as_bytes("somebody's half download"));
    CHECK(says(refused([&] { TraceWriter(dir / "a.zct", {}); }), "not an unfinished trace"));
    CHECK(bytes_of(dir / "a.zct.part") == as_bytes("somebody's half download"));

    { TraceWriter abandoned(dir / "b.zct", {}); }
    TraceWriter first(dir / "b.zct", {});
    CHECK(says(refused([&] { TraceWriter(dir / "b.zct", {}); }), "another capture is writing it"));
    first.append(some_events(2));
    first.close({});
    TraceWriter again(dir / "b.zct", {});
    again.close({});
    CHECK(read_trace(dir / "b.zct").events.empty());
}

TEST_CASE("a trace is for its owner's eyes", "[zct]") {
    const TempDir dir;
    TraceBuilder().write(dir / "a.zct");
    struct stat status {};
    REQUIRE(::stat((dir / "a.zct").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE("every kind has a name of its own", "[zct]") {
    std::set<std::string> names;
    for (std::uint16_t kind = 1; kind < ZCV_KIND_COUNT; ++kind) {
        const std::string name = name_of(static_cast<zcv_event_kind>(kind));
        CHECK(is_known(kind));
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
        names.insert(name);
    }
    CHECK(names.size() == ZCV_KIND_COUNT - 1);
    CHECK_FALSE(names.contains("unknown"));
    CHECK(name_of(ZCV_NONE) == std::string("unknown"));
    CHECK_FALSE(is_known(ZCV_NONE));
    CHECK_FALSE(is_known(ZCV_KIND_COUNT));
    CHECK(name_of(ZCV_SUBMIT) == std::string("submit"));
    CHECK(name_of(ZCV_TCP_APPEND) == std::string("tcp-append"));
    CHECK(name_of(ZCV_HEAD_FREE) == std::string("head-free"));
    CHECK(name_of(ZCV_REGISTER) == std::string("register"));
}
