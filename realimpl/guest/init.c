// The first and only process that a guest begins with: sets up what a command may expect of a
// machine, runs it, hands its words, its trace and its status to the host, and ends the machine.
// Linked statically, for nothing else is there that could be relied upon.
#define _GNU_SOURCE
#include "realimpl/guest/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[65536];
static char* argv_of_command[1024];

// To the console, which the host keeps.
static void say(const char* what, const char* name) {
    dprintf(2, "zcv-guest-init: %s%s: %s\n", what, name, strerror(errno));
}

static void mount_one(const char* kind, const char* where) {
    mkdir(where, 0755);
    // Not every kernel has all of them.
    if (mount(kind, where, kind, 0, NULL) != 0 && errno != EBUSY && errno != ENODEV)
        say("cannot mount ", where);
}

static void mount_all(void) {
    mount_one("devtmpfs", "/dev");
    mount_one("proc", "/proc");
    mount_one("sysfs", "/sys");
    mount_one("bpf", "/sys/fs/bpf");
    mount_one("tracefs", "/sys/kernel/tracing");
    mount_one("tmpfs", "/dev/shm");
    // Not mounted upon: the command may have come from there.
    mkdir("/run", 0755);
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
}

// One name a line, in an order in which each finds what it needs.
static void load_modules(void) {
    FILE* list = fopen(ZCV_GUEST_MODULES, "r");
    if (list == NULL) return;
    char line[512];
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const int fd = open(line, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
            say("cannot load ", line);
        if (fd >= 0) close(fd);
    }
    fclose(list);
}

static void set(const char* file, const char* value) {
    const int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;  // of another version: its default has to do
    if (write(fd, value, strlen(value)) < 0) say("cannot set ", file);
    close(fd);
}

// What would keep an observer with all privileges from looking is off: nobody else is here.
static void open_up(void) {
    set("/proc/sys/kernel/kptr_restrict", "0");
    set("/proc/sys/kernel/perf_event_paranoid", "-1");
    set("/proc/sys/kernel/io_uring_disabled", "0");
    set("/proc/sys/kernel/printk", "4");
    set("/proc/sys/net/core/bpf_jit_enable", "1");
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &all);
    const struct rlimit files = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/tmp", 1);
    setenv("TMPDIR", "/tmp", 1);
    sethostname("zcv-guest", 9);
}

static void bring_up(const char* device) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP;
        ioctl(fd, SIOCSIFFLAGS, &request);
    }
    close(fd);
}

// The virtio port that the host gave this name; it can appear a little later than the driver.
static int open_port(const char* wanted) {
    for (int turn = 0; turn < 500; ++turn, usleep(10000)) {
        DIR* ports = opendir("/sys/class/virtio-ports");
        if (ports == NULL) continue;
        for (struct dirent* port; (port = readdir(ports)) != NULL;) {
            char path[512];
            char name[64] = "";
            snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", port->d_name);
            FILE* file = fopen(path, "r");
            if (file == NULL) continue;
            if (fgets(name, sizeof name, file) != NULL) name[strcspn(name, "\n")] = '\0';
            fclose(file);
            if (strcmp(name, wanted) != 0) continue;
            snprintf(path, sizeof path, "/dev/%s", port->d_name);
            closedir(ports);
            return open(path, O_WRONLY | O_CLOEXEC);
        }
        closedir(ports);
    }
    errno = ENODEV;
    return -1;
}

static int write_all(int fd, const char* from, size_t bytes) {
    while (bytes > 0) {
        const ssize_t n = write(fd, from, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        from += n;
        bytes -= (size_t)n;
    }
    return 0;
}

// The words of the command, each ended by a zero byte.
static int read_command(void) {
    const int fd = open(ZCV_GUEST_COMMAND, O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = fd < 0 ? -1 : read(fd, words, sizeof words - 1);
    if (fd >= 0) close(fd);
    size_t count = 0;
    for (ssize_t at = 0; at < bytes; at += (ssize_t)strlen(words + at) + 1) {
        if (count + 1 >= sizeof argv_of_command / sizeof *argv_of_command) return -1;
        argv_of_command[count++] = words + at;
    }
    return count > 0 ? 0 : -1;
}

// The exit status as a shell counts it. Everybody's orphans end here too.
static int run_command(void) {
    const pid_t child = fork();
    if (child == 0) {
        setsid();
        execvp(argv_of_command[0], argv_of_command);
        say("cannot run ", argv_of_command[0]);
        _exit(127);
    }
    for (;;) {
        int status = 0;
        const pid_t ended = wait(&status);
        if (ended < 0 && errno == ECHILD) return 127;
        if (ended != child) continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static int hand_over(const char* file, const char* port) {
    const int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0) return 0;  // it made none
    const int to = open_port(port);
    static char block[1 << 16];
    ssize_t n = 0;
    while (to >= 0 && (n = read(from, block, sizeof block)) > 0)
        if (write_all(to, block, (size_t)n) != 0) break;
    const int whole = to >= 0 && n == 0;
    if (!whole) say("cannot hand over ", file);
    if (to >= 0) close(to);
    close(from);
    return whole ? 0 : -1;
}

static void end_machine(void) {
    sync();
    reboot(RB_AUTOBOOT);  // the host takes it for the end
    for (;;) pause();
}

int main(void) {
    mount_all();
    const int console = open("/dev/console", O_RDWR | O_CLOEXEC);
    if (console >= 0) dup2(console, 2);
    open_up();
    load_modules();
    bring_up("lo");
    const int status_port = open_port(ZCV_GUEST_STATUS_PORT);
    const int text_port = open_port(ZCV_GUEST_TEXT_PORT);
    if (status_port < 0 || text_port < 0) {
        say("no way to the host", "");
        end_machine();
    }
    dprintf(status_port, "begun\n");
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(text_port, 1);
    dup2(text_port, 2);
    const int status = read_command() == 0 ? run_command() : 127;
    const int handed = hand_over(ZCV_GUEST_TRACE, ZCV_GUEST_TRACE_PORT);
    dprintf(status_port, "%s %d\n", handed == 0 ? "ended" : "lost", status);
    end_machine();
}
