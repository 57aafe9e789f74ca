/* What the observer remembers between two moments, and how it reads a notification or an skb.
 *
 * The kernel reuses all of this memory within microseconds, so an address alone is no identity. A
 * send gets a generation when it is submitted; a ubuf found anywhere later counts as that send only
 * while its io_kiocb still belongs to the same ring and task. */
#ifndef ZCV_OBSERVER_STATE_H
#define ZCV_OBSERVER_STATE_H

#include "observer_hash.h"
#include "observer_kernel.h"
#include "observer_pages.h"
#include "observer_read.h"
#include "observer_stacks.h"
#include "observer_table.h"

#define OP_SENDMSG 9
#define OP_RECVMSG 10
#define OP_ASYNC_CANCEL 14
#define OP_LINK_TIMEOUT 15
#define OP_SEND 26
#define OP_RECV 27
#define OP_SEND_ZC 47
#define OP_SENDMSG_ZC 48
#define CQE_MORE (1u << 1)
#define CQE_NOTIF (1u << 3)
#define SQE_FIXED_FILE (1u << 0)
#define SQE_FLAGS 0x7f /* the low bits of io_kiocb.flags are the SQE's */
#define SEND_VECTORIZED (1u << 5)
#define SKB_ZEROCOPY_ENABLE (1u << 0)
#define HEAD_FILTER_SIZE 4096u

const volatile __u64 wanted_kinds = ~0ull;     /* a bit each; what is not wanted is not recorded */
const volatile __s64 preempt_count_offset = 0; /* from this CPU's runqueue; 0 unknown */
const volatile __u32 first_watched = 0;        /* one of them, mostly the only one */

static __always_inline bool pages_wanted(void) {
    return direct_map && (wanted_kinds >> ZCV_PAGES & 1);
}

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
    __u64 hash;  /* of the payload as submitted; 0 not taken */
    __u64 pages; /* which pages that was in; 0 not taken */
    __u32 len;
    __u32 generation;
    __u32 tgid;
    __u16 vectors;
    __u16 done;
};

TABLE(sends, struct send, 131072)

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct ranges);
} vectors SEC(".maps");

/* One request between submission and completion, by its io_kiocb. The kernel takes the same few
 * io_kiocbs again and again, so the entry stays, without a generation, for the next one. */
struct request {
    __u64 ubuf;
    __u64 ring;
    __u64 sock;
    __u64 user_data;
    __u32 generation; /* 0: none */
    __u32 tgid;
    __u8 protocol;
    __u8 unused[7];
};

TABLE(requests, struct request, 131072)

/* As with requests, the entry of a head that is gone stays, without a ubuf. */
struct known_head {
    __u64 ubuf;     /* 0: not known any more */
    __u64 sock;     /* of the skb that it was first seen with */
    __u64 sequence; /* TCP: of its first byte, 2^32 more; 0: not known */
    __u32 generation;
    __u32 tgid;
};

TABLE(heads, struct known_head, 131072)

/* How many known heads there are of each hash: most of what the allocator frees is none. */
__u32 head_filter[HEAD_FILTER_SIZE];

/* A socket that a watched process sends from. */
struct known_sock {
    __u32 tgid;
    __u32 acked; /* TCP: the highest acknowledgement that was recorded */
};

TABLE(socks, struct known_sock, 65536)

/* The rings of watched processes, by io_ring_ctx. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, __u32); /* tgid */
} rings SEC(".maps");

/* Notifications owed under one name, for the overflow event that has no other. ubuf and generation
 * are the exclusive or of all of them, so with one left they are its own. */
struct debt {
    __u64 ubuf;
    __u32 generation;
    __u32 count;
    __u32 tgid;
    __u32 muddled; /* one of several was paid and nobody knows which */
};

/* The ring and the user's name in one number: every name of a ring has its own, and that names of
 * two rings meet is as good as impossible. */
static __always_inline __u64 debt_key(__u64 ring, __u64 user_data) {
    return (user_data * 0x9e3779b97f4a7c15ull) ^ ring;
}

