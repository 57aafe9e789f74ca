#include "model/checker/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace zcv::checker {
namespace {

constexpr std::uint64_t huge_page_bytes = std::uint64_t{2} << 20;

std::uint64_t memory_of_machine() {
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Region::Region(std::uint64_t bytes_max) {
    const std::uint64_t wanted = bytes_max == 0 ? memory_of_machine() : bytes_max;
    bytes_ = (wanted / huge_page_bytes + 1) * huge_page_bytes;
    // A limit on address space (ulimit -v) makes the search smaller, not impossible.
    for (; bytes_ >= huge_page_bytes; bytes_ = bytes_ / 2 / huge_page_bytes * huge_page_bytes) {
        void* const got = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) continue;
        data_ = static_cast<std::uint64_t*>(got);
        return;
    }
    throw std::bad_alloc();
}

Region::~Region() {
    munmap(data_, bytes_);
}

void Region::advise(std::uint64_t first_byte, std::uint64_t bytes, int advice) const {
    const auto at = reinterpret_cast<std::uintptr_t>(data_) + first_byte;
    const auto begin = (at + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    const auto end = (at + bytes) / huge_page_bytes * huge_page_bytes;
    if (end <= begin) return;
    static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, advice));
}

void Region::want_huge(std::uint64_t first_byte, std::uint64_t bytes) const {
    advise(first_byte, bytes, MADV_HUGEPAGE);
}

void Region::make_huge(std::uint64_t first_byte, std::uint64_t bytes) const {
    constexpr int madv_collapse = 25;  // since Linux 6.1; older C libraries do not name it
    want_huge(first_byte, bytes);
    advise(first_byte, bytes, madv_collapse);
}

}  // namespace zcv::checker
