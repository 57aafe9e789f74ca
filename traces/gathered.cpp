#include "traces/gathered.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "traces/touches.hpp"

namespace zcv {
namespace {

// As the observer does it (observer_hash.h).
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ (hash >> 29U);
}

}  // namespace

void Gathered::see(const zcv_event& vector) {
    announced_[vector.generation].push_back({vector.addr, vector.len});
}

std::optional<std::string> Gathered::settle(const zcv_event& send) {
    if (send.nr_frags < 2 && announced_.empty()) return std::nullopt;
    const auto node = announced_.extract(send.generation);
    if (send.nr_frags < 2 && node.empty()) return std::nullopt;
    Pieces pieces = node.empty() ? Pieces{} : std::move(node.mapped());
    if (pieces.size() != send.nr_frags)
        return fmt::format("its payload lies in {} iovecs, and {} are recorded",
                           std::max<unsigned>(send.nr_frags, 1), pieces.size());
    std::uint64_t layout = pieces.size();
    for (const Piece& piece : pieces) layout = mix(mix(layout, piece.addr), piece.len);
    const std::uint64_t bytes =
        std::accumulate(pieces.begin(), pieces.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const Piece& piece) { return sum + piece.len; });
    if ((layout | 1U) != send.owner || pieces.front().addr != send.addr ||
        static_cast<std::uint32_t>(bytes) != send.len)
        return "its iovecs are not the ones that were recorded";
    pieces_.try_emplace(send.owner, std::move(pieces));
    return std::nullopt;
}

bool Gathered::touched(const zcv_event& touch, std::uint64_t addr, std::uint64_t len,
                       std::uint64_t layout) const {
    if (layout == 0) return touches(touch, addr, len);
    const auto found = pieces_.find(layout);
    return found != pieces_.end() && std::ranges::any_of(found->second, [&](const Piece& piece) {
               return touches(touch, piece.addr, piece.len);
           });
}

}  // namespace zcv
