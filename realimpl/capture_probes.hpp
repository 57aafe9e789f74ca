#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

struct bpf_link;
struct bpf_object;
struct btf;
struct zcv_probes;

namespace zcv {

// What the observer is loaded with, and the probes must be too.
struct ProbeSettings {
    std::uint64_t kinds;
    std::uint32_t slots_of_cpu;
    std::int64_t preempt_count_offset;
    std::uint32_t first_watched;
};

// The function probes (probes.bpf.c), next to an observer that is loaded: they write to its rings
// and count with its counters. Kernels may have some of the functions, or refuse such
// programs altogether; that is said, and never stops a capture.
class FunctionProbes {
  public:
    FunctionProbes(const bpf_object* observer, const btf* types, const ProbeSettings& settings);
    ~FunctionProbes();
    FunctionProbes(const FunctionProbes&) = delete;
    FunctionProbes& operator=(const FunctionProbes&) = delete;

    // "fexit:io_alloc_notif"
    const std::vector<std::string>& attached() const { return attached_; }
    const std::map<std::string, std::string>& missing() const { return missing_; }
    void detach();
    std::uint64_t recursion_misses() const;

  private:
    void open(const bpf_object* observer, const btf* types, const ProbeSettings& settings);
    void attach();
    void close();

    zcv_probes* skeleton_ = nullptr;
    std::vector<bpf_link*> links_;
    std::vector<std::string> attached_;
    std::map<std::string, std::string> missing_;
    std::map<std::string, std::map<std::string, std::string>> absent_;  // by role, function: why
};

}  // namespace zcv
