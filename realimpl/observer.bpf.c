/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The observer: one struct zcv_event for each moment in the life of a zero-copy send. It watches
 * the sends of some processes and their children, and follows each through the notification (whose
 * ubuf_info is its name) to the skbs that refer to it. The loader switches off every program whose
 * tracepoint this kernel does not have. */
/* libbpf's headers use the kernel's types without including them. */
/* clang-format off */
#include <linux/bpf.h>
/* clang-format on */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "observer_blind.h"
#include "observer_calls.h"
#include "observer_hash.h"
#include "observer_state.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Submission ------------------------------------------------------------------------------- */

/* Fills the ranges a request sends: one buffer, or what its iovecs name. */
static __always_inline void ranges_of(struct io_kiocb* req, __u16 zc_flags,
                                      struct hash_state* state) {
    const struct io_sr_msg* sr = command_of(req);
    __u64 array = 0, count = 0;
    __u64 buffer = READ_ADDRESS(io_sr_msg, sr, buf);
    __u32 length = (__u32)READ(io_sr_msg, sr, len);

    state->ranges.count = 0;
    if (req->opcode == OP_SENDMSG_ZC) {
        struct user_msghdr msg;
        /* A 32-bit program's msghdr has another layout; its payload stays unhashed. */
        struct io_ring_ctx* ring = BPF_CORE_READ(req, ctx);
        if (BPF_CORE_READ_BITFIELD_PROBED(ring, compat)) return;
        if (bpf_probe_read_user(&msg, sizeof(msg), (const void*)buffer)) return;
        array = msg.iov;
        count = msg.iovlen;
    } else if (zc_flags & SEND_VECTORIZED) {
        array = buffer;
        count = length;
    } else {
        state->ranges.at[0].base = buffer;
        state->ranges.at[0].len = length;
        state->ranges.count = 1;
        return;
    }
    state->ranges.count = read_vectors(state, array, count);
}

/* Enters a send into the maps under a generation of its own. */
static __always_inline void remember(struct send* send, __u64 ubuf, struct sock* sock,
                                     const struct ranges* ranges) {
    struct request request = {.ubuf = ubuf,
                              .ring = send->ring,
                              .sock = (__u64)sock,
                              .generation = send->generation,
                              .tgid = send->tgid,
                              .user_data = send->user_data,
                              .protocol = protocol_of(sock)};
    struct request* known = requests_at(send->req);
    if (!known || known->ring != send->ring || known->tgid != send->tgid)
        know_ring(send->ring, send->tgid);
    if (known)
        *known = request;
    else
        requests_put(send->req, &request);
    if (!ubuf) return;
    sends_put(ubuf, send);
    if (ranges && send->vectors && bpf_map_update_elem(&vectors, &ubuf, ranges, BPF_ANY))
        count_map_failure();
    owe_notification(send, ubuf);
}

static __always_inline bool is_zero_copy(__u8 opcode) {
    return opcode == OP_SEND_ZC || opcode == OP_SENDMSG_ZC;
}

static __always_inline int submitted(struct io_kiocb* req) {
    __u32 zero = 0;
    __u8 opcode = req->opcode;
    if (!is_zero_copy(opcode)) return 0;
    __u32 tgid = owner_tgid(req);
    if (!is_watched(tgid)) return 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state) return 0;

    const struct io_sr_msg* sr = command_of(req);
    __u64 ubuf = ubuf_of(READ_ADDRESS(io_sr_msg, sr, notif));
    __u16 zc_flags = READ(io_sr_msg, sr, flags);
    ranges_of(req, zc_flags, state);
    struct send send = {.ring = READ_ADDRESS(io_kiocb, req, ctx),
                        .req = address_of(req),
                        .tgid = tgid,
                        .task = owner_task(req),
                        .user_data = req->cqe.user_data,
                        .addr = state->ranges.at[0].base,
                        .len = bytes_of(&state->ranges),
                        .generation = next_generation()};
    if (state->ranges.count == 0) send.addr = 0;
    send.vectors = opcode == OP_SENDMSG_ZC || (zc_flags & SEND_VECTORIZED);
    send.hash = hash_mode ? hash_ranges(state) : 0;
    send.pages = send.hash && pages_wanted() ? hash_pages(state) : 0;
    struct sock* sock = sock_of(req, sqe_flags_of(req));
    remember(&send, ubuf, sock, &state->ranges);
    know_sock(sock, tgid);
    tell_stack(send.generation, tgid);
    note_sent_from(tgid, &state->ranges);
    const __u64 layout = state->ranges.count > 1 ? tell_vectors(send.generation, tgid) : 0;
    struct zcv_event* event = begin(ZCV_SUBMIT);
    if (!event) return 0;
    name_payload(event, &state->ranges, layout);
    name_send(event, &send, ubuf);
    event->req = (__u64)req;
    event->opcode = opcode;
    event->sqe_flags = sqe_flags_of(req);
    name_sock(event, sock);
    event->addr = send.addr;
    event->len = send.len;
    event->msg_flags = READ(io_sr_msg, sr, msg_flags);
    event->zc_flags = zc_flags;
    event->hash = send.hash;
    finish(event, ubuf);
    return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(submit_req, struct io_kiocb* req) {
    return submitted(req);
}

