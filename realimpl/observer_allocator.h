/* Memory that the program gives back to its allocator: free(), and realloc() that moves, seen by
 * uprobes where the program or one of its libraries has them. Nobody tells which blocks are
 * buffers, so an address that something was sent from is noted down, and a block is one when such
 * an address is in it. */
#ifndef ZCV_OBSERVER_ALLOCATOR_H
#define ZCV_OBSERVER_ALLOCATOR_H

#include "observer_state.h"

#define SENT_FROM_BYTES (1u << 20)
#define GRAIN 64ull
#define GRAINS_LOOKED_AT 8u /* of the beginning of a block: a buffer may follow a header */
#define PAGES_LOOKED_AT 64u /* and further on only the beginnings of pages */
#define PAGE 4096ull
/* glibc: the word in front of a block has its size, and in the lowest bits this */
#define GLIBC_FLAGS 7ull
#define GLIBC_IS_MMAPPED 2ull
#define GLIBC_HEADER 8u        /* of the chunk's bytes, those that are not the program's */
#define FREE_STACKS (1u << 31) /* in a sample's name: not the generation of a send */

/* Where something was sent from, a byte for each hash of process and address. A stranger's hash
 * costs a record that is about no send. */
__u8 sent_from[SENT_FROM_BYTES];
__u32 frees = 0;

static __always_inline __u8* sent_from_at(__u32 tgid, __u64 addr) {
    const __u64 name = (addr / GRAIN) ^ ((__u64)tgid << 42);
    return &sent_from[(__u32)((name * 0x9e3779b97f4a7c15ull) >> 40) & (SENT_FROM_BYTES - 1)];
}

static __always_inline bool frees_wanted(void) {
    return wanted_kinds >> ZCV_FREE & 1;
}

static __always_inline void note_sent_from(__u32 tgid, const struct ranges* ranges) {
    if (!frees_wanted()) return;
    for (__u32 i = 0; i < RANGES_MAX; i++)
        if (i < ranges->count) *sent_from_at(tgid, ranges->at[i].base) = 1;
}

/* Whether something was sent from there. With `take` the mark goes with the block; whoever sends
 * from there again makes it anew. */
static __always_inline bool is_marked(__u32 tgid, __u64 addr, bool take) {
    __u8* mark = sent_from_at(tgid, addr);
    if (!*mark) return false;
    if (take) *mark = 0;
    return true;
}

/* The same of a block, as far as it is looked at. */
static __always_inline bool was_sent_from(__u32 tgid, __u64 block, __u64 bytes, bool take) {
    bool any = false;
    for (__u32 i = 0; i < GRAINS_LOOKED_AT; i++)
        if (i == 0 || i * GRAIN < bytes) any |= is_marked(tgid, block + i * GRAIN, take);
    const __u64 first = (block + PAGE - 1) & ~(PAGE - 1);
    for (__u32 i = 0; i < PAGES_LOOKED_AT; i++)
        if (first + i * PAGE < block + bytes) any |= is_marked(tgid, first + i * PAGE, take);
    return any;
}

/* What realloc() is at work on, by thread. */
struct moving {
    __u64 block;
    __u64 bytes;
    __u32 name;
    __u32 unused;
};
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64);
    __type(value, struct moving);
} moving SEC(".maps");

/* `name` is also that of the stack's sample, by which the loader finds it. */
static __always_inline void tell_free(__u64 block, __u64 bytes, __u32 name) {
    struct zcv_event* event = begin(ZCV_FREE);
    if (!event) return;
    event->addr = block;
    event->len = (__u32)bytes;
    event->generation = name;
    finish(event, 0);
}

static __always_inline int block_freed(struct pt_regs* regs, __u64 block, __u64 bytes,
                                       bool may_stay) {
    const __u64 thread = bpf_get_current_pid_tgid();
    const __u32 tgid = (__u32)(thread >> 32);
    if (!block || !is_watched(tgid) || !was_sent_from(tgid, block, bytes, !may_stay)) return 0;
    struct moving one = {block, bytes, FREE_STACKS | __sync_fetch_and_add(&frees, 1), 0};
    tell_stack_at(regs, one.name, tgid);
    if (!may_stay)
        tell_free(block, bytes, one.name);
    else if (bpf_map_update_elem(&moving, &thread, &one, BPF_ANY))
        count_map_failure();
    return 0;
}

/* realloc() returns: NULL is a failure, which leaves the block alone. */
static __always_inline int block_moved(__u64 to) {
    const __u64 thread = bpf_get_current_pid_tgid();
    struct moving* kept = bpf_map_lookup_elem(&moving, &thread);
    if (!kept) return 0;
    struct moving one = *kept;
    bpf_map_delete_elem(&moving, &thread);
    if (!to || to == one.block) return 0;
    was_sent_from((__u32)(thread >> 32), one.block, one.bytes, true);
    tell_free(one.block, one.bytes, one.name);
    return 0;
}

/* A block that glibc mapped is unmapped, or moved with its pages, which has records of its own. */
static __always_inline int freed_by_glibc(struct pt_regs* regs, __u64 block, bool may_stay) {
    __u64 header = 0;
    if (!block || bpf_probe_read_user(&header, sizeof(header), (const void*)(block - 8))) return 0;
    if (header & GLIBC_IS_MMAPPED) return 0;
    return block_freed(regs, block, (header & ~GLIBC_FLAGS) - GLIBC_HEADER, may_stay);
}

#endif
