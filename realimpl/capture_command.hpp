#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "realimpl/capture_pipe.hpp"

namespace zcv {

// The command whose sends are captured. It exists, as a process that waits, before its program
// runs: so the probes can be attached to it first.
class Command {
  public:
    // `signals` is the mask the program shall start with.
    Command(const std::vector<std::string>& words, const sigset_t& signals);
    ~Command();  // ends what was never released
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    // Lets the program run. Throws Refusal(usage) when it cannot.
    void release();
    void signal(int number) const;
    // Waits for the end: the exit status as a shell counts it, 128 and the signal included.
    int wait();

  private:
    [[noreturn]] void be_the_child(const std::vector<std::string>& words, const sigset_t& signals,
                                   pid_t parent);

    Pipe go_;
    Pipe failure_;
    pid_t pid_ = -1;
    Fd pidfd_;
    std::string name_;
    bool reaped_ = false;
};

// 0..255 from a wait status.
int exit_status_of(int wait_status);

}  // namespace zcv
