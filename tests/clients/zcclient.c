/* Programs that send with zero copy and have never heard of zcv: the right ones. The first argument
 * names one; with a second one, "usage", every notification is asked whether the data was copied.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"
#include "misuses.h"
#include "net.h"
#include "pools.h"
#include "sends.h"

enum { defer = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

static const struct network plain_udp = {.path = LOOPBACK};
static const struct network plain_tcp = {.path = LOOPBACK, .stream = true};
static const struct network wire_udp = {.path = PAIR, .rate = "400mbit"};
static const struct network wire_tcp = {.path = PAIR, .stream = true};
static const struct network slow_udp = {.path = PAIR, .rate = "20mbit", .burst = "70kb"};
static const struct network slow_tcp = {
    .path = PAIR, .rate = "20mbit", .burst = "70kb", .stream = true};

/* The common shape: one network, one socket, one ring. */
static void send_over(const struct network* network, struct sends how, unsigned ring_flags) {
    build(network);
    how.fd = connected(network);
    struct io_uring ring = open_ring(64, ring_flags, 0);
    send_all(&ring, &how);
    io_uring_queue_exit(&ring);
    close(how.fd);
    dismiss();
}

static const struct sends usual = {.count = 200, .bytes = 4096};

static struct sends with(struct sends how, int count, unsigned bytes) {
    how.count = count;
    how.bytes = bytes;
    return how;
}

/* Plain -----------------------------------------------------------------------------------------
 */

static void udp(void) {
    send_over(&plain_udp, usual, 0);
}
static void tcp(void) {
    send_over(&plain_tcp, usual, 0);
}
static void udp_wire(void) {
    send_over(&wire_udp, with(usual, 200, 60000), 0);
}
static void tcp_wire(void) {
    send_over(&wire_tcp, with(usual, 200, 60000), 0);
}
static void udp_sink(void) {
    send_over(&(struct network){.path = SINK}, usual, 0);
}
static void udp_copied(void) {
    send_over(&(struct network){.path = PAIR, .copies = true}, usual, 0);
}
static void tcp_copied(void) {
    send_over(&(struct network){.path = PAIR, .copies = true, .stream = true}, usual, 0);
}
static void udp6(void) {
    send_over(&(struct network){.path = LOOPBACK, .ipv6 = true}, usual, 0);
}
static void tcp6(void) {
    send_over(&(struct network){.path = PAIR, .ipv6 = true, .stream = true}, usual, 0);
}
static void udp_defer(void) {
    send_over(&wire_udp, usual, defer);
}
static void tcp_defer(void) {
    send_over(&wire_tcp, usual, defer);
}
static void udp_sqpoll(void) {
    send_over(&wire_udp, usual, IORING_SETUP_SQPOLL);
}
static void tcp_sqpoll(void) {
    send_over(&wire_tcp, usual, IORING_SETUP_SQPOLL);
}

/* Addresses -------------------------------------------------------------------------------------
 */

static void unconnected(void) {
    struct sends how = usual;
    build(&plain_udp);
    struct sockaddr_storage address = far_address(&plain_udp, &how.to_length);
    how.to = (struct sockaddr*)&address;
    how.fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct io_uring ring = open_ring(64, 0, 0);
    send_all(&ring, &how);
    how.vectors = 2;
    send_all(&ring, &how);
    dismiss();
}

/* Every refusal that comes back makes a later send fail. */
static void nobody_listens(void) {
    struct sends how = {.count = 40, .bytes = 2000, .fails = true, .batch = 1};
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(9)};
    nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    build(&plain_udp);
    how.fd = socket(AF_INET, SOCK_DGRAM, 0);
    must("connect", connect(how.fd, (struct sockaddr*)&nobody, sizeof(nobody)) == 0);
    struct io_uring ring = open_ring(64, 0, 0);
    send_all(&ring, &how);
    dismiss();
}

/* Shapes of a send ------------------------------------------------------------------------------
 */

