#pragma once

#include <liburing.h>
#include <sys/socket.h>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"
#include "realimpl/drive_transport.hpp"

namespace zcv::drive {

// Throws Refusal(unable) unless this kernel lets this process send in the way that is planned.
void check_kernel(const Plan& plan);

struct RingSockets {
    int messages;
    int decoys;
};

class Ring final : public Transport {
  public:
    // in_flight: the most requests whose notification can be outstanding.
    Ring(const Plan& plan, SenderCounts& counts, RingSockets sockets, std::vector<iovec> buffers,
         std::uint64_t in_flight);
    ~Ring() override;

    void queue(const Send& send) override;
    bool submit_and_wait(std::chrono::microseconds patience) override;
    void take(std::vector<Said>& said) override;
    void cancel(const std::vector<std::uint64_t>& names) override;
    void queue_link_timeout(std::uint64_t name) override;
    void close() override;
    void open() override;
    void unregister_buffers() override;
    void register_buffers() override;
    bool has_overflowed() const override { return overflowed_; }

  private:
    // What a SENDMSG_ZC is told by; it must last until the kernel has consumed the SQE.
    struct Message {
        msghdr header{};
        std::vector<iovec> parts;
    };

    io_uring_sqe* next_sqe();
    void prepare(io_uring_sqe* sqe, const Send& send);
    void prepare_message(io_uring_sqe* sqe, const Send& send, unsigned usage);

    const Plan& plan_;
    const Options& options_;
    SenderCounts& counts_;
    const RingSockets sockets_;
    const std::vector<iovec> buffers_;
    const std::uint64_t in_flight_;
    std::vector<Message> messages_;
    __kernel_timespec link_timeout_{0, 1'000'000};
    bool overflowed_ = false;
    bool is_open_ = false;
    io_uring ring_{};
};

}  // namespace zcv::drive
