// What happens while data is on its way.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "realimpl/drive_sender.hpp"

namespace zcv::drive {

bool Sender::event_is_due() const {
    if (event_over_ || ending_ || next_message_ < plan_.event_at) return false;
    switch (plan_.event) {
        case Event::none:
        case Event::peer_reset:
        case Event::link_timeout:
            return false;
        case Event::cancel:
            // Best of all a request that waits for a receiver; at the end any will do.
            if (next_message_ == options_.sends && pending_ > 0) return true;
            return uncompleted_ > 0 && (quiet_ || options_.pause_ms == 0);
        default:
            // The more is in flight, the more there is to meet; at the end any will do.
            if (uncompleted_ > 0 || pending_ == 0) return false;
            return pending_ >= options_.buffers / 2 || next_message_ == options_.sends;
    }
}

void Sender::on_event() {
    event_over_ = true;
    counts_.event_in_flight = pending_;
    const bool spoils = plan_.misuse != Misuse::none;
    switch (plan_.event) {
        case Event::none:
        case Event::peer_reset:
        case Event::link_timeout:
            break;
        case Event::cancel:
            cancel_all();
            break;
        case Event::ring_exit:
            transport_->close();
            if (spoils) spoil_all();
            abandon_all();
            transport_->open();
            break;
        case Event::unregister:
            transport_->unregister_buffers();
            if (spoils) spoil_all();
            transport_->register_buffers();
            break;
        case Event::close:
        case Event::shutdown:
            shut_ = true;
            if (plan_.event == Event::close)
                socket_.close();
            else
                ::shutdown(socket_.fd(), SHUT_RDWR);
            if (spoils) spoil_all();
            stop_sending();
            // The error queue went with the socket.
            if (plan_.event == Event::close && !is_ring(plan_.api)) abandon_all();
            break;
        case Event::fork:
            fork_child();
            if (spoils) spoil_all();
            break;
        case Event::remap:
            remap_all();
            if (spoils) spoil_all();
            break;
        case Event::exit:
        case Event::exec:
            leave();
    }
}

void Sender::cancel_all() {
    std::vector<std::uint64_t> names;
    for (const auto& [name, requests] : requests_) names.push_back(name);
    transport_->cancel(names);
}

// A cancel or a linked timeout has an answer of its own; the send it was about has another.
void Sender::on_cancelled(const Said& said) {
    const bool timed_out = said.what == Said::What::timed_out;
    const bool hit = said.result == (timed_out ? -ETIME : 0);
    if (hit) ++counts_.event_hits;
    const Misuse belief = timed_out ? Misuse::link_timeout : Misuse::cancel;
    if (plan_.misuse != belief || (timed_out && !hit)) return;
    const auto found = requests_.find(said.name);
    if (found == requests_.end() || found->second.front().buffer == no_buffer) return;
    const std::uint64_t buffer = found->second.front().buffer;
    if (!buffers_[buffer].spoiled) spoil(buffer);
}

// The child keeps what it has inherited of the memory, and nothing else.
void Sender::fork_child() {
    const pid_t parent = ::getpid();
    child_ = ::fork();
    if (child_ < 0) throw_errno("fork");
    if (child_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ::close_range(3, ~0U, 0);
    for (;;) ::pause();
}

void Sender::remap_all() {
    for (const Buffer& buffer : buffers_) {
        if (!buffer.is_sent() || buffer.outstanding == 0) continue;
        void* const there = ::mmap(buffer.room.data(), buffer.room.size(), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
        if (there == MAP_FAILED) throw_errno("map other pages");
    }
}

// Without any clean-up, as a crash would.
void Sender::leave() {
    counts_.abandoned += outstanding();
    publish();
    if (plan_.event == Event::exec) {
        const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        ::dup2(nothing, 1);
        ::execl("/proc/self/exe", "zcv", "--version", nullptr);
        throw_errno("execute another program");
    }
    ::_exit(0);
}

}  // namespace zcv::drive
