#include "realimpl/page_tracking.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::uint64_t soft_dirty = std::uint64_t{1} << 55U;
// Of each process: more than these are a program that is not waiting for a few slow peers.
constexpr std::size_t sends_max = 4096;
constexpr std::size_t pages_max = 1024;  // of one range, that are looked at

std::uint64_t page_bytes() {
    static const auto bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

std::uint64_t now_monotonic() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// Only pages of which nothing but the buffer is written.
struct Pages {
    std::uint64_t first;
    std::uint64_t count;
};
Pages whole_pages(std::uint64_t addr, std::uint64_t len) {
    const std::uint64_t first = (addr + page_bytes() - 1) / page_bytes();
    const std::uint64_t end = (addr + len) / page_bytes();
    return {first, end > first ? std::min<std::uint64_t>(end - first, pages_max) : 0};
}

bool clear_bits(const std::string& process) {
    const int fd = open(("/proc/" + process + "/clear_refs").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool cleared = write(fd, "4", 1) == 1;
    close(fd);
    return cleared;
}

class PageMap {
  public:
    explicit PageMap(const std::string& process)
        : fd_(open(("/proc/" + process + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~PageMap() {
        if (fd_ >= 0) close(fd_);
    }
    PageMap(const PageMap&) = delete;
    PageMap& operator=(const PageMap&) = delete;

    // An entry for each page; as many as could be read.
    std::vector<std::uint64_t> entries(const Pages& pages) const {
        std::vector<std::uint64_t> all(pages.count);
        const ssize_t got = fd_ < 0 ? -1
                                    : pread(fd_, all.data(), all.size() * sizeof all[0],
                                            static_cast<off_t>(pages.first * sizeof all[0]));
        all.resize(got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof all[0]);
        return all;
    }

  private:
    int fd_;
};

// Whether the bits of pages at this address say what was written: in a mapping that grew or is new
// since they were cleared all pages have them, and of a huge page one bit stands for all.
bool bits_mean_writes(std::uint32_t tgid, std::uint64_t addr) {
    std::ifstream maps(fmt::format("/proc/{}/smaps", tgid));
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        char dash = 0;
        std::istringstream words(line);
        if (words >> std::hex >> begin >> dash >> end && dash == '-') {
            inside = begin <= addr && addr < end;
            continue;
        }
        if (!inside) continue;
        const std::string value = line.substr(std::min(line.find(':') + 1, line.size()));
        if (line.starts_with("AnonHugePages:") && std::stoull(value) > 0) return false;
        if (line.starts_with("VmFlags:")) return (value + ' ').find(" sd ") == std::string::npos;
    }
    return false;
}

}  // namespace

std::string PageTracking::why_not() {
    std::vector<char> memory(2 * page_bytes());
    const Pages page{
        whole_pages(reinterpret_cast<std::uintptr_t>(memory.data()), memory.size()).first, 1};
    volatile char* const at = reinterpret_cast<char*>(page.first * page_bytes());
    *at = 1;
    if (!clear_bits("self"))
        return fmt::format("soft-dirty bits cannot be cleared: {}", std::strerror(errno));
    const std::vector<std::uint64_t> before = PageMap("self").entries(page);
    *at = 2;
    const std::vector<std::uint64_t> after = PageMap("self").entries(page);
    if (before.empty() || after.empty())
        return fmt::format("/proc/self/pagemap cannot be read: {}", std::strerror(errno));
    if ((before[0] & soft_dirty) != 0 || (after[0] & soft_dirty) == 0)
        return "this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)";
    return "";
}

void PageTracking::see(const zcv_event& event) {
    const auto ended = [&] {
        const auto process = processes_.find(event.tgid);
        if (process == processes_.end()) return;
        process->second.sends.erase(event.generation);
        process->second.vectors.erase(event.generation);
    };
    switch (event.kind) {
        case ZCV_VECTOR:
            processes_[event.tgid].vectors[event.generation].push_back({event.addr, event.len});
            return;
        case ZCV_SUBMIT:
        case ZCV_CALL: {
            Process& process = processes_[event.tgid];
            auto vectors = process.vectors.extract(event.generation);
            std::vector<Range> ranges{{event.addr, event.len}};
            if (event.nr_frags > 1) ranges.clear();  // where the others lie
            if (!vectors.empty()) ranges = std::move(vectors.mapped());
            std::erase_if(ranges, [](const Range& range) {
                return whole_pages(range.addr, range.len).count == 0;
            });
            if (!ranges.empty() && process.sends.size() < sends_max)
                process.sends[event.generation] = {event.time_ns, std::move(ranges)};
            return;
        }
        case ZCV_COMPLETE:
            if ((event.cqe_flags & uapi::cqe_f_more) == 0) ended();
            return;
        case ZCV_CQE_OVERFLOW:
            if ((event.cqe_flags & uapi::cqe_f_notif) != 0) ended();
            return;
        case ZCV_CALL_DONE:
            if (event.len == 0) ended();
            return;
        case ZCV_NOTIF:
        case ZCV_CALL_TOLD:
            return ended();
        case ZCV_EXEC:
        case ZCV_EXIT:
            processes_.erase(event.tgid);
            return;
        default:
            return;
    }
}

void PageTracking::turn(std::vector<zcv_event>& writes) {
    const std::uint64_t now_ns = now_monotonic();
    if (now_ns < looked_ns_ + patience_ns) return;
    looked_ns_ = now_ns;
    for (auto& [tgid, process] : processes_) {
        const bool any_old = std::ranges::any_of(process.sends, [&](const auto& each) {
            return each.second.submitted_ns + patience_ns < now_ns && !each.second.told;
        });
        if (!any_old) continue;
        if (process.cleared_ns != 0) look(tgid, process, writes);
        // What is written from here on is seen; what was written meanwhile, before the kernel
        // came to its page, is not.
        const std::uint64_t before = now_monotonic();
        process.cleared_ns = clear_bits(std::to_string(tgid)) ? before : 0;
    }
}

void PageTracking::look(std::uint32_t tgid, Process& process, std::vector<zcv_event>& writes) {
    const PageMap map(std::to_string(tgid));
    for (auto& [generation, send] : process.sends) {
        if (send.submitted_ns >= process.cleared_ns || send.told) continue;
        for (const Range& range : send.ranges) {
            const Pages pages = whole_pages(range.addr, range.len);
            const std::vector<std::uint64_t> entries = map.entries(pages);
            const auto is_written = [](std::uint64_t entry) { return (entry & soft_dirty) != 0; };
            const auto first = std::ranges::find_if(entries, is_written);
            if (first == entries.end()) continue;
            const auto end = std::find_if_not(first, entries.end(), is_written);
            zcv_event event{};
            event.kind = ZCV_PAGE_WRITE;
            event.addr =
                (pages.first + static_cast<std::uint64_t>(first - entries.begin())) * page_bytes();
            if (!bits_mean_writes(tgid, event.addr)) continue;
            event.len =
                static_cast<std::uint32_t>(static_cast<std::uint64_t>(end - first) * page_bytes());
            event.time_ns = now_monotonic();
            event.user_data = process.cleared_ns;
            event.tgid = tgid;
            event.context = ZCV_CONTEXT_TASK;
            event.cpu = ZCV_CPU_PAGES;
            event.seq = seq_++;
            event.refs = ZCV_REFS_UNKNOWN;
            writes.push_back(event);
            send.told = true;
            break;
        }
    }
}

}  // namespace zcv
