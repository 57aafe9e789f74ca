#include "realimpl/capture_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <system_error>

#include "model/outcome.hpp"
#include "traces/file_words.hpp"

namespace zcv {

Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    return {Fd{ends[0]}, Fd{ends[1]}};
}

Fd open_pidfd(int pid) {
    const long fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "pidfd_open");
    return Fd{static_cast<int>(fd)};
}

namespace {

[[noreturn]] void refuse(const std::string& name, int error) {
    throw Refusal(Status::usage,
                  fmt::format("cannot run {}: {}", printable(name), std::strerror(error)));
}

// 0, or why this file cannot be run.
int why_not_runnable(const std::string& path) {
    struct stat entry {};
    if (stat(path.c_str(), &entry) != 0) return errno;
    if (S_ISDIR(entry.st_mode)) return EISDIR;
    return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

}  // namespace

void check_runnable(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        if (const int error = why_not_runnable(name)) refuse(name, error);
        return;
    }
    const char* path = std::getenv("PATH");
    std::istringstream directories{path ? path : "/bin:/usr/bin"};
    int error = ENOENT;
    for (std::string directory; std::getline(directories, directory, ':');) {
        const int why = why_not_runnable((directory.empty() ? "." : directory) + "/" + name);
        if (why == 0) return;
        if (why == EACCES) error = why;
    }
    refuse(name, error);
}

int exit_status_of(int wait_status) {
    if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
    return 128 + (WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0);
}

Command::Command(const std::vector<std::string>& words, const sigset_t& signals)
    : go_(make_pipe()), failure_(make_pipe()), name_(words.front()) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) be_the_child(words, signals, parent);
    go_.read_end.close();
    failure_.write_end.close();
    pidfd_ = open_pidfd(pid_);
}

Command::~Command() {
    go_.write_end.close();  // the child that still waits sees the end of its pipe and exits
    if (!reaped_) wait();
}

void Command::be_the_child(const std::vector<std::string>& words, const sigset_t& signals,
                           pid_t parent) {
    // A command must not go on alone, half observed, when zcv is killed.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    go_.write_end.close();
    failure_.read_end.close();
    char go = 0;
    if (getppid() != parent || read(go_.read_end.get(), &go, 1) != 1) _exit(127);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    execvp(argv.front(), argv.data());
    const int error = errno;
    if (write(failure_.write_end.get(), &error, sizeof(error)) < 0) _exit(126);
    _exit(127);
}

void Command::release() {
    const char go = 1;
    if (write(go_.write_end.get(), &go, 1) != 1) refuse(name_, errno);
    int error = 0;
    ssize_t got = 0;
    do got = read(failure_.read_end.get(), &error, sizeof(error));
    while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof(error))) refuse(name_, error);
}

void Command::signal(int number) const {
    if (!reaped_) syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

int Command::wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return exit_status_of(status);
}

}  // namespace zcv
