#include "realimpl/drive_message.hpp"

#include <algorithm>
#include <cstring>

#include "model/ensure.hpp"

namespace zcv::drive {

namespace {

constexpr std::uint32_t magic = 0x315a4356;

struct Header {
    std::uint32_t magic;
    std::uint32_t length;
    std::uint64_t sequence;
};
static_assert(sizeof(Header) == message_size_min);

// splitmix64: one multiplication chain a word, good enough that no two messages look alike.
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

Header header_of(std::span<const std::byte> bytes) {
    Header header{};
    if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

std::uint64_t differing(std::span<const std::byte> a, std::span<const std::byte> b) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) count += a[i] != b[i];
    return count + std::max(a.size(), b.size()) - std::min(a.size(), b.size());
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void write_message(std::span<std::byte> out, std::uint64_t seed, std::uint64_t sequence) {
    ZCV_CHECK(out.size() >= sizeof(Header));
    const Header header{magic, static_cast<std::uint32_t>(out.size()), sequence};
    std::memcpy(out.data(), &header, sizeof header);
    std::uint64_t word = mixed(seed) ^ mixed(~sequence);
    for (std::size_t at = sizeof header; at < out.size(); at += sizeof word) {
        word = mixed(word);
        std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
    }
}

DatagramJudge::DatagramJudge(std::uint64_t seed, std::uint64_t sends, std::uint64_t size)
    : seed_(seed), expected_(size), seen_(sends) {}

void DatagramJudge::take(std::span<const std::byte> datagram) {
    ++tally_.messages;
    const Header header = header_of(datagram);
    const bool named = header.magic == magic && header.sequence < seen_.size();
    if (!named) {
        ++tally_.torn;
        tally_.wrong_bytes += datagram.size();
        return;
    }
    write_message(expected_, seed_, header.sequence);
    if (!same(datagram, expected_)) {
        ++tally_.torn;
        tally_.wrong_bytes += differing(datagram, expected_);
    } else if (seen_[header.sequence]) {
        ++tally_.replaced;
        tally_.wrong_bytes += datagram.size();
    } else {
        ++tally_.right;
        seen_[header.sequence] = true;
    }
}

StreamJudge::StreamJudge(std::uint64_t seed, std::uint64_t size)
    : seed_(seed), expected_(size), other_(size), arrived_(size) {}

void StreamJudge::take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::size_t part = std::min<std::size_t>(bytes.size(), arrived_.size() - at_);
        std::memcpy(arrived_.data() + at_, bytes.data(), part);
        bytes = bytes.subspan(part);
        at_ += part;
        if (at_ == arrived_.size()) finish_message();
    }
}

void StreamJudge::finish_message() {
    at_ = 0;
    write_message(expected_, seed_, tally_.messages++);
    if (same(arrived_, expected_)) {
        ++tally_.right;
        return;
    }
    tally_.wrong_bytes += differing(arrived_, expected_);
    const Header header = header_of(arrived_);
    write_message(other_, seed_, header.sequence);
    ++(header.magic == magic && same(arrived_, other_) ? tally_.replaced : tally_.torn);
}

}  // namespace zcv::drive
