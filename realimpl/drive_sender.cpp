#include "realimpl/drive_sender.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "model/ensure.hpp"
#include "realimpl/drive_calls.hpp"
#include "realimpl/drive_ring.hpp"
#include "realimpl/drive_world.hpp"

namespace zcv::drive {

namespace {

// A misuse does not wait for notifications, so something else must bound what is in flight.
constexpr std::uint64_t in_flight_max = 256;
constexpr std::uint64_t retries_max = 20000;
constexpr std::uint64_t alone_max = 500;
constexpr int send_buffer_bytes = 32 << 20;
constexpr std::uint16_t discard_port = 9;
constexpr std::uint64_t aside_size = 64;

bool is_transient(int error) {
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR ||
           error == ECANCELED;
}

std::string remedy_of(int error, const Plan& plan) {
    const Options& options = plan.options;
    if (error == EINVAL && options.fixed && plan.api == Api::sendmsg_zc)
        return "; SENDMSG_ZC from registered buffers needs Linux 6.15 or newer: leave out --fixed";
    if (error == EINVAL && options.report_usage)
        return "; kernels before 6.2 do not know usage reports: use --no-report-usage";
    if (error == ENOMEM) return "; raise the limit on locked memory (ulimit -l), or use less";
    if (error == ENOBUFS)
        return "; raise net.core.optmem_max or the limit on locked memory, or use less";
    return {};
}

}  // namespace

Sender::Sender(const Plan& plan, Board& board, pid_t receiver)
    : plan_(plan),
      options_(plan.options),
      board_(board),
      counts_(board.sent),
      receiver_(receiver),
      stream_(plan.stream()),
      batch_(options_.batch),
      socket_(options_.ipv6 ? AF_INET6 : AF_INET, stream_ ? SOCK_STREAM : SOCK_DGRAM),
      outstanding_max_(std::max(in_flight_max, 2 * options_.buffers) + 4 * options_.batch) {
    make_buffers();
    connect();
    make_transport();
}

Sender::~Sender() {
    transport_.reset();
    ::munmap(memory_, memory_size_);
    if (child_ == 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

// Pages of its own for every buffer: a write to one must not look like a write to another.
void Sender::make_buffers() {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t stride = (plan_.sizes.max() + page - 1) / page * page;
    const bool needs_spares = plan_.event != Event::none || plan_.misuse != Misuse::none;
    buffers_.resize(options_.buffers * (needs_spares ? 2 : 1));
    memory_size_ = stride * buffers_.size() + page;
    void* const memory = ::mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw_errno("get memory for the buffers");
    memory_ = static_cast<std::byte*>(memory);
    for (std::uint64_t i = buffers_.size(); i-- > 0;) {
        buffers_[i].room = {memory_ + i * stride, stride};
        if (i < options_.buffers)
            free_.push_back(i);
        else
            spare_.push_back(i);
    }
    aside_ = {memory_ + stride * buffers_.size(), aside_size};
}

void Sender::make_transport() {
    if (options_.decoys) {
        decoys_to_.emplace(AF_INET, SOCK_DGRAM);
        decoys_.emplace(AF_INET, SOCK_DGRAM);
        connect_to_each_other(*decoys_, *decoys_to_);
    }
    if (!is_ring(plan_.api)) {
        const int decoys = decoys_to_ ? decoys_to_->fd() : -1;
        transport_ = std::make_unique<Calls>(plan_, socket_.fd(), decoys);
        return;
    }
    std::vector<iovec> all;
    for (const Buffer& buffer : buffers_) all.push_back({buffer.room.data(), buffer.room.size()});
    const RingSockets sockets{socket_.fd(), decoys_ ? decoys_->fd() : -1};
    transport_ = std::make_unique<Ring>(plan_, counts_, sockets, std::move(all), outstanding_max_);
}

void Sender::connect() {
    if (options_.sndbuf != 0)
        socket_.set_buffer(SO_SNDBUF, options_.sndbuf);
    else if (!stream_)
        socket_.grow_buffer(SO_SNDBUFFORCE, SO_SNDBUF, send_buffer_bytes);
    const std::uint16_t port = plan_.has_receiver() ? board_.port.load() : discard_port;
    const sockaddr_storage peer = address_of(plan_, port);
    if (::connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&peer), address_size(plan_)) != 0)
        throw_errno("connect to the receiver");
    const int on = 1;
    if (stream_) ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options_.tls) socket_.use_tls(TlsSide::sender);
    // A received message can cost several times its size in the receiver's buffer.
    const std::uint64_t fit = board_.receive_buffer / (4 * (plan_.sizes.max() + 4096));
    window_ = std::clamp<std::uint64_t>(fit, 1, in_flight_max);
}

