#include "model/checker/level_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "model/checker/visited.hpp"
#include "model/outcome.hpp"

namespace zcv::checker {
namespace {

constexpr std::uint64_t magic = 0x32'6c'65'76'6c'76'63'7aU;  // "zcvlvel2"
constexpr std::uint32_t count_max = std::uint32_t{1} << 24;

std::uint64_t checksum(const LevelFile::Header& header, const std::uint64_t* payload,
                       std::size_t words) {
    std::uint64_t sum = mixed(header.kind + (std::uint64_t{header.count} << 32)) + header.level;
    for (std::size_t i = 0; i < words; ++i) sum = mixed(sum ^ payload[i]);
    return sum;
}

// A text as words, its length first.
std::vector<std::uint64_t> words_of(const std::string& text) {
    std::vector<std::uint64_t> words(1 + (text.size() + 7) / 8);
    words[0] = text.size();
    std::memcpy(words.data() + 1, text.data(), text.size());
    return words;
}

std::string text_of(const std::vector<std::uint64_t>& words) {
    if (words.empty() || words[0] > (words.size() - 1) * 8) return "";
    std::string text(words[0], ' ');
    std::memcpy(text.data(), words.data() + 1, text.size());
    return text;
}

// All of it, however often the system takes only a part.
bool write_all(int fd, const void* data, std::size_t bytes, std::uint64_t at) {
    const char* from = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t n = pwrite(fd, from, bytes, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        from += n;
        at += static_cast<std::uint64_t>(n);
        bytes -= static_cast<std::size_t>(n);
    }
    return true;
}

bool read_all(int fd, void* data, std::size_t bytes, std::uint64_t at) {
    char* to = static_cast<char*>(data);
    while (bytes > 0) {
        const ssize_t n = pread(fd, to, bytes, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        at += static_cast<std::uint64_t>(n);
        bytes -= static_cast<std::size_t>(n);
    }
    return true;
}

}  // namespace

LevelFile::~LevelFile() {
    if (fd_ >= 0) close(fd_);
}

void LevelFile::refuse(const std::string& what) const {
    throw Refusal(Status::usage, "check: " + name_ + ": " + what);
}

void LevelFile::open_for(const std::string& file, int flags) {
    name_ = file;
    fd_ = ::open(file.c_str(), flags | O_RDWR | O_CLOEXEC, 0644);
    if (fd_ < 0) refuse(std::strerror(errno) + std::string(": name a file that can be written"));
}

void LevelFile::create_temporary(const std::string& folder, std::size_t words) {
    words_ = words;
    name_ = folder;
    std::string pattern = folder + "/zcv-frontier-XXXXXX";
    fd_ = mkostemp(pattern.data(), O_CLOEXEC);
    if (fd_ < 0) refuse(std::strerror(errno) + std::string(": name a folder that can be written"));
    unlink(pattern.c_str());
}

void LevelFile::create(const std::string& file, const std::string& search, std::size_t words) {
    words_ = words;
    open_for(file, O_CREAT | O_TRUNC);
    const std::vector<std::uint64_t> payload = words_of(search);
    if (append(key, 0, static_cast<std::uint32_t>(payload.size()), payload.data(),
               payload.size()) == none)
        refuse(complaint());
}

std::vector<std::uint64_t> LevelFile::open(const std::string& file, const std::string& search,
                                           std::size_t words) {
    words_ = words;
    open_for(file, 0);
    Header header{};
    std::vector<std::uint64_t> payload;
    if (!read_record(0, header, payload) || header.kind != key)
        refuse("not a checkpoint of zcv check: name a file that --checkpoint has written");
    if (const std::string other = text_of(payload); other != search)
        refuse("is the checkpoint of another search (" + other + "): resume that one, or start " +
               "anew without --resume");
    std::vector<std::uint64_t> ended_with;
    std::uint64_t whole = 0;
    std::uint64_t at = sizeof header + payload.size() * sizeof(std::uint64_t);
    while (read_record(at, header, payload)) {
        at += sizeof header + payload.size() * sizeof(std::uint64_t);
        if (header.kind != level_end) continue;
        ended_with = payload;
        whole = at;
    }
    if (whole == 0) refuse("holds no whole level yet: start anew without --resume");
    if (ftruncate(fd_, static_cast<off_t>(whole)) != 0) refuse(std::strerror(errno));
    end_ = whole;
    return ended_with;
}

void LevelFile::each_states(const std::function<void(std::uint64_t, std::uint64_t, std::uint32_t,
                                                     const std::uint64_t*)>& use) {
    Header header{};
    std::vector<std::uint64_t> payload;
    for (std::uint64_t at = 0; at < end_; at += sizeof header + payload.size() * 8) {
        if (!read_record(at, header, payload)) refuse("cannot be read again");
        if (header.kind == states) use(header.level, at, header.count, payload.data());
    }
}

std::size_t LevelFile::payload_words(const Header& header) const {
    return header.kind == states ? header.count * words_ : header.count;
}

bool LevelFile::read_record(std::uint64_t at, Header& header,
                            std::vector<std::uint64_t>& payload) const {
    if (!read_all(fd_, &header, sizeof header, at)) return false;
    if (header.magic != magic || header.count > count_max) return false;
    payload.resize(payload_words(header));
    return read_all(fd_, payload.data(), payload.size() * 8, at + sizeof header) &&
           header.checksum == checksum(header, payload.data(), payload.size());
}

std::uint64_t LevelFile::append(Kind kind, std::uint64_t level, std::uint32_t count,
                                const std::uint64_t* payload, std::size_t payload_words) {
    Header header{magic, kind, count, level, 0};
    header.checksum = checksum(header, payload, payload_words);
    const std::uint64_t bytes = sizeof header + payload_words * sizeof(std::uint64_t);
    const std::uint64_t at = end_.fetch_add(bytes);
    // The header last: where it is, what it speaks of is there too.
    const bool written =
        write_all(fd_, payload, payload_words * sizeof(std::uint64_t), at + sizeof header) &&
        write_all(fd_, &header, sizeof header, at);
    if (written) return at;
    error_ = errno;
    return none;
}

bool LevelFile::read(std::uint64_t at, std::uint64_t* payload, std::size_t payload_words) const {
    return read_all(fd_, payload, payload_words * sizeof(std::uint64_t), at + sizeof(Header));
}

void LevelFile::clear() {
    end_ = 0;
    if (ftruncate(fd_, 0) != 0) error_ = errno;
}

std::string LevelFile::complaint() const {
    return error_ == 0 ? "" : "disk: " + name_ + ": " + std::strerror(error_);
}

}  // namespace zcv::checker
