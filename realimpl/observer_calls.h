/* sendmsg(MSG_ZEROCOPY): the calls, the ids they take, and the error queue that tells of them.
 *
 * A call has no object of its own. Its name is its socket and the id it takes from sk_zckey; one
 * ubuf_info_msgzc can cover several calls, and lives in the control block of an skb that knows the
 * socket. The error queue gives ranges of ids back. */
#ifndef ZCV_OBSERVER_CALLS_H
#define ZCV_OBSERVER_CALLS_H

#include "observer_allocator.h"
#include "observer_memory.h"

#define MSG_ZEROCOPY 0x4000000u
#define MSG_ERRQUEUE 0x2000u
#define MESSAGES_MAX 64u /* of one sendmmsg() that are looked at */
#define TOLD_MAX 4096u   /* calls of one range whose content is looked at again */
#define MADV_DONTNEED 4u
#define MADV_FREE 8u
#define MADV_REMOVE 9u
#define MAP_FIXED 0x10u
#define MREMAP_FIXED 2u
#define ORIGIN_ZEROCOPY 5u /* SO_EE_ORIGIN_ZEROCOPY */

/* System calls of this architecture; the loader knows their numbers. */
const volatile struct zcv_call_numbers system_calls = {};

struct call_key {
    __u64 sock;
    __u32 id;
    __u32 unused;
};

struct call {
    __u64 addr;  /* of the one buffer, or of the first of its vectors */
    __u64 hash;  /* of the payload as it was sent; 0 not taken */
    __u64 pages; /* which pages that was in; 0 not taken */
    __u32 len;
    __u32 generation;
    __u32 tgid;
    __u32 vectors;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 131072);
    __type(key, struct call_key);
    __type(value, struct call);
} calls SEC(".maps");

/* What a thread is in the middle of sending. */
struct call_now {
    __u64 sock;
    __u64 message; /* user address of the msghdr that comes next in a sendmmsg(), else 0 */
    __u32 id;
    __u32 generation;
    __u32 left; /* messages after this one */
    __u32 flags;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct call_now);
} calling SEC(".maps");

/* An skb on an error queue, with the range it was last seen with. */
struct told {
    __u64 sock;
    __u32 first;
    __u32 last;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct told);
} errqueues SEC(".maps");

/* System calls ------------------------------------------------------------------------------ */

struct arguments {
    __u64 at[5];
};

static __always_inline void arguments_of(const struct pt_regs* regs, struct arguments* arguments) {
#if defined(__TARGET_ARCH_x86)
    arguments->at[0] = BPF_CORE_READ(regs, di);
    arguments->at[1] = BPF_CORE_READ(regs, si);
    arguments->at[2] = BPF_CORE_READ(regs, dx);
    arguments->at[3] = BPF_CORE_READ(regs, r10);
    arguments->at[4] = BPF_CORE_READ(regs, r8);
#elif defined(__TARGET_ARCH_arm64)
    bpf_probe_read_kernel(arguments->at, sizeof(arguments->at), regs);
#else
    __builtin_memset(arguments, 0, sizeof(*arguments)); /* no call is recognised */
#endif
}

/* Of a function that is entered, or has just returned. */
static __always_inline __u64 first_argument(const struct pt_regs* regs) {
    struct arguments arguments;
    arguments_of(regs, &arguments);
    return arguments.at[0];
}
static __always_inline __u64 returned_by(const struct pt_regs* regs) {
#if defined(__TARGET_ARCH_x86)
    return BPF_CORE_READ(regs, ax);
#else
    return first_argument(regs); /* arm64: the same register */
#endif
}

static __always_inline struct file* open_file(__u32 fd) {
    struct task_struct* task = bpf_get_current_task_btf();
    struct fdtable* table = task->files ? task->files->fdt : NULL;
    if (!table || fd >= table->max_fds) return NULL;
    return (struct file*)read_u64(READ_ADDRESS(fdtable, table, fd) + 8ull * fd);
}

/* Registered files live in the ring's own table, whose shape this reads since 6.13. */
static __always_inline struct file* registered_file(struct io_kiocb* req, __u32 index) {
    struct io_ring_ctx* ring = req->ctx;
    if (!bpf_core_field_exists(struct io_rsrc_data, nodes)) return NULL;
    if (index >= ring->file_table.data.nr) return NULL;
    __u64 node = read_u64(READ_ADDRESS(io_ring_ctx, ring, file_table.data.nodes) + 8ull * index);
    return (struct file*)(READ(io_rsrc_node, node, file_ptr) & ~3ul);
}

