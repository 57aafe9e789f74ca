/* Which pages a program's addresses lead to. The same address with other pages under it, after a
 * fork, an munmap or an mremap, is another buffer; this tells them apart by walking the page tables
 * of the current process, as the processor does (x86-64). They are read where the kernel maps all
 * memory, and where that is, the observer finds out when it is loaded: find_direct_map(). */
#ifndef ZCV_OBSERVER_PAGES_H
#define ZCV_OBSERVER_PAGES_H

#include "observer_hash.h"
#include "observer_read.h"

#define PAGE_BYTES 4096u
#define PAGES_MAX 1024u        /* of a send; the rest of a larger one is not looked at */
#define MEMORY_GIGABYTES 4096u /* how much memory a machine is searched for */
#define GIGABYTE (1ull << 30)
#define ENTRY_PRESENT 1ull
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_FRAME 0x000ffffffffff000ull

volatile __u64 direct_map = 0; /* page_offset_base; 0: not found, nothing is told of pages */
volatile __u32 table_levels = 0;

static __always_inline __u64 page_table(void) {
    struct task_struct* task = bpf_get_current_task_btf();
    struct mm_struct* mm = task->mm;
    return mm ? READ_ADDRESS(mm_struct, mm, pgd) : 0;
}

/* The physical address of a byte of the current process, 0 when nothing is there. */
static __always_inline __u64 physical(__u64 table, __u64 base, __u32 levels, __u64 address) {
    for (__u32 level = 5; level > 0; level--) {
        if (level > levels) continue;
        const __u32 shift = 12 + 9 * (level - 1);
        const __u64 entry = read_u64(table + 8 * ((address >> shift) & 511));
        if (!(entry & ENTRY_PRESENT)) return 0;
        if (level == 1 || (level < 4 && (entry & ENTRY_LARGE))) {
            const __u64 within = (1ull << shift) - 1;
            return (entry & ENTRY_FRAME & ~within) | (address & within);
        }
        table = base + (entry & ENTRY_FRAME);
    }
    return 0;
}

/* One page; the callback of bpf_loop, 1 ends it. */
static long mix_page(__u32 turn, void* unused) {
    __u32 zero = 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state || state->range >= state->ranges.count) return 1;
    const struct user_iovec* range = &state->ranges.at[state->range & (RANGES_MAX - 1)];
    if (state->offset >= range->len) {
        next_range(state);
        return 0;
    }
    const __u64 address = range->base + state->offset;
    const __u64 at = physical(state->page_table, direct_map, table_levels, address);
    if (!at) {
        state->failed = 1;
        return 1;
    }
    state->hash[0] = mix(state->hash[0], at / PAGE_BYTES);
    state->offset += PAGE_BYTES - address % PAGE_BYTES;
    return 0;
}

/* A keyed hash of the page frames of the state's ranges; 0 when it cannot be told. */
static __always_inline __u64 hash_pages(struct hash_state* state) {
    if (!direct_map || state->ranges.count == 0) return 0;
    state->page_table = page_table();
    if (!state->page_table) return 0;
    state->hash[0] = ~hash_key;
    state->offset = 0;
    state->range = 0;
    state->failed = 0;
    bpf_loop(PAGES_MAX + RANGES_MAX, mix_page, NULL, 0);
    if (state->failed) return 0;
    return state->hash[0] ? state->hash[0] : 1;
}

struct map_search {
    struct zcv_known_word known;
    __u64 table;
    __u32 levels;
    __u32 found;
};

static long try_base(__u32 turn, struct map_search* search) {
    const __u64 base = (search->table & ~(GIGABYTE - 1)) - turn * GIGABYTE;
    __u64 at = physical(search->table, base, search->levels, search->known.address);
    if (!at || read_u64(base + at) != search->known.word) return 0;
    direct_map = base;
    table_levels = search->levels;
    search->found = 1;
    return 1;
}

/* The top page table's address is in that map, its beginning at a whole gigabyte below (4.x: with
 * KASLR anywhere, see kernel_randomize_memory()): right is where a walk to a word that the loader
 * knows ends at that word. */
static __always_inline int search_direct_map(const struct zcv_known_word* known) {
    struct map_search search = {.known = *known, .table = page_table()};
    for (__u32 levels = 4; levels <= 5 && search.table && !search.found; levels++) {
        search.levels = levels;
        bpf_loop(MEMORY_GIGABYTES, try_base, &search, 0);
    }
    return 0;
}

#endif
