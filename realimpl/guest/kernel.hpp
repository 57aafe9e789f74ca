#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "realimpl/guest/archives.hpp"

// The kernel of a guest: one that is installed, a Debian package of one, or an image.
namespace zcv::guest {

struct Module {
    std::string name;  // "virtio_console", as lsmod has it
    Bytes bytes;       // not compressed
};

struct Kernel {
    std::string name;             // "6.12.117+deb12-cloud-amd64"
    std::string image;            // what qemu boots
    std::vector<Module> modules;  // each after those that it needs
};

struct KernelWanted {
    std::string word;     // a version ("6.12", "6.12.117"), a package or an image
    std::string modules;  // with an image: the folder of its modules; "" for where Debian puts them
    std::vector<std::string> load;  // modules; those that a kernel does not have it has built in,
                                    // or the command will miss
    bool fetch = false;             // download the package when there is none
};

// `folder` is where an image out of a package may be put. Throws Refusal(unable) when there is no
// such kernel, with the command that brings it; Refusal(usage) for a word that cannot be one.
Kernel find_kernel(const KernelWanted& wanted, const std::string& folder);

// Whether a kernel of this name ("6.12.117+deb12") is of that version ("6.12"), number by number.
bool is_version(const std::string& name, const std::string& version);

// The modules that `wanted` needs and itself, each after those that it needs. `packed` gives a
// module by its name: its file name and content, perhaps compressed; nothing when there is none.
using FindModule = std::function<std::pair<std::string, Bytes>(const std::string& name)>;
std::vector<Module> in_load_order(const std::vector<std::string>& wanted, const FindModule& packed);

}  // namespace zcv::guest
