/* Somebody else's program that sends with MSG_ZEROCOPY: mzclient udp|tcp SENDS [early|vectors|many]
 * `early` writes each buffer again as soon as sendmsg() has returned. Prints how many messages the
 * error queue gave back. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFERS 8
#define BYTES 8192

static char buffers[BUFFERS][BYTES];

static void die(const char* what) {
    perror(what);
    exit(1);
}

static int listener(int type, struct sockaddr_in* at) {
    socklen_t size = sizeof(*at);
    int fd = socket(AF_INET, type, 0);
    memset(at, 0, sizeof(*at));
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr*)at, sizeof(*at)) != 0) die("bind");
    if (type == SOCK_STREAM && listen(fd, 1) != 0) die("listen");
    if (getsockname(fd, (struct sockaddr*)at, &size) != 0) die("getsockname");
    return fd;
}

/* Reads what the error queue has; returns how many calls it gave back. */
static unsigned read_errqueue(int fd, int wait_ms) {
    struct pollfd ready = {.fd = fd};
    unsigned calls = 0;
    if (poll(&ready, 1, wait_ms) < 0) die("poll");
    while (1) {
        char control[128];
        struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return calls;
        struct cmsghdr* cmsg = CMSG_FIRSTHDR(&msg);
        struct sock_extended_err range;
        if (!cmsg) continue;
        memcpy(&range, CMSG_DATA(cmsg), sizeof(range));
        if (range.ee_origin == SO_EE_ORIGIN_ZEROCOPY) calls += range.ee_data - range.ee_info + 1;
    }
}

static void drain(int fd) {
    static char sink[1 << 16];
    while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0) continue;
}

static void overwrite(char* buffer, unsigned value) {
    memset(buffer, (int)(value & 0xff), BYTES);
}

int main(int argc, char** argv) {
    const int type = argc > 1 && strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
    const unsigned sends = argc > 2 ? (unsigned)atoi(argv[2]) : 16;
    const char* how = argc > 3 ? argv[3] : "";
    struct sockaddr_in at;
    int one = 1;
    unsigned back = 0;
    int in = listener(type, &at);
    int out = socket(AF_INET, type, 0);
    if (out < 0 || connect(out, (struct sockaddr*)&at, sizeof(at)) != 0) die("connect");
    if (type == SOCK_STREAM) in = accept(in, NULL, NULL);
    if (setsockopt(out, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) != 0) die("SO_ZEROCOPY");

    for (unsigned i = 0; i < sends; i++) {
        char* buffer = buffers[i % BUFFERS];
        struct iovec parts[2] = {{buffer, BYTES}, {buffer + BYTES / 2, BYTES / 2}};
        struct mmsghdr messages[2];
        memset(messages, 0, sizeof(messages));
        messages[0].msg_hdr.msg_iov = parts;
        messages[0].msg_hdr.msg_iovlen = 1;
        messages[1].msg_hdr = messages[0].msg_hdr;
        if (i >= BUFFERS)
            while (back < i - BUFFERS + 1) back += read_errqueue(out, 1000);
        overwrite(buffer, i);
        if (strcmp(how, "vectors") == 0) {
            parts[0].iov_len = BYTES / 2;
            messages[0].msg_hdr.msg_iovlen = 2;
        }
        if (strcmp(how, "many") == 0) {
            if (sendmmsg(out, messages, 2, MSG_ZEROCOPY) != 2) die("sendmmsg");
            sends > i + 1 ? i++ : 0;
        } else if (sendmsg(out, &messages[0].msg_hdr, MSG_ZEROCOPY) < 0) {
            die("sendmsg");
        }
        if (strcmp(how, "early") == 0) overwrite(buffer, i + 100);
        drain(in);
    }
    for (int turn = 0; back < sends && turn < 100; turn++) {
        drain(in);
        back += read_errqueue(out, 20);
    }
    printf("%u of %u calls given back\n", back, sends);
    close(out);
    return 0;
}
