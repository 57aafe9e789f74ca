#include "realimpl/capture_rings.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <iterator>
#include <system_error>

namespace zcv {
namespace {

constexpr std::uint64_t slots_min = 8;

std::size_t whole_pages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

void* mapped(int fd, std::size_t bytes, int protection) {
    void* const at = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "the records cannot be mapped");
    return at;
}

}  // namespace

RecordRings::RecordRings(int slots_fd, int taken_fd, std::size_t cpus, std::uint32_t slots_of_cpu)
    : cpus_(cpus),
      slots_of_cpu_(slots_of_cpu),
      slots_bytes_(whole_pages(cpus * slots_of_cpu * sizeof(zcv_slot))),
      taken_bytes_(whole_pages(cpus * sizeof(zcv_taken))) {
    slots_ = static_cast<const zcv_slot*>(mapped(slots_fd, slots_bytes_, PROT_READ));
    taken_ = static_cast<zcv_taken*>(mapped(taken_fd, taken_bytes_, PROT_READ | PROT_WRITE));
}

RecordRings::~RecordRings() {
    munmap(const_cast<zcv_slot*>(slots_), slots_bytes_);
    munmap(taken_, taken_bytes_);
}

std::uint32_t RecordRings::slots_for(std::uint64_t bytes, std::size_t cpus) {
    return static_cast<std::uint32_t>(
        std::bit_floor(std::max(bytes / cpus / sizeof(zcv_slot), slots_min)));
}

bool RecordRings::take(std::vector<zcv_event>& out) {
    const auto earlier = [](const zcv_event& a, const zcv_event& b) {
        return a.time_ns < b.time_ns;
    };
    const auto start = static_cast<std::ptrdiff_t>(out.size());
    for (std::size_t cpu = 0; cpu < cpus_; ++cpu) {
        const auto own = static_cast<std::ptrdiff_t>(out.size());
        const zcv_slot* const ring = slots_ + cpu * slots_of_cpu_;
        std::uint64_t position = taken_[cpu].position;
        // Bounded, so that a fast CPU does not keep the reader from the others.
        for (std::uint32_t turn = 0; turn < slots_of_cpu_; ++turn, ++position) {
            const zcv_slot& slot = ring[position % slots_of_cpu_];
            if (__atomic_load_n(&slot.stamp, __ATOMIC_ACQUIRE) != 2 * position + 1) break;
            out.push_back(slot.event);
        }
        __atomic_store_n(&taken_[cpu].position, position, __ATOMIC_RELEASE);
        // An interrupt's record is numbered before the one that it came in the midst of.
        if (!std::is_sorted(out.begin() + own, out.end(), earlier))
            std::stable_sort(out.begin() + own, out.end(), earlier);
        std::inplace_merge(out.begin() + start, out.begin() + own, out.end(), earlier);
    }
    return static_cast<std::ptrdiff_t>(out.size()) != start;
}

}  // namespace zcv
