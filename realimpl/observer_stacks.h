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