/* The socket behind an open file, or NULL when it is something else. */
static __always_inline struct sock* sock_behind(struct file* file) {
    __u64 socket = file ? READ_ADDRESS(file, file, private_data) : 0;
    if (!socket || READ_ADDRESS(socket, socket, file) != (__u64)file) return NULL;
    return (struct sock*)READ_ADDRESS(socket, socket, sk);
}

/* At submission the request has no file yet, only the number the kernel will look up. */
static __always_inline struct sock* sock_of(struct io_kiocb* req, __u8 sqe_flags) {
    struct file* file = (struct file*)READ_ADDRESS(io_kiocb, req, file);
    if (!file) {
        __u32 fd = (__u32)req->cqe.fd;
        file = sqe_flags & SQE_FIXED_FILE ? registered_file(req, fd) : open_file(fd);
    }
    return sock_behind(file);
}

/* MPTCP's number does not fit and would read as TCP's: it stays unknown. */
static __always_inline __u8 protocol_of(struct sock* sock) {
    __u16 protocol = sock ? READ(sock, sock, sk_protocol) : 0;
    return protocol > 255 ? 0 : (__u8)protocol;
}

static __always_inline void name_sock(struct zcv_event* event, struct sock* sock) {
    event->sock = (__u64)sock;
    event->protocol = protocol_of(sock);
}

static __always_inline bool is_socks_zerocopy(struct sock* sock) {
    const __u64 bit = bpf_core_enum_value_exists(enum sock_flags, SOCK_ZEROCOPY)
                          ? bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY)
                          : 64;
    return bit < 64 && (BPF_CORE_READ(sock, __sk_common.skc_flags) >> bit & 1);
}

/* Reads the user's iovec array into the hash state, as far as it is kept. Returns how many. */
static __always_inline __u32 read_vectors(struct hash_state* state, __u64 array, __u64 count) {
    __u32 kept = count > RANGES_MAX ? RANGES_MAX : (__u32)count;
    if (bpf_probe_read_user(state->ranges.at, kept * sizeof(struct user_iovec), (const void*)array))
        return 0;
    return kept;
}

static __always_inline __u32 bytes_of(const struct ranges* ranges) {
    __u64 bytes = 0;
    if (ranges->count == 1) return (__u32)ranges->at[0].len;
    for (__u32 i = 0; i < RANGES_MAX; i++)
        if (i < ranges->count) bytes += ranges->at[i].len;
    return (__u32)bytes;
}

/* The records of several ranges of the payload at hand, and a number for where they lie: at the
 * same address may begin another payload. A function that the verifier looks at by itself, once. */
__noinline __u64 tell_vectors(__u32 generation, __u32 tgid) {
    __u32 zero = 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state) return 0;
    __u64 layout = state->ranges.count;
    for (__u32 i = 0; i < RANGES_MAX; i++) {
        if (i >= state->ranges.count) break;
        layout = mix(mix(layout, state->ranges.at[i].base), state->ranges.at[i].len);
        struct zcv_event* event = begin(ZCV_VECTOR);
        if (!event) continue;
        event->generation = generation;
        event->tgid = tgid;
        event->addr = state->ranges.at[i].base;
        event->len = (__u32)state->ranges.at[i].len;
        event->opcode = (__u8)i;
        event->nr_frags = (__u8)state->ranges.count;
        finish(event, 0);
    }
    return layout | 1;
}

/* Of a ZCV_SUBMIT or ZCV_CALL. */
static __always_inline void name_payload(struct zcv_event* event, const struct ranges* ranges,
                                         __u64 layout) {
    if (!layout) return;
    event->nr_frags = (__u8)ranges->count;
    event->owner = layout;
}

static __always_inline void ranges_of_message(__u64 message, struct hash_state* state) {
    struct user_msghdr msg;
    state->ranges.count = 0;
    if (bpf_probe_read_user(&msg, sizeof(msg), (const void*)message)) return;
    state->ranges.count = read_vectors(state, msg.iov, msg.iovlen);
}

