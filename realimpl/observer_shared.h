/* What the observer and its loader agree on beyond the record itself. */
#ifndef ZCV_OBSERVER_SHARED_H
#define ZCV_OBSERVER_SHARED_H

#include <linux/types.h>

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
};

/* One a CPU. Softirqs nest on top of tasks, so every change is atomic. */
struct zcv_counters {
    __u64 seq;          /* the next record's number, lost ones included */
    __u64 lost;         /* the ring buffer was full */
    __u64 map_failures; /* a map refused an update */
    __u64 lost_by_kind[ZCV_COUNTED_KINDS];
};

#endif
