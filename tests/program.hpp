#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "tests/trace_builder.hpp"

// Running a program from a test: what it said, and how it ended.
namespace zcv::test {

struct Ran {
    int status = -1;  // -1: it did not exit by itself
    std::string out;
    std::string err;
};

inline std::string text_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string shell_quoted(const std::string& word) {
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

inline Ran run_shell(const std::string& command) {
    const TempDir dir;
    const std::string line = "( " + command + " ) >" + shell_quoted(dir / "out") + " 2>" +
                             shell_quoted(dir / "err") + " </dev/null";
    const int ended = std::system(line.c_str());
    Ran ran;
    if (WIFEXITED(ended)) ran.status = WEXITSTATUS(ended);
    ran.out = text_of_file(dir / "out");
    ran.err = text_of_file(dir / "err");
    return ran;
}

inline std::size_t lines_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

struct RunCost {
    double seconds = 0;  // processor time
    double mib = 0;      // resident at most
};

// Of a shell command whose output goes nowhere.
inline RunCost cost_of(const std::string& command) {
    const pid_t child = ::fork();
    if (child == 0) {
        const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        ::dup2(nowhere, STDOUT_FILENO);
        ::dup2(nowhere, STDERR_FILENO);
        ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
        std::_Exit(127);
    }
    int ended = 0;
    rusage usage{};
    if (child < 0 || ::wait4(child, &ended, 0, &usage) != child)
        throw std::system_error(errno, std::generic_category(), command);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) > 3)
        throw std::runtime_error("it did not do what it was to: " + command);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
            static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace zcv::test
