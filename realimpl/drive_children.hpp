#pragma once

#include <signal.h>
#include <unistd.h>

#include <functional>
#include <memory>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"

namespace zcv::drive {

// Signals are taken one at a time between two looks at the children, so no handler is needed.
class SignalsHeld {
  public:
    SignalsHeld() {
        ::sigemptyset(&held_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&held_, signal);
        ::sigprocmask(SIG_BLOCK, &held_, &before_);
    }
    ~SignalsHeld() { restore(); }
    void restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    int wait(long milliseconds) const {
        const timespec timeout{0, milliseconds * 1'000'000};
        return ::sigtimedwait(&held_, nullptr, &timeout);
    }

  private:
    sigset_t held_{};
    sigset_t before_{};
};

struct Unmap {
    void operator()(Board* board) const;
};

// A board that children will share.
std::unique_ptr<Board, Unmap> shared_board();

// Runs the body in a child that dies with its parent and reports through the board.
pid_t start_child(Board& board, const SignalsHeld& signals, const std::function<void()>& body);

void reap(pid_t pid);

// While it lives, orphans of our children become ours, so that none is left behind.
class Subreaper {
  public:
    Subreaper();
    ~Subreaper();
    Subreaper(const Subreaper&) = delete;
    Subreaper& operator=(const Subreaper&) = delete;

  private:
    int before_ = 0;
};

// Whoever asked us to stop should see that we died of it.
void die_of(int signal);

// The plan's world around this process, ready for the first send: with the receiver's process,
// which runs `receive`, as its child. 0 when nobody receives.
pid_t make_world(const Plan& plan, Board& board, const SignalsHeld& signals,
                 const std::function<void()>& receive);

}  // namespace zcv::drive
