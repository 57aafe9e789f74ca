#include "realimpl/capture_observer.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>

#include "observer.skel.h"

namespace zcv {
namespace {

constexpr std::uint64_t everything = ~std::uint64_t{0};
constexpr std::uint32_t stack_samples_bytes = 32u << 20;  // some 3,900 of them

constexpr std::uint64_t kinds(std::initializer_list<zcv_event_kind> all) {
    std::uint64_t bits = 0;
    for (const zcv_event_kind kind : all) bits |= std::uint64_t{1} << kind;
    return bits;
}

// A program, the tracepoint it sits on, and the arguments that must be there. Two programs with the
// same tracepoint or `instead` are variants for different kernels; one of them is enough.
struct Program {
    const char* name;
    const char* tracepoint;
    int args_min;
    int args_max;
    const char* instead = nullptr;
    bool needed = false;
    // What it records or is needed for; where none of that is wanted, the program is left out.
    std::uint64_t kinds = everything;
};

constexpr int any = 12;
constexpr std::array programs{
    Program{"submit_req", "io_uring_submit_req", 1, any, "io_uring_submit_sqe", true},
    Program{"submit_sqe", "io_uring_submit_sqe", 2, any, "io_uring_submit_req", true},
    Program{"complete", "io_uring_complete", 3, 3, nullptr, true},
    Program{"complete_by_value", "io_uring_complete", 5, any, nullptr, true},
    Program{"cqe_overflow", "io_uring_cqe_overflow", 4, any},
    Program{"poll_arm", "io_uring_poll_arm", 1, any, nullptr, false, kinds({ZCV_POLL_ARM})},
    Program{"queue_async_work", "io_uring_queue_async_work", 1, any, nullptr, false,
            kinds({ZCV_ASYNC})},
    Program{"link", "io_uring_link", 1, any, nullptr, false, kinds({ZCV_LINK})},
    Program{"fail_link", "io_uring_fail_link", 2, any, nullptr, false, kinds({ZCV_LINK_FAIL})},
    Program{"defer", "io_uring_defer", 1, any, nullptr, false, kinds({ZCV_DEFER})},
    Program{"task_work_run", "io_uring_task_work_run", 2, any, nullptr, false,
            kinds({ZCV_TASK_WORK})},
    Program{"local_work_run", "io_uring_local_work_run", 2, any, nullptr, false,
            kinds({ZCV_TASK_WORK})},
    Program{"req_failed", "io_uring_req_failed", 3, any},
    Program{"net_dev_queue", "net_dev_queue", 1, any, nullptr, false,
            kinds({ZCV_DEV_QUEUE, ZCV_FRAG})},
    Program{"net_dev_start_xmit", "net_dev_start_xmit", 1, any, nullptr, false,
            kinds({ZCV_DEV_XMIT})},
    Program{"netif_receive_skb", "netif_receive_skb", 1, any, nullptr, false, kinds({ZCV_RX})},
    Program{"consume_skb", "consume_skb", 1, any, nullptr, false,
            kinds({ZCV_SKB_CONSUME, ZCV_ERRQUEUE_READ, ZCV_CALL_TOLD})},
    Program{"kfree_skb", "kfree_skb", 3, any, nullptr, false,
            kinds({ZCV_SKB_DROP, ZCV_ERRQUEUE_READ})},
    Program{"tcp_sendmsg_locked", "tcp_sendmsg_locked", 3, any, nullptr, false,
            kinds({ZCV_TCP_APPEND})},
    Program{"kfree", "kfree", 2, any, nullptr, false, kinds({ZCV_HEAD_FREE})},
    Program{"kmem_cache_free", "kmem_cache_free", 2, any, nullptr, false, kinds({ZCV_HEAD_FREE})},
    Program{"tcp_retransmit_skb", "tcp_retransmit_skb", 2, any, nullptr, false,
            kinds({ZCV_RETRANSMIT})},
    Program{"tcp_probe", "tcp_probe", 2, any, nullptr, false, kinds({ZCV_ACK})},
    Program{"inet_sock_set_state", "inet_sock_set_state", 3, any, nullptr, false,
            kinds({ZCV_SOCK_STATE})},
    Program{"tcp_receive_reset", "tcp_receive_reset", 1, any, nullptr, false, kinds({ZCV_RESET})},
    Program{"tcp_destroy_sock", "tcp_destroy_sock", 1, any},
    Program{"inet_sk_error_report", "inet_sk_error_report", 1, any, nullptr, false,
            kinds({ZCV_ERRQUEUE, ZCV_ERRQUEUE_READ, ZCV_CALL_TOLD})},
    Program{"sock_send_length", "sock_send_length", 2, any, nullptr, false, kinds({ZCV_CALL})},
    Program{"sys_enter", "sys_enter", 2, any, nullptr, false,
            kinds({ZCV_CALL, ZCV_CLOSE, ZCV_SHUTDOWN, ZCV_UNMAP, ZCV_RING_CLOSE, ZCV_CONTENT})},
    Program{"sched_switch", "sched_switch", 3, any, nullptr, false,
            kinds({ZCV_DEV_QUEUE, ZCV_DEV_XMIT, ZCV_RX, ZCV_SKB_CONSUME, ZCV_HEAD_FREE})},
    Program{"sched_process_fork", "sched_process_fork", 2, any},
    Program{"sched_process_exec", "sched_process_exec", 1, any},
    Program{"sched_process_exit", "sched_process_exit", 1, any},
    Program{"io_uring_create", "io_uring_create", 5, any},
    Program{"io_uring_register", "io_uring_register", 5, any},
};

// How many arguments this kernel's tracepoint has, beyond the program's own context.
std::optional<int> arguments_of(const btf* types, const char* tracepoint) {
    const std::string name = fmt::format("btf_trace_{}", tracepoint);
    int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_TYPEDEF);
    for (int hop = 0; id > 0 && hop < 4; hop++) {
        const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
        if (btf_is_func_proto(type)) return btf_vlen(type) - 1;
        id = static_cast<int>(type->type);
    }
    return std::nullopt;
}

std::optional<std::int64_t> per_cpu_offset(const btf* types, const char* variable) {
    const int section = btf__find_by_name_kind(types, ".data..percpu", BTF_KIND_DATASEC);
    if (section <= 0) return std::nullopt;
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(section));
    const btf_var_secinfo* info = btf_var_secinfos(type);
    for (int i = 0; i < btf_vlen(type); i++) {
        const btf_type* var = btf__type_by_id(types, info[i].type);
        if (std::strcmp(btf__name_by_offset(types, var->name_off), variable) == 0)
            return info[i].offset;
    }
    return std::nullopt;
}