static void sendmsg_of(int vectors) {
    struct sends how = usual;
    how.vectors = vectors;
    send_over(vectors == 3 ? &plain_udp : &wire_udp, how, 0);
}
static void sendmsg1(void) {
    sendmsg_of(1);
}
static void sendmsg3(void) {
    sendmsg_of(3);
}
static void sendmsg20(void) {
    sendmsg_of(20);
}
static void sendmsg20_tcp(void) {
    struct sends how = with(usual, 100, 80000);
    how.vectors = 20;
    send_over(&wire_tcp, how, 0);
}
static void empty(void) {
    send_over(&plain_udp, with(usual, 20, 0), 0);
}
static void empty_tcp(void) {
    send_over(&plain_tcp, with(usual, 20, 0), 0);
}
static void above_mtu(void) {
    send_over(&(struct network){.path = PAIR, .mtu = 1500}, with(usual, 50, 8000), 0);
}
static void constant(void) {
    struct sends how = with(usual, 300, 30000);
    how.constant = true;
    how.buffers = 64;
    send_over(&wire_udp, how, 0);
}
static void constant_tcp(void) {
    struct sends how = with(usual, 300, 30000);
    how.constant = true;
    how.buffers = 64;
    how.batch = 16;
    send_over(&wire_tcp, how, 0);
}
static void overlap(void) {
    struct sends how = with(usual, 200, 20000);
    how.overlap = true;
    how.buffers = 32;
    send_over(&wire_udp, how, 0);
}
static void more(void) {
    struct sends how = with(usual, 600, 100);
    how.flags = MSG_MORE;
    how.buffers = 128;
    how.batch = 64;
    send_over(&wire_tcp, how, 0);
}
/* Several sends make one datagram. */
static void corked(void) {
    static char memory[8][3000];
    build(&wire_udp);
    struct sends how = {.fd = connected(&wire_udp), .bytes = sizeof(memory[0])};
    struct io_uring ring = open_ring(64, 0, 0);
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 8; i++) {
            memset(memory[i], 'a' + turn, sizeof(memory[i]));
            how.flags = i % 4 == 3 ? 0 : MSG_MORE;
            submit_one(&ring, &how, memory[i], turn * 8 + i + 1);
        }
        reap(&ring, 8);
    }
    dismiss();
}
static void poll_first(void) {
    struct sends how = usual;
    how.zero = IORING_RECVSEND_POLL_FIRST;
    send_over(&wire_tcp, how, 0);
}
static void poll_first_udp(void) {
    struct sends how = usual;
    how.zero = IORING_RECVSEND_POLL_FIRST;
    send_over(&plain_udp, how, 0);
}
static void async(void) {
    struct sends how = with(usual, 60, 9000);
    how.sqe = IOSQE_ASYNC;
    send_over(&wire_udp, how, 0);
}
static void async_tcp(void) {
    struct sends how = with(usual, 60, 9000);
    how.sqe = IOSQE_ASYNC;
    send_over(&wire_tcp, how, 0);
}
static void fixed(void) {
    static char memory[8][60000];
    struct iovec vectors[8];
    build(&wire_udp);
    int fd = connected(&wire_udp);
    struct io_uring ring = open_ring(64, 0, 0);
    for (int i = 0; i < 8; i++) vectors[i] = (struct iovec){memory[i], sizeof(memory[i])};
    must("register", io_uring_register_buffers(&ring, vectors, 8) == 0);
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 8; i++) {
            struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
            memset(memory[i], 'a' + turn, sizeof(memory[i]));
            io_uring_prep_send_zc_fixed(sqe, fd, memory[i], sizeof(memory[i]), 0, 0, (unsigned)i);
        }
        must("io_uring_submit", io_uring_submit(&ring) == 8);
        reap(&ring, 8);
    }
    dismiss();
}
static void linked(void) {
    struct sends how = with(usual, 64, 9000);
    how.sqe = IOSQE_IO_LINK;
    send_over(&wire_udp, how, 0);
}

