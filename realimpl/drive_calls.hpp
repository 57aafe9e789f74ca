#pragma once

#include <netinet/in.h>

#include "realimpl/drive_options.hpp"
#include "realimpl/drive_transport.hpp"

namespace zcv::drive {

// sendmsg(2), with MSG_ZEROCOPY and the error queue or without.
class Calls final : public Transport {
  public:
    // decoys: the socket that decoys go to, over loopback; -1 if there are none.
    Calls(const Plan& plan, int fd, int decoys);

    void queue(const Send& send) override;
    bool submit_and_wait(std::chrono::microseconds patience) override;
    void take(std::vector<Said>& said) override;

  private:
    void call(const Send& send);
    void read_error_queue();
    void notify(std::uint32_t low, std::uint32_t high, bool copied);

    const Plan& plan_;
    const int fd_;
    sockaddr_in decoys_{};
    std::vector<Send> queued_;
    std::vector<Said> said_;
    std::vector<std::uint64_t> names_;  // of the calls that count, by the kernel's number
};

}  // namespace zcv::drive
