#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// How the records of a block become few bytes that are read fast. A record is as many words of 8
// bytes as it has, and each is stored as what it has other than one of the 255 before it:
//
//   record  = back mask code* bytes*
//   back    = 1 byte: how many records before; 0 stands for a record of zeros
//   mask    = a bit for each word, the first lowest, in whole bytes: whether it differs
//   code    = 4 bits for each word that differs, the first in the low half: which bytes of the
//             exclusive or of both words follow, the others being 0; filled up to a whole byte
//
//   code 0-7    the lowest 1 to 8
//   code 8-11   the lowest 1 to 4 of the upper half
//   code 12-15  as many of the lower and of the upper half: 1, 2, 3, and (15) none of the lower
//               byte, 2 above that
//
// An skb keeps its names from record to record and so does a send, so most words are those of the
// last record of the same kind or of the same packet.
namespace zcv::zct {

// Bytes that pack() may need, with what it writes beyond its last.
std::size_t packed_max(std::size_t records, std::uint32_t record_bytes);

// `raw` holds whole records of record_bytes, which is a multiple of 8 and at most 1024; `packed`
// has room for packed_max(). How many bytes it took.
std::size_t pack(std::span<const std::byte> raw, std::uint32_t record_bytes,
                 std::span<std::byte> packed);

// Fills `raw`; false when these bytes are no such records, or more or fewer.
bool unpack(std::span<const std::byte> packed, std::uint32_t record_bytes,
            std::span<std::byte> raw);

}  // namespace zcv::zct
