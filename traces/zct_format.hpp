#pragma once

#include <xxhash.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "traces/zcv_event.h"

// The bytes of a .zct file; zct.hpp says what they mean together. Headers and records are written
// as they lie in memory, so every field has a fixed width, there is no padding, and the machine is
// little endian.
namespace zcv::zct {

static_assert(std::endian::native == std::endian::little, "records are stored as they are");
static_assert(std::has_unique_object_representations_v<zcv_event>, "zcv_event has padding");

// The line ends and the byte above 127 show a transfer that took the file for text.
inline constexpr std::array<unsigned char, 8> file_magic{0x89, 'Z',  'C',  'T',
                                                         '\r', '\n', 0x1a, '\n'};
inline constexpr std::uint32_t byte_order_mark = 0x01020304;
inline constexpr std::uint32_t byte_order_swapped = 0x04030201;

struct FileHeader {
    std::array<unsigned char, 8> magic = file_magic;
    std::uint32_t byte_order = byte_order_mark;
    std::uint16_t version_major = 0;  // up to here the same in every version
    std::uint16_t version_minor = 0;
    std::uint32_t record_bytes = sizeof(zcv_event);
    std::uint32_t reserved = 0;
    std::uint64_t checksum = 0;  // XXH3-64 of the bytes before it
};
static_assert(sizeof(FileHeader) == 32);
static_assert(std::has_unique_object_representations_v<FileHeader>);

enum class BlockKind : std::uint16_t { info = 1, events = 2, totals = 3, stack = 4 };

// Of an events block: how the payload is compressed.
inline constexpr std::uint16_t flag_zstd = 1;   // one zstd frame: what was written before 1.3
inline constexpr std::uint16_t flag_words = 3;  // as zct_words.hpp says, since 1.3
inline constexpr std::uint16_t flags_known = 3;

struct BlockHeader {
    std::array<char, 4> magic{'Z', 'B', 'L', 'K'};
    std::uint16_t kind = 0;
    std::uint16_t flags = 0;
    std::uint32_t number = 0;         // counts the blocks of the file from 0
    std::uint32_t payload_bytes = 0;  // as stored, without the zeros that pad it to 8 bytes
    std::uint32_t raw_bytes = 0;  // after decompression; payload_bytes where nothing is compressed
    std::uint32_t reserved = 0;
    std::uint64_t checksum = 0;  // see checksum_of(BlockHeader)
};
static_assert(sizeof(BlockHeader) == 32);
static_assert(std::has_unique_object_representations_v<BlockHeader>);

// Bounds that a reader relies on, so that a hostile file cannot ask for more than its size
// justifies.
inline constexpr std::uint32_t block_records_max = 4096;
inline constexpr std::uint32_t record_bytes_min = offsetof(zcv_event, context);
inline constexpr std::uint32_t record_bytes_max = 1024;
inline constexpr std::uint32_t json_bytes_max = 4U << 20U;
// No block shrinks further, and one of zct_words.hpp not nearly so far.
inline constexpr std::uint32_t ratio_max = 256;
static_assert(record_bytes_min % 8 == 0 && sizeof(zcv_event) <= record_bytes_max);

constexpr std::uint64_t padded(std::uint64_t bytes) {
    return (bytes + 7) / 8 * 8;
}

inline std::uint64_t checksum_of(const FileHeader& header) {
    return XXH3_64bits(&header, offsetof(FileHeader, checksum));
}

// Over the header's other fields and the padded payload: the hash of the first seeds the second.
inline std::uint64_t checksum_of(const BlockHeader& header,
                                 std::span<const std::byte> padded_payload) {
    const std::uint64_t seed = XXH3_64bits(&header, offsetof(BlockHeader, checksum));
    return XXH3_64bits_withSeed(padded_payload.data(), padded_payload.size(), seed);
}

// Files are not aligned in memory.
template <typename Header>
Header header_at(std::span<const std::byte> bytes) {
    static_assert(std::is_trivially_copyable_v<Header>);
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

}  // namespace zcv::zct
