/* What a send's memory holds, which pages packets have of it, and when it leaves its address. */
#ifndef ZCV_OBSERVER_MEMORY_H
#define ZCV_OBSERVER_MEMORY_H

#include "observer_state.h"

/* The payload as it is now. Only where the owner's memory is the current one: the notifications of
 * a process that is gone complete in a kernel worker. */
static __always_inline __u64 hash_again(__u64 ubuf, const struct send* send) {
    __u32 zero = 0;
    struct task_struct* task = bpf_get_current_task_btf();
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!hash_mode || !state || !task->mm || (__u32)task->tgid != send->tgid) return 0;
    if (send->vectors) {
        struct ranges* kept = bpf_map_lookup_elem(&vectors, &ubuf);
        if (!kept) return 0;
        __builtin_memcpy(&state->ranges, kept, sizeof(*kept));
    } else {
        state->ranges.at[0].base = send->addr;
        state->ranges.at[0].len = send->len;
        state->ranges.count = send->addr ? 1 : 0;
    }
    return hash_ranges(state);
}

/* Content that changed: does the address still lead to the pages that it was sent from? */
static __always_inline void tell_pages(__u64 ubuf, const struct send* send, __u64 hash) {
    __u32 zero = 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!send->pages || !hash || hash == send->hash || send->done || !state) return;
    const __u64 pages = hash_pages(state);
    struct zcv_event* event = pages ? begin(ZCV_PAGES) : NULL;
    if (!event) return;
    name_send(event, send, ubuf);
    event->addr = send->addr;
    event->len = send->len;
    event->hash = pages;
    event->zc_flags = pages == send->pages;
    finish(event, 0);
}

struct bpf_map;

struct leaving {
    __u64 begin;
    __u64 end;
    __u32 tgid;
    __u32 unused;
};

/* One send, of all that are known: is it in flight from memory that leaves? */
static __always_inline long tell_content(__u64 ubuf, struct send* send, struct leaving* gone) {
    struct notif_view view;
    const __u64 end = send->addr + send->len;
    if (send->done || send->tgid != gone->tgid || send->addr >= gone->end || end <= gone->begin)
        return 0;
    if (!view_notif(ubuf, &view) || view.ring != send->ring || view.task != send->task) return 0;
    __u64 hash = hash_again(ubuf, send);
    if (!hash) return 0;
    tell_pages(ubuf, send, hash);
    struct zcv_event* event = begin(ZCV_CONTENT);
    if (!event) return 0;
    name_send(event, send, ubuf);
    event->addr = send->addr;
    event->len = send->len;
    event->zc_flags = !send->vectors && send->addr >= gone->begin && end <= gone->end;
    event->hash = hash;
    finish(event, 0);
    return 0;
}

static long tell_near(struct bpf_map* map, __u32* index, struct sends_way* way,
                      struct leaving* gone) {
    return way->key ? tell_content(way->key, &way->value, gone) : 0;
}

static long tell_far(struct bpf_map* map, __u64* key, struct send* send, struct leaving* gone) {
    return tell_content(*key, send, gone);
}

/* Memory is about to leave the addresses from `begin` to `end`: the last moment at which what is
 * sent from there can be compared by address. */
static __always_inline void memory_leaves(__u64 begin, __u64 end) {
    struct leaving gone = {
        .begin = begin, .end = end, .tgid = (__u32)(bpf_get_current_pid_tgid() >> 32)};
    if (!hash_mode || !(wanted_kinds >> ZCV_CONTENT & 1) || end <= begin) return;
    bpf_for_each_map_elem(&sends_near, tell_near, &gone, 0);
    if (sends_spilled) bpf_for_each_map_elem(&sends_far, tell_far, &gone, 0);
}

#define FRAGS_MAX 17u /* MAX_SKB_FRAGS, unless the kernel is configured to have more */

/* Which pages an skb refers to, as it is handed to a device. */
static __always_inline void tell_frags(struct sk_buff* skb) {
    struct skb_view view;
    if (!(wanted_kinds >> ZCV_FRAG & 1) || !view_skb(skb, &view)) return;
    struct known_head* known = known_head_at(view.head);
    if (!known) return;
    const __u64 frags = view.head + skb->end + bpf_core_field_offset(struct skb_shared_info, frags);
    for (__u32 i = 0; i < FRAGS_MAX && i < view.nr_frags; i++) {
        const __u64 frag = frags + i * 16;
        struct zcv_event* event = begin(ZCV_FRAG);
        if (!event) return;
        event->skb = (__u64)skb;
        event->head = view.head;
        event->owner = known->ubuf;
        event->generation = known->generation;
        event->tgid = known->tgid;
        event->opcode = (__u8)i;
        event->nr_frags = view.nr_frags;
        event->addr = read_u64(frag);
        event->len = read_u32(frag + 8);
        event->user_data = read_u32(frag + 12);
        finish(event, 0);
    }
}

#endif