/* The record of a call that begins, whose payload is in `state`. */
static __always_inline void call_begins(struct call_now* now, struct hash_state* state) {
    struct sock* sock = (struct sock*)now->sock;
    __u64 thread = bpf_get_current_pid_tgid();
    now->generation = next_generation();
    now->id = (__u32)BPF_CORE_READ(sock, sk_zckey.counter);
    struct call_key key = {.sock = now->sock, .id = now->id};
    struct call call = {.addr = state->ranges.count ? state->ranges.at[0].base : 0,
                        .len = bytes_of(&state->ranges),
                        .generation = now->generation,
                        .tgid = (__u32)(thread >> 32),
                        .vectors = state->ranges.count > 1};
    call.hash = hash_mode ? hash_ranges(state) : 0;
    call.pages = call.hash && pages_wanted() ? hash_pages(state) : 0;
    __u64 generation = now->generation;
    any_calls = 1;
    if (bpf_map_update_elem(&calls, &key, &call, BPF_ANY)) count_map_failure();
    if (call.vectors && bpf_map_update_elem(&vectors, &generation, &state->ranges, BPF_ANY))
        count_map_failure();
    if (bpf_map_update_elem(&calling, &thread, now, BPF_ANY)) count_map_failure();
    tell_stack(now->generation, call.tgid);
    note_sent_from(call.tgid, &state->ranges);
    const __u64 layout = call.vectors ? tell_vectors(now->generation, call.tgid) : 0;
    struct zcv_event* event = begin(ZCV_CALL);
    if (!event) return;
    name_payload(event, &state->ranges, layout);
    name_sock(event, sock);
    event->generation = now->generation;
    event->user_data = now->id;
    event->addr = call.addr;
    event->len = call.len;
    event->msg_flags = now->flags;
    event->zc_flags = is_socks_zerocopy(sock);
    event->hash = call.hash;
    finish(event, 0);
}

static __always_inline int send_entered(__u32 number, const struct arguments* arguments) {
    __u32 zero = 0;
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state) return 0;
    const bool many = number == system_calls.sendmmsg;
    const bool one = number == system_calls.sendmsg;
    struct call_now now = {.flags = (__u32)(one ? arguments->at[2] : arguments->at[3])};
    if (!(now.flags & MSG_ZEROCOPY)) return 0;
    now.sock = (__u64)sock_behind(open_file((__u32)arguments->at[0]));
    if (!now.sock) return 0;
    if (one || many) {
        ranges_of_message(arguments->at[1], state);
    } else {
        state->ranges.count = 1;
        state->ranges.at[0].base = arguments->at[1];
        state->ranges.at[0].len = arguments->at[2];
    }
    if (many && arguments->at[2] > 1) {
        now.left = (__u32)arguments->at[2] - 1;
        if (now.left > MESSAGES_MAX) now.left = MESSAGES_MAX;
        now.message = arguments->at[1] + USER_MMSGHDR_BYTES;
    }
    know_sock((struct sock*)now.sock, (__u32)(bpf_get_current_pid_tgid() >> 32));
    call_begins(&now, state);
    return 0;
}

/* The payload of a call as it is now, in its own process; 0 when it cannot be told. */
static __always_inline __u64 hash_of_call(const struct call* call, struct hash_state* state) {
    if (!hash_mode || call->tgid != (__u32)(bpf_get_current_pid_tgid() >> 32)) return 0;
    if (call->vectors) {
        __u64 generation = call->generation;
        struct ranges* kept = bpf_map_lookup_elem(&vectors, &generation);
        if (!kept) return 0;
        __builtin_memcpy(&state->ranges, kept, sizeof(*kept));
    } else {
        state->ranges.at[0].base = call->addr;
        state->ranges.at[0].len = call->len;
        state->ranges.count = call->addr ? 1 : 0;
    }
    return hash_ranges(state);
}

/* Only a part was taken: the rest is the application's again, and the content that counts is
 * shorter. Of several vectors nothing is said then. */
