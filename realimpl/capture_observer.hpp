#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "realimpl/capture_allocators.hpp"
#include "realimpl/capture_kernel_stacks.hpp"
#include "realimpl/capture_libbpf.hpp"
#include "realimpl/capture_probes.hpp"
#include "realimpl/capture_rings.hpp"
#include "realimpl/observer_shared.h"

struct ring_buffer;
struct zcv_observer;

namespace zcv {

struct ObserverOptions {
    std::vector<std::uint32_t> pids;
    std::uint64_t kinds = ~std::uint64_t{0};  // a bit for each zcv_event_kind that is wanted
    std::uint32_t hash_mode = ZCV_HASH_NONE;
    bool stacks = false;         // of those who send
    bool kernel_stacks = false;  // the kernel's own, of each record
    std::uint64_t buffer_bytes = 128u << 20;
};

struct ObserverTotals {
    zcv_counters counters{};
    std::uint64_t records = 0;  // handed to the reader
    std::uint64_t recursion_misses = 0;
};

// The observer in the kernel: loaded, attached, and taken out again.
class Observer {
  public:
    explicit Observer(const ObserverOptions& options);
    ~Observer();
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    const std::vector<std::string>& probes() const { return probes_; }
    const std::map<std::string, std::string>& missing() const { return missing_; }
    int wakeup_fd() const;
    // Moves the records that wait into `out`; false when there were none.
    bool take(std::vector<zcv_event>& out);
    // Moves probes of allocators after what was taken.
    void follow(const zcv_event& event) {
        if (allocators_) allocators_->see(event);
    }
    // What turned out to be missing only while it ran, and why.
    const std::map<std::string, std::string>& missing_later() const { return missing_later_; }
    // Calls back with what was sampled for the submissions taken so far, and maybe for later ones.
    void take_stacks(const std::function<void(const zcv_stack_sample&)>& take);
    // Null unless they are wanted.
    KernelStacks* kernel_stacks() { return kernel_stacks_ ? &*kernel_stacks_ : nullptr; }
    void detach();
    ObserverTotals totals() const;

  private:
    void choose_programs(const ObserverOptions& options);
    void configure(const ObserverOptions& options);
    void load(const ObserverOptions& options);
    void find_direct_map(const ObserverOptions& options);
    void attach();
    void add_function_probes(const ObserverOptions& options);
    void add_allocators(const ObserverOptions& options);
    void add_stacks(const ObserverOptions& options);

    Btf types_;
    zcv_observer* skeleton_ = nullptr;
    std::unique_ptr<FunctionProbes> functions_;
    std::optional<AllocatorProbes> allocators_;
    std::optional<KernelStacks> kernel_stacks_;
    ring_buffer* bell_ = nullptr;
    ring_buffer* stack_samples_ = nullptr;  // null: not wanted
    const std::function<void(const zcv_stack_sample&)>* take_stack_ = nullptr;
    std::optional<RecordRings> rings_;
    std::vector<std::string> probes_;
    std::map<std::string, std::string> missing_, missing_later_;
};

}  // namespace zcv
