#pragma once

#include <cstdint>
#include <string>

namespace zcv::drive {

// Throws Refusal(unable) with errno's text: the outside failed.
[[noreturn]] void throw_errno(const std::string& what);
[[noreturn]] void throw_errno(const std::string& what, int error);

enum class TlsSide : std::uint8_t { sender, receiver };

// Owns a socket's descriptor.
class Socket {
  public:
    Socket(int family, int type);
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Socket& operator=(Socket&&) = delete;
    ~Socket();

    int fd() const { return fd_; }
    int option(int name) const;
    // As large as this user may: past the system's limit with privilege, up to it without.
    void grow_buffer(int forced, int ordinary, int bytes) const;
    void set_buffer(int name, std::uint64_t bytes) const;
    // From here on the kernel encrypts what is sent, or decrypts what is received, with keys that
    // both sides have from the start. Throws Refusal(unable) where the kernel has no TLS.
    void use_tls(TlsSide side) const;
    void close();

  private:
    int fd_;
};

// Two IPv4 datagram sockets over loopback, the first connected to the second.
void connect_to_each_other(const Socket& from, const Socket& to);

}  // namespace zcv::drive