// Bytes to a member, through structs without a name.
std::optional<std::int64_t> member_offset(const btf* types, int id, const char* name, int depth) {
    if (id <= 0 || depth > 4) return std::nullopt;
    const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
    if (!btf_is_composite(type)) return std::nullopt;
    for (unsigned i = 0; i < btf_vlen(type); i++) {
        const btf_member& member = btf_members(type)[i];
        const std::int64_t at = btf_member_bit_offset(type, i) / 8;
        const char* own = btf__name_by_offset(types, member.name_off);
        if (std::strcmp(own, name) == 0) return at;
        if (*own) continue;
        if (auto inside = member_offset(types, static_cast<int>(member.type), name, depth + 1))
            return at + *inside;
    }
    return std::nullopt;
}

// From a CPU's runqueue to its preemption count. The runqueue is the one per-CPU variable whose
// address a program can learn, and this count says what kind of context it runs in.
std::int64_t preempt_count_from_runqueue(const btf* types) {
    const auto queue = per_cpu_offset(types, "runqueues");
    if (!queue) return 0;
    if (const auto count = per_cpu_offset(types, "__preempt_count")) return *count - *queue;
    const auto hot = per_cpu_offset(types, "pcpu_hot");
    const int type = btf__find_by_name_kind(types, "pcpu_hot", BTF_KIND_STRUCT);
    const auto member = member_offset(types, type, "preempt_count", 0);
    return hot && member ? *hot + *member - *queue : 0;
}

// From a CPU's runqueue to how many softirqs of each kind have run there.
std::int64_t softirqs_from_runqueue(const btf* types) {
    const auto queue = per_cpu_offset(types, "runqueues");
    const auto counts = per_cpu_offset(types, "kstat");
    const int type = btf__find_by_name_kind(types, "kernel_stat", BTF_KIND_STRUCT);
    const auto member = member_offset(types, type, "softirqs", 0);
    return queue && counts && member ? *counts + *member - *queue : 0;
}