static __always_inline __u64 shorten(const struct call_now* now, int res,
                                     struct hash_state* state) {
    struct call_key key = {.sock = now->sock, .id = now->id};
    struct call* call = bpf_map_lookup_elem(&calls, &key);
    if (!call || call->generation != now->generation || res <= 0 || (__u32)res >= call->len)
        return 0;
    call->len = (__u32)res;
    if (call->vectors) call->tgid = 0;
    call->hash = hash_of_call(call, state);
    call->pages = call->hash && pages_wanted() ? hash_pages(state) : 0;
    return call->hash;
}

/* sock_sendmsg() is over, inside the same system call: the id is taken or not. */
static __always_inline int send_done(struct sock* sock, int res) {
    __u32 zero = 0;
    __u64 thread = bpf_get_current_pid_tgid();
    struct call_now* found = any_calls ? bpf_map_lookup_elem(&calling, &thread) : NULL;
    if (!found || found->sock != (__u64)sock) return 0;
    struct call_now now = *found;
    bpf_map_delete_elem(&calling, &thread);
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!state) return 0;
    __u64 hash = shorten(&now, res, state);
    struct zcv_event* event = begin(ZCV_CALL_DONE);
    if (event) {
        name_sock(event, sock);
        event->generation = now.generation;
        event->user_data = now.id;
        event->len = (__u32)BPF_CORE_READ(sock, sk_zckey.counter) - now.id;
        event->res = res;
        event->hash = hash;
        finish(event, 0);
    }
    if (!now.left || res < 0) return 0;
    ranges_of_message(now.message, state);
    now.left--;
    now.message += USER_MMSGHDR_BYTES;
    call_begins(&now, state);
    return 0;
}

/* Other system calls that end the life of a socket or of memory ------------------------------- */

static __always_inline int closing_ring(struct file* file) {
    __u64 ring = file ? READ_ADDRESS(file, file, private_data) : 0;
    __u32* tgid = ring ? bpf_map_lookup_elem(&rings, &ring) : NULL;
    if (!tgid || *tgid != (__u32)(bpf_get_current_pid_tgid() >> 32)) return 0;
    struct zcv_event* event = begin(ZCV_RING_CLOSE);
    if (!event) return 0;
    event->ring = ring;
    finish(event, 0);
    return 0;
}

static __always_inline int closing(const struct arguments* arguments, bool whole) {
    struct file* file = open_file((__u32)arguments->at[0]);
    struct sock* sock = sock_behind(file);
    if (!sock && whole) return closing_ring(file);
    if (!sock || !socks_at((__u64)sock)) return 0;
    struct zcv_event* event = begin(whole ? ZCV_CLOSE : ZCV_SHUTDOWN);
    if (!event) return 0;
    name_sock(event, sock);
    if (!whole) event->res = (__s32)arguments->at[1];
    finish(event, 0);
    return 0;
}

static __always_inline void unmapped(__u64 addr, __u64 len, __u8 how) {
    struct zcv_event* event = begin(ZCV_UNMAP);
    if (!event) return;
    event->addr = addr;
    event->len = (__u32)len;
    event->opcode = how;
    finish(event, 0);
}

static __always_inline int unmapping(const struct arguments* arguments, __u8 how) {
    const __u32 advice = (__u32)arguments->at[2], flags = (__u32)arguments->at[3];
    __u64 begin = arguments->at[0], len = arguments->at[1];
    if (how == ZCV_UNMAP_MADVISE && advice != MADV_DONTNEED && advice != MADV_FREE &&
        advice != MADV_REMOVE)
        return 0;
    if (how == ZCV_UNMAP_MMAP && !(flags & MAP_FIXED)) return 0;
    if (how == ZCV_UNMAP_BRK) {
        struct task_struct* task = bpf_get_current_task_btf();
        if (begin && task->mm) memory_leaves(begin, task->mm->brk);
        unmapped(begin, 0, how);
        return 0;
    }
    memory_leaves(begin, begin + len);
    unmapped(begin, len, how);
    if (how != ZCV_UNMAP_MREMAP || !(flags & MREMAP_FIXED)) return 0;
    memory_leaves(arguments->at[4], arguments->at[4] + arguments->at[2]);
    unmapped(arguments->at[4], arguments->at[2], how);
    return 0;
}

