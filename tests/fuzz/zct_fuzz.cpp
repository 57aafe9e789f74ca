// Any bytes are a refusal or a trace, never a crash, a hang or a surprise. Each input is read
// twice: as it is, and with its checksums made right, because a fuzzer does not guess them and
// everything behind them would stay in the dark.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/ensure.hpp"
#include "model/outcome.hpp"
#include "traces/convert.hpp"
#include "traces/zct.hpp"
#include "traces/zct_format.hpp"

namespace {

using namespace zcv;

void mend(std::vector<std::byte>& bytes) {
    if (bytes.size() < sizeof(zct::FileHeader)) return;
    auto file = zct::header_at<zct::FileHeader>(bytes);
    file.magic = zct::file_magic;
    file.byte_order = zct::byte_order_mark;
    file.version_major = zct_version_major;
    file.checksum = zct::checksum_of(file);
    std::memcpy(bytes.data(), &file, sizeof file);
    std::size_t at = sizeof file;
    for (std::uint32_t number = 0; bytes.size() - at >= sizeof(zct::BlockHeader); ++number) {
        auto block = zct::header_at<zct::BlockHeader>(std::span(bytes).subspan(at));
        const std::size_t left = bytes.size() - at - sizeof block;
        block.magic = zct::BlockHeader{}.magic;
        block.number = number;
        const std::uint64_t stored = zct::padded(block.payload_bytes);
        if (stored > left) return;
        block.checksum =
            zct::checksum_of(block, std::span(bytes).subspan(at + sizeof block, stored));
        std::memcpy(bytes.data() + at, &block, sizeof block);
        at += sizeof block + stored;
    }
}

void read(std::span<const std::byte> bytes) {
    try {
        const Trace trace = parse_trace(bytes, "fuzz.zct");
        ZCV_CHECK(trace.cut_off != trace.cut_reason.empty());
        ZCV_CHECK(trace.events.size() <= bytes.size() * zct::ratio_max);
        std::size_t lines = 0;
        write_jsonl(trace, [&](std::string_view text) {
            lines += static_cast<std::size_t>(std::ranges::count(text, '\n'));
        });
        ZCV_CHECK(lines == trace.events.size() + 2);
    } catch (const Refusal& refusal) {
        const std::string_view what = refusal.what();
        ZCV_CHECK(refusal.status() == Status::usage);
        ZCV_CHECK(what.find('\n') == std::string_view::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto given = std::as_bytes(std::span(data, size));
    std::vector<std::byte> bytes(given.begin(), given.end());
    read(bytes);
    mend(bytes);
    read(bytes);
    return 0;
}
