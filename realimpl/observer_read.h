/* Reading kernel memory by address. Where the kernel has bpf_rdonly_cast() (since 6.2) a read is
 * one instruction, whose fault reads as 0; before, it is a call of a helper. The difference is most
 * of what a record costs. */
#ifndef ZCV_OBSERVER_READ_H
#define ZCV_OBSERVER_READ_H

#include "observer_kernel.h"

extern void* bpf_rdonly_cast(const void* at, __u32 type) __ksym __weak;

#define CAN_CAST (bpf_rdonly_cast != NULL)
#define CAST(type, at) \
    ((struct type*)bpf_rdonly_cast((const void*)(at), bpf_core_type_id_kernel(struct type)))

/* A member of the `type` at an address that the verifier knows nothing of. */
#define READ(type, at, member) \
    (CAN_CAST ? CAST(type, at)->member : BPF_CORE_READ((struct type*)(at), member))

static __always_inline __u64 read_u64(__u64 at) {
    __u64 value = 0;
    if (CAN_CAST) return (__u64)CAST(timespec64, at)->tv_sec;
    bpf_probe_read_kernel(&value, sizeof(value), (const void*)at);
    return value;
}

static __always_inline __u32 read_u32(__u64 at) {
    __u32 value = 0;
    if (CAN_CAST) return (__u32)CAST(refcount_struct, at)->refs.counter;
    bpf_probe_read_kernel(&value, sizeof(value), (const void*)at);
    return value;
}

/* The address that a typed pointer holds, as a number that can be calculated with. */
static __always_inline __u64 address_of(const void* pointer) {
    const void* volatile at = pointer;
    return read_u64((__u64)&at);
}

/* The same for members that are pointers, as numbers: what READ gives, the verifier takes for
 * something to follow, and forbids to calculate with. */
#define READ_ADDRESS(type, at, member) \
    read_u64((__u64)(at) + bpf_core_field_offset(struct type, member))

#endif
