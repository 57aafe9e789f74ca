#include "realimpl/drive_run.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>

#include "realimpl/drive_children.hpp"
#include "realimpl/drive_limits.hpp"
#include "realimpl/drive_receiver.hpp"
#include "realimpl/drive_ring.hpp"
#include "realimpl/drive_sender.hpp"
#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"
#include "realimpl/netns.hpp"

namespace zcv::drive {

namespace {

using Clock = std::chrono::steady_clock;

// For a sender that is to end in the middle: its parent sees to the rest.
void run_in_child(Board& board, const SignalsHeld& signals, const std::function<void()>& body) {
    const pid_t child = start_child(board, signals, body);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0 && !board.failed)
        throw Refusal(Status::internal,
                      fmt::format("drive: the sender ended with wait status {}", status));
    if (status != 0) ::_exit(1);
}

// The sending process: makes the namespaces and is the receiver's parent, because the receiver must
// live under the same user namespace.
void send_all(const Plan& plan, Board& board, const SignalsHeld& signals) {
    const pid_t receiver = make_world(plan, board, signals, [&] { receive_all(plan, board); });
    const Sniffer sniffer(plan);
    const auto send = [&](pid_t watched) {
        limit_memory(plan);
        Sender(plan, board, watched).run();
    };
    if (plan.event == Event::exit || plan.event == Event::exec)
        run_in_child(board, signals, [&] { send(0); });
    else
        send(receiver);
    board.sent.mtu_probes =
        netns::tcp_counter("TCPMTUPSuccess") + netns::tcp_counter("TCPMTUPFail");
    board.stage = Stage::all_sent;
    if (receiver == 0) return;
    int status = 0;
    while (::waitpid(receiver, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status))
        throw Refusal(
            Status::internal,
            fmt::format("drive: signal {} ended the receiver: run again", WTERMSIG(status)));
}

std::uint64_t progress(const Board& board) {
    return board.completed + board.notified + board.received +
           static_cast<std::uint64_t>(board.stage.load());
}

// Also takes the receiver, which the death of the sender has killed and left to us.
void end_children(pid_t sender, const Board& board) {
    ::kill(sender, SIGKILL);
    reap(sender);
    if (board.receiver != 0) reap(board.receiver);
}

struct Watched {
    int signal = 0;  // that asked us to stop
    bool stalled = false;
    int status = 0;  // of the sender
};

Watched watch(const Plan& plan, const Board& board, pid_t sender, const SignalsHeld& signals) {
    std::uint64_t seen = progress(board);
    Clock::time_point moved = Clock::now();
    for (;;) {
        Watched watched;
        if (::waitpid(sender, &watched.status, WNOHANG) == sender) return watched;
        const int signal = signals.wait(100);
        if (signal > 0 && signal != SIGCHLD) watched.signal = signal;
        if (const std::uint64_t now = progress(board); now != seen) {
            seen = now;
            moved = Clock::now();
        }
        watched.stalled = Clock::now() - moved > std::chrono::milliseconds(plan.options.stall_ms);
        if (watched.signal == 0 && !watched.stalled) continue;
        end_children(sender, board);
        return watched;
    }
}

[[noreturn]] void refuse_stalled(const Plan& plan, const Board& board) {
    if (plan.options.drain && board.completed == 0)
        throw Refusal(Status::unable,
                      "drive: a drained zero-copy send never starts in this kernel (zcv explain "
                      "drain-6.18): leave out --drain, or use --api io_send");
    throw Refusal(Status::unable,
                  fmt::format("drive: nothing moved for {} ms ({} completed, {} notified, {} "
                              "received of {}): raise --stall-ms or --rate, or lower --size",
                              plan.options.stall_ms, board.completed.load(), board.notified.load(),
                              board.received.load(), plan.options.sends));
}

}  // namespace

Result run(const Plan& plan) {
    check_kernel(plan);
    const auto board = shared_board();
    Watched watched;
    {
        const SignalsHeld signals;
        const Subreaper subreaper;
        const pid_t sender = start_child(*board, signals, [&] { send_all(plan, *board, signals); });
        watched = watch(plan, *board, sender, signals);
        // A sender that failed took its receiver with it, and that one is ours to reap.
        if (watched.status != 0 && board->receiver != 0) reap(board->receiver);
    }
    if (watched.signal != 0) die_of(watched.signal);
    if (watched.stalled) refuse_stalled(plan, *board);
    if (WIFSIGNALED(watched.status) &&
        (WTERMSIG(watched.status) == SIGINT || WTERMSIG(watched.status) == SIGTERM))
        die_of(WTERMSIG(watched.status));
    if (board->failed) throw Refusal(static_cast<Status>(board->status), board->failure);
    if (watched.status != 0)
        throw Refusal(Status::internal,
                      fmt::format("drive: the sender ended with wait status {}", watched.status));
    return {board->sent, board->tally, board->xdp, board->isolated, board->note};
}

}  // namespace zcv::drive
