/* What the observer remembers between two moments, and how it reads a notification or an skb.
 *
 * The kernel reuses all of this memory within microseconds, so an address alone is no identity. A
 * send gets a generation when it is submitted; a ubuf found anywhere later counts as that send only
 * while its io_kiocb still belongs to the same ring and task. */
#ifndef ZCV_OBSERVER_STATE_H
#define ZCV_OBSERVER_STATE_H

#include "observer_hash.h"
#include "observer_kernel.h"
#include "observer_shared.h"
#include "traces/zcv_event.h"

#define OP_SEND_ZC 47
#define OP_SENDMSG_ZC 48
#define CQE_MORE (1u << 1)
#define CQE_NOTIF (1u << 3)
#define SQE_FIXED_FILE (1u << 0)
#define SQE_FLAGS 0x7f /* the low bits of io_kiocb.flags are the SQE's */
#define SEND_VECTORIZED (1u << 5)
#define SKB_ZEROCOPY_ENABLE (1u << 0)
#define KIOCB_BYTES 128u
#define SHINFO_BYTES 64u

const volatile __u64 wanted_kinds = ~0ull;     /* a bit each; what is not wanted is not recorded */
const volatile __u64 wake_bytes = 1 << 20;     /* in the ring buffer before the reader is woken */
const volatile __s64 preempt_count_offset = 0; /* from this CPU's runqueue; 0 unknown */

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 64 << 20);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct zcv_counters);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, __u8);
} watched SEC(".maps");

/* One send, by its ubuf. Kept after the notification, marked done: an skb that still refers to it
 * then is what we are here to see. */
struct send {
    __u64 ring;
    __u64 req;
    __u64 task; /* io_uring_task, before 6.13 task_struct */
    __u64 addr;
    __u64 user_data;
    __u32 len;
    __u32 generation;
    __u32 tgid;
    __u16 vectors;
    __u16 done;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 131072);
    __type(key, __u64);
    __type(value, struct send);
} sends SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct ranges);
} vectors SEC(".maps");

/* One request between submission and completion, by its io_kiocb. */
struct request {
    __u64 ubuf;
    __u64 ring;
    __u64 user_data;
    __u32 generation;
    __u32 tgid;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 131072);
    __type(key, __u64);
    __type(value, struct request);
} requests SEC(".maps");

struct known_head {
    __u64 ubuf;
    __u32 generation;
    __u32 tgid;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 131072);
    __type(key, __u64);
    __type(value, struct known_head);
} heads SEC(".maps");

/* A socket that a watched process sends from. */
struct known_sock {
    __u32 tgid;
    __u32 acked; /* TCP: the highest acknowledgement that was recorded */
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct known_sock);
} socks SEC(".maps");

/* Notifications owed under one name, for the overflow event that has no other. ubuf and generation
 * are the exclusive or of all of them, so with one left they are its own. */
struct debt_key {
    __u64 ring;
    __u64 user_data;
};

struct debt {
    __u64 ubuf;
    __u32 generation;
    __u32 count;
    __u32 tgid;
    __u32 muddled; /* one of several was paid and nobody knows which */
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, struct debt_key);
    __type(value, struct debt);
} debts SEC(".maps");

__u32 generations = 0;
volatile __u32 any_calls = 0; /* a watched process has called sendmsg(MSG_ZEROCOPY) */

static __always_inline __u32 next_generation(void) {
    return __sync_fetch_and_add(&generations, 1) + 1;
}

