#include "model/checker/memory.hpp"

#include <sys/mman.h>

namespace zcv::checker {

Cells::~Cells() {
    if (data_ != nullptr) munmap(data_, bytes());
}

bool Cells::grow(std::size_t cells) {
    const std::size_t bytes_new = cells * sizeof(std::uint64_t);
    void* const grown = data_ == nullptr ? mmap(nullptr, bytes_new, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                         : mremap(data_, bytes(), bytes_new, MREMAP_MAYMOVE);
    if (grown == MAP_FAILED) return false;
    // Advice only: without huge pages the search is slower, not wrong.
    constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
    if (bytes_new >= huge_page_bytes) static_cast<void>(madvise(grown, bytes_new, MADV_HUGEPAGE));
    data_ = static_cast<std::uint64_t*>(grown);
    size_ = cells;
    return true;
}

}  // namespace zcv::checker