SEC("tp_btf/io_uring_submit_sqe") /* 6.1 */
int BPF_PROG(submit_sqe, struct io_kiocb* req, bool force_nonblock) {
    return submitted(req);
}

/* A request refused at preparation was never submitted, but may own a notification all the same:
 * then that was made for it, still has the count it was born with, and will be posted. */
SEC("tp_btf/io_uring_req_failed")
int BPF_PROG(req_failed, const void* sqe, struct io_kiocb* req, int error) {
    __u8 opcode = req->opcode;
    __u32 tgid = owner_tgid(req);
    if (!is_zero_copy(opcode) || !is_watched(tgid)) return 0;
    struct send send = {.ring = READ_ADDRESS(io_kiocb, req, ctx),
                        .req = address_of(req),
                        .tgid = tgid,
                        .task = owner_task(req),
                        .user_data = req->cqe.user_data,
                        .generation = next_generation()};
    __u64 notif = READ_ADDRESS(io_sr_msg, command_of(req), notif);
    struct notif_view view;
    __u64 ubuf = ubuf_of(notif);
    if (!view_notif(ubuf, &view) || view.ring != send.ring || view.task != send.task ||
        view.refs != 1 || READ(io_kiocb, notif, cqe.flags) != CQE_NOTIF ||
        READ(io_kiocb, notif, cqe.user_data) != send.user_data)
        ubuf = 0;
    remember(&send, ubuf, NULL, NULL);
    struct zcv_event* event = begin(ZCV_PREP_FAILED);
    if (!event) return 0;
    name_send(event, &send, ubuf);
    event->req = (__u64)req;
    event->opcode = opcode;
    event->sqe_flags = sqe_flags_of(req);
    event->res = error;
    finish(event, ubuf);
    return 0;
}

/* Between submission and completion -------------------------------------------------------- */

static __always_inline int request_event(__u16 kind, struct io_kiocb* req) {
    struct request* request = requests_at(address_of(req));
    if (!request || !request->generation || request->user_data != req->cqe.user_data) return 0;
    struct zcv_event* event = begin(kind);
    if (!event) return 0;
    name_request(event, request);
    event->req = (__u64)req;
    finish(event, refs_address_of(request->ubuf, request->generation));
    return 0;
}

SEC("tp_btf/io_uring_poll_arm")
int BPF_PROG(poll_arm, struct io_kiocb* req) {
    return request_event(ZCV_POLL_ARM, req);
}

SEC("tp_btf/io_uring_queue_async_work")
int BPF_PROG(queue_async_work, struct io_kiocb* req) {
    return request_event(ZCV_ASYNC, req);
}

SEC("tp_btf/io_uring_link")
int BPF_PROG(link, struct io_kiocb* req) {
    return request_event(ZCV_LINK, req);
}

SEC("tp_btf/io_uring_fail_link")
int BPF_PROG(fail_link, struct io_kiocb* req, struct io_kiocb* member) {
    return request_event(ZCV_LINK_FAIL, member);
}

/* Whose it is cannot be told from the argument, so it is the task that runs. */
static __always_inline int task_work(unsigned int count) {
    if (!count || !is_watched((__u32)(bpf_get_current_pid_tgid() >> 32))) return 0;
    struct zcv_event* event = begin(ZCV_TASK_WORK);
    if (!event) return 0;
    event->len = count;
    finish(event, 0);
    return 0;
}

SEC("tp_btf/io_uring_task_work_run")
int BPF_PROG(task_work_run, void* tctx, unsigned int count) {
    return task_work(count);
}

SEC("tp_btf/io_uring_local_work_run") /* DEFER_TASKRUN */
int BPF_PROG(local_work_run, void* ring, int count, unsigned int loops) {
    return task_work((unsigned int)count);
}

