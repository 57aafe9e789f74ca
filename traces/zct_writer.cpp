#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "model/ensure.hpp"
#include "model/outcome.hpp"
#include "traces/file_words.hpp"
#include "traces/zct.hpp"
#include "traces/zct_format.hpp"
#include "traces/zct_json.hpp"
#include "traces/zct_words.hpp"

namespace zcv {

using zct::BlockHeader;
using zct::BlockKind;
using zct::FileHeader;

struct TraceWriter::Impl {
    explicit Impl(std::string name) : path(std::move(name)), part(path + ".part") {}
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    [[noreturn]] void refuse_path(const std::string& which, const std::string& why) const;
    void check_target() const;
    void open_part();
    void claim_part() const;
    void write_file_header();
    void write_json(BlockKind kind, const std::string& text);
    void write_pending();
    void write_block(BlockHeader header);
    void write_all(std::span<const std::byte> bytes);
    [[noreturn]] void disk_failed(int error);
    std::span<std::byte> payload_space(std::size_t bytes);

    std::string path;
    std::string part;
    int fd = -1;
    std::uint32_t blocks = 0;
    off_t whole_bytes = 0;  // up to here the file is good
    std::string failed;     // the refusal to repeat once the disk has failed
    bool closed = false;
    std::vector<zcv_event> pending;
    std::vector<std::byte> block;  // header and payload, written in one go
};

TraceWriter::Impl::~Impl() {
    if (fd >= 0) ::close(fd);
}

void TraceWriter::Impl::refuse_path(const std::string& which, const std::string& why) const {
    throw Refusal(Status::usage,
                  fmt::format("{}: {}: choose another output file", printable(which), why));
}

// Found out now, not after an hour of capture, when the rename fails or replaces a device.
void TraceWriter::Impl::check_target() const {
    if (path.empty()) refuse_path(path, "no file name");
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    if (S_ISDIR(status.st_mode)) refuse_path(path, "is a directory");
    if (!S_ISREG(status.st_mode)) refuse_path(path, "exists and is not a regular file");
}

void TraceWriter::Impl::open_part() {
    // No O_TRUNC: the file may not be ours. No symbolic links: captures often run as root in /tmp.
    fd = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                0600);
    if (fd >= 0) return claim_part();
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO) disk_failed(errno);
    if (errno == ELOOP) refuse_path(part, "is a symbolic link");
    refuse_path(part, "cannot be made: " + error_words(errno));
}

// A .part of an interrupted capture may be replaced, as NAME itself may; anything else may not.
void TraceWriter::Impl::claim_part() const {
    struct stat opened {};
    struct stat named {};
    if (::fstat(fd, &opened) != 0 || !S_ISREG(opened.st_mode)) {
        refuse_path(part, "exists and is not a regular file");
    }
    // Renamed between our open and our lock, it is a finished trace by now.
    const bool ours = ::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::stat(part.c_str(), &named) == 0 &&
                      named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (!ours) refuse_path(part, "another capture is writing it");
    std::array<unsigned char, zct::file_magic.size()> start{};
    const ssize_t got = ::pread(fd, start.data(), start.size(), 0);
    if (got < 0 ||
        std::memcmp(start.data(), zct::file_magic.data(), static_cast<std::size_t>(got)) != 0) {
        refuse_path(part, "exists and is not an unfinished trace");
    }
    if (::ftruncate(fd, 0) != 0) refuse_path(part, "cannot be replaced: " + error_words(errno));
}

// Cut back to the last whole block. What a reader finds then is whole.
void TraceWriter::Impl::disk_failed(int error) {
    if (fd >= 0 && ::ftruncate(fd, whole_bytes) != 0) {
        // The reader copes with half a block as well.
    }
    failed = fmt::format("{}: cannot be written: {}: free some space or choose another disk",
                         printable(part), error_words(error));
    throw Refusal(Status::unable, failed);
}

void TraceWriter::Impl::write_all(std::span<const std::byte> bytes) {
    if (!failed.empty()) throw Refusal(Status::unable, failed);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) disk_failed(put < 0 ? errno : ENOSPC);
        done += static_cast<std::size_t>(put);
    }
    whole_bytes += static_cast<off_t>(bytes.size());
}

void TraceWriter::Impl::write_file_header() {
    FileHeader header;
    header.version_major = zct_version_major;
    header.version_minor = zct_version_minor;
    header.checksum = zct::checksum_of(header);
    write_all(std::as_bytes(std::span(&header, 1)));
}

std::span<std::byte> TraceWriter::Impl::payload_space(std::size_t bytes) {
    block.resize(sizeof(BlockHeader) + bytes);
    return std::span(block).subspan(sizeof(BlockHeader));
}

