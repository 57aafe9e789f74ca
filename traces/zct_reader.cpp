#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

#include "model/outcome.hpp"
#include "traces/file_words.hpp"
#include "traces/sequence_gaps.hpp"
#include "traces/zct.hpp"
#include "traces/zct_format.hpp"
#include "traces/zct_json.hpp"
#include "traces/zct_words.hpp"

namespace zcv {
namespace {

using zct::BlockHeader;
using zct::BlockKind;
using zct::FileHeader;

constexpr const char* capture_again = "capture again or name another file";

struct Block {
    BlockHeader header;
    std::span<const std::byte> payload;  // without the padding
};

std::string_view text_in(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// As far as there are bytes: a file cut inside its magic still starts as a trace.
bool starts_as_trace(std::span<const std::byte> bytes) {
    const std::size_t compared = std::min(bytes.size(), zct::file_magic.size());
    return std::ranges::equal(std::as_bytes(std::span(zct::file_magic)).first(compared),
                              bytes.first(compared));
}

// Records are written once and walked a few times: with pages of 4 KiB a quarter of a replay's time
// goes into faulting them in. A hint; without it all is the same.
void use_huge_pages(const std::vector<zcv_event>& events) {
    constexpr std::uintptr_t page = 2U << 20U;
    const auto begin = (reinterpret_cast<std::uintptr_t>(events.data()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(events.data() + events.capacity());
    if (begin + page > end) return;
    static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
}

// Closes on every way out.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int fd() const { return fd_; }

  private:
    int fd_;
};

[[noreturn]] void refuse_open(const std::string& path, int error) {
    const std::string name = printable(path);
    struct stat unused {};
    if (error == ENOENT && !path.empty() && ::stat((path + ".part").c_str(), &unused) == 0) {
        throw Refusal(Status::usage,
                      fmt::format("{0}: no such file, but its capture was cut short: "
                                  "name {0}.part to read what it holds",
                                  name));
    }
    const char* what_to_do = "check the name";
    if (error == EACCES || error == EPERM) what_to_do = "make it readable for this user";
    throw Refusal(Status::usage, fmt::format("{}: {}: {}", name, error_words(error), what_to_do));
}

// The bytes of a trace: all of them in memory, or of a file as much as is asked for.
class Bytes {
  public:
    explicit Bytes(std::span<const std::byte> all) : all_(all), size_(all.size()) {}
    explicit Bytes(const std::string& path);

    std::size_t size() const { return size_; }
    // From `at` on, fewer where there are fewer. The next call may end their life.
    std::span<const std::byte> get(std::size_t at, std::size_t wanted);

  private:
    void fill(std::size_t at, std::size_t wanted);

    std::span<const std::byte> all_;
    std::size_t size_ = 0;
    std::string path_;
    std::unique_ptr<Descriptor> file_;  // null: all is in memory
    std::vector<std::byte> buffer_;     // from `from_` on
    std::size_t from_ = 0;
};

Bytes::Bytes(const std::string& path) : path_(path) {
    // A FIFO must not make us wait for a writer.
    file_ = std::make_unique<Descriptor>(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file_->fd() < 0) refuse_open(path, errno);
    struct stat status {};
    if (::fstat(file_->fd(), &status) != 0) refuse_open(path, errno);
    if (S_ISDIR(status.st_mode)) {
        throw Refusal(Status::usage, printable(path) + ": is a directory: name a .zct file in it");
    }
    if (!S_ISREG(status.st_mode)) {
        throw Refusal(Status::usage,
                      printable(path) + ": not a regular file: save it to one first");
    }
    size_ = static_cast<std::size_t>(status.st_size);
}

std::span<const std::byte> Bytes::get(std::size_t at, std::size_t wanted) {
    wanted = std::min(wanted, size_ - std::min(at, size_));
    if (file_ == nullptr) return all_.subspan(std::min(at, size_), wanted);
    if (at < from_ || at + wanted > from_ + buffer_.size()) fill(at, wanted);
    const std::span<const std::byte> there(buffer_);
    return there.subspan(at - from_, std::min(wanted, there.size() - (at - from_)));
}

// The file may be shortened meanwhile: then it ends there.
void Bytes::fill(std::size_t at, std::size_t wanted) {
    constexpr std::size_t at_once = 256U << 10U;
    from_ = at;
    buffer_.resize(std::min(std::max(wanted, at_once), size_ - at));
    std::size_t have = 0;
    while (have < buffer_.size()) {
        const ssize_t got = ::pread(file_->fd(), buffer_.data() + have, buffer_.size() - have,
                                    static_cast<off_t>(at + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw Refusal(Status::unable, fmt::format("{}: cannot be read: {}: check the disk",
                                                      printable(path_), error_words(errno)));
        }
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    buffer_.resize(have);
    if (have < std::min(wanted, size_ - at)) size_ = at + have;
}

}  // namespace

// One pass over a trace. Nothing in it is believed before its checksum, and no length before it is
// bounded.
class TraceReader::Parser {
  public:
    Parser(Bytes bytes, const std::string& name, bool skims)
        : bytes_(std::move(bytes)), name_(printable(name)), skims_(skims) {
        check_file_header();
        take_info();
    }

    // Takes the next block; its records, if it has any, take the place of those from `from` on.
    // False at the end.
    bool step(std::vector<zcv_event>& events, std::size_t from);
    // All of it, with the records unless they are skipped.
    Trace whole();
    const Trace& trace() const { return trace_; }

  private:
    std::uint64_t records_promised();
    [[noreturn]] void refuse(std::string_view why, std::string_view what_to_do) const;
    void check_file_header();
    void take_info();
    void take(const Block& block, std::vector<zcv_event>& events, std::size_t from);
    void take_events(const Block& block, std::vector<zcv_event>& events, std::size_t from);
    void look_at(std::vector<zcv_event>& events, std::size_t from);
    void take_stack(const Block& block);
    void take_totals(const Block& block);
    std::optional<Block> next_block();
    bool from_newer_minor() const { return header_.version_minor > zct_version_minor; }
    bool plausible(const BlockHeader& header) const;
    bool plausible_events(const BlockHeader& header) const;
    std::optional<std::span<const std::byte>> raw_records(const Block& block,
                                                          std::span<std::byte> room);
    void cut(std::string reason);
    void damaged(std::string_view how = "is damaged");

    Bytes bytes_;
    std::string name_;
    bool skims_;  // records are not looked at
    FileHeader header_;
    std::size_t at_ = 0;              // first byte not taken
    std::size_t block_at_ = 0;        // of the block being taken
    std::uint32_t block_number_ = 0;  // of the block being taken
    std::uint32_t blocks_ = 0;        // whole ones so far
    bool complete_ = false;           // totals seen
    bool at_end_ = false;
    std::vector<std::byte> scratch_;
    SequenceGaps gaps_;
    Trace trace_;
};

void TraceReader::Parser::refuse(std::string_view why, std::string_view what_to_do) const {
    throw Refusal(Status::usage, fmt::format("{}: {}: {}", name_, why, what_to_do));
}

void TraceReader::Parser::cut(std::string reason) {
    trace_.cut_off = true;
    trace_.cut_reason = std::move(reason);
}

void TraceReader::Parser::damaged(std::string_view how) {
    cut(fmt::format("block {} at byte {} {}", block_number_, block_at_, how));
}

void TraceReader::Parser::check_file_header() {
    const std::span<const std::byte> start = bytes_.get(0, sizeof(FileHeader));
    if (start.empty()) refuse("the file is empty", capture_again);
    if (!starts_as_trace(start)) refuse("not a .zct trace", "name a file that zcv capture wrote");
    if (start.size() < sizeof(FileHeader)) {
        refuse(fmt::format("too short to be a trace ({} bytes)", bytes_.size()), capture_again);
    }
    header_ = zct::header_at<FileHeader>(start);
    if (header_.byte_order == zct::byte_order_swapped) {
        refuse("written on a big-endian machine, which this build cannot read",
               "convert it to jsonl there");
    }
    const bool known_layout = header_.byte_order == zct::byte_order_mark;
    if (known_layout && header_.version_major > zct_version_major) {
        refuse(fmt::format("format version {}.{} is newer than {}.{}, which this zcv reads",
                           header_.version_major, header_.version_minor, zct_version_major,
                           zct_version_minor),
               "use a newer zcv");
    }
    const bool sound = known_layout && header_.checksum == zct::checksum_of(header_) &&
                       header_.version_major == zct_version_major &&
                       header_.record_bytes >= zct::record_bytes_min &&
                       header_.record_bytes <= zct::record_bytes_max &&
                       header_.record_bytes % 8 == 0 &&
                       (header_.reserved == 0 || from_newer_minor());
    if (!sound) refuse("the file header is damaged", capture_again);
    at_ = sizeof(FileHeader);
}

bool TraceReader::Parser::plausible_events(const BlockHeader& header) const {
    const std::uint32_t raw_max = zct::block_records_max * header_.record_bytes;
    if (header.raw_bytes > raw_max || header.raw_bytes % header_.record_bytes != 0) return false;
    if ((header.flags & zct::flag_zstd) == 0) return header.payload_bytes == header.raw_bytes;
    return header.payload_bytes < header.raw_bytes &&
           header.raw_bytes <= std::uint64_t{header.payload_bytes} * zct::ratio_max;
}

bool TraceReader::Parser::plausible(const BlockHeader& header) const {
    if (header.magic != BlockHeader{}.magic || header.number != block_number_) return false;
    if (header.reserved != 0 && !from_newer_minor()) return false;
    switch (BlockKind{header.kind}) {
        case BlockKind::events:
            return plausible_events(header);
        case BlockKind::info:
        case BlockKind::stack:
        case BlockKind::totals:
            return header.payload_bytes <= zct::json_bytes_max &&
                   header.raw_bytes == header.payload_bytes;
    }
    return true;
}

// Empty at the end of the file, and where it is cut: then cut_off is set.
std::optional<Block> TraceReader::Parser::next_block() {
    block_at_ = at_;
    block_number_ = blocks_;
    if (at_ == bytes_.size()) return std::nullopt;
    const auto ends_inside = [&] {
        cut(fmt::format("ends inside block {} at byte {}", block_number_, bytes_.size()));
        return std::nullopt;
    };
    const std::span<const std::byte> start = bytes_.get(at_, sizeof(BlockHeader));
    if (start.size() < sizeof(BlockHeader)) return ends_inside();
    const auto header = zct::header_at<BlockHeader>(start);
    if (!plausible(header)) {
        damaged();
        return std::nullopt;
    }
    const std::uint64_t stored = zct::padded(header.payload_bytes);
    const auto payload = bytes_.get(at_ + sizeof(BlockHeader), stored);
    if (payload.size() < stored) return ends_inside();
    if (header.checksum != zct::checksum_of(header, payload)) {
        damaged();
        return std::nullopt;
    }
    at_ += sizeof(BlockHeader) + stored;
    ++blocks_;
    return Block{header, payload.first(header.payload_bytes)};
}

void TraceReader::Parser::take_info() {
    const std::optional<Block> block = next_block();
    if (!block) {
        const std::string why = trace_.cut_off ? trace_.cut_reason : "it ends after its header";
        refuse(fmt::format("too short to be a trace, or damaged: {}", why), capture_again);
    }
    const bool is_info = BlockKind{block->header.kind} == BlockKind::info;
    const std::optional<TraceInfo> info =
        is_info && block->header.flags == 0 ? zct::info_of(text_in(block->payload)) : std::nullopt;
    if (!info) refuse("the first block does not say what was captured", capture_again);
    trace_.info = *info;
}

void TraceReader::Parser::take(const Block& block, std::vector<zcv_event>& events,
                               std::size_t from) {
    const BlockKind kind{block.header.kind};
    const bool known = kind == BlockKind::info || kind == BlockKind::events ||
                       kind == BlockKind::stack || kind == BlockKind::totals;
    if (!known) return;
    // Two traces in one file are not one trace.
    if (complete_) return damaged("comes after the totals");
    const unsigned flags_known = kind == BlockKind::events ? zct::flags_known : 0U;
    if ((block.header.flags & ~flags_known) != 0) return damaged("needs a newer zcv");
    switch (kind) {
        case BlockKind::info:
            return damaged("says a second time what was captured");
        case BlockKind::events:
            return take_events(block, events, from);
        case BlockKind::stack:
            return take_stack(block);
        case BlockKind::totals:
            return take_totals(block);
    }
}

void TraceReader::Parser::take_stack(const Block& block) {
    const std::optional<Stack> stack = zct::stack_of(text_in(block.payload));
    if (!stack) return damaged("is not what a stack looks like");
    trace_.stacks.push_back(*stack);
}

void TraceReader::Parser::take_totals(const Block& block) {
    const std::optional<Totals> totals = zct::totals_of(text_in(block.payload));
    if (!totals) return damaged("is not what totals look like");
    trace_.totals = *totals;
    complete_ = true;
}

std::optional<std::span<const std::byte>> TraceReader::Parser::raw_records(
    const Block& block, std::span<std::byte> room) {
    if (block.header.flags == 0) return block.payload;
    const auto raw = room.first(block.header.raw_bytes);
    if (block.header.flags == zct::flag_words) {
        if (!zct::unpack(block.payload, header_.record_bytes, raw)) return std::nullopt;
        return raw;
    }
    if (block.header.flags != zct::flag_zstd) return std::nullopt;
    const std::size_t got =
        ZSTD_decompress(raw.data(), raw.size(), block.payload.data(), block.payload.size());
    if (ZSTD_isError(got) != 0 || got != raw.size()) return std::nullopt;
    return raw;
}

// Records as long as ours are unpacked where they stay.
void TraceReader::Parser::take_events(const Block& block, std::vector<zcv_event>& events,
                                      std::size_t from) {
    if (skims_) return;
    const std::size_t stride = header_.record_bytes;
    const std::size_t count = block.header.raw_bytes / stride;
    events.resize(from + count);
    const auto place = std::as_writable_bytes(std::span(events).subspan(from));
    const bool fits = stride == sizeof(zcv_event);
    if (!fits) scratch_.resize(block.header.raw_bytes);
    const auto raw = raw_records(block, fits ? place : std::span(scratch_));
    if (!raw) {
        events.resize(from);
        return damaged("does not decompress");
    }
    if (raw->data() != place.data()) {
        for (std::size_t i = 0; i < count; ++i) {
            events[from + i] = {};
            std::memcpy(&events[from + i], raw->data() + i * stride,
                        std::min(stride, sizeof(zcv_event)));
        }
    }
    look_at(events, from);
}

// What only the records tell of a file. Kinds that a newer one may have are left out.
void TraceReader::Parser::look_at(std::vector<zcv_event>& events, std::size_t from) {
    std::uint64_t unknown = 0;
    for (std::size_t i = from; i < events.size(); ++i) {
        gaps_.see(events[i].cpu, events[i].seq);
        unknown += !is_known(events[i].kind);
    }
    trace_.unknown_kinds += unknown;
    if (unknown == 0 || !from_newer_minor()) return;
    const auto strange = [](const zcv_event& event) { return !is_known(event.kind); };
    events.erase(
        std::remove_if(events.begin() + static_cast<std::ptrdiff_t>(from), events.end(), strange),
        events.end());
}

// What the block headers say the file holds: a hint for how much memory it takes. No checksum has
// been looked at, but each block's share is bounded as in plausible_events().
std::uint64_t TraceReader::Parser::records_promised() {
    std::uint64_t records = 0;
    std::size_t at = at_;
    for (;;) {
        const std::span<const std::byte> start = bytes_.get(at, sizeof(BlockHeader));
        if (start.size() < sizeof(BlockHeader)) break;
        const auto header = zct::header_at<BlockHeader>(start);
        const std::uint64_t stored = sizeof(BlockHeader) + zct::padded(header.payload_bytes);
        if (header.magic != BlockHeader{}.magic || stored > bytes_.size() - at) break;
        at += stored;
        if (BlockKind{header.kind} != BlockKind::events) continue;
        if (plausible_events(header)) records += header.raw_bytes / header_.record_bytes;
    }
    return records;
}

bool TraceReader::Parser::step(std::vector<zcv_event>& events, std::size_t from) {
    if (trace_.cut_off || at_end_) return false;
    const std::optional<Block> block = next_block();
    const bool has_records = block && BlockKind{block->header.kind} == BlockKind::events;
    if (!has_records || skims_) events.resize(from);
    if (block) take(*block, events, from);
    if (!block && !trace_.cut_off && !complete_)
        cut(fmt::format("ends before its totals at byte {}", at_));
    at_end_ = !block || trace_.cut_off;
    if (!at_end_) return true;
    if (trace_.cut_off) trace_.totals = {};
    trace_.sequence_gaps = gaps_.missing();
    return false;
}

Trace TraceReader::Parser::whole() {
    try {
        std::vector<zcv_event> events;
        if (!skims_) {
            events.reserve(records_promised());
            use_huge_pages(events);
        }
        while (step(events, events.size())) {
        }
        trace_.events = std::move(events);
    } catch (const std::bad_alloc&) {
        throw Refusal(
            Status::unable,
            name_ + ": holds more records than fit in memory: free some or split the capture");
    }
    return std::move(trace_);
}

Trace parse_trace(std::span<const std::byte> bytes, const std::string& name) {
    return TraceReader::Parser(Bytes(bytes), name, false).whole();
}

Trace read_trace(const std::string& path) {
    return TraceReader::Parser(Bytes(path), path, false).whole();
}

Trace about_trace(const std::string& path) {
    return TraceReader::Parser(Bytes(path), path, true).whole();
}

TraceReader::TraceReader(const std::string& path)
    : parser_(std::make_unique<Parser>(Bytes(path), path, false)) {}

TraceReader::~TraceReader() = default;

bool TraceReader::next(std::vector<zcv_event>& events) {
    return parser_->step(events, 0);
}

const Trace& TraceReader::about() const {
    return parser_->trace();
}

}  // namespace zcv
