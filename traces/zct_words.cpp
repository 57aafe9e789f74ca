#include "traces/zct_words.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "traces/zcv_event.h"

namespace zcv::zct {
namespace {

constexpr std::size_t words_max = 128;
constexpr std::size_t back_max = 255;

struct Code {
    std::uint64_t low = 0;    // which of the stored bytes are of the lower half, or of both
    std::uint64_t high = 0;   // which bytes of the upper half come from behind those
    std::uint8_t shift = 0;   // of the former, to where they belong
    std::uint8_t behind = 0;  // bits before the latter
    std::uint8_t bytes = 0;   // stored
};

constexpr std::uint64_t low_bytes(unsigned bytes) {
    return bytes >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1;
}

constexpr std::array<Code, 16> codes = [] {
    std::array<Code, 16> all{};
    for (std::uint8_t i = 0; i < 8; ++i)
        all[i] = {low_bytes(i + 1U), 0, 0, 0, static_cast<std::uint8_t>(i + 1)};
    for (std::uint8_t i = 0; i < 4; ++i)
        all[8U + i] = {low_bytes(i + 1U), 0, 32, 0, static_cast<std::uint8_t>(i + 1)};
    for (std::uint8_t i = 0; i < 3; ++i)
        all[12U + i] = {low_bytes(i + 1U), low_bytes(i + 1U) << 32U, 0,
                        static_cast<std::uint8_t>(8 * i + 8), static_cast<std::uint8_t>(2 * i + 2)};
    all[15] = {low_bytes(2), 0, 8, 0, 2};
    return all;
}();

std::uint64_t word_at(const std::byte* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// Which code takes the fewest bytes for this difference.
unsigned code_of(std::uint64_t difference) {
    const auto bytes_of = [](std::uint64_t value) {
        return (71U - static_cast<unsigned>(std::countl_zero(value))) / 8;
    };
    const std::uint64_t low = difference & low_bytes(4);
    const std::uint64_t high = difference >> 32U;
    if (high == 0) {
        if ((low & 0xff) == 0 && bytes_of(low) == 3) return 15;
        return bytes_of(low) - 1;
    }
    if (low == 0) return 7 + bytes_of(high);
    const unsigned both = std::max(bytes_of(low), bytes_of(high));
    if (both <= 3 && 2 * both < bytes_of(difference)) return 11 + both;
    return bytes_of(difference) - 1;
}

// What of the difference is stored under this code.
std::uint64_t stored(const Code& code, std::uint64_t difference) {
    const std::uint64_t high = (difference & code.high) >> 32U;
    return (difference >> code.shift & code.low) | high << code.behind;
}

std::uint64_t restored(const Code& code, std::uint64_t bytes) {
    return (bytes & code.low) << code.shift | ((bytes >> code.behind) << 32U & code.high);
}

// Where records were that are like the next one: the last of its kind, and of its packet.
class Likes {
  public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    using Candidates = std::array<std::size_t, 4>;

    Candidates of(const std::byte* record, std::size_t number) {
        zcv_event event;
        std::memcpy(&event, record, sizeof event);
        std::size_t& kind = last_of_kind_[event.kind % last_of_kind_.size()];
        std::size_t& head = slot(event.kind == ZCV_SKB_CONSUME ? event.skb : event.head);
        std::size_t& send = slot(event.generation * std::uint64_t{0x10001});
        const Candidates all{kind, head, send, number == 0 ? none : number - 1};
        kind = head = send = number;
        return all;
    }
    Likes() {
        last_of_kind_.fill(none);
        last_named_.fill(none);
    }

  private:
    std::size_t& slot(std::uint64_t name) { return last_named_[name * 0x9e3779b97f4a7c15U >> 56U]; }
    std::array<std::size_t, 64> last_of_kind_;
    std::array<std::size_t, 256> last_named_;
};

// Words that are not the same.
std::size_t differing(const std::byte* record, const std::byte* like, std::size_t count) {
    std::size_t differ = 0;
    for (std::size_t i = 0; i < count; ++i)
        differ += word_at(record + 8 * i) != word_at(like + 8 * i);
    return differ;
}

constexpr std::array<std::byte, 8 * words_max> zeros{};

// Its place depends on how many words differ.
std::byte* put(const std::byte* record, const std::byte* like, std::size_t count,
               std::size_t differ, std::byte* to) {
    const std::size_t mask_bytes = (count + 7) / 8;
    const std::size_t head_bytes = mask_bytes + (differ + 1) / 2;
    std::memset(to, 0, head_bytes);
    std::byte* const nibbles = to + mask_bytes;
    std::byte* bytes = to + head_bytes;
    std::size_t nth = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t difference = word_at(record + 8 * i) ^ word_at(like + 8 * i);
        if (difference == 0) continue;
        to[i / 8] |= static_cast<std::byte>(1U << (i % 8));
        const unsigned number = code_of(difference);
        nibbles[nth / 2] |= static_cast<std::byte>(number << (nth % 2 * 4));
        ++nth;
        const std::uint64_t value = stored(codes[number], difference);
        std::memcpy(bytes, &value, sizeof value);
        bytes += codes[number].bytes;
    }
    return bytes;
}

std::size_t record_max(std::uint32_t record_bytes) {
    const std::size_t count = record_bytes / 8;
    return 1 + (count + 7) / 8 + (count + 1) / 2 + 8 * count + 8;
}

// Ones in each byte: without an instruction for it, counting them takes a call.
constexpr std::array<std::uint8_t, 256> ones = [] {
    std::array<std::uint8_t, 256> all{};
    for (unsigned i = 0; i < 256; ++i) all[i] = static_cast<std::uint8_t>(std::popcount(i));
    return all;
}();

// Reads one record of `count` words; what follows its bytes may be read, up to 8 of it.
[[gnu::always_inline]] inline const std::byte* take(const std::byte* from, std::size_t count,
                                                    std::byte* record, std::size_t number) {
    const auto back = std::to_integer<std::size_t>(*from++);
    if (back > number) return nullptr;
    std::memcpy(record, back == 0 ? zeros.data() : record - back * 8 * count, 8 * count);
    const std::size_t mask_bytes = (count + 7) / 8;
    std::size_t differ = 0;
    for (std::size_t i = 0; i < mask_bytes; ++i) differ += ones[std::to_integer<unsigned>(from[i])];
    const std::byte* nibbles = from + mask_bytes;
    const std::byte* bytes = nibbles + (differ + 1) / 2;
    std::uint64_t numbers = word_at(nibbles);
    unsigned taken = 0;
    for (std::size_t first = 0; first < count; first += 64) {
        const std::size_t words = std::min<std::size_t>(count - first, 64);
        std::uint64_t left =
            word_at(from + first / 8) & low_bytes(static_cast<unsigned>((words + 7) / 8));
        if (words < 64 && left >> words != 0) return nullptr;
        for (; left != 0; left &= left - 1) {
            std::byte* const word =
                record + 8 * (first + static_cast<std::size_t>(std::countr_zero(left)));
            const Code& code = codes[numbers & 15U];
            numbers >>= 4U;
            if (++taken % 16 == 0) numbers = word_at(nibbles + taken / 2);
            const std::uint64_t value = word_at(word) ^ restored(code, word_at(bytes));
            std::memcpy(word, &value, sizeof value);
            bytes += code.bytes;
        }
    }
    return bytes;
}

// Today's records, whose length the compiler then knows.
const std::byte* take_event(const std::byte* from, std::byte* record, std::size_t number) {
    return take(from, sizeof(zcv_event) / 8, record, number);
}
const std::byte* take_any(const std::byte* from, std::size_t count, std::byte* record,
                          std::size_t number) {
    return take(from, count, record, number);
}

}  // namespace

std::size_t packed_max(std::size_t records, std::uint32_t record_bytes) {
    return records * record_max(record_bytes) + 8;
}

std::size_t pack(std::span<const std::byte> raw, std::uint32_t record_bytes,
                 std::span<std::byte> packed) {
    const std::size_t count = record_bytes / 8;
    Likes likes;
    std::byte* to = packed.data();
    for (std::size_t number = 0; number * record_bytes < raw.size(); ++number) {
        const std::byte* const record = raw.data() + number * record_bytes;
        const std::byte* best = zeros.data();
        std::size_t fewest = differing(record, best, count);
        std::size_t back = 0;
        for (const std::size_t like : likes.of(record, number)) {
            if (like == Likes::none || number - like > back_max || number - like == back) continue;
            const std::byte* const other = raw.data() + like * record_bytes;
            const std::size_t differ = differing(record, other, count);
            if (differ >= fewest) continue;
            best = other;
            fewest = differ;
            back = number - like;
        }
        *to++ = static_cast<std::byte>(back);
        to = put(record, best, count, fewest, to);
    }
    return static_cast<std::size_t>(to - packed.data());
}

bool unpack(std::span<const std::byte> packed, std::uint32_t record_bytes,
            std::span<std::byte> raw) {
    const std::size_t count = record_bytes / 8;
    const std::size_t most = record_max(record_bytes) + 8;
    std::array<std::byte, 4096> tail;  // the end, with something behind it to be read
    const std::byte* from = packed.data();
    const std::byte* end = from + packed.size();
    bool in_tail = false;
    for (std::size_t number = 0; number * record_bytes < raw.size(); ++number) {
        if (!in_tail && static_cast<std::size_t>(end - from) < most) {
            tail.fill(std::byte{0});
            std::memcpy(tail.data(), from, static_cast<std::size_t>(end - from));
            end = tail.data() + (end - from);
            from = tail.data();
            in_tail = true;
        }
        if (from >= end) return false;
        std::byte* const record = raw.data() + number * record_bytes;
        from = record_bytes == sizeof(zcv_event) ? take_event(from, record, number)
                                                 : take_any(from, count, record, number);
        if (from == nullptr || from > end) return false;
    }
    return from == end;
}

}  // namespace zcv::zct
