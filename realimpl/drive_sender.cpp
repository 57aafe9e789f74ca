#include "realimpl/drive_sender.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "model/ensure.hpp"
#include "realimpl/drive_world.hpp"
#include "realimpl/uapi.hpp"

namespace zcv::drive {

namespace {

using Clock = std::chrono::steady_clock;

// A misuse does not wait for notifications, so something else must bound what is in flight.
constexpr std::uint64_t in_flight_max = 256;
constexpr std::uint64_t retries_max = 20000;
constexpr int send_buffer_bytes = 32 << 20;
constexpr std::uint16_t discard_port = 9;

unsigned ring_flags(const Options& options) {
    unsigned flags = IORING_SETUP_CQSIZE;
    if (options.defer_taskrun) flags |= IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
    if (options.sqpoll) flags |= IORING_SETUP_SQPOLL;
    return flags;
}

bool is_transient(int error) {
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR ||
           error == ECANCELED;
}

std::string remedy_of(int error, const Options& options) {
    if (error == EINVAL && options.report_usage)
        return "; kernels before 6.2 do not know usage reports: use --no-report-usage";
    if (error == ENOMEM) return "; raise the limit on locked memory (ulimit -l), or use less";
    return {};
}

}  // namespace

Sender::Sender(const Plan& plan, Board& board, pid_t receiver)
    : plan_(plan),
      options_(plan.options),
      board_(board),
      counts_(board.sent),
      receiver_(receiver),
      stream_(plan.protocol == Protocol::tcp),
      socket_(options_.ipv6 ? AF_INET6 : AF_INET, stream_ ? SOCK_STREAM : SOCK_DGRAM),
      buffers_(options_.buffers),
      outstanding_max_(std::max(in_flight_max, options_.buffers) + options_.batch) {
    // Pages of its own for every buffer: a write to one must not look like a write to another.
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    stride_ = (options_.size + page - 1) / page * page;
    void* const memory = ::mmap(nullptr, stride_ * options_.buffers, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw_errno("get memory for the buffers");
    memory_ = static_cast<std::byte*>(memory);
    for (std::uint64_t i = options_.buffers; i-- > 0;) {
        buffers_[i].bytes = {memory_ + i * stride_, options_.size};
        free_.push_back(i);
    }
    open_ring();
    connect();
}

Sender::~Sender() {
    ::io_uring_queue_exit(&ring_);
    ::munmap(memory_, stride_ * options_.buffers);
}

void Sender::open_ring() {
    io_uring_params params{};
    params.flags = ring_flags(options_);
    params.sq_thread_idle = 50;
    // Two CQEs a request; a smaller ring overflows, which is survivable but slow.
    params.cq_entries = static_cast<unsigned>(options_.cq_entries != 0 ? options_.cq_entries
                                                                       : 2 * outstanding_max_);
    const auto entries = static_cast<unsigned>(options_.batch);
    const int rc = ::io_uring_queue_init_params(entries, &ring_, &params);
    if (rc < 0) throw_errno("open an io_uring with these options", -rc);
    if (!options_.fixed) return;
    std::vector<iovec> all;
    for (const Buffer& buffer : buffers_) all.push_back({buffer.bytes.data(), buffer.bytes.size()});
    const int registered =
        ::io_uring_register_buffers(&ring_, all.data(), static_cast<unsigned>(all.size()));
    if (registered < 0)
        throw_errno("register the buffers (more may be allowed with ulimit -l)", -registered);
}

void Sender::connect() {
    if (!stream_) socket_.grow_buffer(SO_SNDBUFFORCE, SO_SNDBUF, send_buffer_bytes);
    const std::uint16_t port = plan_.has_receiver() ? board_.port.load() : discard_port;
    const sockaddr_storage peer = address_of(plan_, port);
    if (::connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&peer), address_size(plan_)) != 0)
        throw_errno("connect to the receiver");
    const int on = 1;
    if (stream_) ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A received message can cost several times its size in the receiver's buffer.
    const std::uint64_t fit = board_.receive_buffer / (4 * (options_.size + 4096));
    window_ = std::clamp<std::uint64_t>(fit, 1, in_flight_max);
}

void Sender::run() {
    const Clock::time_point start = Clock::now();
    Clock::time_point end = start;
    window_moved_ = start;
    while (!finished()) {
        push_ready();
        submit_and_wait();
        take_completions();
        end = Clock::now();
        if (back_off_) ::usleep(1000);
        back_off_ = false;
    }
    counts_.seconds = std::chrono::duration<double>(end - start).count();
    if (stream_ && ::shutdown(socket_.fd(), SHUT_WR) != 0) throw_errno("end the stream");
}

bool Sender::finished() const {
    return next_message_ == options_.sends && again_.empty() && requests_.empty();
}

// Datagrams the receiver has not read yet are bounded, or a conforming run would lose some.
std::uint64_t Sender::window_room() const {
    if (stream_ || !plan_.has_receiver()) return in_flight_max;
    const std::uint64_t gone = std::min(board_.received + given_up_, next_message_);
    const std::uint64_t unread = next_message_ - gone;
    return window_ - std::min(unread, window_);
}

