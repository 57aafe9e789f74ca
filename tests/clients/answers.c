#include "answers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* It needs struct timespec. */
#include <linux/errqueue.h>

#include "net.h"
#include "sends.h"

enum { count = 24, bytes = 2000, report_usage_flag = 1 << 3 /* IORING_SEND_ZC_REPORT_USAGE */ };
static const unsigned copied_result = 1u << 31; /* IORING_NOTIF_USAGE_ZC_COPIED */

static char memory[count][bytes], sink[bytes];

static void print(const bool* copied) {
    for (int i = 0; i < count; i++) printf("%d", copied[i]);
    printf("\n");
    fflush(stdout);
}

/* Small sends on one stream, so that many share a packet, and the notification of the first. None
 * of them is copied. */
static void stacked(void) {
    static const struct network wire = {.path = PAIR, .stream = true};
    struct sends how = {.bytes = bytes, .zero = report_usage_flag, .flags = MSG_MORE};
    bool copied[count] = {false};
    build(&wire);
    how.fd = connected(&wire);
    struct io_uring ring = open_ring(64, 0, 0);
    for (int i = 0; i < count; i++) submit_one(&ring, &how, memory[i], i);
    shutdown(how.fd, SHUT_WR);
    for (int told = 0; told < count;) {
        struct io_uring_cqe cqe;
        errno = ETIME;
        must("a completion", next_cqe(&ring, &cqe, 5000));
        if (!(cqe.flags & IORING_CQE_F_NOTIF)) continue;
        copied[cqe.user_data] = (unsigned)cqe.res == copied_result;
        told++;
    }
    print(copied);
    dismiss();
}

static void read_ranges(int fd, bool* copied) {
    for (;;) {
        char control[128];
        struct sock_extended_err range;
        struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
        struct cmsghdr* cmsg = CMSG_FIRSTHDR(&msg);
        if (!cmsg) continue;
        memcpy(&range, CMSG_DATA(cmsg), sizeof(range));
        if (range.ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
        for (unsigned id = range.ee_info; id <= range.ee_data && id < count; id++)
            copied[id] = range.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
    }
}

/* Every second message goes to this host itself, where it is copied, and the others are not. The
 * error queue is read in the end, when all of them are one range. */
static void joined(void) {
    static const struct network wire = {.path = PAIR};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t far_length, here_length = sizeof(here);
    bool copied[count] = {false};
    int one = 1;
    build(&wire);
    struct sockaddr_storage far = far_address(&wire, &far_length);
    int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    must("bind", bind(in, (struct sockaddr*)&here, here_length) == 0);
    must("getsockname", getsockname(in, (struct sockaddr*)&here, &here_length) == 0);
    must("SO_ZEROCOPY", setsockopt(out, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) == 0);
    for (int i = 0; i < count; i++) {
        const bool local = i % 2 != 0;
        must("sendto", sendto(out, memory[i], bytes, MSG_ZEROCOPY,
                              local ? (struct sockaddr*)&here : (struct sockaddr*)&far,
                              local ? here_length : far_length) == bytes);
        if (local) recv(in, sink, sizeof(sink), 0);
        sleep_ms(5); /* until it is done with, so that they are in order */
    }
    sleep_ms(50);
    read_ranges(out, copied);
    print(copied);
    dismiss();
}

bool run_answers(const char* name) {
    if (strcmp(name, "stacked") == 0)
        stacked();
    else if (strcmp(name, "joined") == 0)
        joined();
    else
        return false;
    return true;
}
