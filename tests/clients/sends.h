/* Sending with io_uring the way applications do: a pool of buffers, each its own again once the
 * kernel says so. */
#ifndef SENDS_H
#define SENDS_H

#include <liburing.h>
#include <stdbool.h>
#include <sys/socket.h>

/* How to send; zero is the plainest way. */
struct sends {
    int fd;
    int count;
    unsigned bytes;
    int buffers;   /* sends in flight at most; 0: 8 */
    int flags;     /* MSG_... */
    unsigned sqe;  /* IOSQE_... */
    unsigned zero; /* IORING_RECVSEND_..., IORING_SEND_ZC_... */
    int vectors;   /* SENDMSG_ZC with so many iovecs */
    int batch;     /* submitted at once; 0: 4 */
    bool constant; /* one buffer for all, filled once */
    bool overlap;  /* each buffer begins in the middle of the one before; filled once */
    bool fails;    /* results below zero are expected */
    const struct sockaddr* to;
    socklen_t to_length;
};

/* IORING_SEND_ZC_REPORT_USAGE for all sends, or 0. */
extern unsigned report_usage;

struct io_uring open_ring(unsigned entries, unsigned flags, unsigned cq_entries);

/* Sends them all and returns when the last notification is in. */
void send_all(struct io_uring* ring, const struct sends* how);

/* Waits for CQEs until `notifs` of them ended a send, by a notification or by themselves. Returns
 * the result of the first one. */
int reap(struct io_uring* ring, int notifs);

/* One CQE, or false when none came for so long. */
bool next_cqe(struct io_uring* ring, struct io_uring_cqe* copy, int wait_ms);

/* One send, submitted. */
void submit_one(struct io_uring* ring, const struct sends* how, const void* data, long name);

#endif