// A whole batch or nothing, so that the number of requests an enter submits is what was asked for.
std::uint64_t Sender::ready() const {
    // A stream has one order: its next chain starts when the last one has been judged.
    if (stream_ && uncompleted_ > 0) return 0;
    const std::uint64_t left = again_.size() + options_.sends - next_message_;
    std::uint64_t count = std::min(options_.batch, left);
    if (!stream_ && plan_.has_receiver()) count = std::min(count, window_);
    const std::uint64_t fresh = count - std::min<std::uint64_t>(count, again_.size());
    const bool fits = fresh <= free_.size() && fresh <= window_room() &&
                      requests_.size() + count <= outstanding_max_;
    return fits ? count : 0;
}

void Sender::push_ready() {
    const std::uint64_t count = ready();
    while (::io_uring_sq_space_left(&ring_) < count) ::io_uring_sqring_wait(&ring_);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t buffer = 0;
        if (again_.empty()) {
            buffer = write_next_message();
        } else {
            buffer = again_.begin()->second;
            again_.erase(again_.begin());
        }
        queue_request(buffer, stream_ && i + 1 < count);
    }
}

// Whether the kernel still holds the buffer: a notification that is in the ring, only not taken
// yet, has let go of it.
bool Sender::is_outstanding(std::uint64_t buffer) const {
    std::uint64_t arrived = 0;
    const unsigned tail = ::io_uring_smp_load_acquire(ring_.cq.ktail);
    for (unsigned head = *ring_.cq.khead; head != tail; ++head) {
        const io_uring_cqe& cqe = ring_.cq.cqes[head & ring_.cq.ring_mask];
        const auto request = requests_.find(cqe.user_data);
        const bool ours = request != requests_.end() && request->second == buffer;
        arrived += ours && (cqe.flags & IORING_CQE_F_NOTIF) != 0;
    }
    return buffers_[buffer].notifications > arrived;
}

std::uint64_t Sender::write_next_message() {
    const std::uint64_t index = free_.back();
    free_.pop_back();
    Buffer& buffer = buffers_[index];
    if (buffer.written) ++counts_.rewrites;
    if (buffer.notifications > 0 && is_outstanding(index)) ++counts_.rewrites_early;
    buffer.written = true;
    buffer.in_use = true;
    buffer.message = next_message_++;
    buffer.accepted = 0;
    write_message(buffer.bytes, options_.seed, buffer.message);
    return index;
}

void Sender::queue_request(std::uint64_t index, bool linked) {
    Buffer& buffer = buffers_[index];
    io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
    ZCV_CHECK(sqe != nullptr);
    const std::span<std::byte> rest = buffer.bytes.subspan(buffer.accepted);
    const int flags = MSG_NOSIGNAL | (stream_ ? MSG_WAITALL : 0);
    const unsigned usage = options_.report_usage ? uapi::send_zc_report_usage : 0;
    if (options_.sendmsg) {
        buffer.part = {rest.data(), rest.size()};
        buffer.header.msg_iov = &buffer.part;
        buffer.header.msg_iovlen = 1;
        ::io_uring_prep_sendmsg_zc(sqe, socket_.fd(), &buffer.header, static_cast<unsigned>(flags));
        sqe->ioprio = static_cast<std::uint16_t>(usage);
    } else if (options_.fixed) {
        ::io_uring_prep_send_zc_fixed(sqe, socket_.fd(), rest.data(), rest.size(), flags, usage,
                                      static_cast<unsigned>(index));
    } else {
        ::io_uring_prep_send_zc(sqe, socket_.fd(), rest.data(), rest.size(), flags, usage);
    }
    if (linked) sqe->flags |= IOSQE_IO_LINK;
    ::io_uring_sqe_set_data64(sqe, ++next_request_);
    requests_.emplace(next_request_, index);
    ++uncompleted_;
    ++counts_.requests;
}

