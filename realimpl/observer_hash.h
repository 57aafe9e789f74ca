/* A keyed hash of user memory, taken where the application's address space is the current one.
 * Every mixing step is a bijection of the state for a given word and of the word for a given state,
 * so one changed word among those looked at always changes the result. */
#ifndef ZCV_OBSERVER_HASH_H
#define ZCV_OBSERVER_HASH_H

#include "observer_kernel.h"
#include "observer_shared.h"

#define CHUNK_BYTES 512u
#define SAMPLE_BYTES 64u
#define SAMPLE_STRIDE 4096u
#define FULL_BYTES_MAX (1u << 20)
#define CHUNKS_MAX 8192u
#define RANGES_MAX 32u

const volatile __u32 hash_mode = ZCV_HASH_NONE;
const volatile __u64 hash_key = 0;

struct ranges {
    __u32 count;
    __u32 unused;
    struct user_iovec at[RANGES_MAX];
};

/* Where a hash stands. In a map rather than on the stack: the verifier follows constants on the
 * stack through every turn of a loop and never finishes. */
struct hash_state {
    struct ranges ranges;
    __u64 hash[2]; /* of every other word each: two products at a time */
    __u64 offset;
    __u64 left; /* bytes a full hash may still read */
    __u32 range;
    __u32 tail; /* the sampled tail of this range is due */
    __u32 failed;
    __u32 unused;
    __u64 page_table; /* of the process whose pages are looked at */
    __u64 words[CHUNK_BYTES / 8];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct hash_state);
} hashing SEC(".maps");

static __always_inline __u64 mix(__u64 hash, __u64 word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ (hash >> 29);
}

static __always_inline void next_range(struct hash_state* state) {
    state->range++;
    state->offset = 0;
    state->tail = 0;
}

/* Where the chunk after the one of `taken` bytes begins. */
static __always_inline void advance(struct hash_state* state, __u64 length, __u32 taken) {
    if (hash_mode == ZCV_HASH_FULL) {
        state->offset += taken;
        if (state->offset >= length) next_range(state);
        return;
    }
    if (state->tail) {
        next_range(state);
        return;
    }
    state->offset += SAMPLE_STRIDE;
    if (state->offset < length) return;
    if (length <= SAMPLE_BYTES) {
        next_range(state);
        return;
    }
    state->offset = length - SAMPLE_BYTES;
    state->tail = 1;
}

static __always_inline void mix_words(struct hash_state* state, __u32 bytes) {
    const __u32 words = (bytes + 7) / 8;
    __u64 even = state->hash[0], odd = state->hash[1];
    for (__u32 i = 0; i < CHUNK_BYTES / 8; i += 2) {
        if (i >= words) break;
        even = mix(even, state->words[i]);
        odd = mix(odd, state->words[i + 1]);
    }
    state->hash[0] = even;
    state->hash[1] = odd;
}

/* One chunk; the callback of bpf_loop, 1 ends it. */
static long hash_chunk(__u32 turn, void* unused) {
    __u32 zero = 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state || state->range >= state->ranges.count) return 1;
    const struct user_iovec* range = &state->ranges.at[state->range & (RANGES_MAX - 1)];
    if (range->len == 0) {
        next_range(state);
        return 0;
    }
    __u32 bytes = hash_mode == ZCV_HASH_FULL ? CHUNK_BYTES : SAMPLE_BYTES;
    __u64 rest = range->len - state->offset;
    if (rest < bytes) bytes = (__u32)rest;
    if (hash_mode == ZCV_HASH_FULL && state->left < bytes) bytes = (__u32)state->left;
    if (bytes == 0) return 1;
    barrier_var(bytes); /* clang knows; the verifier of 6.1 has to see it */
    if (bytes > CHUNK_BYTES) bytes = CHUNK_BYTES;
    /* The last words are hashed whole, so what the read does not fill must not be left over. */
    const __u32 last = ((bytes + 7) / 8 - 1) & (CHUNK_BYTES / 8 - 2);
    state->words[last] = 0;
    state->words[last + 1] = 0;
    if (bpf_probe_read_user(state->words, bytes, (const void*)(range->base + state->offset))) {
        state->failed = 1;
        return 1;
    }
    mix_words(state, bytes);
    state->left -= bytes;
    advance(state, range->len, bytes);
    return 0;
}

/* Hashes the state's ranges; 0 when a byte of them could not be read. */
static __always_inline __u64 hash_ranges(struct hash_state* state) {
    state->hash[0] = hash_key;
    state->hash[1] = ~hash_key;
    state->offset = 0;
    state->left = FULL_BYTES_MAX;
    state->range = 0;
    state->tail = 0;
    state->failed = 0;
    bpf_loop(CHUNKS_MAX, hash_chunk, NULL, 0);
    const __u64 hash = mix(state->hash[0], state->hash[1]);
    if (state->failed) return 0;
    return hash ? hash : 1;
}

#endif