/* A sender faster than its reader: the request waits for room and goes on, many times. */
static void waitall(void) {
    const struct network slow = {.path = LOOPBACK,
                                 .stream = true,
                                 .reading = READ_SLOWLY,
                                 .delay_ms = 50,
                                 .receive_buffer = 8192};
    const int small = 8192;
    struct sends how = {.count = 3, .bytes = 262144, .flags = MSG_WAITALL, .buffers = 1};
    build(&slow);
    how.fd = connected(&slow);
    setsockopt(how.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    struct io_uring ring = open_ring(8, 0, 0);
    send_all(&ring, &how);
    close(how.fd);
    dismiss();
}

/* Paths -----------------------------------------------------------------------------------------
 */

static void segments(void) {
    const struct network narrow = {
        .path = PAIR, .stream = true, .mtu = 1500, .rate = "200mbit", .burst = "3000"};
    send_over(&narrow, with(usual, 30, 60000), 0);
}
/* The shaper's queue is too short, so packets are dropped and TCP sends them again. */
static const struct network lossy_tcp = {
    .path = PAIR, .stream = true, .mtu = 9000, .rate = "200mbit", .burst = "20kb", .limit = "40kb"};
static const struct network lossy_udp = {
    .path = PAIR, .rate = "200mbit", .burst = "128kb", .limit = "150kb"};
static void lossy(void) {
    send_over(&lossy_udp, with(usual, 200, 60000), 0);
}
static void lossy_stream(void) {
    send_over(&lossy_tcp, with(usual, 60, 60000), 0);
}
static void bridge(void) {
    send_over(&(struct network){.path = BRIDGED}, with(usual, 60, 20000), 0);
}
static void bridge_tcp(void) {
    send_over(&(struct network){.path = BRIDGED, .stream = true}, with(usual, 60, 20000), 0);
}
static void router(void) {
    send_over(&(struct network){.path = ROUTED}, with(usual, 60, 20000), 0);
}
static void router_tcp(void) {
    send_over(&(struct network){.path = ROUTED, .stream = true}, with(usual, 60, 20000), 0);
}

/* Somebody watches the sending device as tcpdump does. */
static void tapped(const struct network* network) {
    build(network);
    int tap = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    must("AF_PACKET", tap >= 0);
    struct sends how = with(usual, 60, 20000);
    how.fd = connected(network);
    struct io_uring ring = open_ring(64, 0, 0);
    send_all(&ring, &how);
    close(tap);
    dismiss();
}
static void tap(void) {
    tapped(&wire_udp);
}
static void tap_tcp(void) {
    tapped(&wire_tcp);
}

/* Rings, threads, processes ---------------------------------------------------------------------
 */

static void two_rings(void) {
    static char memory[64][2000];
    build(&wire_tcp);
    struct sends how = {.fd = connected(&wire_tcp), .bytes = sizeof(memory[0])};
    struct io_uring ring[2] = {open_ring(64, 0, 0), open_ring(64, 0, 0)};
    for (int turn = 0; turn < 8; turn++) {
        for (int i = 0; i < 64; i++) {
            memset(memory[i], 'a' + turn, sizeof(memory[i]));
            how.flags = i % 8 == 7 ? 0 : MSG_MORE;
            submit_one(&ring[i % 2], &how, memory[i], turn * 64 + i + 1);
        }
        reap(&ring[0], 32);
        reap(&ring[1], 32);
    }
    close(how.fd);
    dismiss();
}

static void* send_in_thread(void* network) {
    struct sends how = with(usual, 200, 20000);
    how.fd = connected(network);
    struct io_uring ring = open_ring(64, 0, 0);
    send_all(&ring, &how);
    io_uring_queue_exit(&ring);
    close(how.fd);
    return NULL;
}
static void in_threads(const struct network* network) {
    pthread_t thread[2];
    build(network);
    for (int i = 0; i < 2; i++)
        must("thread", pthread_create(&thread[i], NULL, send_in_thread, (void*)network) == 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    dismiss();
}
static void threads(void) {
    in_threads(&wire_udp);
}
static void threads_tcp(void) {
    in_threads(&wire_tcp);
}

static void children(void) {
    build(&wire_udp);
    pid_t child[3];
    for (int i = 0; i < 3; i++)
        if ((child[i] = fork()) == 0) {
            send_in_thread((void*)&wire_udp);
            _exit(0);
        }
    for (int i = 0; i < 3; i++) {
        int status = 0;
        must("a child", waitpid(child[i], &status, 0) == child[i] && status == 0);
    }
    dismiss();
}

/* Nobody reads completions until all are in, and there is room for few. */
static void overflow_on(const struct network* network, int names) {
    static char memory[40][3000];
    build(network);
    struct sends how = {.fd = connected(network), .bytes = sizeof(memory[0])};
    struct io_uring ring = open_ring(4, 0, 4);
    memset(memory, 'z', sizeof(memory));
    for (int i = 0; i < 40; i++) submit_one(&ring, &how, memory[i], i % names);
    sleep_ms(100);
    reap(&ring, 40);
    close(how.fd);
    dismiss();
}
static void overflow(void) {
    overflow_on(&plain_udp, 40);
}
static void overflow_tcp(void) {
    overflow_on(&wire_tcp, 40);
}
static void overflow_nameless(void) {
    overflow_on(&slow_tcp, 3);
}

/* Failures --------------------------------------------------------------------------------------
 */

/* Every way that one send alone is refused or fails. */
static void errors(void) {
    static char data[4096];
    int pair[2], file = fileno(stderr);
    build(&plain_udp);
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    memset(data, 'z', sizeof(data));
    const struct sends good = {.fd = connected(&plain_udp), .bytes = sizeof(data)};
    struct io_uring ring = open_ring(8, 0, 0);
    struct sends how = good;
    submit_one(&ring, &how, data, 1);
    how.fd = 999;
    submit_one(&ring, &how, data, 2);
    how.fd = file;
    submit_one(&ring, &how, data, 3);
    how.fd = pair[0];
    submit_one(&ring, &how, data, 4);
    how = good;
    submit_one(&ring, &how, (void*)8, 5);
    how.zero = 1u << 15;
    submit_one(&ring, &how, data, 6);
    how.zero = IORING_RECVSEND_FIXED_BUF;
    submit_one(&ring, &how, data, 7);
    how = good;
    how.sqe = IOSQE_CQE_SKIP_SUCCESS;
    submit_one(&ring, &how, data, 8);
    how = good;
    how.bytes = 100000; /* more than a datagram holds, and than data */
    submit_one(&ring, &how, data, 9);
    how = good;
    how.vectors = 3;
    submit_one(&ring, &how, (void*)8, 10);
    submit_one(&ring, &good, data, 11);
    reap(&ring, 11);
    dismiss();
}

/* The first of a link fails, so the kernel cancels the rest. */
static void link_cancel(void) {
    static char data[3][4096];
    build(&plain_udp);
    int fd = connected(&plain_udp);
    struct io_uring ring = open_ring(8, 0, 0);
    memset(data, 'z', sizeof(data));
    for (int i = 0; i < 3; i++) {
        struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        io_uring_prep_send_zc(sqe, i == 0 ? 999 : fd, data[i], sizeof(data[i]), 0, 0);
        io_uring_sqe_set_data64(sqe, (__u64)i + 1);
        if (i < 2) sqe->flags |= IOSQE_IO_LINK;
    }
    must("io_uring_submit", io_uring_submit(&ring) == 3);
    struct io_uring_cqe cqe;
    while (next_cqe(&ring, &cqe, 200)) continue;
    dismiss();
}

static void drain(void) {
    static char data[4096];
    struct io_uring_cqe cqe;
    build(&plain_udp);
    struct sends how = {.fd = connected(&plain_udp), .bytes = sizeof(data), .sqe = IOSQE_IO_DRAIN};
    struct io_uring ring = open_ring(8, 0, 0);
    submit_one(&ring, &how, data, 1);
    while (next_cqe(&ring, &cqe, 300)) continue;
    dismiss();
}

static void endings(enum reading reading, int delay_ms) {
    const struct network network = {.path = PAIR,
                                    .stream = true,
                                    .rate = "20mbit",
                                    .reading = reading,
                                    .delay_ms = delay_ms,
                                    .receive_buffer = 16384};
    struct sends how = {.count = 60, .bytes = 30000, .buffers = 16, .flags = MSG_NOSIGNAL};
    how.fails = true;
    build(&network);
    how.fd = connected(&network);
    struct io_uring ring = open_ring(64, 0, 0);
    send_all(&ring, &how);
    close(how.fd);
    dismiss();
}
static void reset(void) {
    endings(RESET_EARLY, 50);
}
static void closed_unread(void) {
    endings(CLOSE_UNREAD, 50);
}

static int one_burst(const struct network* network, struct io_uring* ring) {
    static char memory[16][30000];
    build(network);
    memset(memory, 'z', sizeof(memory));
    struct sends how = {.fd = connected(network), .bytes = sizeof(memory[0])};
    *ring = open_ring(64, 0, 0);
    for (int i = 0; i < 16; i++) submit_one(ring, &how, memory[i], i + 1);
    return how.fd;
}

/* The data in the queues still goes out, and is acknowledged. */
static void shut_down(void) {
    struct io_uring ring;
    int fd = one_burst(&slow_tcp, &ring);
    shutdown(fd, SHUT_WR);
    reap(&ring, 16);
    close(fd);
    dismiss();
}
/* Its data is thrown away at once. */
static void abort_with_data(void) {
    struct linger hard = {1, 0};
    struct io_uring ring;
    int fd = one_burst(&slow_tcp, &ring);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
    reap(&ring, 16);
    dismiss();
}
static void close_with_data(void) {
    struct io_uring ring;
    close(one_burst(&slow_tcp, &ring));
    reap(&ring, 16);
    dismiss();
}
static void exit_early(void) {
    struct io_uring ring;
    one_burst(&slow_udp, &ring);
    _exit(0);
}
static void killed(void) {
    struct io_uring ring;
    one_burst(&slow_udp, &ring);
    raise(SIGKILL);
}
static void killed_tcp(void) {
    struct io_uring ring;
    one_burst(&slow_tcp, &ring);
    raise(SIGKILL);
}
/* The new program begins only when the old one's notifications are in. */
static void exec_early(void) {
    struct io_uring ring;
    one_burst(&slow_udp, &ring);
    execl("/bin/true", "true", (char*)NULL);
}
/* Still unread, so never acknowledged, when the program and the capture end. */
static void never_read(void) {
    const struct network deaf = {
        .path = PAIR, .stream = true, .reading = READ_NOTHING, .receive_buffer = 4096};
    struct io_uring ring;
    one_burst(&deaf, &ring);
    sleep_ms(100);
    _exit(0);
}
static void ring_closed(void) {
    struct io_uring ring;
    one_burst(&slow_udp, &ring);
    io_uring_queue_exit(&ring);
    sleep_ms(400);
    dismiss();
}

static const struct {
    const char* name;
    void (*run)(void);
} modes[] = {
    {"udp", udp},
    {"tcp", tcp},
    {"udp-wire", udp_wire},
    {"tcp-wire", tcp_wire},
    {"udp-sink", udp_sink},
    {"udp-copied", udp_copied},
    {"tcp-copied", tcp_copied},
    {"udp6", udp6},
    {"tcp6", tcp6},
    {"udp-defer", udp_defer},
    {"tcp-defer", tcp_defer},
    {"udp-sqpoll", udp_sqpoll},
    {"tcp-sqpoll", tcp_sqpoll},
    {"unconnected", unconnected},
    {"nobody-listens", nobody_listens},
    {"sendmsg1", sendmsg1},
    {"sendmsg3", sendmsg3},
    {"sendmsg20", sendmsg20},
    {"sendmsg20-tcp", sendmsg20_tcp},
    {"empty", empty},
    {"empty-tcp", empty_tcp},
    {"above-mtu", above_mtu},
    {"constant", constant},
    {"constant-tcp", constant_tcp},
    {"overlap", overlap},
    {"more", more},
    {"corked", corked},
    {"poll-first", poll_first},
    {"poll-first-udp", poll_first_udp},
    {"async", async},
    {"async-tcp", async_tcp},
    {"fixed", fixed},
    {"linked", linked},
    {"waitall", waitall},
    {"segments", segments},
    {"lossy", lossy},
    {"lossy-tcp", lossy_stream},
    {"bridge", bridge},
    {"bridge-tcp", bridge_tcp},
    {"router", router},
    {"router-tcp", router_tcp},
    {"tap", tap},
    {"tap-tcp", tap_tcp},
    {"two-rings", two_rings},
    {"threads", threads},
    {"threads-tcp", threads_tcp},
    {"children", children},
    {"overflow", overflow},
    {"overflow-tcp", overflow_tcp},
    {"overflow-nameless", overflow_nameless},
    {"errors", errors},
    {"link-cancel", link_cancel},
    {"drain", drain},
    {"reset", reset},
    {"closed-unread", closed_unread},
    {"shutdown", shut_down},
    {"abort", abort_with_data},
    {"close", close_with_data},
    {"exit", exit_early},
    {"killed", killed},
    {"killed-tcp", killed_tcp},
    {"exec", exec_early},
    {"never-read", never_read},
    {"ring-closed", ring_closed},
};

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[2], "usage") == 0) report_usage = 1u << 3;
    for (size_t i = 0; argc >= 2 && i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    if (argc >= 2 && (run_misuse(argv[1]) || run_pool(argv[1]) || run_answers(argv[1]))) return 0;
    fprintf(stderr, "client: which mode?\n");
    return 2;
}
