/* Where the program was when it sent: its registers, and the top of its stack, from which the
 * loader tells the callers. The number that the kernel's own stack walk gives needs frame pointers,
 * which hardly any library has. */
#ifndef ZCV_OBSERVER_STACKS_H
#define ZCV_OBSERVER_STACKS_H

#include "observer_ring.h"

#define STACK_CHUNK 512u
/* struct task_struct: kernel threads, io-wq and SQPOLL threads have no user's registers. */
#define PF_IO_WORKER 0x10u
#define PF_USER_WORKER 0x4000u
#define PF_KTHREAD 0x200000u
#define USER_CODE_64 0x33 /* the code segment of 64-bit programs */

const volatile __u32 stacks_wanted = 0;

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096); /* the loader makes it larger where stacks are wanted */
} stack_samples SEC(".maps");

const volatile __u32 kernel_stacks_wanted = 0;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1); /* the loader makes it larger where they are wanted */
    __type(key, __u32);
    __type(value, struct zcv_kernel_stack);
} kernel_stacks SEC(".maps");

/* One for each record that may be in the making on a CPU. */
struct kernel_frames {
    __u64 of_draft[ZCV_DRAFTS][ZCV_KERNEL_FRAMES];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct kernel_frames);
} kernel_scratch SEC(".maps");

#define KERNEL_STACK_TRIES 8

/* The number of the kernel's stack at this moment, 0 when it cannot be told, as in an interrupt of
 * an idle processor, whose task's stack the kernel does not give. A stack is entered once and
 * stays. */
static __always_inline __u16 kernel_stack_now(__u32 draft) {
    __u32 zero = 0;
    struct kernel_frames* scratch = bpf_map_lookup_elem(&kernel_scratch, &zero);
    if (!scratch) return 0;
    __u64* frames = scratch->of_draft[draft & (ZCV_DRAFTS - 1)];
    const long bytes = bpf_get_task_stack(bpf_get_current_task_btf(), frames,
                                          ZCV_KERNEL_FRAMES * sizeof(__u64), 0);
    if (bytes <= 0) return 0;
    __u64 hash = 1;
    for (__u32 i = 0; i < ZCV_KERNEL_FRAMES; i++) {
        if (i * sizeof(__u64) >= (__u64)bytes) frames[i] = 0;
        hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15ull;
    }
    hash |= 1;
    for (__u32 try = 0; try < KERNEL_STACK_TRIES; try++) {
        __u32 number = (__u16)((hash >> 48) + try);
        struct zcv_kernel_stack* stack = bpf_map_lookup_elem(&kernel_stacks, &number);
        if (!stack || !number) continue;
        if (stack->hash == hash) return (__u16)number;
        if (stack->hash || __sync_val_compare_and_swap(&stack->hash, 0, hash) != 0) continue;
        __builtin_memcpy(stack->frames, frames, sizeof(stack->frames));
        return (__u16)number;
    }
    return 0;
}

#if defined(__TARGET_ARCH_x86)
static __always_inline void copy_registers(struct zcv_stack_sample* sample,
                                           const struct pt_regs* regs) {
    const __u64 in_dwarf_order[ZCV_SAMPLE_REGISTERS] = {
        regs->ax,  regs->dx,  regs->cx,  regs->bx,  regs->si,  regs->di,
        regs->bp,  regs->sp,  regs->r8,  regs->r9,  regs->r10, regs->r11,
        regs->r12, regs->r13, regs->r14, regs->r15, regs->ip};
    __builtin_memcpy(sample->registers, in_dwarf_order, sizeof(in_dwarf_order));
}

/* Of a user's thread with these registers, under a name that the record has as its generation. A
 * full ring is no loss of a record: it then has no stack. */
static __always_inline void tell_stack_at(const struct pt_regs* regs, __u32 name, __u32 tgid) {
    if (regs->cs != USER_CODE_64) return;
    struct zcv_stack_sample* sample = bpf_ringbuf_reserve(&stack_samples, sizeof(*sample), 0);
    if (!sample) return;
    sample->generation = name;
    sample->tgid = tgid;
    sample->words = 0;
    sample->unused = 0;
    copy_registers(sample, regs);
    /* A chunk is in one page; where the stack ends, the copy does. */
    const __u64 from = regs->sp & ~(__u64)(STACK_CHUNK - 1);
    for (__u32 chunk = 0; chunk < ZCV_STACK_WORDS * 8 / STACK_CHUNK; chunk++) {
        if (bpf_probe_read_user(&sample->memory[chunk * (STACK_CHUNK / 8)], STACK_CHUNK,
                                (const void*)(from + chunk * STACK_CHUNK)))
            break;
        sample->words += STACK_CHUNK / 8;
    }
    bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
}

/* Of the send of that generation, which the current task submits. */
static __always_inline void tell_stack(__u32 generation, __u32 tgid) {
    struct task_struct* task = bpf_get_current_task_btf();
    if (!stacks_wanted || (__u32)task->tgid != tgid) return;
    if (task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)) return;
    tell_stack_at((const struct pt_regs*)bpf_task_pt_regs(task), generation, tgid);
}
#else
static __always_inline void tell_stack_at(const struct pt_regs* regs, __u32 name, __u32 tgid) {}
static __always_inline void tell_stack(__u32 generation, __u32 tgid) {}
#endif

#endif
