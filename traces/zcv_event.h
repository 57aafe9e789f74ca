/* One record per observed kernel moment: the BPF ring-buffer entry and the file format at once.
 * Addresses are names: compare them, never follow them. A name means the same object only between
 * its birth and its death; the kernel reuses memory within microseconds. */
#ifndef ZCV_EVENT_H
#define ZCV_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Append, never renumber: files outlive us. The comment says where the record is taken, and which
 * fields it fills beyond time_ns, seq, cpu, kind, context, pid, tgid. */
enum zcv_event_kind {
    ZCV_NONE = 0,
    /* io_uring_submit_req (6.1: submit_sqe) of a zero-copy send, prep done: req, ring, sock,
     * protocol, ubuf, refs, addr, len, user_data, opcode, sqe_flags, msg_flags, zc_flags, hash; res
     * (number of the submitter's stack in the trace, 0 none). Of several iovecs: nr_frags (how
     * many), len (all of them), owner (a number for where they lie); each has a ZCV_VECTOR */
    ZCV_SUBMIT = 1,
    /* io_uring_complete of the request itself: req, ring, sock, protocol, ubuf, chain, refs,
     * user_data, opcode, res, cqe_flags. refs and chain are read from the notification, after its
     * owner's put if that was done inline */
    ZCV_COMPLETE = 2,
    /* io_uring_complete of the notification: req (= the notification's io_kiocb), ring, ubuf,
     * chain, refs, user_data, res, cqe_flags, hash, addr, len */
    ZCV_NOTIF = 3,
    /* io_uring_cqe_overflow: ring, user_data, res, cqe_flags. It stands in for ZCV_COMPLETE or
     * ZCV_NOTIF (cqe_flags tells); the kernel does not give the request. ubuf, generation, chain,
     * refs and hash only if a single send of that ring still has that user_data */
    ZCV_CQE_OVERFLOW = 4,
    ZCV_POLL_ARM = 5, /* io_uring_poll_arm: req, ring, ubuf, user_data */
    ZCV_ASYNC = 6,    /* io_uring_queue_async_work: req, ring, ubuf, user_data */
    ZCV_LINK = 7,     /* io_uring_link: req, ring, user_data; it waits for its predecessor */
    ZCV_DEFER = 8,    /* io_uring_defer: req, ring, user_data; it waits for the drain */
    /* io_uring_req_failed, before any submission: req, ring, user_data, opcode, sqe_flags, res;
     * ubuf and refs if it owns a notification, which will be posted all the same */
    ZCV_PREP_FAILED = 9,
    /* tcp_sendmsg_locked, once a loop turn, before it appends: sock, ubuf (msg->msg_ubuf, whose
     * data is appended), skb and head (the write queue's tail, 0 if none), chain (the tail's own
     * ubuf), refs (of ubuf), len (bytes left to append), cqe_flags (the sequence number of the
     * next of them; 0 in captures before 1.4); of the tail nr_frags, shinfo_flags and addr as
     * below */
    ZCV_TCP_APPEND = 10,
    /* The skb events below: skb, head, ubuf (from destructor_arg while SKBFL_ZEROCOPY_ENABLE is
     * set, else 0), owner (the ubuf this head was first seen with), chain (io_notif_data.head of
     * ubuf), refs (of ubuf), dataref, nr_frags, shinfo_flags, len (skb->len), sock, ifindex, addr
     * (TCP's sequence number of the data plus 2^32; 0 unknown, as in the first captures) */
    ZCV_DEV_QUEUE = 11,   /* net_dev_queue */
    ZCV_DEV_XMIT = 12,    /* net_dev_start_xmit */
    ZCV_RX = 13,          /* netif_receive_skb: before any copy on receive */
    ZCV_SKB_CONSUME = 14, /* consume_skb: one sk_buff is done with */
    ZCV_SKB_DROP = 15,    /* kfree_skb: dropped; res = enum skb_drop_reason */
    /* kfree or kmem_cache_free of a known skb->head: the shared info is gone, its references with
     * it. head, owner, refs (of owner, as it is now). Of an skb that was the tail of TCP's write
     * queue: addr (as above), cqe_flags (the sequence number up to which the peer has acknowledged
     * the stream) */
    ZCV_HEAD_FREE = 16,
    ZCV_FORK = 17,        /* sched_process_fork: addr = the child's tgid */
    ZCV_EXEC = 18,        /* sched_process_exec */
    ZCV_EXIT = 19,        /* sched_process_exit of a thread group leader */
    ZCV_RING_CREATE = 20, /* io_uring_create: ring, len = cq entries, zc_flags = setup flags */
    ZCV_REGISTER = 21,    /* io_uring_register: ring, opcode, res */
    /* A hardware watchpoint: the program wrote to a word of a buffer it sends from. addr, len (the
     * word), res = number of its stack in the trace, 0 none; cqe_flags = 1: the kernel wrote, for a
     * system call. cpu is ZCV_CPU_WATCH, which has sequence numbers of its own */
    ZCV_WRITE = 22,
    /* sendmsg(), sendto() or one message of sendmmsg() with MSG_ZEROCOPY begins: sock, protocol,
     * user_data (the id it is about to take), addr, len, msg_flags, hash; zc_flags = 1: the socket
     * has SO_ZEROCOPY, without which the flag is ignored; res = number of the caller's stack. Of
     * several iovecs as in ZCV_SUBMIT */
    ZCV_CALL = 23,
    /* It is over: sock, protocol, user_data (as in ZCV_CALL), len (ids taken since: 1 or 0 unless
     * another thread sends too), res; hash, if a part was sent, of that part */
    ZCV_CALL_DONE = 24,
    /* inet_sk_error_report, with a range of ids last in the error queue: sock, protocol, skb,
     * user_data and addr (first and last id), len (how many), cqe_flags (ee_code) */
    ZCV_ERRQUEUE = 25,
    ZCV_ERRQUEUE_READ = 26, /* the range left the queue: as above; res = 1: nobody read it */
    /* A call of a range that was read: sock, protocol, user_data (its id), addr, len, cqe_flags
     * (ee_code), hash */
    ZCV_CALL_TOLD = 27,
    ZCV_RETRANSMIT = 28, /* tcp_retransmit_skb: as the skb events above */
    ZCV_ACK = 29,        /* tcp_probe: sock, protocol, addr (sequence number acknowledged + 2^32) */
    ZCV_SOCK_STATE = 30, /* inet_sock_set_state: sock, protocol, res (state now), len (before) */
    ZCV_RESET = 31,      /* tcp_receive_reset: sock, protocol */
    ZCV_CLOSE = 32,      /* close() of a socket: sock, protocol */
    ZCV_SHUTDOWN = 33,   /* shutdown(): sock, protocol, res (how) */
    /* munmap(), madvise() that gives pages back, mremap(), brk(), mmap(MAP_FIXED): addr, len,
     * opcode (enum zcv_unmap). Before it happens */
    ZCV_UNMAP = 34,
    ZCV_LINK_FAIL = 35,  /* io_uring_fail_link: req, ring, user_data: an earlier member failed */
    ZCV_TASK_WORK = 36,  /* io_uring_task_work_run with work: len (how many) */
    ZCV_RING_CLOSE = 37, /* close() of a ring: ring */
    /* io_uring_complete of another request of a watched ring (SENDMSG, RECVMSG, ASYNC_CANCEL,
     * LINK_TIMEOUT, SEND, RECV): req, ring, user_data, opcode, res, cqe_flags; sock of sends and
     * receives; addr of a cancel: the user_data that it looked for, 0 if it went by something else
     */
    ZCV_CQE = 38,
    /* Just before a ZCV_UNMAP, for each send in flight from memory in it: ring, ubuf, user_data,
     * addr, len, hash (of the payload as it is now); zc_flags = 1: all of the payload goes */
    ZCV_CONTENT = 39,
    /* A function took or dropped references of a ubuf: ring (0: of MSG_ZEROCOPY calls), ubuf,
     * opcode (enum zcv_ref), res (how many, negative when dropped), refs (as read at that moment,
     * with this change), len (what is left by all changes that were seen), skb and head if an skb
     * holds it, owner (the notification that hangs on ubuf, ZCV_REF_MEMBER and _MEMBER_GONE). Of
     * calls: sock, and when dropped user_data (the first id that it covers, and how many in the
     * upper half) and zc_flags (1: their data was copied). ZCV_REF_RELEASE by an skb of TCP's own
     * queues: addr and cqe_flags as in ZCV_HEAD_FREE. generation is 0: a notification is
     * there before its send is submitted */
    ZCV_UBUF_REF = 40,
    /* Just before a ZCV_NOTIF, ZCV_CQE_OVERFLOW, ZCV_CONTENT or ZCV_CALL_TOLD with another hash
     * than at submission: which pages the payload's addresses lead to now. ring and ubuf, or of a
     * call sock and protocol; user_data, addr, len, hash (keyed, of the page frames); zc_flags = 1:
     * the same pages as at submission, so that what the kernel held was written */
    ZCV_PAGES = 41,
    /* net_dev_queue, a piece of what it hands to a device: skb, head, owner, generation, opcode
     * (which frag), nr_frags, addr (struct page *), user_data (bytes from its beginning), len */
    ZCV_FRAG = 42,
    /* free() in the watched program, before it happens, or realloc() that moved, after it did, of a
     * block that something was sent from: addr (as given), len (bytes of the block where glibc's
     * header in front of it tells, else 1), res (number of the caller's stack) */
    ZCV_FREE = 43,
    /* Just before a ZCV_SUBMIT or ZCV_CALL of several iovecs, with its generation: one of them:
     * addr, len, opcode (which, from 0), nr_frags (of how many) */
    ZCV_VECTOR = 44,
    /* Page tracking: whole pages of a buffer in flight were written after user_data
     * (CLOCK_MONOTONIC, ns) and before this record: addr, len. cpu is ZCV_CPU_PAGES, which has
     * sequence numbers of its own */
    ZCV_PAGE_WRITE = 45,
    ZCV_KIND_COUNT
};

