/* Where records wait for the reader: a ring of slots for each CPU, in memory that the reader maps.
 * Only its own CPU takes slots of a ring, so there is no lock to take and no interrupt to shut out,
 * which is half of what a record costs in the kernel's own ring buffer. */
#ifndef ZCV_OBSERVER_RING_H
#define ZCV_OBSERVER_RING_H

#include "observer_kernel.h"
#include "observer_shared.h"

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

static __always_inline void count_loss(struct zcv_counters* own, __u16 kind) {
    __sync_fetch_and_add(&own->lost, 1);
    __sync_fetch_and_add(&own->lost_by_kind[kind & (ZCV_COUNTED_KINDS - 1)], 1);
}

/* Memory for a record that is still to be written, as whoever had it before left it; NULL when
 * there is no room. Whoever interrupts gives back what it took, so a plain counter will do. */
static __always_inline struct zcv_event* take_draft(struct zcv_counters* own) {
    __u32 cpu = bpf_get_smp_processor_id();
    struct zcv_taken* seen = bpf_map_lookup_elem(&taken, &cpu);
    const __u32 depth = *(volatile __u32*)&own->depth;
    if (!seen || depth >= ZCV_DRAFTS) return NULL;
    const __u64 waiting = *(volatile __u64*)&own->claimed - *(volatile __u64*)&seen->position;
    if (waiting > slots_of_cpu - ZCV_DRAFTS) return NULL;
    *(volatile __u32*)&own->depth = depth + 1;
    return &own->drafts[depth];
}

/* Gives the reader the record, which has the next number of this CPU, and gives the draft back. An
 * atomic operation waits until everything stored before it is in the cache: the only one comes
 * before the slot is written, which mostly is in no cache. */
static __always_inline void publish(struct zcv_counters* own, const struct zcv_event* draft,
                                    __u64 position) {
    __u32 cpu = bpf_get_smp_processor_id();
    __u32 index = cpu * slots_of_cpu + ((__u32)position & (slots_of_cpu - 1));
    struct zcv_slot* slot = bpf_map_lookup_elem(&slots, &index);
    if (slot) {
        slot->event = *draft;
#if defined(__TARGET_ARCH_x86)
        /* Stores stay in order. */
        asm volatile("" ::: "memory");
        *(volatile __u64*)&slot->stamp = 2 * position + 1;
#else
        __sync_lock_test_and_set(&slot->stamp, 2 * position + 1);
#endif
    }
    *(volatile __u32*)&own->depth = own->depth - 1;
    const __u32 quarter = slots_of_cpu / 4;
    if (((__u32)position & (quarter - 1)) != 0) return;
    struct zcv_taken* seen = bpf_map_lookup_elem(&taken, &cpu);
    if (seen && position - *(volatile __u64*)&seen->position >= quarter) ring_bell();
}

#endif
