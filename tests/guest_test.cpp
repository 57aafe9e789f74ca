// Guests: which kernel a word means, what its machine begins with, and one of them at work where
// qemu and a kernel are there.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "model/outcome.hpp"
#include "realimpl/guest/archives.hpp"
#include "realimpl/guest/kernel.hpp"
#include "tests/program.hpp"

using namespace zcv;
using namespace zcv::test;
using namespace zcv::guest;

namespace {

Bytes content(const std::string& text) {
    return {text.begin(), text.end()};
}

std::string folder_of(const TempDir& dir) {
    return std::filesystem::path(dir / "x").parent_path().string();
}

// As much of a module as is looked at.
Bytes module_that_needs(const std::string& names) {
    using namespace std::string_literals;
    return content("\x7f"s + "ELF...license=GPL\0depends="s + names + "\0name=x\0"s);
}

std::vector<std::string> names_of(const std::vector<Module>& modules) {
    std::vector<std::string> names;
    for (const Module& module : modules) names.push_back(module.name);
    return names;
}

Ran zcv_guest(const std::string& words) {
    return run_shell(shell_quoted(ZCV_PROGRAM) + " guest " + words);
}

void write(const std::filesystem::path& file, const Bytes& bytes) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("a version is one number by number", "[guest]") {
    CHECK(is_version("6.1.0-56-cloud-amd64", "6.1"));
    CHECK(is_version("6.12.117+deb12-cloud-amd64", "6.12"));
    CHECK(is_version("6.12.117+deb12-cloud-amd64", "6.12.117"));
    CHECK(is_version("6.12", "6.12"));
    CHECK_FALSE(is_version("6.12.117+deb12-cloud-amd64", "6.1"));
    CHECK_FALSE(is_version("6.12.117+deb12-cloud-amd64", "6.12.11"));
    CHECK_FALSE(is_version("6.1.0-56-cloud-amd64", "6.12"));
}

TEST_CASE("modules come after those that they need, each once", "[guest]") {
    const std::map<std::string, Bytes> there{
        {"virtio_net", module_that_needs("net-failover,virtio")},
        {"net_failover", module_that_needs("failover")},
        {"failover", module_that_needs("")},
        {"virtio", module_that_needs("")},
        {"veth", module_that_needs("built_in")}};
    const auto find = [&](const std::string& name) {
        const auto at = there.find(name);
        if (at == there.end()) return std::pair<std::string, Bytes>{};
        return std::pair(name + ".ko", at->second);
    };
    CHECK(names_of(in_load_order({"veth", "virtio_net", "failover", "not_there"}, find)) ==
          std::vector<std::string>{"veth", "failover", "net_failover", "virtio", "virtio_net"});
}

TEST_CASE("a kernel and its modules come out of a Debian package", "[guest]") {
    if (run_shell("command -v dpkg-deb && command -v xz").status != 0) {
        WARN("not tried: dpkg-deb and xz make the package");
        return;
    }
    const TempDir dir;
    const std::filesystem::path tree = dir / "tree";
    write(tree / "DEBIAN/control", content("Package: linux-image-6.99.3-cloud-amd64\nVersion: 1\n"
                                           "Architecture: amd64\nMaintainer: nobody <n@x.org>\n"
                                           "Description: a kernel that boots nowhere\n"));
    write(tree / "boot/vmlinuz-6.99.3-cloud-amd64", content("the image"));
    const std::filesystem::path modules = tree / "lib/modules/6.99.3-cloud-amd64/kernel";
    write(modules / "drivers/net/veth-pair.ko", module_that_needs("inner"));
    write(modules / "lib/inner.ko", module_that_needs(""));
    REQUIRE(run_shell("xz " + shell_quoted((modules / "lib/inner.ko").string()) +
                      " && dpkg-deb -b " + shell_quoted(tree.string()) + " " +
                      shell_quoted(dir / "kernel.deb"))
                .status == 0);
    const Kernel kernel =
        find_kernel({dir / "kernel.deb", "", {"veth_pair", "absent"}, false}, folder_of(dir));
    CHECK(kernel.name == "6.99.3-cloud-amd64");
    CHECK(text_of_file(kernel.image) == "the image");
    REQUIRE(names_of(kernel.modules) == std::vector<std::string>{"inner", "veth_pair"});
    CHECK(kernel.modules[0].bytes == module_that_needs(""));
}

TEST_CASE("an initramfs holds a program with all that it loads", "[guest]") {
    if (run_shell("command -v cpio").status != 0) {
        WARN("not tried: cpio reads it back");
        return;
    }
    const TempDir dir;
    Initramfs root(dir / "initramfs");
    root.add("/init", "first", 5, 0755);
    root.add("/etc/deep/name", "x", 1, 0600);
    root.add_program("/bin/ls");
    root.add_program("/bin/ls");  // once is enough
    root.finish();
    const Ran list = run_shell("cpio -tv < " + shell_quoted(dir / "initramfs"));
    INFO(list.out);
    CHECK(list.out.find("-rwxr-xr-x") != std::string::npos);
    CHECK(list.out.find(" etc/deep\n") < list.out.find(" etc/deep/name\n"));
    CHECK(list.out.find("libc.so.6\n") != std::string::npos);
    CHECK(list.out.find("bin/ls\n") == list.out.rfind("bin/ls\n"));
    const Ran unpacked = run_shell("cd " + shell_quoted(folder_of(dir)) +
                                   " && mkdir root && cd root && cpio -id < ../initramfs 2>&1 && "
                                   "cmp bin/ls /bin/ls && cat init");
    CHECK(unpacked.status == 0);
    CHECK(unpacked.out.find("first") != std::string::npos);
}

TEST_CASE("what cannot be a guest is refused in one line", "[guest][cli]") {
    const TempDir dir;
    const struct {
        std::string words;
        int status;
        std::string says;
    } cases[] = {
        {"6.12", 2, "what? Give a command after --"},
        {"nonsense -- drive udp", 2, "nonsense: no such file: name a version"},
        {"3.2 -- drive udp", 4, "no kernel 3.2 here: add --fetch"},
        {shell_quoted(ZCV_PROGRAM) + " --modules /none -- drive udp", 2, "--modules /none"},
        {"6.12 --events nothing -- drive udp", 2, "nothing"},
        {"6.12 --smp 0 -- drive udp", 2, "--smp"},
        {"6.12 --nic e1000 -- drive udp", 2, "--nic"},
        {"6.12 -o /nowhere/x.zct -- drive udp", 2, "/nowhere/x.zct"},
        // Both may be repeated, so it is the kernel that is refused.
        {"3.2 --with ls --with cat --load xfs --load tls -- drive udp", 4, "no kernel 3.2"},
    };
    for (const auto& each : cases) {
        const Ran ran = zcv_guest(each.words);
        INFO(each.words << ": " << ran.err);
        CHECK(ran.status == each.status);
        CHECK(ran.err.find(each.says) != std::string::npos);
        CHECK(lines_in(ran.err) == 1);
    }
    write(dir / "broken.deb", content("no package at all"));
    const Ran broken = zcv_guest(shell_quoted(dir / "broken.deb") + " -- drive udp");
    CHECK(broken.status == 2);
    CHECK(broken.err.find("is no Debian package") != std::string::npos);
}
