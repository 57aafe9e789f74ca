/* References of a ubuf, where they are taken and dropped. Functions say which ubuf and which skb;
 * whether a shared info holds a reference is remembered here, so that each is counted once,
 * whichever function it is first seen in. */
#ifndef ZCV_OBSERVER_REFS_H
#define ZCV_OBSERVER_REFS_H

#include "observer_state.h"

/* A ubuf of a watched process, from its allocation to its last reference. */
struct counted {
    __u64 ring; /* 0: of MSG_ZEROCOPY calls */
    __u64 sock; /* of those */
    __u32 tgid;
    __s32 count;    /* by the changes that were seen */
    __u32 carriers; /* shared infos that have ever held one */
    __u32 linked;   /* it hangs on the head of a chain */
    __u32 inside;   /* a callback that may go on to another one for the same drop */
    __u64 leaving;  /* a member whose last one went, in the call that goes on to this, the head */
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, __u64);
    __type(value, struct counted);
} counted_ubufs SEC(".maps");

struct carrier {
    __u64 ubuf;
    __u64 stream; /* the socket, of TCP's own skbs; else 0 */
};

/* Shared infos that hold a reference, by their skb->head. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct carrier);
} carriers SEC(".maps");

/* Members whose last one went: the head of their chain, until its count is seen to change. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64);
    __type(value, __u64);
} leavings SEC(".maps");

/* Skbs in pskb_expand_head(), by their address. */
struct expanding {
    __u64 head;
    struct carrier carrier;
    __u64 shared; /* with other skbs, which keep the old one */
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64);
    __type(value, struct expanding);
} expansions SEC(".maps");

struct ref_change {
    __u64 ubuf;
    __u64 member; /* the notification that hangs on it */
    __u64 skb;
    __u64 head;
    __u64 calls; /* the ids that it covers, as in the skb events */
    __s32 by;
    __u64 sequence;     /* of TCP's own skb, else 0 */
    __u32 acknowledged; /* by its peer */
    __u16 copied;
    __u8 how;  /* enum zcv_ref */
    __u8 over; /* the ubuf may be another's by now */
};

/* Records a change. Returns what is left by all that were seen. */
static __always_inline __s32 ref_changed(struct counted* of, const struct ref_change* change) {
    const __s32 left = __sync_fetch_and_add(&of->count, change->by) + change->by;
    struct zcv_event* event = begin(ZCV_UBUF_REF);
    if (!event) return left;
    event->tgid = of->tgid;
    event->ring = of->ring;
    event->sock = of->sock;
    event->user_data = change->calls;
    event->zc_flags = change->copied;
    event->ubuf = change->ubuf;
    event->owner = change->member;
    event->skb = change->skb;
    event->head = change->head;
    event->addr = change->sequence;
    event->cqe_flags = change->acknowledged;
    event->opcode = change->how;
    event->res = change->by;
    event->len = (__u32)left;
    /* The count as it will be, where the function has only begun. */
    const bool begun = change->by < 0 || change->how == ZCV_REF_CALL;
    finish_less(event, change->over ? 0 : change->ubuf, begun ? (__u32)-change->by : 0);
    return left;
}

static __always_inline void ref_born(__u64 ubuf, __u64 ring, struct sock* sock) {
    const __u32 tgid = (__u32)(bpf_get_current_pid_tgid() >> 32);
    if (!ubuf || !is_watched(tgid)) return;
    struct counted fresh = {.ring = ring, .sock = (__u64)sock, .tgid = tgid};
    if (bpf_map_update_elem(&counted_ubufs, &ubuf, &fresh, BPF_ANY)) count_map_failure();
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    struct ref_change change = {.ubuf = ubuf, .by = 1, .how = ZCV_REF_ALLOC};
    if (of) ref_changed(of, &change);
}

/* One that no skb holds. */
static __always_inline void ref_taken(__u64 ubuf, __u8 how, __s32 by) {
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    struct ref_change change = {.ubuf = ubuf, .by = by, .how = how};
    if (of) ref_changed(of, &change);
}

/* The skb's shared info refers to a ubuf now. The first datagram of a MSG_ZEROCOPY call is given
 * the reference that the call was born with. */
