#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "traces/zcv_event.h"

struct bpf_link;
struct bpf_program;

namespace zcv {

// Uprobes on free() and realloc() of the watched processes: in the program where it has them
// itself, and in each of its libraries that has. Put in when a process makes its first ring or
// call, for by then its libraries are mapped; other processes do not meet them, though the file is
// the same.
class AllocatorProbes {
  public:
    // For glibc, whose blocks tell their size, and for any other allocator.
    struct Programs {
        const bpf_program* glibc;
        const bpf_program* another;
    };
    // Must be loaded, and outlive this.
    AllocatorProbes(const Programs& frees, const Programs& reallocs, const bpf_program* returns);
    ~AllocatorProbes();
    AllocatorProbes(const AllocatorProbes&) = delete;
    AllocatorProbes& operator=(const AllocatorProbes&) = delete;

    // Why this kernel takes no such probes, tried on this process; "" when it does.
    std::string why_not() const;
    // Learns from submissions and the ends of programs whom to attach to.
    void see(const zcv_event& event);
    // By process, why its free() is not seen.
    const std::map<std::string, std::string>& missing() const { return missing_; }

  private:
    // "" or why there is none.
    std::string attach(std::uint32_t tgid, std::vector<bpf_link*>& links) const;
    void forget(std::uint32_t tgid);

    const Programs frees_;
    const Programs reallocs_;
    const bpf_program* returns_;                             // from realloc()
    std::map<std::uint32_t, std::vector<bpf_link*>> links_;  // by process
    std::map<std::string, std::string> missing_;
};

}  // namespace zcv
