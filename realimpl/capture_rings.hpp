#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "realimpl/observer_shared.h"

namespace zcv {

// The reader's side of the rings that the observer writes records to, one a CPU (observer_ring.h).
class RecordRings {
  public:
    // The maps `slots` and `taken`, and how many slots each CPU has. Throws std::system_error.
    RecordRings(int slots_fd, int taken_fd, std::size_t cpus, std::uint32_t slots_of_cpu);
    ~RecordRings();
    RecordRings(const RecordRings&) = delete;
    RecordRings& operator=(const RecordRings&) = delete;

    // How many slots each CPU has when all of them together may hold so many bytes: a power of two,
    // and never so few that a record could not be taken at all.
    static std::uint32_t slots_for(std::uint64_t bytes, std::size_t cpus);

    // Appends the records that wait, in the order of their time; false when there were none.
    bool take(std::vector<zcv_event>& out);

  private:
    std::size_t cpus_;
    std::uint32_t slots_of_cpu_;
    std::size_t slots_bytes_;
    std::size_t taken_bytes_;
    const zcv_slot* slots_ = nullptr;
    zcv_taken* taken_ = nullptr;
};

}  // namespace zcv
