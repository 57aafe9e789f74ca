#pragma once

#include <unistd.h>

#include <string>
#include <utility>

namespace zcv {

// A descriptor with an owner.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }

    int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

  private:
    int fd_ = -1;
};

struct Pipe {
    Fd read_end;
    Fd write_end;
};

// Closed by exec. Throws std::system_error.
Pipe make_pipe();

// A descriptor that becomes readable when the process ends. Throws std::system_error.
Fd open_pidfd(int pid);

// Where execvp would find `name`. Throws Refusal(usage) when it would not.
void check_runnable(const std::string& name);

}  // namespace zcv