TABLE(debts, struct debt, 65536)

__u32 generations = 0;
volatile __u32 more_watched = 0; /* processes than the first */
volatile __u32 any_calls = 0;    /* a watched process has called sendmsg(MSG_ZEROCOPY) */

static __always_inline __u32 next_generation(void) {
    return __sync_fetch_and_add(&generations, 1) + 1;
}

static __always_inline void know_sock(const struct sock* sock, __u32 tgid) {
    if (!sock) return;
    struct known_sock* known = socks_at((__u64)sock);
    struct known_sock fresh = {.tgid = tgid};
    if (!known || known->tgid != tgid) socks_put((__u64)sock, &fresh);
}

static __always_inline bool is_watched(__u32 tgid) {
    if (tgid == first_watched) return true;
    return more_watched && bpf_map_lookup_elem(&watched, &tgid) != NULL;
}

static __always_inline void know_ring(__u64 ring, __u32 tgid) {
    if (bpf_map_update_elem(&rings, &ring, &tgid, BPF_ANY)) count_map_failure();
}

/* Requests --------------------------------------------------------------------------------- */

static __always_inline struct io_sr_msg* command_of(struct io_kiocb* req) {
    return (void*)req + bpf_core_field_offset(struct io_kiocb, cmd);
}

static __always_inline __u64 ubuf_offset(void) {
    return bpf_core_field_offset(struct io_kiocb, cmd) +
           bpf_core_field_offset(struct io_notif_data, uarg);
}

static __always_inline __u32 refs_of(__u64 ubuf) {
    return read_u32(ubuf + bpf_core_field_offset(struct ubuf_info, refcnt));
}

static __always_inline __u64 ubuf_of(__u64 notif) {
    return notif ? notif + ubuf_offset() : 0;
}

static __always_inline __u8 sqe_flags_of(struct io_kiocb* req) {
    return (__u8)req->flags & SQE_FLAGS;
}

static __always_inline __u64 owner_task(struct io_kiocb* req) {
    if (bpf_core_field_exists(struct io_kiocb, tctx)) return READ_ADDRESS(io_kiocb, req, tctx);
    return READ_ADDRESS(io_kiocb___before_6_13, req, task);
}

static __always_inline __u32 owner_tgid(struct io_kiocb* req) {
    if (bpf_core_field_exists(struct io_kiocb, tctx)) return (__u32)req->tctx->task->tgid;
    return (__u32)BPF_CORE_READ((struct io_kiocb___before_6_13*)req, task, tgid);
}

/* Notifications ---------------------------------------------------------------------------- */

struct notif_view {
    __u64 ring;
    __u64 task;
    __u64 chain;
    __u32 refs;
};

static __always_inline bool view_notif(__u64 ubuf, struct notif_view* view) {
    const __u64 notif = ubuf - ubuf_offset();
    if (!ubuf) return false;
    view->refs = refs_of(ubuf);
    view->ring = READ_ADDRESS(io_kiocb, notif, ctx);
    view->task = bpf_core_field_exists(struct io_kiocb, tctx)
                     ? READ_ADDRESS(io_kiocb, notif, tctx)
                     : READ_ADDRESS(io_kiocb___before_6_13, notif, task);
    view->chain = 0;
    if (bpf_core_field_exists(struct io_notif_data, head)) {
        const __u64 data = notif + bpf_core_field_offset(struct io_kiocb, cmd);
        __u64 first = READ_ADDRESS(io_notif_data, data, head);
        if (first) first += bpf_core_field_offset(struct io_notif_data, uarg);
        if (first != ubuf) view->chain = first;
    }
    return true;
}

/* The send a ubuf stands for now, or nothing when the memory has moved on. */
static __always_inline struct send* current_send(__u64 ubuf, struct notif_view* view) {
    struct send* send = sends_at(ubuf);
    if (!send || !view_notif(ubuf, view)) return NULL;
    return view->ring == send->ring && view->task == send->task ? send : NULL;
}