static __always_inline struct zcv_counters* own_counters(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void count_map_failure(void) {
    struct zcv_counters* own = own_counters();
    if (own) __sync_fetch_and_add(&own->map_failures, 1);
}

static __always_inline void know_sock(const struct sock* sock, __u32 tgid) {
    __u64 key = (__u64)sock;
    struct known_sock* known = bpf_map_lookup_elem(&socks, &key);
    struct known_sock fresh = {.tgid = tgid};
    if (!sock || (known && known->tgid == tgid)) return;
    if (bpf_map_update_elem(&socks, &key, &fresh, BPF_ANY)) count_map_failure();
}

static __always_inline bool is_watched(__u32 tgid) {
    return bpf_map_lookup_elem(&watched, &tgid) != NULL;
}

/* Requests --------------------------------------------------------------------------------- */

static __always_inline struct io_sr_msg* command_of(struct io_kiocb* req) {
    return (void*)req + bpf_core_field_offset(struct io_kiocb, cmd);
}

static __always_inline __u64 ubuf_offset(void) {
    return bpf_core_field_offset(struct io_kiocb, cmd) +
           bpf_core_field_offset(struct io_notif_data, uarg);
}

static __always_inline __u64 ubuf_of(__u64 notif) {
    return notif ? notif + ubuf_offset() : 0;
}

static __always_inline __u8 sqe_flags_of(struct io_kiocb* req) {
    __u8 low = 0;
    bpf_probe_read_kernel(&low, 1, (void*)req + bpf_core_field_offset(struct io_kiocb, flags));
    return low & SQE_FLAGS;
}

static __always_inline __u64 owner_task(struct io_kiocb* req) {
    if (bpf_core_field_exists(struct io_kiocb, tctx)) return (__u64)BPF_CORE_READ(req, tctx);
    return (__u64)BPF_CORE_READ((struct io_kiocb___before_6_13*)req, task);
}

static __always_inline __u32 owner_tgid(struct io_kiocb* req) {
    if (bpf_core_field_exists(struct io_kiocb, tctx))
        return (__u32)BPF_CORE_READ(req, tctx, task, tgid);
    return (__u32)BPF_CORE_READ((struct io_kiocb___before_6_13*)req, task, tgid);
}

/* Notifications ---------------------------------------------------------------------------- */

struct notif_view {
    __u64 ring;
    __u64 task;
    __u64 chain;
    __u32 refs;
};

/* One read for all the fields: this runs for every skb of every watched send. */
static __always_inline bool view_notif(__u64 ubuf, struct notif_view* view) {
    __u8 raw[KIOCB_BYTES];
    const __u64 uarg = ubuf_offset();
    const __u64 refs = uarg + bpf_core_field_offset(struct ubuf_info, refcnt);
    const __u64 ring = bpf_core_field_offset(struct io_kiocb, ctx);
    const __u64 task = bpf_core_field_exists(struct io_kiocb, tctx)
                           ? bpf_core_field_offset(struct io_kiocb, tctx)
                           : bpf_core_field_offset(struct io_kiocb___before_6_13, task);
    if (!ubuf || refs > KIOCB_BYTES - 4 || ring > KIOCB_BYTES - 8 || task > KIOCB_BYTES - 8)
        return false;
    if (bpf_probe_read_kernel(raw, sizeof(raw), (const void*)(ubuf - uarg))) return false;
    view->refs = *(__u32*)(raw + refs);
    view->ring = *(__u64*)(raw + ring);
    view->task = *(__u64*)(raw + task);
    view->chain = 0;
    if (bpf_core_field_exists(struct io_notif_data, head)) {
        const __u64 head = bpf_core_field_offset(struct io_kiocb, cmd) +
                           bpf_core_field_offset(struct io_notif_data, head);
        if (head > KIOCB_BYTES - 8) return false;
        __u64 first = *(__u64*)(raw + head);
        if (first) first += bpf_core_field_offset(struct io_notif_data, uarg);
        if (first != ubuf) view->chain = first;
    }
    return true;
}

/* The send a ubuf stands for now, or nothing when the memory has moved on. */
static __always_inline struct send* current_send(__u64 ubuf, struct notif_view* view) {
    struct send* send = bpf_map_lookup_elem(&sends, &ubuf);
    if (!send || !view_notif(ubuf, view)) return NULL;
    return view->ring == send->ring && view->task == send->task ? send : NULL;
}

/* The ubuf if its count still means the send of that generation, else 0. */
static __always_inline __u64 refs_address_of(__u64 ubuf, __u32 generation) {
    struct send* send = bpf_map_lookup_elem(&sends, &ubuf);
    return send && send->generation == generation && !send->done ? ubuf : 0;
}

static __always_inline void owe_notification(const struct send* send, __u64 ubuf) {
    struct debt_key key = {.ring = send->ring, .user_data = send->user_data};
    struct debt* debt = bpf_map_lookup_elem(&debts, &key);
    if (debt && debt->tgid == send->tgid && debt->count > 0) {
        __sync_fetch_and_xor(&debt->ubuf, ubuf);
        __sync_fetch_and_xor(&debt->generation, send->generation);
        __sync_fetch_and_add(&debt->count, 1);
        return;
    }
    struct debt fresh = {
        .ubuf = ubuf, .generation = send->generation, .count = 1, .tgid = send->tgid};
    if (bpf_map_update_elem(&debts, &key, &fresh, BPF_ANY)) count_map_failure();
}

static __always_inline void pay_notification(const struct send* send, __u64 ubuf) {
    struct debt_key key = {.ring = send->ring, .user_data = send->user_data};
    struct debt* debt = bpf_map_lookup_elem(&debts, &key);
    if (!debt || debt->tgid != send->tgid || debt->count == 0) return;
    __sync_fetch_and_xor(&debt->ubuf, ubuf);
    __sync_fetch_and_xor(&debt->generation, send->generation);
    __sync_fetch_and_add(&debt->count, -1);
}

static __always_inline void overflow_paid(struct debt* debt, __u64 ubuf) {
    struct send* send = ubuf ? bpf_map_lookup_elem(&sends, &ubuf) : NULL;
    if (send && send->generation == debt->generation) send->done = 1;
    if (!ubuf) debt->muddled = 1;
    __sync_fetch_and_add(&debt->count, -1);
}

/* Skbs ------------------------------------------------------------------------------------- */

struct skb_view {
    __u64 head;
    __u64 ubuf; /* 0 unless the shared info says that it has one */
    __u16 dataref;
    __u8 flags;
    __u8 nr_frags;
};

static __always_inline bool view_skb(struct sk_buff* skb, struct skb_view* view) {
    __u8 raw[SHINFO_BYTES];
    const __u64 flags = bpf_core_field_offset(struct skb_shared_info, flags);
    const __u64 frags = bpf_core_field_offset(struct skb_shared_info, nr_frags);
    const __u64 dataref = bpf_core_field_offset(struct skb_shared_info, dataref);
    const __u64 arg = bpf_core_field_offset(struct skb_shared_info, destructor_arg);
    if (flags > SHINFO_BYTES - 1 || frags > SHINFO_BYTES - 1 || dataref > SHINFO_BYTES - 4 ||
        arg > SHINFO_BYTES - 8)
        return false;
    view->head = (__u64)skb->head;
    if (!view->head) return false;
    if (bpf_probe_read_kernel(raw, sizeof(raw), (const void*)(view->head + skb->end))) return false;
    view->flags = *(raw + flags);
    view->nr_frags = *(raw + frags);
    view->dataref = *(__u16*)(raw + dataref);
    view->ubuf = view->flags & SKB_ZEROCOPY_ENABLE ? *(__u64*)(raw + arg) : 0;
    return true;
}

/* Makes the head known by the first ubuf it is seen with, so that its free is recognised. */
static __always_inline void note_head(__u64 head, __u64 ubuf, __u32 generation, __u32 tgid,
                                      struct known_head* known) {
    struct known_head* found = bpf_map_lookup_elem(&heads, &head);
    known->ubuf = ubuf;
    known->generation = generation;
    known->tgid = tgid;
    if (found && found->ubuf == ubuf && found->generation == generation) return;
    if (bpf_map_update_elem(&heads, &head, known, BPF_ANY)) count_map_failure();
}

/* Records ---------------------------------------------------------------------------------- */

static __always_inline __u8 context_now(void) {
    __u32 count = 0;
    if (!preempt_count_offset || !bpf_core_field_exists(struct sched_entity, cfs_rq))
        return ZCV_CONTEXT_UNKNOWN;
    struct task_struct* task = bpf_get_current_task_btf();
    struct cfs_rq* queue = task->se.cfs_rq;
    if (!queue) return ZCV_CONTEXT_UNKNOWN;
    __u64 own = (__u64)queue->rq;
    if (bpf_probe_read_kernel(&count, sizeof(count), (const void*)(own + preempt_count_offset)))
        return ZCV_CONTEXT_UNKNOWN;
    if (count & 0xf0000) return ZCV_CONTEXT_HARDIRQ;
    return count & 0x100 ? ZCV_CONTEXT_SOFTIRQ : ZCV_CONTEXT_TASK;
}

/* A record, zeroed; NULL when that kind is not wanted, or there is no room, which then shows as a
 * loss and a gap. */
static __always_inline struct zcv_event* begin(__u16 kind) {
    if (!(wanted_kinds >> kind & 1)) return NULL;
    struct zcv_counters* own = own_counters();
    struct zcv_event* event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!own) {
        if (event) bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
        return NULL;
    }
    if (!event) {
        __sync_fetch_and_add(&own->seq, 1);
        __sync_fetch_and_add(&own->lost, 1);
        __sync_fetch_and_add(&own->lost_by_kind[kind & (ZCV_COUNTED_KINDS - 1)], 1);
        return NULL;
    }
    __u64 pid_tgid = bpf_get_current_pid_tgid();
    __builtin_memset(event, 0, sizeof(*event));
    event->kind = kind;
    event->cpu = (__u16)bpf_get_smp_processor_id();
    event->pid = (__u32)pid_tgid;
    event->tgid = (__u32)(pid_tgid >> 32);
    event->refs = ZCV_REFS_UNKNOWN;
    event->context = context_now();
    return event;
}

