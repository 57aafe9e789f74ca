#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { port = 4711, life_s = 20, linger_ms = 400 };

static int far_control = -1; /* closed: the sender is gone, but not what it sent */
static pid_t far_process;

void must(const char* what, bool right) {
    if (right) return;
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    _exit(9);
}

void sleep_ms(int ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* One batch of commands for ip or tc. */
static void configure(const char* tool, const char* format, ...) {
    char command[64], lines[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(lines, sizeof(lines), format, args);
    va_end(args);
    snprintf(command, sizeof(command), "%s -batch - >/dev/null", tool);
    FILE* pipe = popen(command, "w");
    must("popen", pipe != NULL);
    fputs(lines, pipe);
    must(lines, pclose(pipe) == 0);
}

/* A veth whose far end runs a native program hands the pages over by copying them when it polls, as
 * a network card would by DMA; without one they travel on to the socket. */
static void attach_xdp_pass(const char* device) {
    struct bpf_insn pass[2] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
                               {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_XDP,
                           .insns = (uintptr_t)pass,
                           .insn_cnt = 2,
                           .license = (uintptr_t) "MIT",
                           .prog_flags = BPF_F_XDP_HAS_FRAGS};
    int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
    must("BPF_PROG_LOAD", program >= 0);
    union bpf_attr link = {.link_create = {.prog_fd = (unsigned)program,
                                           .target_ifindex = if_nametoindex(device),
                                           .attach_type = BPF_XDP,
                                           .flags = XDP_FLAGS_DRV_MODE}};
    must("BPF_LINK_CREATE", syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link)) >= 0);
}

static void switch_on(const char* file) {
    int fd = open(file, O_WRONLY);
    must(file, fd >= 0 && write(fd, "1", 1) == 1);
    close(fd);
}

struct sockaddr_storage far_address(const struct network* network, socklen_t* length) {
    struct sockaddr_storage storage = {0};
    bool local = network->path == LOOPBACK;
    if (network->ipv6) {
        struct sockaddr_in6* address = (struct sockaddr_in6*)&storage;
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(port);
        inet_pton(AF_INET6, local ? "::1" : "fd00:5a43::2", &address->sin6_addr);
        *length = sizeof(*address);
    } else {
        struct sockaddr_in* address = (struct sockaddr_in*)&storage;
        const char* routed = network->path == ROUTED ? "10.201.0.2" : "10.200.0.2";
        address->sin_family = AF_INET;
        address->sin_port = htons(port);
        inet_pton(AF_INET, local ? "127.0.0.1" : routed, &address->sin_addr);
        *length = sizeof(*address);
    }
    return storage;
}

/* The far end -----------------------------------------------------------------------------------
 */

/* Reads whatever comes, on as many connections as are made, until it is dismissed, or the sender is
 * gone and nothing has come for a while. */
static void take_all(bool stream, int fd, int control) {
    static char sink[1 << 16];
    struct pollfd watched[10] = {{control, POLLIN, 0}, {fd, POLLIN, 0}};
    nfds_t count = 2;
    for (bool dismissed = false;;) {
        if (poll(watched, count, dismissed ? linger_ms : -1) == 0) return;
        if (watched[0].revents) {
            if (read(control, sink, 1) == 1) return;
            dismissed = true;
            watched[0].fd = -1;
        }
        if (watched[1].revents && stream && count < 10)
            watched[count++] = (struct pollfd){accept(fd, NULL, NULL), POLLIN, 0};
        else if (watched[1].revents)
            recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
        for (nfds_t i = 2; i < count; i++) {
            if (!watched[i].revents || recv(watched[i].fd, sink, sizeof(sink), 0) > 0) continue;
            close(watched[i].fd);
            watched[i].fd = -1;
        }
    }
}

