#include "realimpl/drive_limits.hpp"

#include <linux/capability.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zcv::drive {

namespace {

// What a user has locked counts over all its processes. So this one becomes a user of its own,
// where it may: nobody is called that.
void become_nobody_else() {
    const uid_t own = 0x5a430000U + static_cast<uid_t>(::getpid() % 65536);
    if (::geteuid() != 0 || ::setresuid(own, own, own) != 0) return;
    // Both went with the old user.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_DUMPABLE, 1);
}

}  // namespace

void limit_memory(const Plan& plan) {
    if (plan.options.memlock == 0) return;
    const rlimit limit{plan.options.memlock, plan.options.memlock};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) throw_errno("set RLIMIT_MEMLOCK");
    become_nobody_else();
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    if (::syscall(SYS_capget, &header, sets) != 0) throw_errno("read the capabilities");
    sets[0].effective &= ~(1U << CAP_IPC_LOCK);
    sets[0].permitted &= ~(1U << CAP_IPC_LOCK);
    if (::syscall(SYS_capset, &header, sets) != 0) throw_errno("drop CAP_IPC_LOCK");
}

Sniffer::Sniffer(const Plan& plan) {
    if (!plan.options.sniffer) return;
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd < 0) throw_errno("open a packet socket");
    socket_.emplace(fd);
}

}  // namespace zcv::drive
