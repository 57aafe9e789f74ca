#include "realimpl/guest/kernel.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "model/outcome.hpp"
#include "realimpl/guest/children.hpp"

namespace zcv::guest {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view image_prefix = "vmlinuz-";
constexpr std::string_view package_prefix = "linux-image-";

bool newer(const std::string& a, const std::string& b) {
    return strverscmp(a.c_str(), b.c_str()) > 0;
}

std::string without(std::string_view prefix, const std::string& name) {
    return name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : "";
}

// lsmod's name of "kernel/drivers/net/virtio-net.ko.xz"; empty for what is no module.
std::string module_name(const std::string& file) {
    std::string name = file.substr(file.rfind('/') + 1);
    const std::size_t end = name.find(".ko");
    if (end == std::string::npos) return "";
    name.resize(end);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

// The modules that a module names in its section .modinfo.
std::vector<std::string> needs_of(const Bytes& module) {
    static constexpr std::string_view key{"\0depends=", 9};
    const std::string_view text(module.data(), module.size());
    const std::size_t at = text.find(key);
    if (at == std::string_view::npos) return {};
    std::istringstream names(std::string(text.substr(at + key.size(), 1024).data()));
    std::vector<std::string> needs;
    for (std::string name; std::getline(names, name, ',');) {
        std::replace(name.begin(), name.end(), '-', '_');
        if (!name.empty()) needs.push_back(name);
    }
    return needs;
}

void load_after_needs(const std::string& name, const FindModule& packed, std::set<std::string>& had,
                      std::vector<Module>& order) {
    if (!had.insert(name).second) return;
    auto [file, content] = packed(name);
    if (file.empty()) return;
    Bytes bytes = unpacked(file, std::move(content));
    for (const std::string& need : needs_of(bytes)) load_after_needs(need, packed, had, order);
    order.push_back({name, std::move(bytes)});
}

fs::path cache_folder() {
    const char* const cache = std::getenv("XDG_CACHE_HOME");
    const char* const home = std::getenv("HOME");
    if (cache != nullptr && cache[0] == '/') return fs::path(cache) / "zcv" / "kernels";
    return fs::path(home != nullptr ? home : "/tmp") / ".cache" / "zcv" / "kernels";
}

// The newest kernel of this version among files that begin with `prefix`; empty when there is none.
std::string newest_in(const fs::path& folder, std::string_view prefix, const std::string& version) {
    std::string newest;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = without(prefix, entry.path().filename().string());
        if (!name.empty() && is_version(name, version) && (newest.empty() || newer(name, newest)))
            newest = name;
    }
    return newest.empty() ? "" : (folder / (std::string(prefix) + newest)).string();
}

Kernel kernel_of_image(const std::string& image, const KernelWanted& wanted) {
    Kernel kernel;
    kernel.image = image;
    kernel.name = without(image_prefix, fs::path(image).filename().string());
    if (kernel.name.empty()) kernel.name = fs::path(image).filename().string();
    const std::string folder =
        wanted.modules.empty() ? "/lib/modules/" + kernel.name : wanted.modules;
    std::map<std::string, std::string> files;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(folder, error))
        if (const std::string name = module_name(entry.path().string()); !name.empty())
            files[name] = entry.path().string();
    if (error && !wanted.modules.empty())
        throw Refusal(Status::usage, fmt::format("guest: --modules {}: {}: name the folder of the "
                                                 "kernel's modules",
                                                 folder, error.message()));
    kernel.modules = in_load_order(wanted.load, [&](const std::string& name) {
        const auto file = files.find(name);
        if (file == files.end()) return std::pair<std::string, Bytes>{};
        return std::pair(file->second, content_of(file->second));
    });
    return kernel;
}

