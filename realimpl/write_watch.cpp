#include "realimpl/write_watch.hpp"

#include <fmt/format.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <span>
#include <utility>

namespace zcv {
namespace {

// Each watchpoint stays this long on its word, and is silent after so many writes: a program that
// writes one word in a loop must not drown in traps.
constexpr std::chrono::milliseconds move_every{10};
constexpr int writes_max = 16;
constexpr std::size_t threads_max = 32;
constexpr std::size_t buffers_max = 64;
constexpr std::uint64_t user_end = std::uint64_t{1} << 47;
constexpr std::uint32_t word_bytes = 8;
constexpr std::size_t data_pages = 64;
// Programs without frame pointers are unwound from a copy of the top of their stack.
constexpr std::uint32_t stack_bytes = 16384;

#if defined(__x86_64__)
// The registers in the kernel's numbers (asm/perf_regs.h): AX, BX, CX, DX, SI, DI, BP, SP, IP, and
// R8 to R15; where each is in a zcv_sample.
constexpr std::uint64_t registers_wanted = 0xff01ff;
constexpr std::array<std::size_t, ZCV_SAMPLE_REGISTERS> dwarf_number{
    0, 3, 2, 1, 4, 5, 6, 7, 16, 8, 9, 10, 11, 12, 13, 14, 15};
#else
constexpr std::uint64_t registers_wanted = 0;  // unwound by frame pointers
constexpr std::array<std::size_t, ZCV_SAMPLE_REGISTERS> dwarf_number{};
#endif

perf_event_attr watchpoint_on(std::uint64_t addr) {
    perf_event_attr attr{};
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_BREAKPOINT;
    attr.bp_type = HW_BREAKPOINT_W;
    attr.bp_addr = addr;
    attr.bp_len = word_bytes;
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR |
                       PERF_SAMPLE_CPU | PERF_SAMPLE_CALLCHAIN;
    if (registers_wanted != 0) {
        attr.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
        attr.sample_regs_user = registers_wanted;
        attr.sample_stack_user = stack_bytes;
    }
    attr.disabled = 1;
    attr.exclude_callchain_kernel = 1;
    attr.use_clockid = 1;
    attr.clockid = CLOCK_MONOTONIC;  // as the records
    return attr;
}

int open_watchpoint(std::uint64_t addr, int tid) {
    perf_event_attr attr = watchpoint_on(addr);
    const auto open = [&] {
        return static_cast<int>(
            syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
    };
    const int fd = open();
    if (fd >= 0 || errno != EACCES) return fd;
    attr.exclude_kernel = 1;  // then what system calls write for the program goes unseen
    return open();
}

std::vector<int> threads_of(std::uint32_t tgid) {
    std::vector<int> threads;
    std::error_code gone;
    for (std::filesystem::directory_iterator at{fmt::format("/proc/{}/task", tgid), gone}, end;
         !gone && at != end && threads.size() < threads_max; at.increment(gone))
        threads.push_back(std::stoi(at->path().filename().string()));
    return threads;
}

// What follows the frames of a sample: the ABI, registers, how many bytes of the stack, these
// bytes, and how many of them were there.
void take_stack(RawStacks::Place& place, std::span<const std::uint64_t> rest) {
    if (rest.empty() || rest.front() != PERF_SAMPLE_REGS_ABI_64) return;
    auto& registers = place.registers;
    if (rest.size() < 1 + registers.size() + 1) return;
    for (std::size_t i = 0; i < registers.size(); ++i) registers[dwarf_number[i]] = rest[1 + i];
    rest = rest.subspan(1 + registers.size());
    const std::size_t words = rest.front() / 8;
    if (words == 0 || rest.size() < 1 + words + 1) return;
    const std::size_t there = std::min<std::size_t>(rest[1 + words] / 8, words);
    place.memory.assign(rest.begin() + 1, rest.begin() + 1 + static_cast<std::ptrdiff_t>(there));
}

}  // namespace

struct WriteWatch::Watchpoint {
    explicit Watchpoint(int opened) : fd(opened) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        bytes = (1 + data_pages) * page;
        void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) page0 = static_cast<perf_event_mmap_page*>(at);
    }
    ~Watchpoint() {
        if (page0 != nullptr) munmap(page0, bytes);
        if (fd >= 0) close(fd);
    }
    Watchpoint(Watchpoint&& other) noexcept
        : fd(std::exchange(other.fd, -1)),
          page0(std::exchange(other.page0, nullptr)),
          bytes(other.bytes) {}
    Watchpoint& operator=(Watchpoint&&) = delete;

    int fd;
    perf_event_mmap_page* page0 = nullptr;
    std::size_t bytes = 0;
};

struct WriteWatch::Slot {
    std::vector<Watchpoint> on;  // one for each thread
};

WriteWatch::WriteWatch(RawStacks& stacks) : stacks_(stacks) {
    watched_.resize(slots);
}

WriteWatch::~WriteWatch() = default;