void Sender::run() {
    const Clock::time_point start = Clock::now();
    Clock::time_point end = start;
    window_moved_ = heard_ = start;
    while (!finished()) {
        push_ready();
        submit_and_wait();
        take_all();
        if (event_is_due()) on_event();
        give_up_if_hung();
        end = Clock::now();
        if (back_off_) ::usleep(1000);
        back_off_ = false;
    }
    if (plan_.event != Event::none && !event_over_) on_event();
    counts_.seconds = std::chrono::duration<double>(end - start).count();
    publish();
    if (stream_ && !shut_ && ::shutdown(socket_.fd(), SHUT_WR) != 0 && errno != ENOTCONN)
        throw_errno("end the stream");
}

void Sender::publish() {
    board_.accepted = counts_.accepted;
    board_.completed = counts_.completed;
    board_.notified = counts_.notified;
}

bool Sender::finished() const {
    return (ending_ || next_message_ == options_.sends) && again_.empty() && pending_ == 0;
}

// Datagrams the receiver has not read yet are bounded, or a conforming run would lose some.
std::uint64_t Sender::window_room() const {
    if (stream_ || !plan_.has_receiver() || plan_.misuse == Misuse::notif_as_delivery)
        return in_flight_max;
    const std::uint64_t gone = std::min(board_.received + given_up_, next_message_);
    const std::uint64_t unread = next_message_ - gone;
    return window_ - std::min(unread, window_);
}

// A whole batch or nothing, so that the number of requests an enter submits is what was asked for.
std::uint64_t Sender::ready() const {
    if (ending_) return 0;
    // A stream has one order: its next chain starts when the last one has been judged.
    if (stream_ && uncompleted_ > 0) return 0;
    const std::uint64_t left = again_.size() + options_.sends - next_message_;
    std::uint64_t count = std::min(batch_, left);
    // Without a chain a short send would be overtaken.
    if (stream_ && !is_chained() && plan_.misuse != Misuse::unchained) count = std::min(count, 1UL);
    const bool windowed =
        !stream_ && plan_.has_receiver() && plan_.misuse != Misuse::notif_as_delivery;
    if (windowed) count = std::min(count, window_);
    const std::uint64_t fresh = count - std::min<std::uint64_t>(count, again_.size());
    const bool fits = fresh <= free_.size() && fresh <= window_room() &&
                      pending_ + count <= outstanding_max_ - 2 * options_.batch;
    return fits ? count : 0;
}

void Sender::push_ready() {
    // A stream's next chain waits for the last one, so only one is pushed a turn.
    for (std::uint64_t count = ready(); count > 0; count = stream_ ? 0 : ready()) push_batch(count);
}

void Sender::push_batch(std::uint64_t count) {
    ++batches_;
    const bool timed = plan_.event == Event::link_timeout && next_message_ >= plan_.event_at;
    const bool faulty = plan_.fault != Fault::none && batches_ % 4 == 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const bool last = i + 1 == count;
        if (faulty && i == count / 2) queue_aside(plan_.fault, is_chained());
        std::uint64_t index = 0;
        if (!again_.empty()) {
            index = again_.begin()->second;
            again_.erase(again_.begin());
        } else {
            index = write_next_message();
        }
        queue_message(index, (is_chained() && !last) || (timed && last));
        if (timed && last) transport_->queue_link_timeout(next_name_);
        if (options_.decoys && !stream_) queue_aside(Fault::none, false);
    }
    if (options_.decoys && stream_)
        for (std::uint64_t i = 0; i < count; ++i) queue_aside(Fault::none, false);
}

