#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"
#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_transport.hpp"

namespace zcv::drive {

// Sends every message of the plan from a few buffers over one socket. When a buffer is written
// again is the application's policy: conforming, or one of the misuses.
class Sender {
  public:
    Sender(const Plan& plan, Board& board, pid_t receiver);
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    void run();

  private:
    using Clock = std::chrono::steady_clock;

    struct Buffer {
        std::span<std::byte> room;
        std::uint64_t size = 0;  // of the message in it
        std::uint64_t message = 0;
        std::uint64_t accepted = 0;     // bytes of the message the kernel has taken
        std::uint64_t outstanding = 0;  // notifications, over all its requests
        std::uint64_t uncompleted = 0;  // requests
        bool written = false;           // at least once
        bool in_use = false;
        bool spoiled = false;    // no longer holds its message
        bool retired = false;    // replaced; a spare once its notifications have come
        bool resent = false;     // sent whole a second time
        bool restarted = false;  // sent from its start again
        bool refused = false;    // not by zero copy, so the rest is copied
        bool is_held() const { return outstanding + uncompleted > 0; }
        bool is_sent() const { return in_use && accepted == size; }
        std::span<std::byte> bytes() const { return room.first(size); }
    };
    static constexpr std::uint64_t no_buffer = ~std::uint64_t{0};

    struct Request {
        std::uint64_t buffer = no_buffer;  // none: a decoy, or bound to fail
        std::uint64_t length = 0;
        bool fails = false;
        std::uint64_t message = 0;
        std::uint64_t belief = no_buffer;  // which buffer a misuse takes it for
        bool completed = false;
        bool announced = false;
    };

    // Mechanics: drive_sender.cpp.
    void make_buffers();
    void make_transport();
    void connect();
    void push_ready();
    void push_batch(std::uint64_t count);
    std::uint64_t ready() const;
    std::uint64_t window_room() const;
    std::uint64_t write_next_message();
    void queue_message(std::uint64_t buffer, bool linked);
    void queue_aside(Fault fault, bool linked);
    std::uint64_t add_request(const Request& request);
    void submit_and_wait();
    void take_all();
    void on_completion(const Said& said);
    void on_notification(const Said& said);
    void on_acceptance(std::uint64_t buffer, const Request& request, std::uint64_t bytes);
    void retry(std::uint64_t buffer, int error);
    void fail_for_good(const Buffer& buffer, int error) const;
    void give_up_the_lost();
    void check_receiver() const;
    bool finished() const;
    void publish();

    // The application: drive_policy.cpp.
    bool is_chained() const;
    bool goes_by_the_first_cqe() const;
    bool keeps_a_queue() const;
    void after_completion(const Said& said);
    void after_notification(const Said& said, Request request);
    void after_stranger();
    void after_overflow();
    void release_if_done(std::uint64_t buffer);
    void release(std::uint64_t buffer);
    void release_oldest();
    void send_again(std::uint64_t buffer);
    void spoil(std::uint64_t buffer);
    void spoil_all();
    std::uint64_t moved(std::uint64_t buffer);
    std::uint64_t outstanding() const { return pending_ - uncompleted_; }
    void stop_sending();
    void abandon_all();
    void give_up_if_hung();

    // What happens in flight: drive_events.cpp.
    bool event_is_due() const;
    void on_event();
    void cancel_all();
    void on_cancelled(const Said& said);
    void fork_child();
    void remap_all();
    [[noreturn]] void leave();

    const Plan& plan_;
    const Options& options_;
    Board& board_;
    SenderCounts& counts_;
    const pid_t receiver_;
    const bool stream_;
    std::uint64_t batch_;  // as many as memory allows
    Socket socket_;
    std::optional<Socket> decoys_to_;
    std::optional<Socket> decoys_;
    std::unique_ptr<Transport> transport_;
    std::byte* memory_ = nullptr;
    std::uint64_t memory_size_ = 0;
    std::span<std::byte> aside_;  // what decoys and failing requests send
    std::vector<Buffer> buffers_;
    std::vector<std::uint64_t> free_;  // the last freed is the first reused
    std::deque<std::uint64_t> spare_;  // take the place of buffers that are spoiled or lost
    // By user_data. Used once, so one each; a misuse recycles them, and then the first is oldest.
    std::unordered_map<std::uint64_t, std::deque<Request>> requests_;
    std::uint64_t pending_ = 0;                     // requests in there
    std::map<std::uint64_t, std::uint64_t> again_;  // message -> buffer, in stream order
    std::deque<Request> queue_;                     // a misuse's idea of what is outstanding
    std::vector<std::uint64_t> names_;              // a misuse's names to be used again
    std::vector<Said> said_;
    std::uint64_t next_message_ = 0;
    std::uint64_t next_name_ = 0;
    std::uint64_t batches_ = 0;
    std::uint64_t uncompleted_ = 0;
    bool back_off_ = false;
    bool short_of_memory_ = false;
    bool ending_ = false;  // nothing more is to be sent
    bool event_over_ = false;
    bool shut_ = false;
    bool quiet_ = false;  // the kernel said nothing last time
    bool told_copied_ = false;
    pid_t child_ = 0;
    std::uint64_t spoils_ = 0;
    std::uint64_t outstanding_max_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t given_up_ = 0;     // datagrams nobody will receive any more
    std::uint64_t given_up_at_ = 0;  // messages received when they were given up
    std::uint64_t retries_in_a_row_ = 0;
    Clock::time_point heard_;  // from the kernel, last
    Clock::time_point window_moved_;
    std::uint64_t window_seen_ = 0;
};

}  // namespace zcv::drive
