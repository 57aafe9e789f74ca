#include "realimpl/drive_calls.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "realimpl/drive_socket.hpp"

namespace zcv::drive {

std::vector<iovec> parts_of(std::span<std::byte> bytes, std::uint64_t count) {
    std::vector<iovec> parts;
    for (; count > 0; --count) {
        const std::size_t length = bytes.size() / count;
        parts.push_back({bytes.data(), length});
        bytes = bytes.subspan(length);
    }
    return parts;
}

Calls::Calls(const Plan& plan, int fd, int decoys) : plan_(plan), fd_(fd) {
    socklen_t size = sizeof decoys_;
    if (decoys >= 0 && ::getsockname(decoys, reinterpret_cast<sockaddr*>(&decoys_), &size) != 0)
        throw_errno("read a socket's address");
    if (plan.api != Api::msg_zerocopy || plan.misuse == Misuse::no_so_zerocopy) return;
    const int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0)
        throw_errno("set SO_ZEROCOPY");
}

void Calls::queue(const Send& send) {
    queued_.push_back(send);
}

// A stream has one order: behind a call that did not do all of its part none may go out.
bool Calls::submit_and_wait(std::chrono::microseconds patience) {
    bool broken = false;
    for (const Send& send : std::exchange(queued_, {})) {
        if (broken) {
            said_.push_back({Said::What::completion, send.name, -ECANCELED, false, false});
            continue;
        }
        call(send);
        broken = send.linked && said_.back().result != static_cast<int>(send.bytes.size());
    }
    read_error_queue();
    if (!said_.empty()) return true;
    pollfd wait{fd_, 0, 0};
    ++system_calls_;
    ::poll(&wait, 1, static_cast<int>((patience.count() + 999) / 1000));
    read_error_queue();
    return !said_.empty();
}

void Calls::call(const Send& send) {
    std::vector<iovec> parts = parts_of(send.bytes, plan_.options.vectors);
    if (send.fault == Fault::address) parts[0].iov_base = reinterpret_cast<void*>(4096);
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = parts.size();
    if (send.decoy) {
        header.msg_name = &decoys_;
        header.msg_namelen = sizeof decoys_;
    }
    const bool zero_copy = plan_.api == Api::msg_zerocopy && !send.copying;
    const int flags = (send.flags & ~MSG_WAITALL) | (zero_copy ? MSG_ZEROCOPY : 0);
    const int fd = send.fault == Fault::descriptor ? -1 : fd_;
    ssize_t n = 0;
    do {
        ++system_calls_;
        n = ::sendmsg(fd, &header, flags);
    } while (n < 0 && errno == EINTR);
    const int result = n < 0 ? -errno : static_cast<int>(n);
    // The kernel numbers the calls that sent something, and no others. MISUSE C1 numbers them all.
    const bool counts = zero_copy && (n > 0 || plan_.misuse == Misuse::counter_desync);
    if (counts) names_.push_back(send.name);
    said_.push_back({Said::What::completion, send.name, result, zero_copy && n > 0, false});
}

void Calls::notify(std::uint32_t low, std::uint32_t high, bool copied) {
    // MISUSE C9: a range is one notification.
    if (plan_.misuse == Misuse::range_as_one) high = low;
    for (std::uint64_t number = low; number <= high && number < names_.size(); ++number)
        said_.push_back({Said::What::notification, names_[number], 0, false, copied});
}

void Calls::read_error_queue() {
    // MISUSE C6 never looks.
    if (plan_.api != Api::msg_zerocopy || plan_.misuse == Misuse::errqueue_unread) return;
    for (;;) {
        alignas(cmsghdr) char control[256];
        msghdr header{};
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        ++system_calls_;
        if (::recvmsg(fd_, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            throw_errno("read the error queue");
        }
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            const bool ipv4 = c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR;
            const bool ipv6 = c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR;
            // MISUSE C3 has never heard of the second.
            if (!ipv4 && (!ipv6 || plan_.misuse == Misuse::ipv4_cmsg_only)) continue;
            sock_extended_err error{};
            std::memcpy(&error, CMSG_DATA(c), sizeof error);
            if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY) continue;
            notify(error.ee_info, error.ee_data, (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0);
        }
    }
}

void Calls::take(std::vector<Said>& said) {
    said.insert(said.end(), said_.begin(), said_.end());
    said_.clear();
}

}  // namespace zcv::drive