std::string WriteWatch::why_not() {
    std::uint64_t word = 0;
    const int fd = open_watchpoint(reinterpret_cast<std::uint64_t>(&word), 0);
    if (fd < 0)
        return fmt::format("perf_event_open gives no watchpoint: {}{}", std::strerror(errno),
                           errno == EACCES || errno == EPERM
                               ? " (CAP_PERFMON, or kernel.perf_event_paranoid of 1 or less)"
                               : "");
    close(fd);
    return "";
}

void WriteWatch::see(const zcv_event& event) {
    // Of several iovecs each has a record; between them is memory that is not sent.
    const bool sends = event.kind == ZCV_VECTOR ||
                       ((event.kind == ZCV_SUBMIT || event.kind == ZCV_CALL) && event.nr_frags < 2);
    if (!sends || event.addr == 0 || event.len == 0) return;
    const Buffer buffer{event.tgid, event.addr, event.len};
    if (std::ranges::find(buffers_, buffer) != buffers_.end()) return;
    if (buffers_.size() < buffers_max) {
        buffers_.push_back(buffer);
        return;
    }
    buffers_[oldest_] = buffer;
    oldest_ = (oldest_ + 1) % buffers_max;
}

void WriteWatch::turn(std::vector<zcv_event>& writes) {
    for (Slot& slot : watched_)
        for (Watchpoint& watchpoint : slot.on) collect(watchpoint, writes);
    if (buffers_.empty() || Clock::now() - moved_ < move_every) return;
    moved_ = Clock::now();
    arm(watched_[next_slot_]);
    next_slot_ = (next_slot_ + 1) % slots;
}

// The first word of a buffer, which hardly any writer leaves out, or any other of its words.
void WriteWatch::arm(Slot& slot) {
    slot.on.clear();
    const Buffer buffer = buffers_[random_() % buffers_.size()];
    const std::uint64_t first = (buffer.addr + word_bytes - 1) & ~std::uint64_t{word_bytes - 1};
    const std::uint64_t end = buffer.addr + buffer.len;
    if (first + word_bytes > end) return;
    const std::uint64_t words = (end - first) / word_bytes;
    const std::uint64_t word = random_() % 2 == 0 ? 0 : random_() % words;
    for (const int thread : threads_of(buffer.tgid)) {
        const int fd = open_watchpoint(first + word * word_bytes, thread);
        if (fd < 0) continue;
        slot.on.emplace_back(fd);
        if (slot.on.back().page0 == nullptr)
            slot.on.pop_back();
        else
            ioctl(fd, PERF_EVENT_IOC_REFRESH, writes_max);
    }
    armed_ += slot.on.empty() ? 0U : 1U;
}

// Reads what the kernel has put into the ring of this watchpoint.
void WriteWatch::collect(Watchpoint& watchpoint, std::vector<zcv_event>& writes) {
    perf_event_mmap_page& control = *watchpoint.page0;
    const auto* const data = reinterpret_cast<const char*>(&control) + control.data_offset;
    const std::uint64_t head = __atomic_load_n(&control.data_head, __ATOMIC_ACQUIRE);
    std::uint64_t tail = control.data_tail;
    const auto copy = [&](std::uint64_t from, void* to, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i)
            static_cast<char*>(to)[i] = data[(from + i) % control.data_size];
    };
    while (tail < head) {
        perf_event_header header{};
        copy(tail, &header, sizeof header);
        if (header.type == PERF_RECORD_SAMPLE) {
            std::vector<std::uint64_t> sample((header.size - sizeof header) / 8);
            copy(tail + sizeof header, sample.data(), sample.size() * 8);
            const bool by_kernel =
                (header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
            if (const auto write = write_in(sample, by_kernel)) writes.push_back(*write);
        } else if (header.type == PERF_RECORD_LOST) {
            ++lost_;
        }
        tail += header.size;
    }
    __atomic_store_n(&control.data_tail, tail, __ATOMIC_RELEASE);
}

std::optional<zcv_event> WriteWatch::write_in(const std::vector<std::uint64_t>& sample,
                                              bool by_kernel) {
    // ip, pid and tid, time, addr, cpu, number of frames, frames
    constexpr std::size_t fixed = 6;
    if (sample.size() < fixed || sample.size() < fixed + sample[5]) return std::nullopt;
    zcv_event event{};
    event.kind = ZCV_WRITE;
    event.time_ns = sample[2];
    event.tgid = static_cast<std::uint32_t>(sample[1]);
    event.pid = static_cast<std::uint32_t>(sample[1] >> 32);
    event.addr = sample[3];
    event.len = word_bytes;
    event.cqe_flags = by_kernel ? 1 : 0;
    event.context = ZCV_CONTEXT_TASK;
    event.cpu = ZCV_CPU_WATCH;
    event.seq = seq_++;
    event.refs = ZCV_REFS_UNKNOWN;
    RawStacks::Place place;
    for (std::size_t i = fixed; i < fixed + sample[5]; ++i)
        if (sample[i] < user_end) place.ips.push_back(sample[i]);
    if (place.ips.empty() && !by_kernel) place.ips.push_back(sample[0]);
    if (registers_wanted != 0) take_stack(place, std::span(sample).subspan(fixed + sample[5]));
    event.res = static_cast<std::int32_t>(stacks_.number_of(event.tgid, std::move(place)));
    return event;
}

}  // namespace zcv