enum zcv_context {
    ZCV_CONTEXT_UNKNOWN = 0,
    ZCV_CONTEXT_TASK = 1,
    ZCV_CONTEXT_SOFTIRQ = 2,
    ZCV_CONTEXT_HARDIRQ = 3,
};

enum zcv_unmap {
    ZCV_UNMAP_MUNMAP = 0,
    ZCV_UNMAP_MADVISE = 1, /* DONTNEED, FREE or REMOVE */
    ZCV_UNMAP_MREMAP = 2,
    ZCV_UNMAP_BRK = 3,  /* addr = the new end; len 0 */
    ZCV_UNMAP_MMAP = 4, /* MAP_FIXED: other pages take the place of what was there */
};

/* Who holds a reference of a ubuf from here on, or no longer, and the function that was seen. */
enum zcv_ref {
    ZCV_REF_NONE = 0,
    ZCV_REF_ALLOC = 1,    /* its issuer: io_alloc_notif, msg_zerocopy_realloc of a new one */
    ZCV_REF_EXTEND = 2,   /* another call on a stream: msg_zerocopy_realloc of the same one */
    ZCV_REF_CALL = 3,     /* tcp_sendmsg_locked while it runs, before 6.5 */
    ZCV_REF_STREAM = 4,   /* an skb: skb_zerocopy_iter_stream */
    ZCV_REF_LINK_SKB = 5, /* an skb: io_link_skb, since 6.10 */
    /* An skb: __ip_append_data, seen as it fills it. res 0: the call's own went into the skb */
    ZCV_REF_DATAGRAM = 6,
    ZCV_REF_MEMBER = 7, /* a notification in its chain: io_link_skb */
    ZCV_REF_CLONE = 8,  /* another skb with the same frags: skb_zerocopy_clone */
    ZCV_REF_EXPAND = 9, /* a private copy of the shared info: pskb_expand_head */
    /* From here on dropped. */
    ZCV_REF_ISSUER = 10,      /* io_notif_flush by way of the completion callback, since 6.10 */
    ZCV_REF_CALL_OVER = 11,   /* net_zcopy_put: of ZCV_REF_CALL, or of a MSG_ZEROCOPY call */
    ZCV_REF_RELEASE = 12,     /* an skb is done with its data */
    ZCV_REF_COPY = 13,        /* an skb has a copy now: skb_copy_ubufs */
    ZCV_REF_MEMBER_GONE = 14, /* a notification in its chain has none left itself */
    ZCV_REF_ABORT = 15,       /* msg_zerocopy_put_abort: res 0, the call takes its id back */
    ZCV_REF_FLUSH = 16,       /* io_notif_flush itself, before */
    ZCV_REF_COUNT
};

