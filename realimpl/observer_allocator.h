/* Memory that the program gives back to its allocator: free(), seen by a uprobe where the program
 * or one of its libraries has it. Nobody tells which blocks are buffers, so an address that
 * something was sent from is noted down, and a block is one when such an address is in it. */
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

/* The mark goes with the block; whoever sends from there again makes it anew. */
static __always_inline bool take_mark(__u32 tgid, __u64 addr) {
    __u8* mark = sent_from_at(tgid, addr);
    if (!*mark) return false;
    *mark = 0;
    return true;
}

/* Whether something was sent from a block, as far as it is looked at. */
static __always_inline bool was_sent_from(__u32 tgid, __u64 block, __u64 bytes) {
    bool any = false;
    for (__u32 i = 0; i < GRAINS_LOOKED_AT; i++)
        if (i == 0 || i * GRAIN < bytes) any |= take_mark(tgid, block + i * GRAIN);
    const __u64 first = (block + PAGE - 1) & ~(PAGE - 1);
    for (__u32 i = 0; i < PAGES_LOOKED_AT; i++)
        if (first + i * PAGE < block + bytes) any |= take_mark(tgid, first + i * PAGE);
    return any;
}

static __always_inline int block_freed(struct pt_regs* regs, __u64 block, __u64 bytes) {
    const __u32 tgid = (__u32)(bpf_get_current_pid_tgid() >> 32);
    if (!block || !is_watched(tgid) || !was_sent_from(tgid, block, bytes)) return 0;
    const __u32 name = FREE_STACKS | __sync_fetch_and_add(&frees, 1);
    tell_stack_at(regs, name, tgid);
    struct zcv_event* event = begin(ZCV_FREE);
    if (!event) return 0;
    event->addr = block;
    event->len = (__u32)bytes;
    event->generation = name; /* for the loader, which has the stack by it */
    finish(event, 0);
    return 0;
}

/* A block that glibc mapped is unmapped, which has records of its own. */
static __always_inline int freed_by_glibc(struct pt_regs* regs, __u64 block) {
    __u64 header = 0;
    if (!block || bpf_probe_read_user(&header, sizeof(header), (const void*)(block - 8))) return 0;
    if (header & GLIBC_IS_MMAPPED) return 0;
    return block_freed(regs, block, (header & ~GLIBC_FLAGS) - GLIBC_HEADER);
}

#endif
