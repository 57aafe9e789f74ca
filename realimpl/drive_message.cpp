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
static_assert(sizeof(Header) == header_size);

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
    const Header header{magic, static_cast<std::uint32_t>(out.size()), sequence};
    std::size_t at = std::min(out.size(), sizeof sequence);
    if (out.size() < sizeof header) {
        std::memcpy(out.data(), &sequence, at);
    } else {
        std::memcpy(out.data(), &header, sizeof header);
        at = sizeof header;
    }
    std::uint64_t word = mixed(seed) ^ mixed(~sequence);
    for (; at < out.size(); at += sizeof word) {
        word = mixed(word);
        std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
    }
}

DatagramJudge::DatagramJudge(std::uint64_t seed, std::uint64_t sends, const Sizes& sizes)
    : seed_(seed), sends_(sends), sizes_(sizes), expected_(sizes.max()) {
    ZCV_CHECK(sends < torn_mark);
    carried_.reserve(sends);
}

void DatagramJudge::end_at(std::uint64_t sends) {
    sends_ = std::min(sends_, sends);
    for (std::uint32_t& sequence : carried_) {
        if (sequence == torn_mark || sequence < sends_) continue;
        ++torn_.torn;
        torn_.wrong_bytes += sizes_.of(seed_, sequence);
        sequence = torn_mark;
    }
}

std::span<const std::byte> DatagramJudge::message(std::vector<std::byte>& room,
                                                  std::uint64_t sequence) const {
    const std::span<std::byte> bytes = std::span(room).first(sizes_.of(seed_, sequence));
    write_message(bytes, seed_, sequence);
    return bytes;
}

// Which message a datagram says it is. A tiny one has room for the low digits only; it is the one
// nearest to its place.
std::uint64_t DatagramJudge::sequence_of(std::span<const std::byte> datagram) const {
    const Header header = header_of(datagram);
    if (datagram.size() >= sizeof header) return header.magic == magic ? header.sequence : sends_;
    if (datagram.empty()) return sends_;
    std::uint64_t low = 0;
    std::memcpy(&low, datagram.data(), std::min(datagram.size(), sizeof low));
    if (datagram.size() >= sizeof low) return low;
    const std::uint64_t span = std::uint64_t{1} << (8 * datagram.size());
    const std::uint64_t place = carried_.size();
    const std::uint64_t ahead = (low - place) & (span - 1);
    return ahead <= span / 2 || place + ahead < span ? place + ahead : place + ahead - span;
}

void DatagramJudge::take(std::span<const std::byte> datagram) {
    const std::uint64_t sequence = sequence_of(datagram);
    const bool named = sequence < sends_;
    std::span<const std::byte> expected;
    if (named) expected = message(expected_, sequence);
    if (named && same(datagram, expected)) {
        carried_.push_back(static_cast<std::uint32_t>(sequence));
        return;
    }
    carried_.push_back(torn_mark);
    ++torn_.torn;
    torn_.wrong_bytes += named ? differing(datagram, expected) : datagram.size();
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
        tally.wrong_bytes += differing(message(there, carried_[place]), message(sent, place));
    }
    return tally;
}

Tally DatagramJudge::tally_of_repetitions() const {
    Tally tally;
    std::vector<bool> seen(sends_);
    for (const std::uint32_t sequence : carried_) {
        if (sequence == torn_mark) continue;
        ++(seen[sequence] ? tally.replaced : tally.right);
        if (seen[sequence]) tally.wrong_bytes += sizes_.of(seed_, sequence);
        seen[sequence] = true;
    }
    return tally;
}

StreamJudge::StreamJudge(std::uint64_t seed, const Sizes& sizes) : seed_(seed), sizes_(sizes) {
    start_message();
}

void StreamJudge::start_message() {
    at_ = 0;
    arrived_.resize(sizes_.of(seed_, tally_.messages));
}

void StreamJudge::take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::size_t part = std::min<std::size_t>(bytes.size(), arrived_.size() - at_);
        std::memcpy(arrived_.data() + at_, bytes.data(), part);
        bytes = bytes.subspan(part);
        at_ += part;
        if (at_ == arrived_.size()) finish_message();
    }
}

void StreamJudge::finish() {
    if (at_ == 0) return;
    expected_.resize(arrived_.size());
    write_message(expected_, seed_, tally_.messages);
    const auto there = std::span<const std::byte>(arrived_).first(at_);
    const auto sent = std::span<const std::byte>(expected_).first(at_);
    if (same(there, sent)) return;
    ++tally_.messages;
    ++tally_.torn;
    tally_.wrong_bytes += differing(there, sent);
}

void StreamJudge::finish_message() {
    expected_.resize(arrived_.size());
    write_message(expected_, seed_, tally_.messages++);
    if (same(arrived_, expected_)) {
        ++tally_.right;
        return start_message();
    }
    tally_.wrong_bytes += differing(arrived_, expected_);
    const Header header = header_of(arrived_);
    other_.resize(arrived_.size());
    write_message(other_, seed_, header.sequence);
    ++(header.magic == magic && same(arrived_, other_) ? tally_.replaced : tally_.torn);
    start_message();
}

}  // namespace zcv::drive
