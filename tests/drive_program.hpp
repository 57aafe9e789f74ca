#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

// Runs the zcv program, or a function in a child, and returns what it said and how it ended.
namespace drive_test {

struct Ran {
    int status = -1;  // exit status, or 128 + signal
    std::string out;
    std::string err;
};

inline std::string drained(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::read(fd, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(n));
    ::close(fd);
    return text;
}

// A child whose streams are pipes. Both are short, so one after the other cannot block.
struct Child {
    pid_t pid = -1;
    int out = -1;
    int err = -1;

    Ran wait() const {
        Ran ran;
        ran.out = drained(out);
        ran.err = drained(err);
        int status = 0;
        ::waitpid(pid, &status, 0);
        ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return ran;
    }
};

inline Child started(const std::function<void()>& body) {
    int out[2];
    int err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return {};
    // Catch2 catches signals; a child that is signalled before it runs its program must not.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
        ::dup2(out[1], 1);
        ::dup2(err[1], 2);
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        body();
        ::_exit(120);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::close(out[1]);
    ::close(err[1]);
    return {pid, out[0], err[0]};
}

inline void execute(const std::string& program, const std::vector<std::string>& arguments) {
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
}

inline Ran run_zcv(const std::vector<std::string>& arguments) {
    return started([&] { execute(ZCV_PROGRAM, arguments); }).wait();
}

}  // namespace drive_test
