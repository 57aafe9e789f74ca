#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"
#include "realimpl/drive_socket.hpp"

namespace zcv::drive {

// Throws Refusal(unable) unless this kernel lets this process send with SEND_ZC.
void check_kernel(const Options& options);

// Sends every message of the plan from a few buffers over one ring and one socket. When a buffer is
// written again is the application policy: conforming, or one of the misuses.
class Sender {
  public:
    Sender(const Plan& plan, Board& board, pid_t receiver);
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    void run();

  private:
    struct Buffer {
        std::span<std::byte> bytes;
        std::uint64_t message = 0;
        std::uint64_t accepted = 0;       // bytes of the message the kernel has taken
        std::uint64_t notifications = 0;  // announced and outstanding, over all its requests
        bool written = false;             // at least once
        bool in_use = false;
        iovec part{};
        msghdr header{};
    };

    void open_ring();
    void connect();
    void push_ready();
    std::uint64_t ready() const;
    std::uint64_t window_room() const;
    std::uint64_t write_next_message();
    bool is_outstanding(std::uint64_t buffer) const;
    void queue_request(std::uint64_t buffer, bool linked);
    void submit_and_wait();
    void take_completions();
    void on_completion(const io_uring_cqe& cqe);
    void on_notification(const io_uring_cqe& cqe);
    void retry(std::uint64_t buffer, int error);
    void release_if_done(std::uint64_t buffer);
    void give_up_the_lost();
    void check_receiver() const;
    bool finished() const;

    const Plan& plan_;
    const Options& options_;
    Board& board_;
    SenderCounts& counts_;
    const pid_t receiver_;
    const bool stream_;
    Socket socket_;
    io_uring ring_{};
    std::byte* memory_ = nullptr;
    std::uint64_t stride_ = 0;
    std::vector<Buffer> buffers_;
    std::vector<std::uint64_t> free_;  // the last freed is the first reused
    std::unordered_map<std::uint64_t, std::uint64_t> requests_;  // user_data, used once -> buffer
    std::map<std::uint64_t, std::uint64_t> again_;  // message -> buffer, in stream order
    std::uint64_t next_message_ = 0;
    std::uint64_t next_request_ = 0;
    std::uint64_t uncompleted_ = 0;
    bool back_off_ = false;
    std::uint64_t outstanding_max_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t given_up_ = 0;     // datagrams nobody will receive any more
    std::uint64_t given_up_at_ = 0;  // messages received when they were given up
    std::uint64_t retries_in_a_row_ = 0;
    std::chrono::steady_clock::time_point window_moved_;
    std::uint64_t window_seen_ = 0;
};

}  // namespace zcv::drive
