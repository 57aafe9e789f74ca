#include "pools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "sends.h"

enum { sends = 1000, buffers = 8, bytes = 4096, cancel_name = 1 << 20 };

static const struct network slow = {.path = PAIR, .rate = "200mbit", .burst = "20kb"};
static char memory[buffers][bytes];
static struct io_uring ring;

static int start(void) {
    build(&slow);
    ring = open_ring(64, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
    return connected(&slow);
}

static struct io_uring_cqe next(void) {
    struct io_uring_cqe cqe;
    errno = ETIME;
    must("a completion", next_cqe(&ring, &cqe, 5000));
    return cqe;
}

static bool is_last(const struct io_uring_cqe* cqe) {
    return cqe->user_data < cancel_name && !(cqe->flags & IORING_CQE_F_MORE);
}

static void finish(void) {
    struct io_uring_cqe cqe;
    while (next_cqe(&ring, &cqe, 700)) {
    }
    dismiss();
}

static inline __attribute__((always_inline)) void overwrite(char* data, int value) {
    memset(data, value, bytes); /* the early write, when it is one */
}

static __attribute__((noinline)) void refill(char* data, int number) {
    overwrite(data, 'a' + number % 26);
}

/* Until that buffer is free: by the first CQE of its send, or by the last. */
static void wait_for(int at, bool* used, bool early) {
    while (used[at]) {
        struct io_uring_cqe cqe = next();
        if (early ? !(cqe.flags & IORING_CQE_F_NOTIF) : is_last(&cqe))
            used[cqe.user_data % buffers] = false;
    }
}

/* The memory goes back to the heap at the first CQE, or at the last, and the next message gets it
 * from there. */
static void heap(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    char* data[sends] = {NULL};
    for (int i = 0, open = 0; i < sends; i++) {
        data[i] = malloc(bytes);
        must("malloc", data[i] != NULL);
        refill(data[i], i);
        submit_one(&ring, &how, data[i], i);
        open++;
        while (open == buffers || (early && open > 0)) {
            struct io_uring_cqe cqe = next();
            const bool first = !(cqe.flags & IORING_CQE_F_NOTIF);
            if (early ? !first : !is_last(&cqe)) continue;
            free(data[cqe.user_data]);
            open--;
        }
    }
    finish();
}

/* As above, by realloc(): the next message wants a little more each time, and moves. */
static void grown(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    char* data[buffers] = {NULL};
    bool used[buffers] = {false};
    for (int i = 0; i < sends; i++) {
        const int at = i % buffers;
        wait_for(at, used, early);
        data[at] = realloc(data[at], (size_t)bytes + (size_t)i / buffers * 64);
        must("realloc", data[at] != NULL);
        refill(data[at], i);
        submit_one(&ring, &how, data[at], i);
        used[at] = true;
    }
    finish();
}

/* Each send is cancelled at once, which is too late; the cancel's answer, or the last CQE of the
 * send, frees the buffer. */
static void cancelled(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    bool used[buffers] = {false};
    for (int i = 0; i < sends; i++) {
        const int at = i % buffers;
        while (used[at]) {
            struct io_uring_cqe cqe = next();
            if (is_last(&cqe)) used[cqe.user_data % buffers] = false;
        }
        refill(memory[at], i);
        submit_one(&ring, &how, memory[at], i);
        used[at] = true;
        struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        io_uring_prep_cancel64(sqe, (__u64)i, 0);
        io_uring_sqe_set_data64(sqe, cancel_name);
        must("io_uring_submit", io_uring_submit(&ring) == 1);
        for (bool answered = false; early && !answered;) {
            struct io_uring_cqe cqe = next();
            answered = cqe.user_data == cancel_name;
        }
        if (early) used[at] = false;
    }
    finish();
}

/* A ring for every few messages, closed when they are submitted, or when all were told of. */
static void rings(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    for (int i = 0; i < sends; i += buffers) {
        for (int at = 0; at < buffers; at++) {
            refill(memory[at], i + at);
            submit_one(&ring, &how, memory[at], i + at);
        }
        for (int told = 0; !early && told < buffers;) {
            struct io_uring_cqe cqe = next();
            told += is_last(&cqe);
        }
        io_uring_queue_exit(&ring);
        ring = open_ring(64, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
    }
    finish();
}

/* Each message is the same header, in front of memory that is written all the time and never sent,
 * and a payload from elsewhere. */
static void gathered(bool early) {
    static struct {
        char header[64];
        char scratch[bytes];
    } frame __attribute__((aligned(4096)));
    const int fd = start();
    struct iovec parts[buffers][2];
    struct msghdr messages[buffers];
    bool used[buffers] = {false};
    memset(frame.header, 'h', sizeof(frame.header));
    for (int i = 0; i < sends; i++) {
        const int at = i % buffers;
        wait_for(at, used, early);
        refill(memory[at], i);
        parts[at][0] = (struct iovec){frame.header, sizeof(frame.header)};
        parts[at][1] = (struct iovec){memory[at], bytes};
        messages[at] = (struct msghdr){.msg_iov = parts[at], .msg_iovlen = 2};
        struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        io_uring_prep_sendmsg_zc(sqe, fd, &messages[at], 0);
        io_uring_sqe_set_data64(sqe, (__u64)i);
        must("io_uring_submit", io_uring_submit(&ring) == 1);
        used[at] = true;
        refill(frame.scratch, i);
    }
    finish();
}

static int fast_socket(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    must("bind", bind(fd, (struct sockaddr*)&address, length) == 0);
    must("getsockname", getsockname(fd, (struct sockaddr*)&address, &length) == 0);
    must("connect", connect(fd, (struct sockaddr*)&address, length) == 0);
    return fd;
}

/* Every second message takes a faster path, so that notifications come in another order; the
 * oldest buffer is freed at any of them, or the one that it names. */
static void oldest(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    struct sends fast = {.fd = fast_socket(), .bytes = bytes};
    int order[sends], first = 0, last = 0;
    bool used[buffers] = {false};
    for (int i = 0; i < sends; i++) {
        int at = 0;
        while (at < buffers && used[at]) at++;
        while (at == buffers) {
            struct io_uring_cqe cqe = next();
            if (!is_last(&cqe)) continue;
            at = early ? order[first++] : (int)cqe.user_data % buffers;
        }
        refill(memory[at], i);
        submit_one(&ring, i % 2 ? &fast : &how, memory[at], i * buffers + at);
        order[last++] = at;
        used[at] = true;
    }
    finish();
}

static int up(const void* a, const void* b) {
    return memcmp(a, b, sizeof(int));
}
static int down(const void* a, const void* b) {
    return memcmp(b, a, sizeof(int));
}

/* The C library does the writing, some calls further down. */
static __attribute__((noinline)) void sort_again(char* data, int number) {
    qsort(data, bytes / sizeof(int), sizeof(int), number % 2 ? up : down);
    must("sorting", memcmp(data, data + bytes - 1, 1) != 0);
}

/* Filled once, and sorted the other way round for each message. */
static void sorted(bool early) {
    struct sends how = {.fd = start(), .bytes = bytes};
    bool used[buffers] = {false};
    for (int at = 0; at < buffers; at++)
        for (int i = 0; i < bytes; i++) memory[at][i] = (char)(i * 37 + at);
    for (int i = 0; i < sends; i++) {
        const int at = i % buffers;
        wait_for(at, used, early);
        sort_again(memory[at], i / buffers);
        submit_one(&ring, &how, memory[at], i);
        used[at] = true;
    }
    finish();
}

static const struct {
    const char* name;
    void (*run)(bool early);
} pools[] = {{"heap", heap},     {"grown", grown},   {"cancelled", cancelled}, {"rings", rings},
             {"oldest", oldest}, {"sorted", sorted}, {"gathered", gathered}};

bool run_pool(const char* name) {
    const bool early = strncmp(name, "misuse-", 7) == 0;
    for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++)
        if (strcmp(early ? name + 7 : name, pools[i].name) == 0) {
            pools[i].run(early);
            return true;
        }
    return false;
}