static void take_part(const struct network* network, int fd, int control) {
    struct linger hard = {1, 0};
    char some[4096];
    if (network->stream) fd = accept(fd, NULL, NULL);
    sleep_ms(network->delay_ms);
    if (network->reading == READ_SLOWLY)
        while (recv(fd, some, sizeof(some), 0) > 0) sleep_ms(1);
    if (network->reading == READ_NOTHING) poll(&(struct pollfd){control, POLLIN, 0}, 1, -1);
    if (network->reading == RESET_EARLY) {
        recv(fd, some, sizeof(some), 0);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    close(fd);
}

static int listening(const struct network* network) {
    socklen_t length;
    struct sockaddr_storage address = far_address(network, &length);
    int fd = socket(address.ss_family, network->stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    int bytes = network->receive_buffer;
    if (bytes) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    must("bind", bind(fd, (struct sockaddr*)&address, length) == 0);
    must("listen", !network->stream || listen(fd, 8) == 0);
    return fd;
}

static void far_device(const struct network* network) {
    const bool routed = network->path == ROUTED;
    if (network->path == LOOPBACK || network->path == SINK) return;
    if (!network->copies && network->path == PAIR) attach_xdp_pass("zcv1");
    configure("ip",
              "link set lo up\nlink set zcv1 mtu %d up\naddr add %s/24 dev zcv1\n"
              "addr add fd00:5a43::2/64 dev zcv1 nodad\n%s",
              network->mtu ? network->mtu : 65535, routed ? "10.201.0.2" : "10.200.0.2",
              routed ? "route add 10.200.0.0/24 via 10.201.0.1\n" : "");
}

static void signal_ready(int fd) {
    must("write", write(fd, "r", 1) == 1);
}

static void await(int fd) {
    char byte;
    must("the other process", read(fd, &byte, 1) == 1);
}

static void be_far(const struct network* network, int control, int report) {
    if (network->path != LOOPBACK && network->path != SINK)
        must("unshare", unshare(CLONE_NEWNET) == 0);
    alarm(life_s);
    signal_ready(report);
    await(control);
    far_device(network);
    if (network->path == SINK) _exit(0);
    int fd = listening(network);
    signal_ready(report);
    if (network->reading == READ_ALL)
        take_all(network->stream, fd, control);
    else
        take_part(network, fd, control);
    _exit(0);
}

/* The near end ----------------------------------------------------------------------------------
 */

/* A third namespace that forwards, kept by a process of its own. */
static void make_router(pid_t peer, int mtu) {
    int ready[2], go[2];
    must("pipe", pipe(ready) == 0 && pipe(go) == 0);
    pid_t router = fork();
    if (router == 0) {
        close(far_control);
        must("unshare", unshare(CLONE_NEWNET) == 0);
        alarm(life_s);
        signal_ready(ready[1]);
        await(go[0]);
        configure("ip",
                  "link add zcvm type veth peer name zcv1 netns %d\nlink set zcv2 mtu %d up\n"
                  "link set zcvm mtu %d up\naddr add 10.200.0.2/24 dev zcv2\n"
                  "addr add 10.201.0.1/24 dev zcvm\n",
                  peer, mtu, mtu);
        switch_on("/proc/sys/net/ipv4/ip_forward");
        signal_ready(ready[1]);
        close(go[1]);
        poll(&(struct pollfd){go[0], POLLIN, 0}, 1, -1);
        sleep_ms(linger_ms);
        _exit(0);
    }
    await(ready[0]);
    configure("ip",
              "link add zcv0 type veth peer name zcv2 netns %d\nlink set zcv0 mtu %d up\n"
              "addr add 10.200.0.1/24 dev zcv0\nroute add 10.201.0.0/24 via 10.200.0.2\n",
              router, mtu);
    signal_ready(go[1]);
    await(ready[0]);
}

static void make_bridge(pid_t peer, int mtu) {
    configure("ip",
              "link add zcv0 type veth peer name zcva\nlink add zcvb type veth peer name zcv1 "
              "netns %d\nlink add zcvbr type bridge\nlink set zcva master zcvbr\n"
              "link set zcvb master zcvbr\nlink set zcv0 mtu %d up\nlink set zcva mtu %d up\n"
              "link set zcvb mtu %d up\nlink set zcvbr mtu %d up\n"
              "addr add 10.200.0.1/24 dev zcv0\n",
              peer, mtu, mtu, mtu, mtu);
}

static void near_device(const struct network* network, pid_t peer) {
    const int mtu = network->mtu ? network->mtu : 65535;
    configure("ip", "link set lo up\n");
    switch (network->path) {
        case LOOPBACK:
            break;
        case SINK:
            configure("ip", "link add zcv0 type ifb\n");
            break;
        case PAIR:
            configure("ip", "link add zcv0 type veth peer name zcv1 netns %d\n", peer);
            break;
        case BRIDGED:
            make_bridge(peer, mtu);
            break;
        case ROUTED:
            make_router(peer, mtu);
            break;
    }
    if (network->path == SINK || network->path == PAIR)
        configure("ip",
                  "link set zcv0 mtu %d up\naddr add 10.200.0.1/24 dev zcv0\n"
                  "addr add fd00:5a43::1/64 dev zcv0 nodad\n",
                  mtu);
    if (network->rate)
        configure("tc", "qdisc add dev %s root tbf rate %s burst %s limit %s\n",
                  network->path == LOOPBACK ? "lo" : "zcv0", network->rate,
                  network->burst ? network->burst : "128kb",
                  network->limit ? network->limit : "64mb");
}

/* The first packet of a fresh device may wait for its carrier and for the neighbour. */
static void warm_up(const struct network* network) {
    if (network->path == LOOPBACK || network->path == SINK) return;
    socklen_t length;
    struct sockaddr_storage address = far_address(network, &length);
    ((struct sockaddr_in*)&address)->sin_port = htons(9);
    int fd = socket(address.ss_family, SOCK_DGRAM, 0);
    must("connect", connect(fd, (struct sockaddr*)&address, length) == 0);
    /* Nobody listens there, so the far end's refusal says that a datagram arrived. */
    for (int turn = 0; turn < 200; turn++) {
        send(fd, "", 1, 0);
        sleep_ms(10);
        if (send(fd, "", 1, 0) < 0 && errno == ECONNREFUSED) break;
    }
    close(fd);
}

void build(const struct network* network) {
    int control[2], report[2];
    must("unshare", unshare(CLONE_NEWNET) == 0);
    must("pipe", pipe2(control, O_CLOEXEC) == 0 && pipe2(report, O_CLOEXEC) == 0);
    far_process = fork();
    if (far_process == 0) {
        close(control[1]);
        be_far(network, control[0], report[1]);
    }
    close(control[0]);
    far_control = control[1];
    await(report[0]);
    near_device(network, far_process);
    signal_ready(far_control);
    if (network->path != SINK) await(report[0]);
    warm_up(network);
}

int connected(const struct network* network) {
    socklen_t length;
    struct sockaddr_storage address = far_address(network, &length);
    int fd = socket(address.ss_family, network->stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    must("connect", connect(fd, (struct sockaddr*)&address, length) == 0);
    return fd;
}

void dismiss(void) {
    if (write(far_control, "q", 1) == 1) close(far_control); /* else it went by itself */
    waitpid(far_process, NULL, 0);
}
