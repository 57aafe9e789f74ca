// The application's side of the rules: when a buffer is its own again, and how the misuses get
// that wrong.
#include <algorithm>
#include <cerrno>

#include "realimpl/drive_sender.hpp"

namespace zcv::drive {

bool Sender::is_chained() const {
    if (plan_.misuse == Misuse::unchained) return false;
    return stream_ ? options_.waitall || !is_ring(plan_.api) : options_.link;
}

bool Sender::goes_by_the_first_cqe() const {
    switch (plan_.misuse) {
        case Misuse::first_cqe:
        case Misuse::last_chunk:  // the last chunk's own completion is the message's
            return true;
        case Misuse::copied_is_safe:
            return told_copied_;
        default:
            return false;
    }
}

// These do not look at the name of a notification: it is for the oldest they know of.
bool Sender::keeps_a_queue() const {
    return plan_.misuse == Misuse::fifo_notifs || plan_.misuse == Misuse::error_no_notif ||
           plan_.misuse == Misuse::cancelled_no_notif;
}

void Sender::after_completion(const Said& said) {
    const auto found = requests_.find(said.name);
    const Request request = found->second.back();
    const bool forgotten =
        (plan_.misuse == Misuse::error_no_notif && said.result < 0) ||
        (plan_.misuse == Misuse::cancelled_no_notif && said.result == -ECANCELED);
    if (keeps_a_queue() && said.more && !forgotten) queue_.push_back(request);
    if (plan_.misuse == Misuse::recycled_names && said.more) names_.push_back(said.name);
    // MISUSE B1 waits for a second CQE all the same.
    if (said.more || plan_.misuse == Misuse::expect_two) return;
    found->second.pop_back();
    if (found->second.empty()) requests_.erase(found);
    --pending_;
}

void Sender::after_notification(const Said& said, Request request) {
    if (keeps_a_queue()) release_oldest();
    if (request.buffer == no_buffer) return;
    if (plan_.misuse == Misuse::recycled_names) {
        // Under this name the application knows the newest request only.
        const auto others = requests_.find(said.name);
        if (others != requests_.end() && buffers_[others->second.back().belief].is_sent())
            std::swap(others->second.back().belief, request.belief);
        if (buffers_[request.belief].is_sent()) release(request.belief);
    }
    Buffer& buffer = buffers_[request.buffer];
    if (buffer.retired && buffer.outstanding == 0) {
        buffer.retired = false;
        spare_.push_back(request.buffer);
    }
    if (plan_.misuse == Misuse::notif_as_result && buffer.is_sent() && !buffer.resent)
        send_again(request.buffer);
    release_if_done(request.buffer);
}

// Somebody's notification, but nobody waits for it.
void Sender::after_stranger() {
    if (keeps_a_queue()) release_oldest();
}

void Sender::after_overflow() {
    if (plan_.misuse != Misuse::overflow_is_lost) return;
    for (std::uint64_t i = 0; i < buffers_.size(); ++i)
        if (buffers_[i].is_sent()) release(i);
}

// Conforming: the buffer is ours again when every announced notification has come.
void Sender::release_if_done(std::uint64_t index) {
    Buffer& buffer = buffers_[index];
    if (!buffer.is_sent()) return;
    const bool dropped = plan_.misuse == Misuse::dropped && buffer.message % 4 == 3;
    if (dropped && buffer.outstanding > 0 && !buffer.spoiled) spoil(index);
    if (buffer.outstanding == 0 || goes_by_the_first_cqe()) release(index);
}

void Sender::release(std::uint64_t index) {
    buffers_[index].in_use = false;
    free_.push_back(index);
}

void Sender::release_oldest() {
    if (queue_.empty()) return;
    const Request oldest = queue_.front();
    queue_.pop_front();
    if (oldest.buffer == no_buffer) return;
    const Buffer& buffer = buffers_[oldest.buffer];
    if (buffer.is_sent() && buffer.message == oldest.message) release(oldest.buffer);
}

void Sender::send_again(std::uint64_t index) {
    if (ending_) return;
    buffers_[index].resent = true;
    buffers_[index].accepted = 0;
    again_.emplace(buffers_[index].message, index);
}

// A stray write: a message that is never sent goes where one may still be in flight.
void Sender::spoil(std::uint64_t index) {
    Buffer& buffer = buffers_[index];
    ++counts_.rewrites;
    if (buffer.is_held()) ++counts_.rewrites_early;
    buffer.spoiled = true;
    write_message(buffer.bytes(), options_.seed, options_.sends + spoils_++);
}

void Sender::spoil_all() {
    for (std::uint64_t i = 0; i < buffers_.size(); ++i)
        if (buffers_[i].is_sent() && buffers_[i].outstanding > 0) spoil(i);
}

// What is still to be sent of a spoiled message goes from another buffer.
std::uint64_t Sender::moved(std::uint64_t index) {
    Buffer& old = buffers_[index];
    std::uint64_t there = index;
    if (!spare_.empty()) {
        there = spare_.front();
        spare_.pop_front();
        buffers_[there].message = old.message;
        buffers_[there].size = old.size;
        buffers_[there].accepted = old.accepted;
        buffers_[there].in_use = buffers_[there].written = true;
        old.in_use = false;
        old.retired = old.outstanding > 0;
        if (!old.retired) spare_.push_back(index);
    }
    buffers_[there].spoiled = false;
    write_message(buffers_[there].bytes(), options_.seed, buffers_[there].message);
    return there;
}

void Sender::stop_sending() {
    ending_ = true;
    again_.clear();
}

// Nobody is left who could be told. Their buffers must never be written again.
void Sender::abandon_all() {
    counts_.abandoned += outstanding();
    requests_.clear();
    pending_ = uncompleted_ = 0;
    for (Buffer& buffer : buffers_) {
        if (!buffer.in_use || buffer.outstanding == 0 || spare_.empty()) continue;
        buffer.in_use = false;
        free_.push_back(spare_.front());
        spare_.pop_front();
    }
}

// A misuse that ends in waiting for ever waits this long.
void Sender::give_up_if_hung() {
    const auto silence = Clock::now() - heard_;
    if (plan_.harm != Harm::hang || uncompleted_ > 0 || pending_ == 0 ||
        silence < std::chrono::milliseconds(300))
        return;
    counts_.awaited_in_vain = pending_;
    abandon_all();
    stop_sending();
}

}  // namespace zcv::drive