Kernel kernel_of_package(const std::string& package, const KernelWanted& wanted,
                         const std::string& folder) {
    Kernel kernel;
    std::map<std::string, std::pair<std::string, Bytes>> modules;
    const auto is_image = [](const std::string& name) {
        return name.find("/boot/vmlinuz-") != std::string::npos;
    };
    each_file_of_package(
        package,
        [&](const std::string& name) { return is_image(name) || !module_name(name).empty(); },
        [&](const std::string& name, Bytes&& bytes) {
            if (!is_image(name)) {
                modules[module_name(name)] = {name, std::move(bytes)};
                return;
            }
            kernel.name = without(image_prefix, fs::path(name).filename().string());
            kernel.image = folder + "/vmlinuz";
            std::ofstream file(kernel.image, std::ios::binary);
            file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
            if (!file.flush())
                throw Refusal(Status::unable, fmt::format("guest: {}: cannot be written: {}",
                                                          kernel.image, std::strerror(errno)));
        });
    if (kernel.image.empty())
        throw Refusal(Status::usage,
                      fmt::format("guest: {}: holds no kernel: take a package like "
                                  "linux-image-6.12.9-cloud-amd64, not a meta-package; of one that "
                                  "comes in parts unpack them (dpkg -x), and name the image and "
                                  "its --modules",
                                  package));
    kernel.modules = in_load_order(wanted.load, [&](const std::string& name) {
        const auto module = modules.find(name);
        return module == modules.end() ? std::pair<std::string, Bytes>{} : module->second;
    });
    return kernel;
}

// The newest cloud kernel of this version that the package lists know; empty when there is none.
// Those are the smallest, and have what is needed.
std::string package_name(const std::string& version) {
    std::string newest;
    std::istringstream lines(
        output_of({"apt-cache", "pkgnames", std::string(package_prefix) + version}));
    for (std::string line; std::getline(lines, line);) {
        const std::string name = without(package_prefix, line);
        const std::string_view ends = "-cloud-amd64";
        if (name.size() <= ends.size() || !is_version(name, version)) continue;
        if (name.substr(name.size() - ends.size()) != ends) continue;
        // A meta-package: "6.12-cloud-amd64".
        if (std::count(name.begin(), name.end(), '.') < 2) continue;
        if (newest.empty() || newer(name, newest)) newest = name;
    }
    return newest.empty() ? "" : std::string(package_prefix) + newest;
}

std::string fetched(const std::string& version) {
    const std::string name = package_name(version);
    if (name.empty())
        throw Refusal(Status::unable,
                      fmt::format("guest: the package lists know no cloud kernel {}: run apt-get "
                                  "update (Debian 12 has 6.1, and 6.12 in bookworm-security), or "
                                  "name a package or an image",
                                  version));
    const fs::path folder = cache_folder();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || run_in(folder.string(), {"apt-get", "download", name}) != 0)
        throw Refusal(Status::unable,
                      fmt::format("guest: {} cannot be fetched into {}: see what apt-get download "
                                  "says, or name a package or an image",
                                  name, folder.string()));
    return newest_in(folder, package_prefix, version);
}

}  // namespace

bool is_version(const std::string& name, const std::string& version) {
    if (name.compare(0, version.size(), version) != 0) return false;
    return name.size() == version.size() ||
           std::isdigit(static_cast<unsigned char>(name[version.size()])) == 0;
}

std::vector<Module> in_load_order(const std::vector<std::string>& wanted,
                                  const FindModule& packed) {
    std::set<std::string> had;
    std::vector<Module> order;
    for (const std::string& name : wanted) load_after_needs(name, packed, had, order);
    return order;
}

Kernel find_kernel(const KernelWanted& wanted, const std::string& folder) {
    const std::string& word = wanted.word;
    std::error_code error;
    if (fs::is_regular_file(word, error)) {
        const bool package = word.size() > 4 && word.substr(word.size() - 4) == ".deb";
        return package ? kernel_of_package(word, wanted, folder) : kernel_of_image(word, wanted);
    }
    if (word.empty() || std::isdigit(static_cast<unsigned char>(word.front())) == 0)
        throw Refusal(Status::usage,
                      fmt::format("guest: {}: no such file: name a version like 6.12, a kernel "
                                  "package or a kernel image",
                                  word));
    const std::string installed = newest_in("/boot", image_prefix, word);
    if (!installed.empty() && access(installed.c_str(), R_OK) == 0)
        return kernel_of_image(installed, wanted);
    std::string package = newest_in(cache_folder(), package_prefix, word);
    if (package.empty() && wanted.fetch) package = fetched(word);
    if (package.empty())
        throw Refusal(Status::unable,
                      fmt::format("guest: no kernel {} here: add --fetch to download Debian's "
                                  "package of it (no root needed), or name a package or an image",
                                  word));
    return kernel_of_package(package, wanted, folder);
}

}  // namespace zcv::guest