static __always_inline int system_call(const struct pt_regs* regs, __u32 number) {
    struct arguments arguments;
    const bool sends = number == system_calls.sendmsg || number == system_calls.sendto ||
                       number == system_calls.sendmmsg;
    const bool closes = number == system_calls.close || number == system_calls.shutdown;
    const bool unmaps = number == system_calls.munmap || number == system_calls.madvise ||
                        number == system_calls.mremap || number == system_calls.mmap ||
                        number == system_calls.brk;
    if (!sends && !closes && !unmaps) return 0;
    if (!is_watched((__u32)(bpf_get_current_pid_tgid() >> 32))) return 0;
    arguments_of(regs, &arguments);
    if (sends) return send_entered(number, &arguments);
    if (closes) return closing(&arguments, number == system_calls.close);
    return unmapping(&arguments, number == system_calls.munmap    ? ZCV_UNMAP_MUNMAP
                                 : number == system_calls.madvise ? ZCV_UNMAP_MADVISE
                                 : number == system_calls.mremap  ? ZCV_UNMAP_MREMAP
                                 : number == system_calls.mmap    ? ZCV_UNMAP_MMAP
                                                                  : ZCV_UNMAP_BRK);
}

/* The ubuf on skbs --------------------------------------------------------------------------- */

struct call_view {
    __u64 sock;
    __u32 first; /* id of the first call it covers */
    __u32 count; /* of them */
    __u32 generation;
    __u32 tgid;
};

/* Whether a ubuf covers calls that are known, and which. */
static __always_inline bool view_calls(__u64 ubuf, struct call_view* view) {
    if (!any_calls || !ubuf) return false;
    struct sk_buff* carrier = (struct sk_buff*)(ubuf - bpf_core_field_offset(struct sk_buff, cb));
    struct ubuf_info_msgzc* calls_of = (struct ubuf_info_msgzc*)ubuf;
    view->sock = (__u64)BPF_CORE_READ(carrier, sk);
    struct known_sock* sock = socks_at(view->sock);
    if (!sock) return false;
    view->first = BPF_CORE_READ(calls_of, id);
    view->count = BPF_CORE_READ(calls_of, len);
    struct call_key key = {.sock = view->sock, .id = view->first};
    struct call* call = bpf_map_lookup_elem(&calls, &key);
    if (!call) return false;
    view->generation = call->generation;
    view->tgid = call->tgid;
    return true;
}

/* The error queue ---------------------------------------------------------------------------- */

static __always_inline bool view_range(struct sk_buff* skb, struct range_report* range) {
    const void* at = (const void*)skb + bpf_core_field_offset(struct sk_buff, cb) +
                     bpf_core_field_offset(struct sock_exterr_skb, ee);
    if (bpf_probe_read_kernel(range, sizeof(*range), at)) return false;
    return range->origin == ORIGIN_ZEROCOPY && range->error == 0;
}

static __always_inline struct zcv_event* range_event(__u16 kind, const struct told* told,
                                                     struct sk_buff* skb, __u8 code) {
    struct known_sock* sock = socks_at(told->sock);
    struct zcv_event* event = begin(kind);
    if (!event) return NULL;
    name_sock(event, (struct sock*)told->sock);
    event->tgid = sock ? sock->tgid : 0;
    event->skb = (__u64)skb;
    event->user_data = told->first;
    event->addr = told->last;
    event->len = told->last - told->first + 1;
    event->cqe_flags = code;
    return event;
}

/* Something was queued to the socket's error queue; what is at its tail is the newest range. */
static __always_inline int error_reported(struct sock* sock) {
    struct told told = {.sock = address_of(sock)};
    struct range_report range;
    if (!any_calls || !socks_at(told.sock)) return 0;
    struct sk_buff* tail = BPF_CORE_READ(sock, sk_error_queue.prev);
    __u64 key = (__u64)tail;
    if ((__u64)tail == (__u64)sock + bpf_core_field_offset(struct sock, sk_error_queue)) return 0;
    if (!tail || !view_range(tail, &range)) return 0;
    told.first = range.first;
    told.last = range.last;
    struct told* before = bpf_map_lookup_elem(&errqueues, &key);
    if (before && before->sock == told.sock && before->first == told.first &&
        before->last == told.last)
        return 0;
    if (bpf_map_update_elem(&errqueues, &key, &told, BPF_ANY)) count_map_failure();
    struct zcv_event* event = range_event(ZCV_ERRQUEUE, &told, tail, range.code);
    if (event) finish(event, 0);
    return 0;
}

