#include "realimpl/drive_socket.hpp"

#include <fmt/format.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "model/outcome.hpp"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

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
    close();
}

void Socket::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
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

void Socket::set_buffer(int name, std::uint64_t bytes) const {
    const int value = static_cast<int>(bytes);
    if (::setsockopt(fd_, SOL_SOCKET, name, &value, sizeof value) != 0)
        throw_errno("set a socket's buffer");
}

void Socket::use_tls(TlsSide side) const {
    if (::setsockopt(fd_, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0)
        throw Refusal(Status::unable,
                      fmt::format("drive: no TLS in this kernel ({}): load the tls module "
                                  "(modprobe tls), or leave out --tls",
                                  std::strerror(errno)));
    // A handshake would agree on these; nobody is to be kept out here.
    tls12_crypto_info_aes_gcm_128 keys{};
    keys.info.version = TLS_1_2_VERSION;
    keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
    std::memset(keys.key, 0x5a, sizeof keys.key);
    std::memset(keys.salt, 0x43, sizeof keys.salt);
    const int direction = side == TlsSide::sender ? TLS_TX : TLS_RX;
    if (::setsockopt(fd_, SOL_TLS, direction, &keys, sizeof keys) != 0)
        throw_errno("give the kernel the keys of TLS");
}

void connect_to_each_other(const Socket& from, const Socket& to) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(to.fd(), any, size) != 0 || ::getsockname(to.fd(), any, &size) != 0 ||
        ::connect(from.fd(), any, size) != 0)
        throw_errno("connect two sockets over loopback");
}

}  // namespace zcv::drive