SEC("tp_btf/io_uring_defer")
int BPF_PROG(defer, struct io_kiocb* req) {
    return request_event(ZCV_DEFER, req);
}

/* Completion ------------------------------------------------------------------------------- */

struct cqe {
    __u64 user_data;
    __s32 res;
    __u32 flags;
};

static __always_inline int notified(__u64 req, __u64 ring, const struct cqe* cqe) {
    struct notif_view view;
    __u64 ubuf = ubuf_of(req);
    struct send* send = current_send(ubuf, &view);
    if (!send || send->ring != ring) return 0;
    __u64 hash = hash_again(ubuf, send);
    tell_pages(ubuf, send, hash);
    struct zcv_event* event = begin(ZCV_NOTIF);
    if (event) {
        name_send(event, send, ubuf);
        event->req = req;
        event->chain = view.chain;
        event->user_data = cqe->user_data;
        event->res = cqe->res;
        event->cqe_flags = cqe->flags;
        event->addr = send->addr;
        event->len = send->len;
        event->hash = hash;
        finish(event, send->done ? 0 : ubuf);
    }
    if (!send->done) pay_notification(send, ubuf);
    send->done = 1;
    return 0;
}

/* What else a program can have gone by: not every request, that would be all of its work. */
static __always_inline bool is_answer(__u8 opcode) {
    return opcode == OP_SENDMSG || opcode == OP_RECVMSG || opcode == OP_ASYNC_CANCEL ||
           opcode == OP_LINK_TIMEOUT || opcode == OP_SEND || opcode == OP_RECV;
}

static __always_inline int answered(__u64 req, __u64 ring, const struct cqe* cqe) {
    __u8 opcode = req && (wanted_kinds >> ZCV_CQE & 1) ? READ(io_kiocb, req, opcode) : 0;
    __u32* tgid = is_answer(opcode) ? bpf_map_lookup_elem(&rings, &ring) : NULL;
    if (!tgid) return 0;
    struct zcv_event* event = begin(ZCV_CQE);
    if (!event) return 0;
    event->tgid = *tgid;
    event->req = req;
    event->ring = ring;
    event->opcode = opcode;
    event->user_data = cqe->user_data;
    event->res = cqe->res;
    event->cqe_flags = cqe->flags;
    if (opcode == OP_ASYNC_CANCEL)
        event->addr = READ(io_cancel, req, addr);
    else if (opcode != OP_LINK_TIMEOUT)
        name_sock(event, sock_behind((struct file*)READ_ADDRESS(io_kiocb, req, file)));
    finish(event, 0);
    return 0;
}