struct telling {
    struct told told;
    __u8 code;
};

/* As tell_pages(), of a call. */
static __always_inline void tell_pages_of_call(const struct call_key* key, const struct call* call,
                                               __u64 hash, struct hash_state* state) {
    if (!call->pages || !hash || hash == call->hash) return;
    const __u64 pages = hash_pages(state);
    struct zcv_event* event = pages ? begin(ZCV_PAGES) : NULL;
    if (!event) return;
    name_sock(event, (struct sock*)key->sock);
    event->tgid = call->tgid;
    event->generation = call->generation;
    event->user_data = key->id;
    event->addr = call->addr;
    event->len = call->len;
    event->hash = pages;
    event->zc_flags = pages == call->pages;
    finish(event, 0);
}

/* One call of a range that is being read: its content as it is now. */
static long tell_call(__u32 turn, struct telling* telling) {
    __u32 zero = 0;
    struct call_key key = {.sock = telling->told.sock, .id = telling->told.first + turn};
    struct call* call = bpf_map_lookup_elem(&calls, &key);
    struct hash_state* state = bpf_map_lookup_elem(&hashing, &zero);
    if (!call || !state) return 0;
    __u64 hash = hash_of_call(call, state);
    tell_pages_of_call(&key, call, hash, state);
    struct zcv_event* event = begin(ZCV_CALL_TOLD);
    if (!event) return 0;
    name_sock(event, (struct sock*)key.sock);
    event->tgid = call->tgid;
    event->generation = call->generation;
    event->user_data = key.id;
    event->addr = call->addr;
    event->len = call->len;
    event->cqe_flags = telling->code;
    event->hash = hash;
    finish(event, 0);
    return 0;
}

/* Whether the current system call reads the error queue of that socket. */
static __always_inline bool reads_errors_of(__u64 sock) {
#if defined(__TARGET_ARCH_x86)
    struct arguments arguments;
    struct task_struct* task = bpf_get_current_task_btf();
    if (task->flags & PF_KTHREAD) return false;
    const struct pt_regs* regs = (const struct pt_regs*)bpf_task_pt_regs(task);
    const __u32 number = (__u32)regs->orig_ax;
    if (number != system_calls.recvmsg && number != system_calls.recvmmsg) return false;
    arguments_of(regs, &arguments);
    const __u64 flags = arguments.at[number == system_calls.recvmsg ? 2 : 3];
    return (flags & MSG_ERRQUEUE) && (__u64)sock_behind(open_file((__u32)arguments.at[0])) == sock;
#else
    return false;
#endif
}

/* A range can be read before the CPU that queued it comes to say so. An skb of a range that was
 * joined to another one is freed with the same look, but by no reader. */
static __always_inline bool view_unreported(struct sk_buff* skb, struct told* told) {
    told->sock = READ_ADDRESS(sk_buff, skb, sk);
    return told->sock && socks_at(told->sock) && context_now() == ZCV_CONTEXT_TASK &&
           reads_errors_of(told->sock);
}

/* An skb is freed that may have been on an error queue: read by the application, or thrown away
 * with the socket. */
static __always_inline void range_gone(struct sk_buff* skb, bool read) {
    __u64 key = (__u64)skb;
    struct range_report range;
    struct telling telling = {};
    if (!any_calls) return;
    struct told* found = bpf_map_lookup_elem(&errqueues, &key);
    if (!found && !read) return;
    if (found) {
        telling.told = *found;
        bpf_map_delete_elem(&errqueues, &key);
    }
    /* Entered too late, after it was read, it is of another range. */
    const bool is_it = view_range(skb, &range) && found && telling.told.first == range.first;
    if (!is_it && !(read && view_unreported(skb, &telling.told) && view_range(skb, &range))) return;
    telling.told.first = range.first;
    telling.told.last = range.last;
    telling.code = range.code;
    struct zcv_event* event = range_event(ZCV_ERRQUEUE_READ, &telling.told, skb, telling.code);
    if (event) {
        event->res = read ? 0 : 1;
        finish(event, 0);
    }
    __u32 count = telling.told.last - telling.told.first + 1;
    if (read) bpf_loop(count < TOLD_MAX ? count : TOLD_MAX, tell_call, &telling, 0);
}

#endif
