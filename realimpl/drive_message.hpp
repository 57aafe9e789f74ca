#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "realimpl/drive_sizes.hpp"

namespace zcv::drive {

// Magic, length, sequence number; the rest follows from (seed, sequence), so that a receiver knows
// every byte without being told. What is too small for that begins with as much of its sequence
// number as fits.
constexpr std::uint64_t header_size = 16;

void write_message(std::span<std::byte> out, std::uint64_t seed, std::uint64_t sequence);

// What the receiver found. Every message is counted once, as right, wrong or lost.
struct Tally {
    std::uint64_t messages = 0;  // arrived, whatever was in them
    std::uint64_t right = 0;
    std::uint64_t replaced = 0;     // a whole other message stood in this one's place
    std::uint64_t torn = 0;         // neither one message nor another
    std::uint64_t wrong_bytes = 0;  // bytes nobody sent at that place
    std::uint64_t wrong() const { return replaced + torn; }
};

// Judges datagrams. The n-th to arrive is the n-th sent, and should carry sequence n. Where the
// network swapped some, what they carry is a closed cycle of one another's numbers; an overwritten
// buffer only ever shows a later message, so such a chain never closes.
class DatagramJudge {
  public:
    DatagramJudge(std::uint64_t seed, std::uint64_t sends, const Sizes& sizes);
    void take(std::span<const std::byte> datagram);
    std::uint64_t messages() const { return carried_.size(); }
    // Call it after the last datagram if fewer were sent than was planned.
    void end_at(std::uint64_t sends);
    // After the last datagram. If any was lost, the places of the others are unknown: then only
    // sequence numbers that came twice count as replaced, which is a lower bound.
    Tally tally() const;

  private:
    Tally tally_of_places() const;
    Tally tally_of_repetitions() const;

    std::span<const std::byte> message(std::vector<std::byte>& room, std::uint64_t sequence) const;
    std::uint64_t sequence_of(std::span<const std::byte> datagram) const;

    std::uint64_t seed_;
    std::uint64_t sends_;
    Sizes sizes_;
    std::vector<std::byte> expected_;
    std::vector<std::uint32_t> carried_;  // sequence number by order of arrival, or torn_mark
    Tally torn_;
};

// Judges a stream: message n must stand right behind message n - 1.
class StreamJudge {
  public:
    StreamJudge(std::uint64_t seed, const Sizes& sizes);
    void take(std::span<const std::byte> bytes);
    // The stream has ended; what there is of an unfinished message is wrong or lost.
    void finish();
    const Tally& tally() const { return tally_; }

  private:
    void start_message();
    void finish_message();

    std::uint64_t seed_;
    Sizes sizes_;
    std::vector<std::byte> expected_;
    std::vector<std::byte> other_;
    std::vector<std::byte> arrived_;
    std::uint64_t at_ = 0;
    Tally tally_;
};

}  // namespace zcv::drive