/* The ubuf if its count still means the send of that generation, else 0. */
static __always_inline __u64 refs_address_of(__u64 ubuf, __u32 generation) {
    struct send* send = sends_at(ubuf);
    return send && send->generation == generation && !send->done ? ubuf : 0;
}

static __always_inline void owe_notification(const struct send* send, __u64 ubuf) {
    const __u64 key = debt_key(send->ring, send->user_data);
    struct debt* debt = debts_at(key);
    if (debt && debt->tgid == send->tgid && debt->count > 0) {
        __sync_fetch_and_xor(&debt->ubuf, ubuf);
        __sync_fetch_and_xor(&debt->generation, send->generation);
        __sync_fetch_and_add(&debt->count, 1);
        return;
    }
    struct debt fresh = {
        .ubuf = ubuf, .generation = send->generation, .count = 1, .tgid = send->tgid};
    if (debt)
        *debt = fresh;
    else
        debts_put(key, &fresh);
}

static __always_inline void pay_notification(const struct send* send, __u64 ubuf) {
    struct debt* debt = debts_at(debt_key(send->ring, send->user_data));
    if (!debt || debt->tgid != send->tgid || debt->count == 0) return;
    if (debt->ubuf == ubuf && debt->generation == send->generation &&
        __sync_val_compare_and_swap(&debt->count, 1, 0) == 1)
        return;
    __sync_fetch_and_xor(&debt->ubuf, ubuf);
    __sync_fetch_and_xor(&debt->generation, send->generation);
    __sync_fetch_and_add(&debt->count, -1);
}

static __always_inline void overflow_paid(struct debt* debt, __u64 ubuf) {
    struct send* send = ubuf ? sends_at(ubuf) : NULL;
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
    view->head = READ_ADDRESS(sk_buff, skb, head);
    if (!view->head) return false;
    const __u64 shared = view->head + skb->end;
    view->flags = READ(skb_shared_info, shared, flags);
    view->nr_frags = READ(skb_shared_info, shared, nr_frags);
    view->dataref = (__u16)READ(skb_shared_info, shared, dataref.counter);
    view->ubuf = view->flags & SKB_ZEROCOPY_ENABLE
                     ? READ_ADDRESS(skb_shared_info, shared, destructor_arg)
                     : 0;
    return true;
}

static __always_inline __u32* head_count(__u64 head) {
    __u32 hash = (__u32)(((head >> 6) * 0x9e3779b97f4a7c15ull) >> 40);
    return &head_filter[hash & (HEAD_FILTER_SIZE - 1)];
}

static __always_inline struct known_head* known_head_at(__u64 head) {
    if (*(volatile __u32*)head_count(head) == 0) return NULL;
    struct known_head* found = heads_at(head);
    return found && found->ubuf ? found : NULL;
}

/* Makes the head known by the first ubuf it is seen with, so that its free is recognised. */
static __always_inline void note_head(__u64 head, __u64 ubuf, __u64 sock, __u64 sequence,
                                      __u32 generation, __u32 tgid, struct known_head* known) {
    struct known_head* found = heads_at(head);
    if (found && found->ubuf == ubuf && found->generation == generation) {
        *known = *found;
        return;
    }
    known->ubuf = ubuf;
    known->sock = sock;
    known->sequence = sequence;
    known->generation = generation;
    known->tgid = tgid;
    if (!found || !found->ubuf) __sync_fetch_and_add(head_count(head), 1);
    if (found)
        *found = *known;
    else
        heads_put(head, known);
}

static __always_inline void forget_head(__u64 head, struct known_head* found) {
    found->ubuf = 0;
    __sync_fetch_and_add(head_count(head), -1);
}

#define SEQUENCE_KNOWN (1ull << 32)

/* Where in its stream the data of an skb in TCP's own queues begins: it has no header yet. */
static __always_inline __u64 sequence_in_queue(struct sk_buff* skb) {
    return SEQUENCE_KNOWN | read_u32((__u64)skb + bpf_core_field_offset(struct sk_buff, cb));
}