static __always_inline void ref_carried(struct sk_buff* skb, __u64 stream, __u8 how) {
    struct skb_view view;
    if (!skb || !view_skb(skb, &view) || !view.ubuf) return;
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &view.ubuf);
    struct carrier* known = bpf_map_lookup_elem(&carriers, &view.head);
    struct carrier fresh = {.ubuf = view.ubuf, .stream = stream};
    if (!of) return;
    if (known && known->ubuf == view.ubuf) {
        if (stream) known->stream = stream;
        return;
    }
    if (bpf_map_update_elem(&carriers, &view.head, &fresh, BPF_ANY)) count_map_failure();
    const __u32 before = __sync_fetch_and_add(&of->carriers, 1);
    struct ref_change change = {.ubuf = view.ubuf,
                                .skb = (__u64)skb,
                                .head = view.head,
                                .by = how == ZCV_REF_DATAGRAM && !of->ring && !before ? 0 : 1,
                                .how = how};
    ref_changed(of, &change);
}

/* io_link_skb(): attached to the skb itself, or linked behind the notification that is. */
static __always_inline void ref_linked(struct sk_buff* skb, __u64 ubuf) {
    struct notif_view notif;
    ref_carried(skb, 0, ZCV_REF_LINK_SKB);
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    if (!of || of->linked || !view_notif(ubuf, &notif) || !notif.chain) return;
    of->linked = 1;
    struct counted* first = bpf_map_lookup_elem(&counted_ubufs, &notif.chain);
    struct ref_change change = {.ubuf = notif.chain,
                                .member = ubuf,
                                .skb = (__u64)skb,
                                .head = READ_ADDRESS(sk_buff, skb, head),
                                .by = 1,
                                .how = ZCV_REF_MEMBER};
    if (first) ref_changed(first, &change);
}

/* A notification's last one is gone. In the same call it gives up its hold on the head of its
 * chain: by calling itself, which is seen or not, as the compiler made of it. */
static __always_inline void ref_last(__u64 ubuf, __u64 ring) {
    struct notif_view notif;
    bpf_map_delete_elem(&counted_ubufs, &ubuf);
    if (!ring || !view_notif(ubuf, &notif) || !notif.chain) return;
    struct counted* first = bpf_map_lookup_elem(&counted_ubufs, &notif.chain);
    if (!first) return;
    first->leaving = ubuf;
    if (bpf_map_update_elem(&leavings, &ubuf, &notif.chain, BPF_ANY)) count_map_failure();
}

/* The callback returns for a notification whose hold on its head was not seen to go. That may be
 * over by now, so the kernel's count is not read. */
static __always_inline void ref_returned(__u64 ubuf) {
    __u64* found = bpf_map_lookup_elem(&leavings, &ubuf);
    if (!found) return;
    struct ref_change change = {
        .ubuf = *found, .member = ubuf, .by = -1, .how = ZCV_REF_MEMBER_GONE, .over = 1};
    bpf_map_delete_elem(&leavings, &ubuf);
    struct counted* first = bpf_map_lookup_elem(&counted_ubufs, &change.ubuf);
    if (!first) return;
    first->leaving = 0;
    if (ref_changed(first, &change) == 0) bpf_map_delete_elem(&counted_ubufs, &change.ubuf);
}

/* Which calls a ubuf covers, and whether their data was copied by now. */
static __always_inline void name_calls(struct ref_change* change, bool success) {
    struct ubuf_info_msgzc* calls = (struct ubuf_info_msgzc*)change->ubuf;
    const __u64 count = BPF_CORE_READ(calls, len);
    change->calls = BPF_CORE_READ(calls, id) | count << 32;
    change->copied = !success || !BPF_CORE_READ_BITFIELD_PROBED(calls, zerocopy);
}

/* A datagram that is copied after all, in fragments say, is given its references where no function
 * is called: the kernel's count tells how many, before the first is dropped. */
static __always_inline void ref_unseen(struct counted* of, __u64 ubuf) {
    struct ref_change change = {
        .ubuf = ubuf, .by = (__s32)refs_of(ubuf) - of->count, .how = ZCV_REF_DATAGRAM};
    of->carriers = 1;
    if (change.by > 0) ref_changed(of, &change);
}

