/* Maps from kernel addresses, for what is looked up several times for each send. A look-up in the
 * kernel's own hash maps is most of what there is to do for a record. Here an address picks a set
 * of four ways in an array; what finds no way free goes to an LRU map, so there is room for as much
 * as before. An entry stays where it is, for the same few addresses come again and again. */
#ifndef ZCV_OBSERVER_TABLE_H
#define ZCV_OBSERVER_TABLE_H

#include "observer_ring.h"

#define WAYS 4u
#define WAY_SETS 2048u

static __always_inline __u32 first_way(__u64 key) {
    return ((__u32)((key * 0x9e3779b97f4a7c15ull) >> 40) & (WAY_SETS - 1)) * WAYS;
}

static __always_inline void count_map_failure(void) {
    struct zcv_counters* own = own_counters();
    if (own) __sync_fetch_and_add(&own->map_failures, 1);
}

/* NAME_at(key): the value or NULL. NAME_put(key, value): enters or replaces it. NAME_drop(key). A
 * key is never 0. A way is taken once and for all, unless it is dropped. */
#define TABLE(name, value_type, far_max)                                                         \
    struct name##_way {                                                                          \
        __u64 key;                                                                               \
        value_type value;                                                                        \
    };                                                                                           \
    struct {                                                                                     \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                                        \
        __uint(max_entries, WAY_SETS* WAYS);                                                     \
        __type(key, __u32);                                                                      \
        __type(value, struct name##_way);                                                        \
    } name##_near SEC(".maps");                                                                  \
    struct {                                                                                     \
        __uint(type, BPF_MAP_TYPE_LRU_HASH);                                                     \
        __uint(max_entries, far_max);                                                            \
        __type(key, __u64);                                                                      \
        __type(value, value_type);                                                               \
    } name##_far SEC(".maps");                                                                   \
    volatile __u32 name##_spilled = 0;                                                           \
                                                                                                 \
    static __always_inline value_type* name##_at(__u64 key) {                                    \
        const __u32 first = first_way(key);                                                      \
        for (__u32 way = 0; way < WAYS; way++) {                                                 \
            __u32 index = first + way;                                                           \
            struct name##_way* found = bpf_map_lookup_elem(&name##_near, &index);                \
            if (found && found->key == key) return &found->value;                                \
        }                                                                                        \
        return name##_spilled ? bpf_map_lookup_elem(&name##_far, &key) : NULL;                   \
    }                                                                                            \
                                                                                                 \
    static __always_inline void name##_put(__u64 key, const value_type* value) {                 \
        value_type* known = name##_at(key);                                                      \
        if (known) {                                                                             \
            *known = *value;                                                                     \
            return;                                                                              \
        }                                                                                        \
        const __u32 first = first_way(key);                                                      \
        for (__u32 way = 0; way < WAYS; way++) {                                                 \
            __u32 index = first + way;                                                           \
            struct name##_way* found = bpf_map_lookup_elem(&name##_near, &index);                \
            if (found && !found->key && __sync_val_compare_and_swap(&found->key, 0, key) == 0) { \
                found->value = *value;                                                           \
                return;                                                                          \
            }                                                                                    \
        }                                                                                        \
        name##_spilled = 1;                                                                      \
        if (bpf_map_update_elem(&name##_far, &key, value, BPF_ANY)) count_map_failure();         \
    }                                                                                            \
                                                                                                 \
    static __always_inline void name##_drop(__u64 key) {                                         \
        const __u32 first = first_way(key);                                                      \
        for (__u32 way = 0; way < WAYS; way++) {                                                 \
            __u32 index = first + way;                                                           \
            struct name##_way* found = bpf_map_lookup_elem(&name##_near, &index);                \
            if (found && found->key == key) {                                                    \
                *(volatile __u64*)&found->key = 0;                                               \
                return;                                                                          \
            }                                                                                    \
        }                                                                                        \
        if (name##_spilled) bpf_map_delete_elem(&name##_far, &key);                              \
    }

#endif
