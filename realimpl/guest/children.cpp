#include "realimpl/guest/children.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "realimpl/capture_pipe.hpp"

namespace zcv::guest {
namespace {

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void become(const std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv.front(), argv.data());
    _exit(127);
}

std::string output_of(const std::vector<std::string>& words) {
    Pipe output = make_pipe();
    const pid_t child = fork();
    if (child == 0) {
        dup2(output.write_end.get(), STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        become(words);
    }
    output.write_end.close();
    std::string text;
    std::array<char, 4096> block{};
    for (;;) {
        const ssize_t n = read(output.read_end.get(), block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        text.append(block.data(), static_cast<std::size_t>(n));
    }
    wait_for(child);
    return text;
}

int run_in(const std::string& folder, const std::vector<std::string>& words) {
    const pid_t child = fork();
    if (child == 0) {
        if (chdir(folder.c_str()) != 0) _exit(127);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        become(words);
    }
    return wait_for(child);
}

}  // namespace zcv::guest