std::size_t cpus() {
    return static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1));
}

// A machine may have room for many more CPUs than it has, and each ring takes its part of the
// buffer: those up to the last that is online have one. What another CPU sees later is counted as
// lost.
std::size_t cpus_with_rings() {
    std::ifstream file("/sys/devices/system/cpu/online");  // "0-3,8-11"
    std::string online;
    std::getline(file, online);
    const std::size_t last = online.find_last_of(",-") + 1;  // 0 when there is neither
    std::size_t number = 0;
    const auto [end, error] =
        std::from_chars(online.data() + last, online.data() + online.size(), number);
    return error == std::errc{} ? std::min(number + 1, cpus()) : cpus();
}

// To know the pages of content that changed, one must know that it changed.
bool wants_pages(const ObserverOptions& options) {
    return (options.kinds >> ZCV_PAGES & 1) != 0 && options.hash_mode != ZCV_HASH_NONE;
}

bool wants_frees(const ObserverOptions& options) {
    return (options.kinds >> ZCV_FREE & 1) != 0;
}

auto allocator_programs(const zcv_observer& observer) {
    const auto& all = observer.progs;
    return std::array{all.free_of_glibc, all.free_of_another, all.realloc_of_glibc,
                      all.realloc_of_another, all.realloc_returns};
}

std::uint64_t random_key() {
    std::uint64_t key = 0;
    if (getrandom(&key, sizeof(key), 0) != static_cast<ssize_t>(sizeof(key)))
        throw CaptureFailed{"the kernel gives no random numbers for the hash key"};
    return key;
}

}  // namespace

Observer::Observer(const ObserverOptions& options) {
    listen_to_libbpf();
    // Kernels before 5.11 charge maps to this limit; later ones do not mind.
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    try {
        load(options);
        find_direct_map(options);
        attach();
        add_function_probes(options);
        add_allocators(options);
        add_stacks(options);
    } catch (...) {
        allocators_.reset();
        zcv_observer__destroy(skeleton_);
        throw;
    }
}

Observer::~Observer() {
    functions_.reset();
    allocators_.reset();
    ring_buffer__free(stack_samples_);
    ring_buffer__free(bell_);
    zcv_observer__destroy(skeleton_);
}

void Observer::choose_programs(const ObserverOptions& options) {
    skeleton_->rodata->preempt_count_offset = preempt_count_from_runqueue(types_.get());
    skeleton_->rodata->softirqs_offset = softirqs_from_runqueue(types_.get());
    bpf_program__set_autoload(skeleton_->progs.find_direct_map, wants_pages(options));
    for (bpf_program* const each : allocator_programs(*skeleton_))
        bpf_program__set_autoload(each, wants_frees(options));
    for (const Program& program : programs) {
        const auto arguments = arguments_of(types_.get(), program.tracepoint);
        bpf_program* loaded = bpf_object__find_program_by_name(skeleton_->obj, program.name);
        if ((program.kinds & options.kinds) == 0) {
            bpf_program__set_autoload(loaded, false);
            continue;
        }
        if (arguments && *arguments >= program.args_min && *arguments <= program.args_max) continue;
        bpf_program__set_autoload(loaded, false);
        missing_.emplace(program.tracepoint,
                         arguments ? fmt::format("it has {} arguments here", *arguments)
                                   : "this kernel has no such tracepoint");
    }
}

void Observer::configure(const ObserverOptions& options) {
    const std::uint32_t slots_of_cpu =
        RecordRings::slots_for(options.buffer_bytes, cpus_with_rings());
    const auto rings = static_cast<__u32>(cpus_with_rings());
    bpf_map__set_max_entries(skeleton_->maps.slots, rings * slots_of_cpu);
    bpf_map__set_max_entries(skeleton_->maps.taken, rings);
    bpf_map__set_max_entries(skeleton_->maps.stack_samples,
                             options.stacks || wants_frees(options) ? stack_samples_bytes : 4096);
    skeleton_->rodata->stacks_wanted = options.stacks;
    if (options.kernel_stacks) bpf_map__set_max_entries(skeleton_->maps.kernel_stacks, 1U << 16U);
    skeleton_->rodata->kernel_stacks_wanted = options.kernel_stacks;
    skeleton_->rodata->slots_of_cpu = slots_of_cpu;
    skeleton_->rodata->hash_mode = options.hash_mode;
    skeleton_->rodata->hash_key = random_key();
    skeleton_->rodata->wanted_kinds = options.kinds;
    skeleton_->rodata->system_calls = {.sendmsg = SYS_sendmsg,
                                       .sendto = SYS_sendto,
                                       .sendmmsg = SYS_sendmmsg,
                                       .close = SYS_close,
                                       .shutdown = SYS_shutdown,
                                       .munmap = SYS_munmap,
                                       .madvise = SYS_madvise,
                                       .mremap = SYS_mremap,
                                       .mmap = SYS_mmap,
                                       .brk = SYS_brk,
                                       .recvmsg = SYS_recvmsg,
                                       .recvmmsg = SYS_recvmmsg};
    skeleton_->rodata->first_watched = options.pids.front();
    skeleton_->bss->more_watched = options.pids.size() > 1;
}

