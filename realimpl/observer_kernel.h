/* The few kernel fields the observer reads. Only names and rough types count: every offset is
 * relocated when the program is loaded, against the BTF of the kernel it is loaded into. Written
 * out here, so that the machine that builds needs no BTF, and no newer kernel than 6.1's names. A
 * suffix after ___ is a variant of the same struct on another kernel. */
#ifndef ZCV_OBSERVER_KERNEL_H
#define ZCV_OBSERVER_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rq;

/* Only the offsets of counters are used. */
struct count {
    int counter;
};

/* Stand for any memory whose first bytes are wanted. */
struct timespec64 {
    __s64 tv_sec;
};

struct refcount_struct {
    struct count refs;
};

struct cfs_rq {
    struct rq* rq;
};

struct sched_entity {
    struct cfs_rq* cfs_rq;
};

struct fdtable {
    unsigned int max_fds;
    struct file** fd;
};

struct files_struct {
    struct fdtable* fdt;
};

struct mm_struct {
    void* pgd;
    unsigned long brk;
};

struct task_struct {
    unsigned int flags;
    int pid;
    int tgid;
    struct mm_struct* mm;
    struct sched_entity se;
    struct files_struct* files;
};

struct file {
    void* private_data;
    void* f_op;
};

/* Named as the kernel names the registers. */
struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
        sp;
};

enum sock_flags {
    SOCK_ZEROCOPY, /* its number here does not count */
};

struct sk_buff;

struct sk_buff_head {
    struct sk_buff* prev;
};

struct sock_common {
    unsigned long skc_flags; /* sk_flags */
};

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
    struct count sk_zckey; /* atomic_t */
    struct sk_buff_head sk_error_queue;
};

/* Went with the reference that tcp_sendmsg_locked() held. */
struct proto_ops___before_6_5 {
    void* sendpage;
};

struct socket {
    struct file* file;
    struct sock* sk;
};

struct net_device {
    int ifindex;
};

struct sk_buff {
    unsigned int len;
    struct net_device* dev;
    struct sock* sk;
    char cb[48];
    __u16 transport_header;
    unsigned int end;
    unsigned char* head;
    __u8 fclone : 2; /* 1: the first of a pair, which TCP keeps */
};

/* skb_frag_t: a bio_vec up to 6.8, of one size and order with what came then. */
struct skb_frag {
    __u64 page;
    __u32 len;
    __u32 offset;
};

struct skb_shared_info {
    __u8 flags;
    __u8 nr_frags;
    struct count dataref; /* atomic_t */
    void* destructor_arg;
    struct skb_frag frags[17];
};

struct sock_extended_err {
    __u32 ee_errno; /* read as a whole, see range_report below */
};

struct sock_exterr_skb {
    struct sock_extended_err ee;
};

struct iov_iter {
    unsigned long count;
};

struct msghdr {
    struct iov_iter msg_iter;
    unsigned int msg_flags;
    struct ubuf_info* msg_ubuf;
};

struct ubuf_info {
    struct count refcnt; /* refcount_t */
};

/* Of MSG_ZEROCOPY: which calls it covers. */
struct ubuf_info_msgzc {
    __u32 id;
    __u16 len;
    __u16 zerocopy : 1;
};

struct tcp_skb_cb {
    __u32 ack_seq;
};

struct tcp_sock {
    __u32 snd_una;   /* what the peer has acknowledged, up to here */
    __u32 write_seq; /* what was appended, up to here */
};

struct io_notif_data {
    struct ubuf_info uarg;
    struct io_notif_data* head; /* since 6.10 */
};

struct io_uring_task {
    struct task_struct* task;
};

struct io_rsrc_node {
    unsigned long file_ptr;
};

struct io_rsrc_data {
    unsigned int nr;
    struct io_rsrc_node** nodes; /* since 6.13 */
};

struct io_file_table {
    struct io_rsrc_data data;
};

struct io_ring_ctx {
    unsigned int compat : 1;
    struct io_file_table file_table;
};

struct io_cqe {
    __u64 user_data;
    __s32 res;
    union {
        __u32 flags;
        int fd;
    };
};

struct io_cmd_data {
    struct file* file;
};

struct io_kiocb {
    union {
        struct file* file;
        struct io_cmd_data cmd;
    };
    __u8 opcode;
    __u64 flags;
    struct io_cqe cqe;
    struct io_ring_ctx* ctx;
    struct io_uring_task* tctx; /* since 6.13 */
};

struct io_kiocb___before_6_13 {
    struct task_struct* task;
};

struct io_sr_msg {
    void* buf; /* also umsg, the user's msghdr */
    int len;
    unsigned int msg_flags;
    __u16 flags;
    struct io_kiocb* notif;
};

struct io_cancel {
    __u64 addr; /* the user_data it looks for */
};

struct io_uring_cqe {
    __u64 user_data;
    __s32 res;
    __u32 flags;
};

#pragma clang attribute pop

/* In the control block of an skb on an error queue; its layout is the system call's. */
struct range_report {
    __u32 error;
    __u8 origin;
    __u8 type;
    __u8 code;
    __u8 padding;
    __u32 first;
    __u32 last;
};

/* User memory: its layout is the system call's, so nothing is relocated. */
struct user_iovec {
    __u64 base;
    __u64 len;
};

struct user_msghdr {
    __u64 name;
    __u32 namelen;
    __u32 padding;
    __u64 iov;
    __u64 iovlen;
};

#define USER_MMSGHDR_BYTES 64u /* a msghdr with its control and flags, and a length */

#endif
