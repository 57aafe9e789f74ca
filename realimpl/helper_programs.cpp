#include "realimpl/helper_programs.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "model/outcome.hpp"

namespace zcv {
namespace {

bool runnable(const std::filesystem::path& path) {
    std::error_code unreachable;  // a folder of PATH that we may not enter holds nothing for us
    return std::filesystem::is_regular_file(path, unreachable) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_program(const std::string& name, const std::string& further) {
    if (name.find('/') != std::string::npos)
        return runnable(name) ? std::filesystem::absolute(name).string() : "";
    const char* path = std::getenv("PATH");
    std::istringstream directories(fmt::format("{}:{}", path ? path : "/bin:/usr/bin", further));
    for (std::string directory; std::getline(directories, directory, ':');)
        if (!directory.empty() && runnable(directory + "/" + name)) return directory + "/" + name;
    return "";
}

std::string find_helper_or_none(const std::string& name, const std::string& variable) {
    if (const char* named = std::getenv(variable.c_str())) {
        if (runnable(named)) return named;
        throw Refusal(Status::unable, fmt::format("{}: {}: no such program: unset it or name {}",
                                                  variable, named, name));
    }
    std::error_code error;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& place : {own / name, own / "../libexec/zcv" / name})
        if (runnable(place)) return place.string();
    return find_program(name);
}

std::string find_helper(const std::string& name, const std::string& variable) {
    const std::string program = find_helper_or_none(name, variable);
    if (!program.empty()) return program;
    throw Refusal(Status::unable, fmt::format("{} is neither beside zcv nor in PATH: install both, "
                                              "or name it in {}",
                                              name, variable));
}

}  // namespace zcv
