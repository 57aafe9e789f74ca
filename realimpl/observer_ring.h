/* Where records wait for the reader: a ring of slots for each CPU, in memory that the reader maps.
 * Only its own CPU takes slots of a ring, so there is no lock to take and no interrupt to shut out,
 * which is half of what a record costs in the kernel's own ring buffer. */
#ifndef ZCV_OBSERVER_RING_H
#define ZCV_OBSERVER_RING_H

#include <stddef.h>

#include "observer_kernel.h"
#include "observer_shared.h"

/* Contexts that may each take a slot after all of them have looked: task, softirq, hardirq, NMI. */
#define SLOTS_SPARE 4u

const volatile __u32 slots_of_cpu = 8; /* a power of two */

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 8);
    __type(key, __u32);
    __type(value, struct zcv_slot);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct zcv_taken);
} taken SEC(".maps");

/* Carries nothing: it wakes a reader whose slots fill up faster than it comes by. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} bell SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct zcv_counters);
} counters SEC(".maps");

static __always_inline struct zcv_counters* own_counters(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void ring_bell(void) {
    __u64 nothing = 0;
    bpf_ringbuf_output(&bell, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

/* The next free slot's record, as whoever had the slot before left it; NULL when all are taken. */
static __always_inline struct zcv_event* take_slot(struct zcv_counters* own) {
    __u32 cpu = bpf_get_smp_processor_id();
    struct zcv_taken* seen = bpf_map_lookup_elem(&taken, &cpu);
    if (!seen) return NULL;
    const __u64 read = *(volatile __u64*)&seen->position;
    if (*(volatile __u64*)&own->claimed - read > slots_of_cpu - SLOTS_SPARE) return NULL;
    const __u64 position = __sync_fetch_and_add(&own->claimed, 1);
    __u32 index = cpu * slots_of_cpu + ((__u32)position & (slots_of_cpu - 1));
    struct zcv_slot* slot = bpf_map_lookup_elem(&slots, &index);
    if (!slot) return NULL;
    slot->stamp = 2 * position;
    const __u32 quarter = slots_of_cpu / 4;
    if (((__u32)position & (quarter - 1)) == 0 && position - read >= quarter) ring_bell();
    return &slot->event;
}

/* Hands a record to the reader, that may see it from here on. */
static __always_inline void publish(struct zcv_event* event) {
    struct zcv_slot* slot = (void*)event - offsetof(struct zcv_slot, event);
    const __u64 ready = slot->stamp + 1;
#if defined(__TARGET_ARCH_x86)
    /* Stores stay in order. */
    asm volatile("" ::: "memory");
    *(volatile __u64*)&slot->stamp = ready;
#else
    __sync_lock_test_and_set(&slot->stamp, ready);
#endif
}

#endif
