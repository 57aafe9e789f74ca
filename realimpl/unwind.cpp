#include "realimpl/unwind.hpp"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "realimpl/elf_places.hpp"

namespace zcv {
namespace {

constexpr std::size_t frames_max = 64;
constexpr std::size_t stack_pointer = 7;  // of zcv_sample's registers
constexpr pid_t thread_id = 1;            // a sample is of one thread; its number does not matter

}  // namespace

// A process as libdwfl sees it: its modules where they were mapped, and one thread, whose registers
// and memory are those of the latest sample.
struct Unwinder::Process {
    Process(const std::vector<Mapping>& maps, const Unwinder& owner) : of(owner) {
        callbacks.find_elf = dwfl_build_id_find_elf;
        callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
        callbacks.debuginfo_path = &debuginfo_path;
        dwfl = dwfl_begin(&callbacks);
        if (dwfl == nullptr) return;
        dwfl_report_begin(dwfl);
        for (const Mapping& mapping : maps) report(mapping);
        dwfl_report_end(dwfl, nullptr, nullptr);
        static const Dwfl_Thread_Callbacks thread = {.next_thread = next_thread,
                                                     .get_thread = nullptr,
                                                     .memory_read = memory_read,
                                                     .set_initial_registers = set_initial_registers,
                                                     .detach = nullptr,
                                                     .thread_detach = nullptr};
        attached = dwfl_attach_state(dwfl, nullptr, thread_id, &thread, this);
    }
    ~Process() {
        if (dwfl != nullptr) dwfl_end(dwfl);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    std::vector<std::uint64_t> callers() {
        std::vector<std::uint64_t> ips;
        if (attached) dwfl_getthread_frames(dwfl, thread_id, note_frame, &ips);
        return ips;
    }

  private:
    // A module is reported once, by the first of its mappings.
    void report(const Mapping& mapping) {
        if (mapping.module.empty()) return;
        const int fd = open(mapping.module.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        elf_version(EV_CURRENT);
        Elf* const elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
        const GElf_Addr linked = address_in(elf, mapping.offset);
        elf_end(elf);
        close(fd);
        const std::uint64_t bias = mapping.begin - linked;
        if (!reported.emplace(mapping.module, bias).second) return;
        dwfl_report_elf(dwfl, mapping.module.c_str(), mapping.module.c_str(), -1, bias, true);
    }
    static pid_t next_thread(Dwfl*, void* self, void** thread) {
        if (*thread != nullptr) return 0;
        *thread = self;
        return thread_id;
    }
    static bool memory_read(Dwfl*, Dwarf_Addr addr, Dwarf_Word* result, void* self) {
        const Unwinder& from = static_cast<const Process*>(self)->of;
        const std::uint64_t begin = from.sample_.registers[stack_pointer];
        const std::uint64_t bytes = from.memory_.size() * sizeof(std::uint64_t);
        if (addr < begin || addr - begin + sizeof(*result) > bytes) return false;
        const auto* const memory = reinterpret_cast<const char*>(from.memory_.data());
        std::memcpy(result, memory + (addr - begin), sizeof(*result));
        return true;
    }
    static bool set_initial_registers(Dwfl_Thread* thread, void* self) {
        const zcv_sample& sample = static_cast<const Process*>(self)->of.sample_;
        std::array<Dwarf_Word, ZCV_SAMPLE_REGISTERS> registers{};
        std::ranges::copy(sample.registers, registers.begin());
        return dwfl_thread_state_registers(thread, 0, registers.size(), registers.data());
    }
    static int note_frame(Dwfl_Frame* frame, void* into) {
        auto& ips = *static_cast<std::vector<std::uint64_t>*>(into);
        Dwarf_Addr ip = 0;
        if (!dwfl_frame_pc(frame, &ip, nullptr) || ip == 0) return DWARF_CB_ABORT;
        ips.push_back(ip);
        return ips.size() < frames_max ? DWARF_CB_OK : DWARF_CB_ABORT;
    }

    const Unwinder& of;
    Dwfl_Callbacks callbacks{};
    char* debuginfo_path = nullptr;
    Dwfl* dwfl = nullptr;
    bool attached = false;
    std::set<std::pair<std::string, std::uint64_t>> reported;
};

Unwinder::Unwinder() = default;
Unwinder::~Unwinder() = default;

void Unwinder::take_maps(std::string_view json) {
    const nlohmann::json maps = nlohmann::json::parse(json, nullptr, false);
    if (!maps.is_object()) return;
    const std::uint32_t tgid = maps.at("tgid");
    std::vector<Mapping>& all = maps_[tgid];
    all.clear();
    for (const nlohmann::json& each : maps.at("maps"))
        all.push_back({each.at("begin"), each.at("end"), each.at("offset"), each.at("module")});
    processes_.erase(tgid);
}

void Unwinder::take_sample(std::span<const char> payload) {
    sample_ = {};
    if (payload.size() < sizeof sample_) return;
    std::memcpy(&sample_, payload.data(), sizeof sample_);
    payload = payload.subspan(sizeof sample_);
    memory_.resize(payload.size() / sizeof(std::uint64_t));
    if (!memory_.empty())
        std::memcpy(memory_.data(), payload.data(), memory_.size() * sizeof(std::uint64_t));
}

std::optional<StackFrame> Unwinder::frame_at(std::uint32_t tgid, std::uint64_t ip) const {
    const auto found = maps_.find(tgid);
    if (found == maps_.end()) return std::nullopt;
    for (const Mapping& mapping : found->second) {
        if (ip < mapping.begin || ip >= mapping.end) continue;
        StackFrame frame;
        frame.ip = ip;
        frame.module = mapping.module;
        if (!mapping.module.empty()) frame.offset = ip - mapping.begin + mapping.offset;
        return frame;
    }
    return std::nullopt;
}

void Unwinder::complete(Stack& stack) {
    if (sample_.number != stack.number) return;
    std::unique_ptr<Process>& process = processes_[sample_.tgid];
    if (!process) process = std::make_unique<Process>(maps_[sample_.tgid], *this);
    std::vector<StackFrame> frames;
    for (const std::uint64_t ip : process->callers()) {
        const auto frame = frame_at(sample_.tgid, ip);
        if (!frame) break;
        frames.push_back(*frame);
    }
    if (frames.size() > stack.frames.size()) stack.frames = std::move(frames);
}

}  // namespace zcv