// The payload is in `block` already, behind room for the header.
void TraceWriter::Impl::write_block(BlockHeader header) {
    block.resize(sizeof(BlockHeader) + header.payload_bytes);
    block.resize(sizeof(BlockHeader) + zct::padded(header.payload_bytes));  // with zeros
    header.number = blocks;
    header.checksum = zct::checksum_of(header, std::span(block).subspan(sizeof(BlockHeader)));
    std::memcpy(block.data(), &header, sizeof header);
    write_all(block);
    ++blocks;
}

void TraceWriter::Impl::write_json(BlockKind kind, const std::string& text) {
    ZCV_CHECK(text.size() <= zct::json_bytes_max);
    BlockHeader header;
    header.kind = static_cast<std::uint16_t>(kind);
    header.payload_bytes = static_cast<std::uint32_t>(text.size());
    header.raw_bytes = header.payload_bytes;
    std::memcpy(payload_space(text.size()).data(), text.data(), text.size());
    write_block(header);
}

void TraceWriter::Impl::write_pending() {
    if (pending.empty()) return;
    const auto raw = std::as_bytes(std::span(pending));
    BlockHeader header;
    header.kind = static_cast<std::uint16_t>(BlockKind::events);
    header.raw_bytes = static_cast<std::uint32_t>(raw.size());
    const std::span<std::byte> space =
        payload_space(zct::packed_max(pending.size(), sizeof(zcv_event)));
    const std::size_t packed = zct::pack(raw, sizeof(zcv_event), space);
    if (packed < raw.size()) {
        header.flags = zct::flag_words;
        header.payload_bytes = static_cast<std::uint32_t>(packed);
    } else {
        header.payload_bytes = header.raw_bytes;
        std::memcpy(payload_space(raw.size()).data(), raw.data(), raw.size());
    }
    write_block(header);
    pending.clear();
}

TraceWriter::TraceWriter(const std::string& path, const TraceInfo& info)
    : impl_(std::make_unique<Impl>(path)) {
    const std::string text = zct::text_of(zct::json_of(info));
    impl_->check_target();
    if (text.size() > zct::json_bytes_max) {
        throw Refusal(Status::usage, fmt::format("{}: the watched command is longer than {} bytes: "
                                                 "start it from a script",
                                                 printable(path), zct::json_bytes_max));
    }
    impl_->open_part();
    impl_->pending.reserve(zct::block_records_max);
    impl_->write_file_header();
    impl_->write_json(BlockKind::info, text);
}

TraceWriter::~TraceWriter() {
    if (!impl_ || impl_->closed || !impl_->failed.empty()) return;
    try {
        impl_->write_pending();
    } catch (const std::exception& error) {
        // Nobody is left to catch it, but it must not pass in silence.
        std::fprintf(stderr, "zcv: %s\n", error.what());
    }
}

void TraceWriter::append(std::span<const zcv_event> events) {
    ZCV_CHECK(!impl_->closed);
    std::vector<zcv_event>& pending = impl_->pending;
    while (!events.empty()) {
        const std::size_t room = zct::block_records_max - pending.size();
        const auto taken = events.first(std::min(room, events.size()));
        pending.insert(pending.end(), taken.begin(), taken.end());
        events = events.subspan(taken.size());
        if (pending.size() == zct::block_records_max) impl_->write_pending();
    }
    if (!impl_->failed.empty()) throw Refusal(Status::unable, impl_->failed);
}

void TraceWriter::append(const Stack& stack) {
    ZCV_CHECK(!impl_->closed);
    const std::string text = zct::text_of(zct::json_of(stack));
    if (text.size() <= zct::json_bytes_max) impl_->write_json(BlockKind::stack, text);
    if (!impl_->failed.empty()) throw Refusal(Status::unable, impl_->failed);
}

void TraceWriter::flush() {
    ZCV_CHECK(!impl_->closed);
    impl_->write_pending();
    if (!impl_->failed.empty()) throw Refusal(Status::unable, impl_->failed);
}

void TraceWriter::close(const Totals& totals) {
    ZCV_CHECK(!impl_->closed);
    impl_->write_pending();
    impl_->write_json(BlockKind::totals, zct::text_of(zct::json_of(totals)));
    // Once, so that NAME never stands for a trace the disk does not have; some file systems cannot.
    if (::fsync(impl_->fd) != 0 && errno != EINVAL && errno != EROFS) impl_->disk_failed(errno);
    if (::rename(impl_->part.c_str(), impl_->path.c_str()) != 0) {
        const int error = errno;
        throw Refusal(
            Status::unable,
            fmt::format("{}: cannot be renamed to {}: {}: rename it by hand",
                        printable(impl_->part), printable(impl_->path), error_words(error)));
    }
    impl_->closed = true;
}

}  // namespace zcv