static __always_inline void name_send(struct zcv_event* event, const struct send* send,
                                      __u64 ubuf) {
    event->ring = send->ring;
    event->ubuf = ubuf;
    event->user_data = send->user_data;
    event->generation = send->generation;
    event->tgid = send->tgid;
}

static __always_inline void name_request(struct zcv_event* event, const struct request* request) {
    event->ring = request->ring;
    event->ubuf = request->ubuf;
    event->user_data = request->user_data;
    event->generation = request->generation;
    event->tgid = request->tgid;
}

/* Numbers, stamps and hands over the record, with the count of `ubuf` unless that is 0. A softirq
 * may nest anywhere and write records of its own; the count is read again until none came between
 * it and the number, so on one CPU the counts and the numbers tell the same order. */
static __always_inline void finish(struct zcv_event* event, __u64 ubuf) {
    struct zcv_counters* own = own_counters();
    if (!own) {
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
        return;
    }
    const void* refs = (const void*)(ubuf + bpf_core_field_offset(struct ubuf_info, refcnt));
    __u64 before = 0;
    for (int attempt = 0; attempt < 4; attempt++) {
        before = *(volatile __u64*)&own->seq;
        if (ubuf && bpf_probe_read_kernel(&event->refs, sizeof(event->refs), refs))
            event->refs = ZCV_REFS_UNKNOWN;
        event->time_ns = bpf_ktime_get_ns();
        if (__sync_val_compare_and_swap(&own->seq, before, before + 1) == before) goto numbered;
    }
    before = __sync_fetch_and_add(&own->seq, 1);
numbered:
    event->seq = (__u32)before;
    __sync_fetch_and_add(&own->records, 1);
    __sync_fetch_and_add(&own->by_kind[event->kind & (ZCV_COUNTED_KINDS - 1)], 1);
    bpf_ringbuf_submit(event, bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wake_bytes
                                  ? BPF_RB_FORCE_WAKEUP
                                  : BPF_RB_NO_WAKEUP);
}

#endif