std::uint64_t Sender::write_next_message() {
    const std::uint64_t index = free_.back();
    free_.pop_back();
    Buffer& buffer = buffers_[index];
    if (buffer.written) ++counts_.rewrites;
    if (buffer.is_held()) ++counts_.rewrites_early;
    buffer.written = true;
    buffer.in_use = true;
    buffer.spoiled = buffer.resent = buffer.restarted = buffer.refused = false;
    buffer.message = next_message_++;
    buffer.size = plan_.sizes.of(options_.seed, buffer.message);
    buffer.accepted = 0;
    write_message(buffer.bytes(), options_.seed, buffer.message);
    return index;
}

std::uint64_t Sender::add_request(const Request& request) {
    // MISUSE B5 has names that come free.
    std::uint64_t name = 0;
    if (names_.empty()) {
        name = ++next_name_;
    } else {
        name = names_.back();
        names_.pop_back();
    }
    requests_[name].push_back(request);
    requests_[name].back().belief = request.buffer;
    if (request.buffer != no_buffer) {
        requests_[name].back().message = buffers_[request.buffer].message;
        ++buffers_[request.buffer].uncompleted;
    }
    ++pending_;
    ++uncompleted_;
    ++counts_.requests;
    return name;
}

void Sender::queue_message(std::uint64_t index, bool linked) {
    const Buffer& buffer = buffers_[index];
    std::span<std::byte> rest = buffer.bytes().subspan(buffer.accepted);
    Send send;
    send.buffer = index;
    send.flags = MSG_NOSIGNAL | (stream_ && options_.waitall ? MSG_WAITALL : 0) |
                 (options_.dontwait ? MSG_DONTWAIT : 0) | (options_.more && linked ? MSG_MORE : 0);
    const std::uint64_t tail =
        options_.tail_bytes != 0 ? options_.tail_bytes : rest.size() - rest.size() / 2;
    if (options_.tail_copy && buffer.accepted == 0 && rest.size() > tail) {
        send.bytes = rest.first(rest.size() - tail);
        send.linked = true;
        send.name = add_request({index, send.bytes.size()});
        transport_->queue(send);
        rest = rest.subspan(send.bytes.size());
        send.copying = true;
    }
    send.bytes = rest;
    send.copying = send.copying || buffer.refused;
    send.linked = linked;
    send.name = add_request({index, send.bytes.size()});
    transport_->queue(send);
}

// A request that carries no message: one that fails, or one to nobody.
void Sender::queue_aside(Fault fault, bool linked) {
    Send send;
    send.bytes = aside_;
    send.flags = MSG_NOSIGNAL;
    send.linked = linked;
    send.decoy = fault == Fault::none;
    send.fault = fault;
    send.name = add_request({no_buffer, send.bytes.size(), fault != Fault::none});
    if (send.decoy) ++counts_.decoys;
    transport_->queue(send);
}

void Sender::submit_and_wait() {
    give_up_the_lost();
    if (pending_ == 0) {
        ::usleep(100);
        return;
    }
    // The receiver opens the window without telling the ring, so then the wait is short.
    const bool window_bound = again_.empty() && window_room() < options_.batch;
    const bool waits_for_quiet = plan_.event == Event::cancel && !event_over_;
    const auto patience = std::chrono::milliseconds(waits_for_quiet ? 20 : 200);
    quiet_ = !transport_->submit_and_wait(window_bound ? std::chrono::microseconds(500) : patience);
    if (quiet_) check_receiver();
}

void Sender::check_receiver() const {
    const bool leaves = plan_.event == Event::peer_reset;
    if (receiver_ != 0 && !leaves && has_died(receiver_))
        throw Refusal(Status::internal, "drive: the receiver died while data was on its way");
}

