#include "realimpl/capture_allocators.hpp"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "realimpl/raw_stacks.hpp"

namespace zcv {
namespace {

// Each has descriptors of ours.
constexpr std::size_t processes_max = 128;

bool is_glibc(const std::string& module) {
    const std::string name = module.substr(module.rfind('/') + 1);
    return name == "libc.so.6" || name.starts_with("libc-2.");
}

std::set<std::string> files_with_code(std::uint32_t tgid) {
    std::set<std::string> files;
    for (const RawMapping& mapping : code_mapped_into(tgid))
        if (!mapping.module.empty()) files.insert(mapping.module);
    return files;
}

}  // namespace

AllocatorProbes::AllocatorProbes(const Programs& frees, const Programs& reallocs,
                                 const bpf_program* returns)
    : frees_(frees), reallocs_(reallocs), returns_(returns) {}

AllocatorProbes::~AllocatorProbes() {
    for (const auto& [tgid, links] : links_)
        for (bpf_link* const link : links) bpf_link__destroy(link);
}

std::string AllocatorProbes::attach(std::uint32_t tgid, std::vector<bpf_link*>& links) const {
    std::string why = "none of the files mapped into it has a function of that name";
    for (const std::string& file : files_with_code(tgid)) {
        // As the process sees it, which may have another root.
        const std::string path = fmt::format("/proc/{}/root{}", tgid, file);
        const auto probe = [&](const char* function, const bpf_program* program, bool returns) {
            bpf_uprobe_opts where{};
            where.sz = sizeof where;
            where.func_name = function;
            where.retprobe = returns;
            bpf_link* const link = bpf_program__attach_uprobe_opts(
                program, static_cast<pid_t>(tgid), path.c_str(), 0, &where);
            if (link != nullptr)
                links.push_back(link);
            else if (errno != ENOENT)
                why = fmt::format("{}: {}", file, std::strerror(errno));
            return link != nullptr;
        };
        const auto of = [&](const Programs& programs) {
            return is_glibc(file) ? programs.glibc : programs.another;
        };
        // Whoever has no free() has no allocator. What a realloc() was at work on counts only when
        // it returns, so that probe comes first.
        if (probe("free", of(frees_), false) && probe("realloc", returns_, true))
            probe("realloc", of(reallocs_), false);
    }
    return links.empty() ? why : "";
}

std::string AllocatorProbes::why_not() const {
    std::vector<bpf_link*> links;
    std::string why = attach(static_cast<std::uint32_t>(getpid()), links);
    for (bpf_link* const link : links) bpf_link__destroy(link);
    return why;
}

void AllocatorProbes::see(const zcv_event& event) {
    if (event.kind == ZCV_EXEC || event.kind == ZCV_EXIT) return forget(event.tgid);
    const bool is_about_to_send =
        event.kind == ZCV_RING_CREATE || event.kind == ZCV_SUBMIT || event.kind == ZCV_CALL;
    if (!is_about_to_send || links_.contains(event.tgid)) return;
    if (links_.size() >= processes_max) {
        missing_.emplace("free of further processes",
                         fmt::format("{} processes are watched already", processes_max));
        return;
    }
    const std::string why = attach(event.tgid, links_[event.tgid]);
    if (!why.empty()) missing_.emplace(fmt::format("free of process {}", event.tgid), why);
}

void AllocatorProbes::forget(std::uint32_t tgid) {
    const auto found = links_.find(tgid);
    if (found == links_.end()) return;
    for (bpf_link* const link : found->second) bpf_link__destroy(link);
    links_.erase(found);
}

}  // namespace zcv