void Observer::load(const ObserverOptions& options) {
    types_ = kernel_types();
    const Refused refused = load_what_is_accepted(
        [&] {
            skeleton_ = zcv_observer__open();
            if (!skeleton_)
                throw CaptureFailed{"libbpf cannot open the observer: " + last_message_of_libbpf()};
            missing_.clear();
            choose_programs(options);
            configure(options);
            return skeleton_->skeleton;
        },
        [this] {
            zcv_observer__destroy(skeleton_);
            skeleton_ = nullptr;
        });
    for (const Program& program : programs)
        if (const auto found = refused.find(program.name); found != refused.end())
            missing_[program.tracepoint] = "the verifier refuses it: " + found->second;
    for (const std::uint32_t pid : options.pids) {
        const std::uint8_t yes = 1;
        if (bpf_map__update_elem(skeleton_->maps.watched, &pid, sizeof(pid), &yes, sizeof(yes),
                                 BPF_ANY) != 0)
            throw CaptureFailed{fmt::format("process {} cannot be entered", pid)};
    }
}

// The pages of a payload are looked up where the kernel maps all memory, and where that is no
// kernel tells.
void Observer::find_direct_map(const ObserverOptions& options) {
    if (!wants_pages(options)) return;
    zcv_known_word known{};
    const std::uint64_t word = random_key();
    known.address = reinterpret_cast<std::uintptr_t>(&word);
    known.word = word;
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.ctx_in = &known;
    run.ctx_size_in = sizeof(known);
    const int error =
        bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.find_direct_map), &run);
    if (error == 0 && skeleton_->bss->direct_map != 0) {
        probes_.emplace_back("pages");
        return;
    }
    missing_.emplace("pages", error != 0 ? fmt::format("the kernel does not run the search: {}",
                                                       std::strerror(-error))
                                         : "where the kernel maps all memory was not found");
}

void Observer::attach() {
    bell_ = ring_buffer__new(
        bpf_map__fd(skeleton_->maps.bell), [](void*, void*, std::size_t) { return 0; }, nullptr,
        nullptr);
    if (!bell_)
        throw CaptureFailed{"the ring buffer cannot be mapped: " + last_message_of_libbpf()};
    rings_.emplace(bpf_map__fd(skeleton_->maps.slots), bpf_map__fd(skeleton_->maps.taken),
                   bpf_map__max_entries(skeleton_->maps.taken), skeleton_->rodata->slots_of_cpu);
    for (const Program& program : programs) {
        bpf_program* loaded = bpf_object__find_program_by_name(skeleton_->obj, program.name);
        if (!bpf_program__autoload(loaded)) continue;
        bpf_link* link = bpf_program__attach(loaded);
        if (!link) {
            missing_[program.tracepoint] = std::strerror(errno);
            continue;
        }
        // The skeleton owns the links from here on and destroys them.
        for (int i = 0; i < skeleton_->skeleton->prog_cnt; i++)
            if (std::strcmp(skeleton_->skeleton->progs[i].name, program.name) == 0)
                *skeleton_->skeleton->progs[i].link = link;
        probes_.emplace_back(program.tracepoint);
        missing_.erase(program.tracepoint);
    }
    const auto attached = [&](const char* name) {
        return name && std::ranges::find(probes_, name) != probes_.end();
    };
    for (const Program& program : programs) {
        if (attached(program.instead)) missing_.erase(program.tracepoint);
        if (attached(program.tracepoint)) missing_.erase(program.tracepoint);
        if (program.needed && !attached(program.tracepoint) && !attached(program.instead))
            throw CaptureFailed{fmt::format(
                "the tracepoint {} is not usable ({}); zcv needs Linux 6.1 or later with io_uring",
                program.tracepoint, missing_[program.tracepoint])};
    }
}

