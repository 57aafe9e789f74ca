#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "traces/zct.hpp"

// Bytes as records, and records as bytes: the input of the replay engine's fuzzer. Objects are
// numbers from 0 (none) to 255, and time goes on by each record's own step.
namespace zcv::fuzz {

struct Packed {
    std::uint8_t kind, cpu, req, ring, sock, ubuf, chain, owner, skb, head, addr, user_data, hash;
    std::uint8_t len, refs, res, cqe_flags, generation, dataref, zc_flags, sqe_flags, shinfo_flags;
    std::uint8_t context, protocol, sequence, step;
};
static_assert(sizeof(Packed) == 26);

inline constexpr std::uint64_t names_begin = 0xffff888000000000;
inline constexpr std::int32_t results[]{0, 1, 4096, -125, -14, -22, -11, -32};

inline std::uint64_t named(std::uint8_t number) {
    return number == 0 ? 0 : names_begin + number * 0x100ULL;
}

inline zcv_event unpacked(const Packed& packed, std::uint64_t& now_ns, std::uint32_t& seq) {
    zcv_event event{};
    now_ns += packed.step * 1000ULL;
    event.time_ns = now_ns;
    event.seq = seq++;
    event.kind = packed.kind % (ZCV_KIND_COUNT + 1);
    event.cpu = packed.cpu % 2 == 0 ? 0 : 1;
    event.req = named(packed.req);
    event.ring = named(packed.ring);
    event.sock = named(packed.sock);
    event.ubuf = named(packed.ubuf);
    event.chain = named(packed.chain);
    event.owner = named(packed.owner);
    event.skb = named(packed.skb);
    event.head = named(packed.head);
    event.addr =
        packed.sequence != 0 ? (1ULL << 32U) + packed.sequence * 1024ULL : packed.addr * 4096ULL;
    event.user_data = packed.user_data;
    event.hash = packed.hash;
    event.len = packed.len * 1024U;
    event.refs = packed.refs == 255 ? ZCV_REFS_UNKNOWN : packed.refs;
    event.res = results[packed.res % std::size(results)];
    if ((packed.res & 0x80U) != 0) event.res = static_cast<std::int32_t>(0x80000000U);
    event.cqe_flags = packed.cqe_flags;
    event.generation = packed.generation;
    event.dataref = packed.dataref;
    event.zc_flags = packed.zc_flags;
    event.sqe_flags = packed.sqe_flags;
    event.shinfo_flags = packed.shinfo_flags;
    event.context = packed.context % 4;
    event.protocol = packed.protocol % 2 == 0 ? 17 : 6;
    event.pid = event.tgid = 1 + packed.cpu / 64U;
    return event;
}

inline Trace trace_of(std::span<const std::uint8_t> bytes) {
    Trace trace;
    trace.info.kernel_release = "6.18.0";
    trace.info.hash = "full";
    std::uint64_t now_ns = 1'000'000;
    std::uint32_t seq = 0;
    for (; bytes.size() >= sizeof(Packed); bytes = bytes.subspan(sizeof(Packed))) {
        Packed packed;
        std::copy_n(bytes.begin(), sizeof packed, reinterpret_cast<std::uint8_t*>(&packed));
        trace.events.push_back(unpacked(packed, now_ns, seq));
    }
    return trace;
}

// A capture as such a list, as well as that goes: its objects are numbered in the order in which
// they appear, and times, lengths and results are rounded.
inline std::vector<std::uint8_t> bytes_of(const Trace& trace) {
    std::map<std::uint64_t, std::uint8_t> numbers{{0, 0}};
    const auto number = [&](std::uint64_t name) {
        return numbers.try_emplace(name, static_cast<std::uint8_t>(1 + (numbers.size() - 1) % 250))
            .first->second;
    };
    const auto byte = [](std::uint64_t value) {
        return static_cast<std::uint8_t>(std::min<std::uint64_t>(value, 254));
    };
    std::vector<std::uint8_t> bytes;
    std::uint64_t before = trace.events.empty() ? 0 : trace.events.front().time_ns;
    for (const zcv_event& event : trace.events) {
        const auto* const result = std::ranges::find(results, event.res);
        const bool stream = event.addr >= 1ULL << 32U && event.skb != 0;
        const Packed packed{
            .kind = byte(event.kind),
            .cpu = byte(event.cpu % 2),
            .req = number(event.req),
            .ring = number(event.ring),
            .sock = number(event.sock),
            .ubuf = number(event.ubuf),
            .chain = number(event.chain),
            .owner = number(event.owner),
            .skb = number(event.skb),
            .head = number(event.head),
            .addr = stream ? std::uint8_t{0} : number(event.addr),
            .user_data = byte(event.user_data),
            .hash = number(event.hash),
            .len = byte(event.len / 1024),
            .refs = event.refs == ZCV_REFS_UNKNOWN ? std::uint8_t{255} : byte(event.refs),
            .res = event.res == static_cast<std::int32_t>(0x80000000U)
                       ? std::uint8_t{0x80}
                       : byte(static_cast<std::uint64_t>(
                             result == std::end(results) ? 2 : result - results)),
            .cqe_flags = byte(event.cqe_flags),
            .generation = byte(event.generation),
            .dataref = byte(event.dataref),
            .zc_flags = byte(event.zc_flags),
            .sqe_flags = event.sqe_flags,
            .shinfo_flags = event.shinfo_flags,
            .context = event.context,
            .protocol = static_cast<std::uint8_t>(event.protocol == 6),
            .sequence = stream ? byte(1 + event.addr / 1024 % 250) : std::uint8_t{0},
            .step = byte((event.time_ns - std::min<std::uint64_t>(before, event.time_ns)) / 1000),
        };
        before = std::max<std::uint64_t>(before, event.time_ns);
        const auto* const begin = reinterpret_cast<const std::uint8_t*>(&packed);
        bytes.insert(bytes.end(), begin, begin + sizeof packed);
    }
    return bytes;
}

}  // namespace zcv::fuzz
