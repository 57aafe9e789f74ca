#include "realimpl/drive_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "model/outcome.hpp"

namespace zcv::drive {

void throw_errno(const std::string& what) {
    throw_errno(what, errno);
}

void throw_errno(const std::string& what, int error) {
    throw Refusal(Status::unable, fmt::format("drive: cannot {}: {}", what, std::strerror(error)));
}

Socket::Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) throw_errno("open a socket");
}

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

int Socket::option(int name) const {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(fd_, SOL_SOCKET, name, &value, &size) != 0)
        throw_errno("read a socket option");
    return value;
}

void Socket::grow_buffer(int forced, int ordinary, int bytes) const {
    if (::setsockopt(fd_, SOL_SOCKET, forced, &bytes, sizeof bytes) == 0) return;
    if (::setsockopt(fd_, SOL_SOCKET, ordinary, &bytes, sizeof bytes) != 0)
        throw_errno("set a socket's buffer");
}

}  // namespace zcv::drive
