#include "realimpl/drive_message.hpp"

#include <algorithm>
#include <cstring>

#include "model/ensure.hpp"

namespace zcv::drive {

namespace {

constexpr std::uint32_t magic = 0x315a4356;
constexpr std::uint32_t torn_mark = ~0U;

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
    : seed_(seed), sends_(sends), expected_(size) {
    ZCV_CHECK(sends < torn_mark);
    carried_.reserve(sends);
}

void DatagramJudge::take(std::span<const std::byte> datagram) {
    const Header header = header_of(datagram);
    const bool named = header.magic == magic && header.sequence < sends_;
    if (named) write_message(expected_, seed_, header.sequence);
    if (named && same(datagram, expected_)) {
        carried_.push_back(static_cast<std::uint32_t>(header.sequence));
        return;
    }
    carried_.push_back(torn_mark);
    ++torn_.torn;
    torn_.wrong_bytes += named ? differing(datagram, expected_) : datagram.size();
}

Tally DatagramJudge::tally() const {
    Tally tally = carried_.size() == sends_ ? tally_of_places() : tally_of_repetitions();
    tally.messages = carried_.size();
    tally.torn = torn_.torn;
    tally.wrong_bytes += torn_.wrong_bytes;
    return tally;
}

Tally DatagramJudge::tally_of_places() const {
    // The walk each place was first reached in; a walk that meets itself has found a cycle.
    std::vector<std::uint32_t> walk(carried_.size(), 0);
    std::vector<bool> right(carried_.size());
    std::uint32_t number = 0;
    for (std::uint32_t start = 0; start < carried_.size(); ++start) {
        std::uint32_t at = start;
        ++number;
        while (at != torn_mark && walk[at] == 0) {
            walk[at] = number;
            at = carried_[at];
        }
        if (at == torn_mark || walk[at] != number) continue;
        for (; !right[at]; at = carried_[at]) right[at] = true;
    }
    Tally tally;
    std::vector<std::byte> there(expected_.size());
    std::vector<std::byte> sent(expected_.size());
    for (std::uint32_t place = 0; place < carried_.size(); ++place) {
        tally.right += right[place];
        if (right[place] || carried_[place] == torn_mark) continue;
        ++tally.replaced;
        write_message(there, seed_, carried_[place]);
        write_message(sent, seed_, place);
        tally.wrong_bytes += differing(there, sent);
    }
    return tally;
}

Tally DatagramJudge::tally_of_repetitions() const {
    Tally tally;
    std::vector<bool> seen(sends_);
    for (const std::uint32_t sequence : carried_) {
        if (sequence == torn_mark) continue;
        ++(seen[sequence] ? tally.replaced : tally.right);
        if (seen[sequence]) tally.wrong_bytes += expected_.size();
        seen[sequence] = true;
    }
    return tally;
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
