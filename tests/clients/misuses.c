#include "misuses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "sends.h"

enum { count = 12, bytes = 60000, pool_sends = 1000, pool_buffers = 8, pool_bytes = 4096 };

static const struct network slow_udp = {.path = PAIR, .rate = "20mbit", .burst = "70kb"};
static const struct network slow_tcp = {
    .path = PAIR, .rate = "20mbit", .burst = "70kb", .stream = true};

static struct io_uring ring;
static bool told[count + 1]; /* which sends were notified */
static bool changed[count + 1];

/* Takes in what is there. Returns when `quiet_ms` passed without a completion. */
static void note_completions(int quiet_ms) {
    struct io_uring_cqe cqe;
    while (next_cqe(&ring, &cqe, quiet_ms))
        if (!(cqe.flags & IORING_CQE_F_MORE) && cqe.user_data <= count) told[cqe.user_data] = true;
}

static void await_first_cqe(long name) {
    struct io_uring_cqe cqe;
    for (;;) {
        errno = ETIME;
        must("a completion", next_cqe(&ring, &cqe, 5000));
        if (!(cqe.flags & IORING_CQE_F_MORE)) told[cqe.user_data] = true;
        if (!(cqe.flags & IORING_CQE_F_NOTIF) && (long)cqe.user_data == name) return;
    }
}

/* A program cannot know whether the notification of a write's buffer came just before the write, so
 * only what is certain is printed: it was not there some time after. */
static void write_early(long name, char* data, int value) {
    note_completions(1);
    if (told[name]) return;
    memset(data, value, bytes);
    changed[name] = true;
}

static void print_changed(void) {
    for (int i = 1; i <= count; i++)
        if (changed[i]) printf("%d ", i);
    printf("\n");
    fflush(stdout);
}

static int start(const struct network* network) {
    build(network);
    ring = open_ring(64, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
    return connected(network);
}

static void finish(void) {
    note_completions(700);
    print_changed();
    dismiss();
}

/* Every second buffer is filled again after its first CQE. */
static void rewrite(const struct network* network) {
    static char memory[count][bytes];
    struct sends how = {.fd = start(network), .bytes = bytes};
    for (int i = 1; i <= count; i++) {
        memset(memory[i - 1], 'a' + i, bytes);
        submit_one(&ring, &how, memory[i - 1], i);
        await_first_cqe(i);
        if (i % 2 == 0) write_early(i, memory[i - 1], 'x');
    }
    finish();
}

/* Gives the memory back after the first CQE, and gets the same for the next message. */
static void reallocate(void) {
    struct sends how = {.fd = start(&slow_udp), .bytes = bytes};
    const char* used[count + 1] = {NULL};
    for (int i = 1; i <= count; i++) {
        char* data = malloc(bytes);
        must("malloc", data != NULL);
        note_completions(1);
        for (int before = 1; before < i; before++)
            if (used[before] == data && !told[before]) changed[before] = true;
        used[i] = data;
        memset(data, 'a' + i, bytes);
        submit_one(&ring, &how, data, i);
        await_first_cqe(i);
        free(data);
    }
    finish();
}

/* Believes that a send it asked to cancel is over. */
static void cancel(void) {
    static char memory[count][bytes];
    struct io_uring_cqe cqe;
    struct sends how = {.fd = start(&slow_tcp), .bytes = bytes};
    for (int i = 1; i <= count; i++) {
        memset(memory[i - 1], 'a' + i, bytes);
        submit_one(&ring, &how, memory[i - 1], i);
        struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        io_uring_prep_cancel64(sqe, (__u64)i, 0);
        io_uring_sqe_set_data64(sqe, 0);
        must("io_uring_submit", io_uring_submit(&ring) == 1);
        do {
            must("a completion", next_cqe(&ring, &cqe, 5000));
            if (!(cqe.flags & IORING_CQE_F_MORE)) told[cqe.user_data] = true;
        } while (cqe.user_data != 0);
        if (i % 3 == 0) write_early(i, memory[i - 1], 'x');
    }
    finish();
}

/* Believes that closing the ring ends its sends, and sends the next message from the same buffers
 * through another. */
static void exit_ring(void) {
    static char memory[4][bytes];
    struct sends how = {.fd = start(&slow_udp), .bytes = bytes};
    for (int i = 1; i <= 4; i++) {
        memset(memory[i - 1], 'a' + i, bytes);
        submit_one(&ring, &how, memory[i - 1], i);
    }
    io_uring_queue_exit(&ring);
    ring = open_ring(64, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
    for (int i = 3; i <= 4; i++) {
        memset(memory[i - 1], 'x', bytes);
        changed[i] = true;
        submit_one(&ring, &how, memory[i - 1], i + 2);
    }
    finish();
}

static inline __attribute__((always_inline)) void overwrite(char* data, int value) {
    volatile char* const at = data; /* no memset(), into which some compilers jump */
    for (int i = 0; i < pool_bytes; i++) at[i] = (char)value; /* the early write, when it is one */
}

static __attribute__((noinline)) void refill(char* data, int value) {
    overwrite(data, value);
}

/* A thousand messages out of eight buffers: each is filled again once `is_free` says so. */
static void pool(bool (*is_free)(const struct io_uring_cqe*)) {
    static char memory[pool_buffers][pool_bytes];
    static const struct network link = {.path = PAIR, .rate = "200mbit", .burst = "20kb"};
    struct sends how = {.fd = start(&link), .bytes = pool_bytes};
    struct io_uring_cqe cqe;
    bool used[pool_buffers] = {false};
    for (int i = 0; i < pool_sends; i++) {
        const int at = i % pool_buffers;
        while (used[at]) {
            must("a completion", next_cqe(&ring, &cqe, 5000));
            if (is_free(&cqe)) used[cqe.user_data % pool_buffers] = false;
        }
        refill(memory[at], 'a' + i % 26);
        submit_one(&ring, &how, memory[at], i);
        used[at] = true;
    }
    note_completions(700);
    dismiss();
}

static bool at_first_cqe(const struct io_uring_cqe* cqe) {
    return !(cqe->flags & IORING_CQE_F_NOTIF);
}
static bool at_last_cqe(const struct io_uring_cqe* cqe) {
    return !(cqe->flags & IORING_CQE_F_MORE);
}
static void pool_early(void) {
    pool(at_first_cqe);
}
static void pool_conforming(void) {
    pool(at_last_cqe);
}

static void rewrite_udp(void) {
    rewrite(&slow_udp);
}
static void rewrite_tcp(void) {
    rewrite(&slow_tcp);
}

static const struct {
    const char* name;
    void (*run)(void);
} misuses[] = {
    {"misuse-rewrite", rewrite_udp}, {"misuse-rewrite-tcp", rewrite_tcp},
    {"misuse-realloc", reallocate},  {"misuse-cancel", cancel},
    {"misuse-ring-exit", exit_ring}, {"misuse-pool", pool_early},
    {"pool", pool_conforming},
};

bool run_misuse(const char* name) {
    for (size_t i = 0; i < sizeof(misuses) / sizeof(*misuses); i++)
        if (strcmp(name, misuses[i].name) == 0) {
            misuses[i].run();
            return true;
        }
    return false;
}