static __always_inline int completed(__u64 req, __u64 ring, const struct cqe* cqe) {
    struct notif_view view;
    if (cqe->flags & CQE_NOTIF) return notified(req, ring, cqe);
    struct request* request = requests_at(req);
    if (!request || !request->generation || request->ring != ring ||
        request->user_data != cqe->user_data)
        return answered(req, ring, cqe);
    __u8 opcode = READ(io_kiocb, req, opcode);
    if (!is_zero_copy(opcode)) return answered(req, ring, cqe);
    struct zcv_event* event = begin(ZCV_COMPLETE);
    if (event) {
        __u64 refs_at = refs_address_of(request->ubuf, request->generation);
        name_request(event, request);
        event->req = req;
        event->opcode = opcode;
        event->res = cqe->res;
        event->cqe_flags = cqe->flags;
        event->sock = request->sock;
        event->protocol = request->protocol;
        if (refs_at && view_notif(refs_at, &view)) event->chain = view.chain;
        finish(event, refs_at);
    }
    request->generation = 0;
    return 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(complete, void* ring, void* req, struct io_uring_cqe* cqe) {
    struct cqe seen = {.user_data = cqe->user_data, .res = cqe->res, .flags = cqe->flags};
    return completed(address_of(req), address_of(ring), &seen);
}

SEC("tp_btf/io_uring_complete") /* before 6.15 */
int BPF_PROG(complete_by_value, void* ring, void* req, __u64 user_data, int res,
             unsigned int flags) {
    struct cqe seen = {.user_data = user_data, .res = res, .flags = flags};
    return completed(address_of(req), address_of(ring), &seen);
}

/* The kernel names no request here, so the ring and the user's name for it must do. */
SEC("tp_btf/io_uring_cqe_overflow")
int BPF_PROG(cqe_overflow, void* ring, __u64 user_data, int res, unsigned int flags) {
    struct debt* debt = debts_at(debt_key(address_of(ring), user_data));
    if (!debt || debt->count == 0) return 0;
    if (!(flags & (CQE_NOTIF | CQE_MORE)) && res >= 0) return 0;
    struct notif_view view = {};
    __u64 ubuf = debt->count == 1 && !debt->muddled ? debt->ubuf : 0;
    __u64 refs_at = refs_address_of(ubuf, debt->generation);
    struct send* send = refs_at ? current_send(ubuf, &view) : NULL;
    __u64 hash = send && (flags & CQE_NOTIF) ? hash_again(ubuf, send) : 0;
    if (send) tell_pages(ubuf, send, hash);
    struct zcv_event* event = begin(ZCV_CQE_OVERFLOW);
    if (event) {
        event->ring = (__u64)ring;
        event->user_data = user_data;
        event->res = res;
        event->cqe_flags = flags;
        event->tgid = debt->tgid;
        event->ubuf = ubuf;
        event->generation = ubuf ? debt->generation : 0;
        event->chain = send ? view.chain : 0;
        event->hash = hash;
        finish(event, send ? ubuf : 0);
    }
    if (flags & CQE_NOTIF) overflow_paid(debt, ubuf);
    return 0;
}

/* The network stack ------------------------------------------------------------------------ */

#define PROTOCOL_TCP 6
#define NO_TRANSPORT_HEADER 0xffff

/* Where in its stream the data begins: the only name that outlives splitting and sending again. */
static __always_inline __u64 sequence_of(struct sk_buff* skb) {
    __u16 at = skb->transport_header;
    struct sock* sock = skb->sk;
    if (!sock || at == NO_TRANSPORT_HEADER || sock->sk_protocol != PROTOCOL_TCP) return 0;
    return SEQUENCE_KNOWN | bpf_ntohl(read_u32(READ_ADDRESS(sk_buff, skb, head) + at + 4));
}

static __always_inline int skb_event(__u16 kind, struct sk_buff* skb, __s32 res) {
    struct skb_view view;
    struct notif_view notif = {};
    struct known_head known = {};
    if (!(wanted_kinds >> kind & 1) || !view_skb(skb, &view)) return 0;
    struct send* send = view.ubuf ? current_send(view.ubuf, &notif) : NULL;
    const __u64 sock = READ_ADDRESS(sk_buff, skb, sk);
    struct call_view calls_of = {};
    const bool called = !send && view_calls(view.ubuf, &calls_of);
    if (send) {
        note_head(view.head, view.ubuf, sock, 0, send->generation, send->tgid, &known);
    } else if (called) {
        note_head(view.head, view.ubuf, sock, 0, calls_of.generation, calls_of.tgid, &known);
    } else {
        struct known_head* head = known_head_at(view.head);
        if (!head) return 0;
        /* The memory has another user now, its free went unseen. */
        if (view.ubuf || (kind == ZCV_DEV_QUEUE && sock && head->sock && sock != head->sock)) {
            forget_head(view.head, head);
            return 0;
        }
        known = *head;
    }
    struct zcv_event* event = begin(kind);
    if (!event) return 0;
    struct net_device* device = skb->dev;
    event->skb = (__u64)skb;
    event->head = view.head;
    event->ubuf = view.ubuf;
    event->owner = known.ubuf;
    event->generation = known.generation;
    event->tgid = known.tgid;
    if (called) event->user_data = calls_of.first | (__u64)calls_of.count << 32;
    event->chain = notif.chain;
    event->dataref = view.dataref;
    event->nr_frags = view.nr_frags;
    event->shinfo_flags = view.flags;
    event->len = skb->len;
    event->addr = sequence_of(skb);
    event->sock = sock;
    event->ifindex = device ? (__u32)device->ifindex : 0;
    event->res = res;
    finish(event, called || (send && !send->done) ? view.ubuf : 0);
    return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue, struct sk_buff* skb) {
    skb_event(ZCV_DEV_QUEUE, skb, 0);
    tell_frags(skb);
    return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(net_dev_start_xmit, struct sk_buff* skb) {
    return skb_event(ZCV_DEV_XMIT, skb, 0);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(netif_receive_skb, struct sk_buff* skb) {
    return skb_event(ZCV_RX, skb, 0);
}

SEC("tp_btf/consume_skb")
int BPF_PROG(consume_skb, struct sk_buff* skb) {
    range_gone(skb, true);
    return skb_event(ZCV_SKB_CONSUME, skb, 0);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb, struct sk_buff* skb, void* location, int reason) {
    range_gone(skb, false);
    return skb_event(ZCV_SKB_DROP, skb, reason);
}

/* Whoever adds to the stream: an skb that an MTU probe takes has others behind it. */
static __always_inline void note_tail(struct sock* sk, struct sk_buff* tail, struct skb_view* at,
                                      struct known_head* known) {
    struct notif_view notif;
    struct call_view calls_of;
    if (!view_skb(tail, at) || !at->ubuf) return;
    struct send* send = current_send(at->ubuf, &notif);
    if (!send && !view_calls(at->ubuf, &calls_of)) return;
    note_head(at->head, at->ubuf, address_of(sk), sequence_in_queue(tail),
              send ? send->generation : calls_of.generation, send ? send->tgid : calls_of.tgid,
              known);
}

SEC("tp_btf/tcp_sendmsg_locked") /* since 6.16 */
int BPF_PROG(tcp_sendmsg_locked, struct sock* sk, struct msghdr* msg, struct sk_buff* tail) {
    struct notif_view view;
    struct skb_view at = {};
    struct known_head known = {};
    __u64 ubuf = READ_ADDRESS(msghdr, msg, msg_ubuf);
    if (!ubuf && !socks_at(address_of(sk))) return 0;
    if (tail) note_tail(sk, tail, &at, &known);
    if (!ubuf) return 0;
    struct send* send = current_send(ubuf, &view);
    if (!send) return 0;
    struct zcv_event* event = begin(ZCV_TCP_APPEND);
    if (!event) return 0;
    name_send(event, send, ubuf);
    event->sock = (__u64)sk;
    event->len = (__u32)msg->msg_iter.count;
    event->cqe_flags = written(address_of(sk));
    if (at.head) {
        event->skb = (__u64)tail;
        event->head = at.head;
        event->addr = sequence_in_queue(tail);
        event->owner = known.ubuf;
        event->chain = at.ubuf;
        event->nr_frags = at.nr_frags;
        event->shinfo_flags = at.flags;
        event->dataref = at.dataref;
    }
    finish(event, send->done ? 0 : ubuf);
    return 0;
}

/* No tracepoint says that an skb's data is gone when TCP frees it from the retransmission queue.
 * The allocator's own do: the shared info sits at the end of the head. */
static __always_inline int freed(__u64 head) {
    struct known_head* found = known_head_at(head);
    if (!found) return 0;
    struct known_head known = *found;
    forget_head(head, found);
    struct zcv_event* event = begin(ZCV_HEAD_FREE);
    if (!event) return 0;
    event->head = head;
    event->owner = known.ubuf;
    event->generation = known.generation;
    event->tgid = known.tgid;
    if (known.sequence && socks_at(known.sock)) {
        event->addr = known.sequence;
        event->cqe_flags = acknowledged(known.sock);
    }
    __u64 refs_at = refs_address_of(known.ubuf, known.generation);
    struct call_view calls_of;
    if (!refs_at && view_calls(known.ubuf, &calls_of) && calls_of.generation == known.generation)
        refs_at = known.ubuf;
    finish(event, refs_at);
    return 0;
}

/* Raw, because before 6.13 a typed program may not have a pointer to const void. */
SEC("raw_tp/kfree")
int BPF_PROG(kfree, unsigned long call_site, void* object) {
    return freed((__u64)object);
}

SEC("raw_tp/kmem_cache_free")
int BPF_PROG(kmem_cache_free, unsigned long call_site, void* object) {
    return freed((__u64)object);
}

/* Sockets ---------------------------------------------------------------------------------- */

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb, struct sock* sk, struct sk_buff* skb) {
    return skb_event(ZCV_RETRANSMIT, skb, 0);
}

static __always_inline struct zcv_event* sock_event(__u16 kind, struct sock* sock) {
    struct known_sock* known = socks_at(address_of(sock));
    if (!known) return NULL;
    struct zcv_event* event = begin(kind);
    if (!event) return NULL;
    name_sock(event, sock);
    event->tgid = known->tgid;
    return event;
}

/* Before the acknowledgement is looked at: what it covers is released at or after this. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_probe, struct sock* sk, struct sk_buff* skb) {
    struct known_sock* known = socks_at(address_of(sk));
    if (!known) return 0;
    __u32 acked = BPF_CORE_READ((struct tcp_skb_cb*)skb->cb, ack_seq);
    if (acked == known->acked) return 0;
    known->acked = acked;
    struct zcv_event* event = sock_event(ZCV_ACK, sk);
    if (!event) return 0;
    event->addr = SEQUENCE_KNOWN | acked;
    finish(event, 0);
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock* sk, int before, int state) {
    struct zcv_event* event = sock_event(ZCV_SOCK_STATE, sk);
    if (event) {
        event->len = (__u32)before;
        event->res = state;
        finish(event, 0);
    }
    return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_receive_reset, struct sock* sk) {
    struct zcv_event* event = sock_event(ZCV_RESET, sk);
    if (event) finish(event, 0);
    return 0;
}

/* From here on its memory may be another socket's. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroy_sock, struct sock* sk) {
    socks_drop(address_of(sk));
    return 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(inet_sk_error_report, struct sock* sk) {
    return error_reported(sk);
}

SEC("tp_btf/sock_send_length") /* since 6.4 */
int BPF_PROG(sock_send_length, struct sock* sk, int res) {
    return send_done(sk, res);
}

/* Pages ------------------------------------------------------------------------------------ */

/* Run by the loader, once. */
SEC("syscall")
int find_direct_map(struct zcv_known_word* known) {
    return search_direct_map(known);
}

/* System calls ----------------------------------------------------------------------------- */

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs* regs, long number) {
    return system_call(regs, (__u32)number);
}

/* Who is watched --------------------------------------------------------------------------- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct* parent, struct task_struct* child) {
    __u32 tgid = (__u32)child->tgid;
    __u8 yes = 1;
    if (!is_watched((__u32)parent->tgid) || tgid == (__u32)parent->tgid) return 0;
    if (bpf_map_update_elem(&watched, &tgid, &yes, BPF_ANY)) count_map_failure();
    more_watched = 1;
    struct zcv_event* event = begin(ZCV_FORK);
    if (!event) return 0;
    event->addr = tgid;
    finish(event, 0);
    return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct* task) {
    if (!is_watched((__u32)task->tgid)) return 0;
    struct zcv_event* event = begin(ZCV_EXEC);
    if (event) finish(event, 0);
    return 0;
}

/* Its number stays watched: the notifications of what it sent are still to come. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct* task) {
    if (task->pid != task->tgid || !is_watched((__u32)task->tgid)) return 0;
    struct zcv_event* event = begin(ZCV_EXIT);
    if (event) finish(event, 0);
    return 0;
}

SEC("tp_btf/io_uring_create")
int BPF_PROG(io_uring_create, int fd, void* ring, __u32 sq_entries, __u32 cq_entries, __u32 flags) {
    __u32 tgid = (__u32)(bpf_get_current_pid_tgid() >> 32);
    if (!is_watched(tgid)) return 0;
    know_ring((__u64)ring, tgid);
    struct zcv_event* event = begin(ZCV_RING_CREATE);
    if (!event) return 0;
    event->ring = (__u64)ring;
    event->len = cq_entries;
    event->zc_flags = (__u16)flags;
    finish(event, 0);
    return 0;
}

SEC("tp_btf/io_uring_register")
int BPF_PROG(io_uring_register, void* ring, unsigned int opcode, unsigned int files,
             unsigned int buffers, long res) {
    if (!is_watched((__u32)(bpf_get_current_pid_tgid() >> 32))) return 0;
    struct zcv_event* event = begin(ZCV_REGISTER);
    if (!event) return 0;
    event->ring = (__u64)ring;
    event->opcode = (__u8)opcode;
    event->res = (__s32)res;
    finish(event, 0);
    return 0;
}

/* Allocators: the loader attaches these where the watched process has them. */

SEC("uprobe")
int free_of_glibc(struct pt_regs* regs) {
    return freed_by_glibc(regs, first_argument(regs), false);
}

SEC("uprobe") /* nothing is known of its blocks but where they begin */
int free_of_another(struct pt_regs* regs) {
    return block_freed(regs, first_argument(regs), 1, false);
}

SEC("uprobe")
int realloc_of_glibc(struct pt_regs* regs) {
    return freed_by_glibc(regs, first_argument(regs), true);
}

SEC("uprobe")
int realloc_of_another(struct pt_regs* regs) {
    return block_freed(regs, first_argument(regs), 1, true);
}

SEC("uprobe")
int realloc_returns(struct pt_regs* regs) {
    return block_moved(returned_by(regs));
}
