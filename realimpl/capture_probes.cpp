#include "realimpl/capture_probes.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "probes.skel.h"
#include "realimpl/capture_libbpf.hpp"

namespace zcv {
namespace {

constexpr const char* all_of_them = "function probes";

// Roles that only some kernels have a function for.
constexpr std::array<std::string_view, 3> of_some_kernels{"link", "flush", "hold"};

struct Target {
    std::string role;      // "drop" of the program drop__6_1
    std::string how;       // "fentry" or "fexit"
    std::string function;  // of the kernel
};

Target target_of(const bpf_program* program) {
    const std::string name = bpf_program__name(program);
    const std::string section = bpf_program__section_name(program);
    const auto slash = section.find('/');
    return {name.substr(0, name.find("__")), section.substr(0, slash), section.substr(slash + 1)};
}

bool is_function(const btf* types, const std::string& name) {
    return btf__find_by_name_kind(types, name.c_str(), BTF_KIND_FUNC) > 0;
}

// Whether the kernel takes such programs at all: asked with one that does nothing, before the
// others cost time. "" when it does.
std::string why_not_at_all(const btf* types) {
    constexpr std::array<bpf_insn, 2> nothing{
        {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    const int function = btf__find_by_name_kind(types, "pskb_expand_head", BTF_KIND_FUNC);
    if (function <= 0) return "this kernel does not describe its functions";
    bpf_prog_load_opts how{};
    how.sz = sizeof how;
    how.expected_attach_type = BPF_TRACE_FENTRY;
    how.attach_btf_id = static_cast<__u32>(function);
    const int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "zcv_try", "GPL", nothing.data(),
                                      nothing.size(), &how);
    if (program < 0) return fmt::format("this kernel refuses them: {}", std::strerror(errno));
    const int link = bpf_raw_tracepoint_open(nullptr, program);
    const int error = errno;
    if (link >= 0) ::close(link);
    ::close(program);
    return link >= 0 ? "" : fmt::format("this kernel refuses them: {}", std::strerror(error));
}

// Both objects have the maps of observer_state.h; the observer's are the ones in use.
void share_maps(const bpf_object* observer, const bpf_object* probes) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, probes) {
        const bpf_map* const shared =
            bpf_map__is_internal(map) ? nullptr
                                      : bpf_object__find_map_by_name(observer, bpf_map__name(map));
        if (shared != nullptr && bpf_map__reuse_fd(map, bpf_map__fd(shared)) != 0)
            throw CaptureFailed{fmt::format("{}: {}", bpf_map__name(map), std::strerror(errno))};
    }
}

}  // namespace

FunctionProbes::FunctionProbes(const bpf_object* observer, const btf* types,
                               const ProbeSettings& settings) {
    const std::string why_not = why_not_at_all(types);
    if (!why_not.empty()) {
        missing_.emplace(all_of_them, why_not);
        return;
    }
    try {
        const Refused refused = load_what_is_accepted(
            [&] {
                open(observer, types, settings);
                return skeleton_->skeleton;
            },
            [this] { close(); });
        for (const auto& [name, why] : refused) {
            const Target target =
                target_of(bpf_object__find_program_by_name(skeleton_->obj, name.c_str()));
            absent_[target.role][target.function] = "the verifier refuses it: " + why;
        }
        attach();
    } catch (const CaptureFailed& failed) {
        close();
        missing_.emplace(all_of_them, failed.what());
    }
}

FunctionProbes::~FunctionProbes() {
    close();
}

void FunctionProbes::close() {
    detach();
    zcv_probes__destroy(skeleton_);
    skeleton_ = nullptr;
}

void FunctionProbes::open(const bpf_object* observer, const btf* types,
                          const ProbeSettings& settings) {
    skeleton_ = zcv_probes__open();
    if (!skeleton_)
        throw CaptureFailed{"libbpf cannot open the function probes: " + last_message_of_libbpf()};
    skeleton_->rodata->wanted_kinds = settings.kinds;
    skeleton_->rodata->slots_of_cpu = settings.slots_of_cpu;
    skeleton_->rodata->preempt_count_offset = settings.preempt_count_offset;
    skeleton_->rodata->first_watched = settings.first_watched;
    // Whoever is watched besides is in the map; only the observer learns when there is somebody.
    skeleton_->bss->more_watched = 1;
    share_maps(observer, skeleton_->obj);
    absent_.clear();
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        const Target target = target_of(program);
        if (is_function(types, target.function)) continue;
        bpf_program__set_autoload(program, false);
        absent_[target.role][target.function] = "this kernel has no such function";
    }
}

void FunctionProbes::attach() {
    std::vector<std::string> roles;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) {
        const Target target = target_of(program);
        if (bpf_program__fd(program) < 0) continue;
        bpf_link* const link = bpf_program__attach(program);
        if (!link) {
            absent_[target.role][target.function] = std::strerror(errno);
            continue;
        }
        links_.push_back(link);
        roles.push_back(target.role);
        attached_.push_back(target.how + ":" + target.function);
    }
    const auto is_seen = [&](std::string_view role) {
        return std::ranges::find(roles, role) != roles.end() ||
               std::ranges::find(of_some_kernels, role) != of_some_kernels.end();
    };
    std::map<std::string, std::string> by_reason;
    for (const auto& [role, functions] : absent_)
        for (const auto& [function, why] : functions)
            if (!is_seen(role)) by_reason[why] += (by_reason[why].empty() ? "" : ", ") + function;
    for (const auto& [why, functions] : by_reason)
        missing_.emplace(fmt::format("{} of {}", all_of_them, functions), why);
}

void FunctionProbes::detach() {
    for (bpf_link* const link : links_) bpf_link__destroy(link);
    links_.clear();
}

std::uint64_t FunctionProbes::recursion_misses() const {
    std::uint64_t misses = 0;
    bpf_program* program = nullptr;
    if (skeleton_ == nullptr) return 0;
    bpf_object__for_each_program(program, skeleton_->obj) misses += recursion_misses_of(program);
    return misses;
}

}  // namespace zcv