/* TCP frees an skb of its own, mostly for all of it was acknowledged. */
static __always_inline void name_stream(struct ref_change* change, struct sk_buff* skb) {
    struct carrier* carrier = bpf_map_lookup_elem(&carriers, &change->head);
    if (!carrier || !carrier->stream) return;
    if (BPF_CORE_READ_BITFIELD_PROBED(skb, fclone) != 1 || !socks_at(carrier->stream)) return;
    change->sequence = sequence_in_queue(skb);
    change->acknowledged = acknowledged(carrier->stream);
}

/* The completion callback of a ubuf: `without_skb` is what it means when no skb is given. */
static __always_inline void ref_dropped(__u64 ubuf, struct sk_buff* skb, bool success,
                                        __u8 without_skb) {
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    if (!of) return;
    const __u64 ring = of->ring;
    struct ref_change change = {.ubuf = ubuf, .by = -1, .member = of->leaving};
    if (change.member) {
        of->leaving = 0;
        bpf_map_delete_elem(&leavings, &change.member);
        change.how = ZCV_REF_MEMBER_GONE;
    } else if (skb) {
        change.skb = (__u64)skb;
        change.head = READ_ADDRESS(sk_buff, skb, head);
        change.how = success ? ZCV_REF_RELEASE : ZCV_REF_COPY;
        name_stream(&change, skb);
        bpf_map_delete_elem(&carriers, &change.head);
    } else {
        change.how = without_skb;
    }
    if (!ring) {
        if (skb && !of->carriers) ref_unseen(of, ubuf);
        name_calls(&change, success);
    }
    if (ref_changed(of, &change) == 0) ref_last(ubuf, ring);
}

/* A callback that reports the use of the data, and lets the plain one drop the reference: by
 * calling it, which is seen or not, as the compiler made of it. */
static __always_inline void ref_dropped_outside(__u64 ubuf, struct sk_buff* skb, bool success,
                                                __u8 without_skb) {
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    if (of) of->inside = 1;
    ref_dropped(ubuf, skb, success, without_skb);
}

static __always_inline void ref_dropped_inside(__u64 ubuf, struct sk_buff* skb, bool success,
                                               __u8 without_skb) {
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    if (of && !of->inside) ref_dropped(ubuf, skb, success, without_skb);
}

static __always_inline void ref_outside_returned(__u64 ubuf) {
    struct counted* of = bpf_map_lookup_elem(&counted_ubufs, &ubuf);
    if (of) of->inside = 0;
}

static __always_inline void ref_expanding(struct sk_buff* skb) {
    struct skb_view view;
    __u64 key = (__u64)skb;
    if (!view_skb(skb, &view) || !view.ubuf) return;
    if (!bpf_map_lookup_elem(&counted_ubufs, &view.ubuf)) return;
    struct carrier* carrier = bpf_map_lookup_elem(&carriers, &view.head);
    struct expanding now = {.head = view.head,
                            .carrier = {.ubuf = view.ubuf, .stream = carrier ? carrier->stream : 0},
                            .shared = view.dataref > 1};
    if (bpf_map_update_elem(&expansions, &key, &now, BPF_ANY)) count_map_failure();
}

/* With a new head, if it could be had: what others share they keep, with the reference, and what
 * was the skb's alone has only moved. */
static __always_inline void ref_expanded(struct sk_buff* skb) {
    __u64 key = (__u64)skb;
    struct expanding* found = bpf_map_lookup_elem(&expansions, &key);
    if (!found) return;
    struct expanding before = *found;
    bpf_map_delete_elem(&expansions, &key);
    __u64 head = READ_ADDRESS(sk_buff, skb, head);
    if (head == before.head) return;
    if (before.shared) return ref_carried(skb, before.carrier.stream, ZCV_REF_EXPAND);
    bpf_map_delete_elem(&carriers, &before.head);
    if (bpf_map_update_elem(&carriers, &head, &before.carrier, BPF_ANY)) count_map_failure();
}

#endif
