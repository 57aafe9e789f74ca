#include "sends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

enum { vectors_max = 32, buffers_max = 256 };

/* What must stay valid until the kernel has prepared the request. */
static _Thread_local struct msghdr messages[buffers_max];
static _Thread_local struct iovec vectors[buffers_max][vectors_max];

unsigned report_usage;

struct io_uring open_ring(unsigned entries, unsigned flags, unsigned cq_entries) {
    struct io_uring ring;
    struct io_uring_params params = {.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
                                     .cq_entries = cq_entries};
    int error = io_uring_queue_init_params(entries, &ring, &params);
    errno = -error;
    must("io_uring_queue_init", error == 0);
    return ring;
}

static void prepare(struct io_uring_sqe* sqe, const struct sends* how, const void* data, long name,
                    int slot) {
    if (how->vectors) {
        const unsigned part = how->bytes / (unsigned)how->vectors;
        for (int i = 0; i < how->vectors; i++)
            vectors[slot][i] = (struct iovec){(char*)data + (unsigned)i * part, part};
        messages[slot] = (struct msghdr){.msg_iov = vectors[slot],
                                         .msg_iovlen = (size_t)how->vectors,
                                         .msg_name = (void*)how->to,
                                         .msg_namelen = how->to_length};
        io_uring_prep_sendmsg_zc(sqe, how->fd, &messages[slot], (unsigned)how->flags);
    } else {
        io_uring_prep_send_zc(sqe, how->fd, data, how->bytes, how->flags, how->zero);
        if (how->to) io_uring_prep_send_set_addr(sqe, how->to, (__u16)how->to_length);
    }
    sqe->ioprio = (__u16)(how->zero | report_usage);
    sqe->flags |= (__u8)how->sqe;
    io_uring_sqe_set_data64(sqe, (__u64)name);
}

/* A kernel thread may have taken some before they are counted. */
static void hand_in(struct io_uring* ring) {
    const int submitted = io_uring_submit(ring);
    errno = -submitted;
    must("io_uring_submit", submitted >= 0);
}

void submit_one(struct io_uring* ring, const struct sends* how, const void* data, long name) {
    prepare(io_uring_get_sqe(ring), how, data, name, 0);
    hand_in(ring);
}

bool next_cqe(struct io_uring* ring, struct io_uring_cqe* copy, int wait_ms) {
    struct io_uring_cqe* cqe;
    struct __kernel_timespec time = {wait_ms / 1000, (long long)(wait_ms % 1000) * 1000000};
    if (io_uring_wait_cqe_timeout(ring, &cqe, &time) != 0) return false;
    *copy = *cqe;
    io_uring_cqe_seen(ring, cqe);
    return true;
}

int reap(struct io_uring* ring, int notifs) {
    struct io_uring_cqe cqe;
    int first = 0;
    for (bool seen = false; notifs > 0; seen = true) {
        errno = ETIME;
        must("a completion", next_cqe(ring, &cqe, 10000));
        if (!seen) first = cqe.res;
        if (!(cqe.flags & IORING_CQE_F_MORE)) notifs--;
    }
    return first;
}

/* A slot's send is over: its buffer is ours again. Returns its number. */
static int await_slot(struct io_uring* ring, const struct sends* how) {
    struct io_uring_cqe cqe;
    for (;;) {
        errno = ETIME;
        must("a completion", next_cqe(ring, &cqe, 10000));
        if (!(cqe.flags & IORING_CQE_F_NOTIF) && cqe.res < 0 && !how->fails) {
            errno = -cqe.res;
            must("a send", false);
        }
        if (!(cqe.flags & IORING_CQE_F_MORE)) return (int)(cqe.user_data & 0xffff);
    }
}

void send_all(struct io_uring* ring, const struct sends* how) {
    const int slots = how->buffers ? how->buffers : 8;
    const int batch = how->batch ? how->batch : 4;
    const size_t stride = how->overlap ? how->bytes / 2 : how->bytes;
    char* memory = malloc(stride * (size_t)slots + how->bytes + 1);
    int free_slots[buffers_max], idle = slots;
    must("malloc", memory != NULL && slots <= buffers_max);
    memset(memory, 'z', stride * (size_t)slots + how->bytes);
    for (int i = 0; i < slots; i++) free_slots[i] = i;
    for (int sent = 0, pending = 0; sent < how->count; sent++) {
        if (idle == 0) {
            hand_in(ring);
            pending = 0;
            free_slots[idle++] = await_slot(ring, how);
        }
        const int slot = free_slots[--idle];
        char* data = how->constant ? memory : memory + (size_t)slot * stride;
        if (!how->constant && !how->overlap && how->bytes)
            memset(data, 'a' + sent % 23, how->bytes);
        prepare(io_uring_get_sqe(ring), how, data, (long)(sent + 1) << 16 | slot, slot);
        if (++pending < batch && sent + 1 < how->count) continue;
        hand_in(ring);
        pending = 0;
    }
    for (; idle < slots; idle++) await_slot(ring, how);
    free(memory);
}