void Sender::submit_and_wait() {
    give_up_the_lost();
    if (requests_.empty()) {
        ::usleep(100);
        return;
    }
    // The receiver opens the window without telling the ring, so then the wait is short.
    const bool window_bound = again_.empty() && window_room() < options_.batch;
    __kernel_timespec timeout{0, window_bound ? 500'000 : 200'000'000};
    io_uring_cqe* first = nullptr;
    const int rc = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
        throw_errno("wait for completions", -rc);
    if (rc == -ETIME) check_receiver();
}

void Sender::check_receiver() const {
    if (receiver_ != 0 && has_died(receiver_))
        throw Refusal(Status::internal, "drive: the receiver died while data was on its way");
}

// With no request outstanding everything has left the devices, so what the receiver still has not
// seen after a second is lost, and the window must not wait for it.
void Sender::give_up_the_lost() {
    const Clock::time_point now = Clock::now();
    if (!requests_.empty() || window_seen_ != board_.received) {
        window_seen_ = board_.received;
        window_moved_ = now;
    }
    if (now - window_moved_ < std::chrono::seconds(1)) return;
    check_receiver();
    if (given_up_ > 0 && given_up_at_ == window_seen_)
        throw Refusal(Status::unable,
                      fmt::format("drive: datagrams no longer arrive ({} of {} did): something on "
                                  "this machine drops them (a firewall on lo?)",
                                  window_seen_, next_message_));
    given_up_at_ = window_seen_;
    given_up_ = next_message_ - std::min(window_seen_, next_message_);
    window_moved_ = now;
}

void Sender::take_completions() {
    if ((::io_uring_smp_load_acquire(ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0) {
        ++counts_.overflows;
        ::io_uring_get_events(&ring_);
    }
    std::vector<io_uring_cqe> taken;
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) taken.push_back(*cqe);
    ::io_uring_cq_advance(&ring_, static_cast<unsigned>(taken.size()));
    for (const io_uring_cqe& one : taken) {
        if ((one.flags & IORING_CQE_F_NOTIF) != 0)
            on_notification(one);
        else
            on_completion(one);
    }
    if (*ring_.cq.koverflow != 0)
        throw Refusal(Status::unable,
                      "drive: the kernel dropped CQEs for lack of memory: use fewer --buffers");
    board_.completed = counts_.completed;
    board_.notified = counts_.notified;
}

void Sender::on_completion(const io_uring_cqe& cqe) {
    const auto request = requests_.find(cqe.user_data);
    ZCV_CHECK(request != requests_.end());
    const std::uint64_t index = request->second;
    Buffer& buffer = buffers_[index];
    ++counts_.completed;
    --uncompleted_;
    // Only F_MORE says whether a notification follows; neither the result nor the opcode does.
    if ((cqe.flags & IORING_CQE_F_MORE) != 0)
        ++buffer.notifications;
    else
        requests_.erase(request);
    if (cqe.res < 0) return retry(index, -cqe.res);

    const auto accepted = static_cast<std::uint64_t>(cqe.res);
    counts_.bytes += accepted;
    buffer.accepted += accepted;
    if (accepted > 0) retries_in_a_row_ = 0;
    if (buffer.accepted < options_.size) {
        ++counts_.short_sends;
        retry(index, accepted > 0 ? 0 : EAGAIN);
    }
    release_if_done(index);
}

void Sender::on_notification(const io_uring_cqe& cqe) {
    ++counts_.notified;
    const bool copied = (static_cast<std::uint32_t>(cqe.res) & uapi::notif_usage_zc_copied) != 0;
    if (options_.report_usage && copied) ++counts_.copied;
    const auto request = requests_.find(cqe.user_data);
    if (request == requests_.end()) {
        // A request cancelled with its chain says no notification comes, and then one does.
        ++counts_.unannounced;
        return;
    }
    const std::uint64_t index = request->second;
    requests_.erase(request);
    --buffers_[index].notifications;
    release_if_done(index);
}

// The rest of the message goes first in the next chain; error 0 is a short send.
void Sender::retry(std::uint64_t index, int error) {
    const Buffer& buffer = buffers_[index];
    const bool hopeless = error == ENOMEM && requests_.size() <= 1;
    if ((error != 0 && !is_transient(error)) || hopeless || retries_in_a_row_ > retries_max) {
        check_receiver();
        throw Refusal(Status::unable,
                      fmt::format("drive: send of message {} failed: {}{}", buffer.message,
                                  std::strerror(error), remedy_of(error, options_)));
    }
    ++counts_.retries;
    ++retries_in_a_row_;
    if (error != 0 && error != ECANCELED) back_off_ = true;
    again_.emplace(buffer.message, index);
}

// The application's policy. Conforming: the buffer is ours again when every announced
// notification has come. first-cqe: as soon as the kernel has accepted the message.
void Sender::release_if_done(std::uint64_t index) {
    Buffer& buffer = buffers_[index];
    const bool released = plan_.misuse == Misuse::first_cqe || buffer.notifications == 0;
    if (!buffer.in_use || buffer.accepted < options_.size || !released) return;
    buffer.in_use = false;
    free_.push_back(index);
}

void check_kernel(const Options& options) {
    io_uring ring{};
    const int rc = ::io_uring_queue_init(2, &ring, 0);
    if (rc == -ENOSYS)
        throw Refusal(Status::unable,
                      "drive: no io_uring in this kernel: use one with CONFIG_IO_URING");
    if (rc == -EPERM)
        throw Refusal(Status::unable,
                      "drive: io_uring is forbidden here: sysctl kernel.io_uring_disabled=0, or "
                      "leave the container's seccomp filter");
    if (rc < 0) throw_errno("open an io_uring", -rc);
    const auto opcode = options.sendmsg ? IORING_OP_SENDMSG_ZC : IORING_OP_SEND_ZC;
    io_uring_probe* const probe = ::io_uring_get_probe_ring(&ring);
    const bool known = probe != nullptr && ::io_uring_opcode_supported(probe, opcode) != 0;
    ::io_uring_free_probe(probe);
    ::io_uring_queue_exit(&ring);
    if (!known)
        throw Refusal(Status::unable,
                      fmt::format("drive: this kernel has no {}: use Linux {} or newer",
                                  options.sendmsg ? "SENDMSG_ZC" : "SEND_ZC",
                                  options.sendmsg ? "6.1" : "6.0"));
}

}  // namespace zcv::drive