#define ZCV_CPU_WATCH 0xffffu
#define ZCV_CPU_PAGES 0xfffeu
#define ZCV_KERNEL_STACKS 0x80000000u
#define ZCV_REFS_UNKNOWN 0xffffffffu

struct zcv_event {
    __u64 time_ns;   /* bpf_ktime_get_ns(), CLOCK_MONOTONIC */
    __u64 req;       /* struct io_kiocb * */
    __u64 ring;      /* struct io_ring_ctx * */
    __u64 sock;      /* struct sock * */
    __u64 ubuf;      /* struct ubuf_info * */
    __u64 chain;     /* struct ubuf_info * of the chain's head, 0 when not linked; see the kind */
    __u64 owner;     /* struct ubuf_info * this head was first seen with */
    __u64 skb;       /* struct sk_buff * */
    __u64 head;      /* skb->head: stands for the shared info */
    __u64 addr;      /* user address of the payload; SENDMSG_ZC: of the first iovec. See the kind */
    __u64 user_data; /* the application's name of the request */
    __u64 hash;      /* keyed hash of the payload as it is now; 0 not taken or not readable */
    __u32 seq;       /* per CPU, without gaps unless records were lost; wraps */
    __u32 len;       /* bytes; see the kind */
    __u32 tgid;      /* of the ring's owner where a ring is known, else of the current task */
    __u32 pid;       /* current thread */
    __u32 refs;      /* ubuf's refcnt, ZCV_REFS_UNKNOWN if not readable */
    __s32 res;
    __u32 cqe_flags;
    __u32 msg_flags;
    __u32 ifindex;
    __u32 generation; /* counts the sends of this capture from 1: tells reused ubufs apart */
    __u16 kind;       /* enum zcv_event_kind */
    __u16 cpu;
    __u16 dataref;     /* low half of shinfo.dataref: skbs sharing this head */
    __u16 zc_flags;    /* sqe->ioprio: IORING_RECVSEND_* and IORING_SEND_ZC_REPORT_USAGE */
    __u8 context;      /* enum zcv_context */
    __u8 opcode;       /* IORING_OP_* */
    __u8 sqe_flags;    /* IOSQE_* */
    __u8 shinfo_flags; /* SKBFL_* */
    __u8 nr_frags;
    __u8 protocol; /* IPPROTO_* of sock, 0 unknown */
    /* Of the kernel's own stack at that moment: its number in the trace is this and
     * ZCV_KERNEL_STACKS; 0 not taken */
    __u16 kernel_stack;
};

#ifdef __cplusplus
static_assert(sizeof(struct zcv_event) == 152);
#else
_Static_assert(sizeof(struct zcv_event) == 152, "zcv_event has padding");
#endif

#endif