static __always_inline __u32 acknowledged(__u64 sock) {
    return read_u32(sock + bpf_core_field_offset(struct tcp_sock, snd_una));
}

static __always_inline __u32 written(__u64 sock) {
    return read_u32(sock + bpf_core_field_offset(struct tcp_sock, write_seq));
}

/* What went unseen: see observer_blind.h ---------------------------------------------------- */

#define SOFTIRQ_NET_TX 2
#define SOFTIRQ_NET_RX 3
#define SOFTIRQ_TASKLET 6

const volatile __s64 softirqs_offset = 0; /* from a CPU's runqueue to its counts; 0 unknown */

/* Of this CPU; 0 unknown. */
static __always_inline __u64 own_runqueue(void) {
    if (!bpf_core_field_exists(struct sched_entity, cfs_rq)) return 0;
    struct task_struct* task = bpf_get_current_task_btf();
    struct cfs_rq* queue = task->se.cfs_rq;
    return queue ? READ_ADDRESS(cfs_rq, queue, rq) : 0;
}

/* How many softirqs have run here that packets go with. */
static __always_inline __u32 packet_softirqs(void) {
    const __u64 counts = own_runqueue() + softirqs_offset;
    return read_u32(counts + SOFTIRQ_NET_TX * 4) + read_u32(counts + SOFTIRQ_NET_RX * 4) +
           read_u32(counts + SOFTIRQ_TASKLET * 4);
}

/* Counts it where packets may have gone unseen until now. */
static __always_inline void note_blindness(struct zcv_counters* own) {
    const __u64 task = bpf_get_current_task();
    if (!softirqs_offset || !own->running || own->running == task) return;
    own->running = task;
    if (own->softirqs != packet_softirqs()) own->blind_spells++;
}

/* Records ---------------------------------------------------------------------------------- */

static __always_inline __u8 context_now(void) {
    const __u64 runqueue = preempt_count_offset ? own_runqueue() : 0;
    if (!runqueue) return ZCV_CONTEXT_UNKNOWN;
    const __u32 count = read_u32(runqueue + preempt_count_offset);
    if (count & 0xf0000) return ZCV_CONTEXT_HARDIRQ;
    return count & 0x100 ? ZCV_CONTEXT_SOFTIRQ : ZCV_CONTEXT_TASK;
}

/* A record, zeroed; NULL when that kind is not wanted, or there is no room, which then shows as a
 * loss and a gap. */
static __always_inline struct zcv_event* begin(__u16 kind) {
    if (!(wanted_kinds >> kind & 1)) return NULL;
    struct zcv_counters* own = own_counters();
    if (!own) return NULL;
    note_blindness(own);
    struct zcv_event* event = take_draft(own);
    if (!event) {
        count_loss(own, kind);
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
    if (kernel_stacks_wanted) event->kernel_stack = kernel_stack_now(own->depth - 1);
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

/* Numbers, stamps and hands over the record, with the count of `ubuf` unless that is 0, less what
 * is about to be dropped. A softirq may nest anywhere and write records of its own; the count is
 * read again until none came between it and the number, so on one CPU the counts and the numbers
 * tell the same order. */
static __always_inline void finish_less(struct zcv_event* event, __u64 ubuf, __u32 less) {
    struct zcv_counters* own = own_counters();
    __u64 before = 0, lost = 0;
    if (!own) return;
    for (int attempt = 0; attempt < 4; attempt++) {
        before = *(volatile __u64*)&own->claimed;
        lost = *(volatile __u64*)&own->lost;
        if (ubuf) event->refs = refs_of(ubuf) - less;
        event->time_ns = bpf_ktime_get_ns();
        if (__sync_val_compare_and_swap(&own->claimed, before, before + 1) == before) goto claimed;
    }
    before = __sync_fetch_and_add(&own->claimed, 1);
claimed:
    event->seq = (__u32)(before + lost);
    publish(own, event, before);
}

static __always_inline void finish(struct zcv_event* event, __u64 ubuf) {
    finish_less(event, ubuf, 0);
}

#endif
