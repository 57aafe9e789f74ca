#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

// What /proc says of processes and their network namespaces.
namespace drive_test {

inline std::vector<pid_t> children_of(pid_t parent) {
    std::ostringstream path;
    path << "/proc/" << parent << "/task/" << parent << "/children";
    std::ifstream file(path.str());
    std::vector<pid_t> children;
    for (pid_t child = 0; file >> child;) children.push_back(child);
    return children;
}

inline bool is_running(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) return false;
    const std::size_t state = line.rfind(')') + 2;
    return state < line.size() && line[state] != 'Z' && line[state] != 'X';
}

inline bool soon(const std::function<bool()>& what) {
    for (int i = 0; i < 500; ++i, ::usleep(10'000))
        if (what()) return true;
    return false;
}

inline std::string network_of(pid_t pid) {
    char name[64] = {};
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
    return ::readlink(path.c_str(), name, sizeof name - 1) > 0 ? name : "";
}

inline bool somebody_is_in(const std::string& network) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && network_of(pid) == network) return true;
    }
    return false;
}

}  // namespace drive_test
