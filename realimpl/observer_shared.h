/* What the observer and its loader agree on beyond the record itself. */
#ifndef ZCV_OBSERVER_SHARED_H
#define ZCV_OBSERVER_SHARED_H

#include <linux/types.h>

#include "traces/zcv_event.h"

#define ZCV_SAMPLE_REGISTERS 17
#define ZCV_STACK_WORDS 1024

#define ZCV_HASH_NONE 0
#define ZCV_HASH_SAMPLED 1
#define ZCV_HASH_FULL 2

#define ZCV_COUNTED_KINDS 64 /* at least ZCV_KIND_COUNT; room for kinds to come */

/* The numbers of system calls, on the architecture that the observer runs on. */
struct zcv_call_numbers {
    __u32 sendmsg;
    __u32 sendto;
    __u32 sendmmsg;
    __u32 close;
    __u32 shutdown;
    __u32 munmap;
    __u32 madvise;
    __u32 mremap;
    __u32 mmap;
    __u32 brk;
    __u32 recvmsg;
    __u32 recvmmsg;
};

/* A word of the loader's own memory, and what it holds: see find_direct_map. */
struct zcv_known_word {
    __u64 address;
    __u64 word;
};

/* Where a program was as it sent. */
struct zcv_stack_sample {
    __u32 generation; /* of the send, or what the record has in its place */
    __u32 tgid;
    __u32 words; /* of memory that could be read */
    __u32 unused;
    /* In the order of the DWARF ABI of x86-64; the last is the program counter (what DWARF calls
     * the return address). */
    __u64 registers[ZCV_SAMPLE_REGISTERS];
    __u64 memory[ZCV_STACK_WORDS]; /* from the stack pointer, rounded down to 512, up */
};

#define ZCV_KERNEL_FRAMES 24

/* A stack of the kernel, by its number. */
struct zcv_kernel_stack {
    __u64 hash;                      /* 0: none is there */
    __u64 frames[ZCV_KERNEL_FRAMES]; /* innermost first, then 0 */
};

/* A record on its way to the loader. On each CPU positions count from 0; the record of a position
 * is in slot (position % slots of a CPU), and there to be read when the stamp is 2 * position + 1.
 */
struct zcv_slot {
    __u64 stamp;
    struct zcv_event event;
};

/* One a CPU, alone in its cache line: the loader has read every position below. */
struct zcv_taken {
    __u64 position;
    __u64 unused[7];
};

/* Contexts that may be in the midst of a record on one CPU: task, softirq, hardirq, NMI. */
#define ZCV_DRAFTS 4

/* One a CPU. Softirqs nest on top of tasks, so every change is atomic. */
struct zcv_counters {
    __u64 claimed;                       /* slots taken so far */
    __u64 lost;                          /* all slots were taken */
    __u64 map_failures;                  /* a map refused an update */
    __u64 blind_spells;                  /* see observer_blind.h */
    __u32 depth;                         /* drafts in use */
    __u32 softirqs;                      /* that had run when a task was switched to last */
    __u64 running;                       /* that task */
    struct zcv_event drafts[ZCV_DRAFTS]; /* records that are being written */
    __u64 lost_by_kind[ZCV_COUNTED_KINDS];
};

#endif
