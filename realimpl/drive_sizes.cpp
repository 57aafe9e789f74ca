#include "realimpl/drive_sizes.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>

namespace zcv::drive {

namespace {

// Digits, then k or m; consumed from the front of the text.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number > (std::uint64_t{1} << 40)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const unsigned shift = text.starts_with('k') ? 10 : text.starts_with('m') ? 20 : 0;
    if (shift != 0) text.remove_prefix(1);
    return number << shift;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

std::optional<Sizes> Sizes::parsed(const std::string& text) {
    Sizes sizes;
    sizes.ranges_.clear();
    std::string_view rest = text;
    do {
        const auto low = take_number(rest);
        const auto high = take(rest, '-') ? take_number(rest) : low;
        if (!low || !high || *low > *high) return std::nullopt;
        sizes.ranges_.push_back({*low, *high});
    } while (take(rest, ','));
    return rest.empty() ? std::optional(sizes) : std::nullopt;
}

// Within a range every power of two is as likely as the next, or a wide one would hold hardly any
// small messages.
std::uint64_t Sizes::of(std::uint64_t seed, std::uint64_t sequence) const {
    if (ranges_.size() == 1 && ranges_[0].low == ranges_[0].high) return ranges_[0].low;
    const std::uint64_t random = mixed(mixed(seed) + sequence);
    const Range& range = ranges_[random % ranges_.size()];
    const unsigned width_low = static_cast<unsigned>(std::bit_width(range.low));
    const unsigned widths = static_cast<unsigned>(std::bit_width(range.high)) - width_low + 1;
    const unsigned width = width_low + static_cast<unsigned>((random >> 16) % widths);
    const std::uint64_t octave = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
    const std::uint64_t low = std::max(range.low, octave);
    const std::uint64_t high = std::min(range.high, octave == 0 ? 0 : 2 * octave - 1);
    return low + mixed(random) % (high - low + 1);
}

std::uint64_t Sizes::min() const {
    return std::ranges::min(ranges_, {}, &Range::low).low;
}

std::uint64_t Sizes::max() const {
    return std::ranges::max(ranges_, {}, &Range::high).high;
}

}  // namespace zcv::drive
