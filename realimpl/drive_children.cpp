#include "realimpl/drive_children.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>

#include "realimpl/drive_socket.hpp"
#include "realimpl/drive_world.hpp"

namespace zcv::drive {

void Unmap::operator()(Board* board) const {
    ::munmap(board, sizeof *board);
}

std::unique_ptr<Board, Unmap> shared_board() {
    void* const memory =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_errno("get shared memory");
    return std::unique_ptr<Board, Unmap>(new (memory) Board);
}

pid_t start_child(Board& board, const SignalsHeld& signals, const std::function<void()>& body) {
    std::fflush(nullptr);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("start a process");
    if (pid > 0) return pid;
    signals.restore();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    int status = 0;
    try {
        body();
    } catch (const Refusal& refusal) {
        board.fail(refusal.status(), refusal.what());
        status = 1;
    } catch (const std::exception& error) {
        board.fail(Status::internal, fmt::format("internal error: {}", error.what()));
        status = 1;
    }
    ::_exit(status);
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Subreaper::Subreaper() {
    ::prctl(PR_GET_CHILD_SUBREAPER, &before_);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Subreaper::~Subreaper() {
    ::prctl(PR_SET_CHILD_SUBREAPER, before_);
}

void die_of(int signal) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

pid_t make_world(const Plan& plan, Board& board, const SignalsHeld& signals,
                 const std::function<void()>& receive) {
    enter_world(plan, board);
    pid_t receiver = 0;
    if (plan.has_receiver()) {
        receiver = start_child(board, signals, receive);
        board.receiver = receiver;
        await(board, Stage::peer_isolated, receiver);
    }
    make_devices(plan, board, receiver);
    if (receiver != 0) {
        board.stage = Stage::link_made;
        await(board, Stage::listening, receiver);
    }
    await_devices(plan);
    return receiver;
}

}  // namespace zcv::drive
