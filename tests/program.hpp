#pragma once

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

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

}  // namespace zcv::test
