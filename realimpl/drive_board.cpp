#include "realimpl/drive_board.hpp"

#include <signal.h>
#include <sys/wait.h>

namespace zcv::drive {

void Board::fail(Status why, const std::string& what) {
    if (failed.exchange(true)) return;
    status = static_cast<int>(why);
    failure[what.copy(failure, sizeof failure - 1)] = '\0';
}

bool has_died(pid_t child) {
    siginfo_t info{};
    const int rc = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
    return rc != 0 || info.si_pid == child;
}

void await(const Board& board, Stage stage, pid_t child) {
    // No deadline of its own: the launcher's watchdog sees that nothing moves.
    while (board.stage.load() < stage) {
        if (board.failed || (child != 0 && has_died(child)))
            throw Refusal(Status::internal,
                          "drive: a process of this run died before it was ready");
        ::usleep(200);
    }
}

}  // namespace zcv::drive