// Last, so that what they follow is being followed.
void Observer::add_function_probes(const ObserverOptions& options) {
    if (!(options.kinds >> ZCV_UBUF_REF & 1)) return;
    functions_ = std::make_unique<FunctionProbes>(
        skeleton_->obj, types_.get(),
        ProbeSettings{options.kinds, skeleton_->rodata->slots_of_cpu,
                      skeleton_->rodata->preempt_count_offset, skeleton_->rodata->first_watched});
    const auto& attached = functions_->attached();
    probes_.insert(probes_.end(), attached.begin(), attached.end());
    missing_.insert(functions_->missing().begin(), functions_->missing().end());
}

void Observer::add_allocators(const ObserverOptions& options) {
    constexpr const char* what = "free";
    if (!wants_frees(options)) return;
    const auto& programs = skeleton_->progs;
    for (const bpf_program* const each : allocator_programs(*skeleton_))
        if (bpf_program__fd(each) < 0) {
            missing_.emplace(what, "the verifier refuses it");
            return;
        }
    allocators_.emplace(
        AllocatorProbes::Programs{programs.free_of_glibc, programs.free_of_another},
        AllocatorProbes::Programs{programs.realloc_of_glibc, programs.realloc_of_another},
        programs.realloc_returns);
    const std::string why_not = allocators_->why_not();
    if (why_not.empty()) {
        probes_.emplace_back(what);
        return;
    }
    missing_.emplace(what, why_not);
    allocators_.reset();
}

void Observer::add_stacks(const ObserverOptions& options) {
    if (options.kernel_stacks) {
        kernel_stacks_.emplace(bpf_map__fd(skeleton_->maps.kernel_stacks));
        probes_.emplace_back("kernel-stacks");
    }
    if (!options.stacks && !allocators_) return;
#if defined(__x86_64__)
    const auto take = [](void* self, void* sample, std::size_t) {
        (*static_cast<Observer*>(self)->take_stack_)(*static_cast<const zcv_stack_sample*>(sample));
        return 0;
    };
    stack_samples_ =
        ring_buffer__new(bpf_map__fd(skeleton_->maps.stack_samples), take, this, nullptr);
    if (!stack_samples_)
        throw CaptureFailed{"the ring of stacks cannot be mapped: " + last_message_of_libbpf()};
    if (options.stacks) probes_.emplace_back("stacks");
#else
    missing_.emplace("stacks", "they are taken on x86-64 only");
#endif
}

void Observer::take_stacks(const std::function<void(const zcv_stack_sample&)>& take) {
    if (!stack_samples_) return;
    take_stack_ = &take;
    ring_buffer__consume(stack_samples_);
}

int Observer::wakeup_fd() const {
    return ring_buffer__epoll_fd(bell_);
}

bool Observer::take(std::vector<zcv_event>& out) {
    ring_buffer__consume(bell_);
    return rings_->take(out);
}

void Observer::detach() {
    if (functions_) functions_->detach();
    if (allocators_) missing_later_ = allocators_->missing();
    allocators_.reset();
    zcv_observer__detach(skeleton_);
}

ObserverTotals Observer::totals() const {
    ObserverTotals totals;
    std::vector<zcv_counters> each(cpus());
    const __u32 zero = 0;
    bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.counters), &zero, each.data());
    for (const zcv_counters& one : each) {
        totals.records += one.claimed;
        totals.counters.lost += one.lost;
        totals.counters.map_failures += one.map_failures;
        totals.counters.blind_spells += one.blind_spells;
        for (int kind = 0; kind < ZCV_COUNTED_KINDS; kind++)
            totals.counters.lost_by_kind[kind] += one.lost_by_kind[kind];
    }
    for (const Program& program : programs)
        totals.recursion_misses +=
            recursion_misses_of(bpf_object__find_program_by_name(skeleton_->obj, program.name));
    if (functions_) totals.recursion_misses += functions_->recursion_misses();
    return totals;
}

}  // namespace zcv