// With no request outstanding everything has left the devices, so what the receiver still has not
// seen after a second is lost, and the window must not wait for it.
void Sender::give_up_the_lost() {
    const Clock::time_point now = Clock::now();
    if (pending_ != 0 || window_seen_ != board_.received) {
        window_seen_ = board_.received;
        window_moved_ = now;
    }
    const auto patience = std::chrono::milliseconds(1000 + options_.pause_ms);
    if (now - window_moved_ < patience) return;
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

void Sender::take_all() {
    said_.clear();
    short_of_memory_ = false;
    transport_->take(said_);
    if (!said_.empty()) heard_ = Clock::now();
    if (transport_->has_overflowed()) after_overflow();
    for (const Said& said : said_) switch (said.what) {
            case Said::What::completion:
                on_completion(said);
                break;
            case Said::What::notification:
                on_notification(said);
                break;
            case Said::What::cancelled:
            case Said::What::timed_out:
                on_cancelled(said);
                break;
        }
    // A chain is charged as a whole before any of it is sent: one too long never fits.
    if (short_of_memory_ && pending_ == 0) batch_ = std::max<std::uint64_t>(1, batch_ / 2);
    publish();
}

void Sender::on_completion(const Said& said) {
    const auto found = requests_.find(said.name);
    ZCV_CHECK(found != requests_.end());
    Request& request = found->second.back();
    ZCV_CHECK(!request.completed);
    request.completed = true;
    request.announced = said.more;
    ++counts_.completed;
    --uncompleted_;
    if (request.buffer != no_buffer) --buffers_[request.buffer].uncompleted;
    if (said.more) {
        ++counts_.announced;
        if (request.buffer != no_buffer) ++buffers_[request.buffer].outstanding;
    }
    const Request copy = request;
    after_completion(said);
    if (copy.buffer == no_buffer) {
        counts_.failed += copy.fails;
        return;
    }
    if (said.result < 0)
        retry(copy.buffer, -said.result);
    else
        on_acceptance(copy.buffer, copy, static_cast<std::uint64_t>(said.result));
}

void Sender::on_acceptance(std::uint64_t index, const Request& request, std::uint64_t bytes) {
    Buffer& buffer = buffers_[index];
    counts_.bytes += bytes;
    buffer.accepted += bytes;
    if (bytes > 0) retries_in_a_row_ = 0;
    if (bytes < request.length) {
        ++counts_.short_sends;
        retry(index, bytes > 0 ? 0 : EAGAIN);
    } else if (buffer.accepted == buffer.size && !buffer.resent) {
        ++counts_.accepted;
    }
    release_if_done(index);
}

void Sender::on_notification(const Said& said) {
    ++counts_.notified;
    if (said.copied && (options_.report_usage || !is_ring(plan_.api))) {
        ++counts_.copied;
        told_copied_ = true;
    }
    const auto found = requests_.find(said.name);
    // A request cancelled with its chain says no notification comes, and then one does.
    const bool known = found != requests_.end() && found->second.front().announced;
    if (!known) {
        ++counts_.unannounced;
        return after_stranger();
    }
    const Request request = found->second.front();
    found->second.pop_front();
    if (found->second.empty()) requests_.erase(found);
    --pending_;
    if (request.buffer != no_buffer) --buffers_[request.buffer].outstanding;
    after_notification(said, request);
}

// The rest of the message goes first in the next chain; error 0 is a short send.
void Sender::retry(std::uint64_t index, int error) {
    Buffer& buffer = buffers_[index];
    if (error == EPIPE || error == ECONNRESET || ending_) {
        if (plan_.event != Event::peer_reset && !ending_) fail_for_good(buffer, error);
        event_over_ = true;
        ++counts_.failed;
        return stop_sending();
    }
    // What others of this user have locked counts too, and may soon be given back.
    const bool hopeless =
        error == ENOMEM && batch_ == 1 && pending_ <= 1 && retries_in_a_row_ > alone_max;
    const bool refused = error == EOPNOTSUPP && options_.tls && !buffer.refused;
    if (refused) {
        buffer.refused = true;
        ++counts_.refused;
    }
    if ((error != 0 && !refused && !is_transient(error)) || hopeless ||
        retries_in_a_row_ > retries_max)
        fail_for_good(buffer, error);
    ++counts_.retries;
    ++retries_in_a_row_;
    if (error != 0 && error != ECANCELED && !refused) back_off_ = true;
    if (error == ENOMEM) short_of_memory_ = true;
    // MISUSE A17 has forgotten how far it was.
    if (plan_.misuse == Misuse::resend && error == 0 && !buffer.restarted) {
        buffer.accepted = 0;
        buffer.restarted = true;
    }
    const std::uint64_t there = buffer.spoiled ? moved(index) : index;
    again_.emplace(buffers_[there].message, there);
}

void Sender::fail_for_good(const Buffer& buffer, int error) const {
    check_receiver();
    throw Refusal(Status::unable,
                  fmt::format("drive: send of message {} failed: {}{}", buffer.message,
                              std::strerror(error), remedy_of(error, plan_)));
}

}  // namespace zcv::drive
