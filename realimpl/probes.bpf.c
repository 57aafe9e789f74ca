/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Function probes: every reference of a ubuf is seen where it is taken or dropped, instead of
 * inferred. An object of its own, for many kernels refuse such programs and none of them all. Here
 * is what differs between kernels: which function it is. What comes before __ in a program's name
 * is what it sees; one program of each is enough, and some kernels have none. */
/* clang-format off */
#include <linux/bpf.h>
/* clang-format on */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "observer_refs.h"

#define MSG_ZEROCOPY 0x4000000u

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Notifications ---------------------------------------------------------------------------- */

SEC("fexit/io_alloc_notif")
int BPF_PROG(alloc__notif, void* ring, struct io_kiocb* notif) {
    ref_born(ubuf_of((__u64)notif), (__u64)ring, NULL);
    return 0;
}

SEC("fexit/io_link_skb") /* since 6.10 */
int BPF_PROG(link__since_6_10, struct sk_buff* skb, struct ubuf_info* ubuf) {
    ref_linked(skb, (__u64)ubuf);
    return 0;
}

SEC("fentry/io_tx_ubuf_complete") /* since 6.10; io_notif_flush() is inlined, and calls it */
int BPF_PROG(drop__since_6_10, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped((__u64)ubuf, skb, success, ZCV_REF_ISSUER);
    return 0;
}

SEC("fexit/io_tx_ubuf_complete")
int BPF_PROG(drop__returns, struct sk_buff* skb, struct ubuf_info* ubuf) {
    ref_returned((__u64)ubuf);
    return 0;
}

SEC("fentry/io_uring_tx_zerocopy_callback") /* 6.1 */
int BPF_PROG(drop__6_1, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped((__u64)ubuf, skb, success, ZCV_REF_CALL_OVER);
    return 0;
}

SEC("fentry/io_tx_ubuf_callback") /* 6.2 to 6.9 */
int BPF_PROG(drop__6_2, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped_inside((__u64)ubuf, skb, success, ZCV_REF_CALL_OVER);
    return 0;
}

SEC("fentry/io_tx_ubuf_callback_ext") /* 6.3 to 6.9, of those with IORING_SEND_ZC_REPORT_USAGE */
int BPF_PROG(drop__6_3, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped_outside((__u64)ubuf, skb, success, ZCV_REF_CALL_OVER);
    return 0;
}

SEC("fexit/io_tx_ubuf_callback_ext")
int BPF_PROG(drop__6_3_returns, struct sk_buff* skb, struct ubuf_info* ubuf) {
    ref_outside_returned((__u64)ubuf);
    return 0;
}

SEC("fentry/io_notif_flush") /* 6.1: it drops the issuer's reference itself */
int BPF_PROG(flush__6_1, struct io_kiocb* notif) {
    ref_dropped(ubuf_of((__u64)notif), NULL, true, ZCV_REF_FLUSH);
    return 0;
}

/* MSG_ZEROCOPY ----------------------------------------------------------------------------- */

SEC("fexit/msg_zerocopy_realloc")
int BPF_PROG(calls__realloc, struct sock* sock, __u64 size, struct ubuf_info* before) {
    __u64 ubuf = 0;
    if (bpf_get_func_ret(ctx, &ubuf) || !ubuf) return 0;
    if (ubuf != (__u64)before) {
        ref_born(ubuf, 0, sock);
        return 0;
    }
    /* A datagram that is added to keeps the one that it has. */
    ref_taken(ubuf, ZCV_REF_EXTEND, sock->sk_protocol == 6 ? 1 : 0);
    return 0;
}

SEC("fentry/msg_zerocopy_complete") /* since 6.10 */
int BPF_PROG(calls_drop__since_6_10, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped((__u64)ubuf, skb, success, ZCV_REF_CALL_OVER);
    return 0;
}

SEC("fentry/msg_zerocopy_callback") /* before */
int BPF_PROG(calls_drop__before_6_10, struct sk_buff* skb, struct ubuf_info* ubuf, bool success) {
    ref_dropped((__u64)ubuf, skb, success, ZCV_REF_CALL_OVER);
    return 0;
}

SEC("fentry/msg_zerocopy_put_abort")
int BPF_PROG(abort__calls, struct ubuf_info* ubuf, bool has_reference) {
    ref_taken((__u64)ubuf, ZCV_REF_ABORT, 0);
    return 0;
}

/* Skbs ------------------------------------------------------------------------------------- */

SEC("fentry/tcp_sendmsg_locked") /* before 6.5 it holds a reference while it runs */
int BPF_PROG(hold__before_6_5, struct sock* sock, struct msghdr* msg, __u64 size) {
    if (!bpf_core_field_exists(struct proto_ops___before_6_5, sendpage)) return 0;
    if (!(msg->msg_flags & MSG_ZEROCOPY) || !size) return 0;
    __u64 ubuf = READ_ADDRESS(msghdr, msg, msg_ubuf);
    if (ubuf) ref_taken(ubuf, ZCV_REF_CALL, 1);
    return 0;
}

SEC("fexit/skb_zerocopy_iter_stream")
int BPF_PROG(stream__iter, struct sock* sock, struct sk_buff* skb) {
    ref_carried(skb, (__u64)sock, ZCV_REF_STREAM);
    return 0;
}

/* The first function that is called once __ip_append_data() has attached the ubuf. */
SEC("fentry/__zerocopy_sg_from_iter")
int BPF_PROG(datagram__fill, struct msghdr* msg, struct sock* sock, struct sk_buff* skb) {
    ref_carried(skb, 0, ZCV_REF_DATAGRAM);
    return 0;
}

SEC("fexit/skb_zerocopy_clone")
int BPF_PROG(clone__zerocopy, struct sk_buff* skb) {
    ref_carried(skb, 0, ZCV_REF_CLONE);
    return 0;
}

SEC("fentry/pskb_expand_head")
int BPF_PROG(expand__begins, struct sk_buff* skb) {
    ref_expanding(skb);
    return 0;
}

SEC("fexit/pskb_expand_head")
int BPF_PROG(expand__ends, struct sk_buff* skb) {
    ref_expanded(skb);
    return 0;
}
