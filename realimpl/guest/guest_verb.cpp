#include "realimpl/guest/guest_verb.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "realimpl/guest/archives.hpp"
#include "realimpl/guest/init.h"
#include "realimpl/guest/kernel.hpp"
#include "realimpl/guest/machine.hpp"
#include "realimpl/helper_programs.hpp"
#include "traces/event_sets.hpp"
#include "traces/file_words.hpp"

namespace zcv {
namespace {

namespace fs = std::filesystem;
using namespace guest;

// What drive's worlds and the ways out are made of, and what a workload may shape its links with.
const std::vector<std::string> modules_of_every_guest{
    "virtio_pci",   "virtio_console", "virtio_rng", "veth",        "ifb",           "dummy",
    "tun",          "sch_tbf",        "sch_netem",  "sch_ingress", "cls_u32",       "cls_bpf",
    "cls_matchall", "act_mirred",     "tls",        "ctr",         "ghash_generic", "gcm",
    "virtio_net",   "vmxnet3"};

// What drive sets up its worlds with, and what doctor tries a capture on.
const std::vector<std::string> tools_of_every_guest{"ip", "tc", "true"};

struct Options {
    KernelWanted kernel;
    MachineOptions machine;
    std::string output;
    std::string console;
    std::string hash = "none";
    std::string events = "default,ubuf-ref";  // these kernels take function probes
    std::vector<std::string> with;
    std::vector<std::string> command;
};

// A folder of its own that goes with this object.
class Folder {
  public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "zcv-guest-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw Refusal(Status::unable, fmt::format("guest: {}: {}: name a folder that can be "
                                                      "written in TMPDIR",
                                                      pattern, std::strerror(errno)));
        path_ = pattern;
    }
    ~Folder() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

std::string own_program() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error).string();
}

// ip and tc are the administrator's.
std::string program_here(const std::string& name) {
    return find_program(name, "/usr/sbin:/sbin");
}

std::string needed_program(const std::string& name) {
    const std::string path = program_here(name);
    if (!path.empty()) return path;
    throw Refusal(
        Status::usage,
        fmt::format("guest: {}: no such program here, so the guest cannot have it", name));
}

// A program, or any file by its path.
std::string needed_file(const std::string& name) {
    std::error_code error;
    const bool is_path = name.find('/') != std::string::npos;
    if (is_path && fs::is_regular_file(name, error)) return fs::absolute(name).string();
    return needed_program(name);
}

// A verb of zcv stands for zcv itself.
bool is_own_verb(const std::string& word) {
    return word == "drive" || word == "doctor";
}

std::string program_for_guest(const Options& options) {
    const std::string& first = options.command.front();
    return is_own_verb(first) ? own_program() : needed_program(first);
}

// The words that the guest runs. With an output, what runs is captured.
std::vector<std::string> words_for_guest(const Options& options) {
    const std::string zcv = own_program();
    std::vector<std::string> words;
    if (!options.output.empty())
        words = {zcv,
                 "capture",
                 "-o",
                 ZCV_GUEST_TRACE,
                 "--output-name",
                 options.output,
                 "--hash",
                 options.hash,
                 "--events",
                 options.events,
                 "--"};
    words.push_back(program_for_guest(options));
    if (is_own_verb(options.command.front())) words.push_back(options.command.front());
    words.insert(words.end(), options.command.begin() + 1, options.command.end());
    return words;
}

void write_initramfs(const std::string& file, const Options& options, const Kernel& kernel) {
    Initramfs root(file);
    root.add("/init", content_of(find_helper("zcv-guest-init", "ZCV_GUEST_INIT")), 0755);
    std::string list;
    for (const Module& module : kernel.modules) {
        const std::string name = "/lib/zcv-modules/" + module.name + ".ko";
        root.add(name, module.bytes, 0644);
        list += name + "\n";
    }
    root.add(ZCV_GUEST_MODULES, list.data(), list.size(), 0644);
    std::string words;
    for (const std::string& word : words_for_guest(options)) words += word + '\0';
    root.add(ZCV_GUEST_COMMAND, words.data(), words.size(), 0644);
    root.add_program(own_program());
    root.add_program(program_for_guest(options));
    const std::string observer = find_helper_or_none("zcv-capture", "ZCV_CAPTURE");
    if (!options.output.empty() || !observer.empty())
        root.add_program(find_helper("zcv-capture", "ZCV_CAPTURE"));
    for (const std::string& name : tools_of_every_guest)
        if (const std::string tool = program_here(name); !tool.empty()) root.add_program(tool);
    for (const std::string& name : options.with) root.add_program(needed_file(name));
    root.finish();
}

void keep_console(const Options& options, const std::string& folder) {
    if (options.console.empty()) return;
    std::error_code error;
    fs::copy_file(folder + "/console.log", options.console, fs::copy_options::overwrite_existing,
                  error);
    if (error)
        fmt::print(stderr, "zcv: guest: {}: {}\n", printable(options.console), error.message());
}

void keep_trace(const Options& options, const std::string& folder) {
    std::error_code error;
    const std::string trace = folder + "/trace.zct";
    if (fs::file_size(trace, error) == 0 || error)
        throw Refusal(Status::unable, "guest: the command left no trace: see what it says");
    fs::copy_file(trace, options.output, fs::copy_options::overwrite_existing, error);
    if (error)
        throw Refusal(Status::unable,
                      fmt::format("guest: {}: {}", printable(options.output), error.message()));
}

// Known before a machine is started for nothing.
void check_writable(const std::string& file) {
    if (file.empty()) return;
    const fs::path folder = fs::absolute(file).parent_path();
    if (access(folder.c_str(), W_OK) != 0)
        throw Refusal(Status::usage, fmt::format("guest: {}: {}: name a file that can be written",
                                                 printable(file), std::strerror(errno)));
}

Status run_guest(Options& options) {
    if (options.command.empty())
        throw Refusal(Status::usage, "guest: what? Give a command after --, like: -- drive udp");
    utsname host{};
    uname(&host);
    if (std::strcmp(host.machine, "x86_64") != 0)
        throw Refusal(Status::unable,
                      fmt::format("guest: made for x86_64 only, this is {}", host.machine));
    event_set(options.events);
    check_writable(options.output);
    check_writable(options.console);
    const Folder folder;
    options.machine.folder = folder.path();
    options.kernel.load.insert(options.kernel.load.begin(), modules_of_every_guest.begin(),
                               modules_of_every_guest.end());
    const Kernel kernel = find_kernel(options.kernel, folder.path());
    options.machine.image = kernel.image;
    options.machine.initramfs = folder.path() + "/initramfs";
    write_initramfs(options.machine.initramfs, options, kernel);
    fmt::print(stderr, "zcv: starting {}\n", kernel.name);
    int status = 0;
    try {
        status = run_machine(options.machine);
    } catch (const Refusal&) {
        keep_console(options, folder.path());
        throw;
    }
    keep_console(options, folder.path());
    if (!options.output.empty() && status == 0) keep_trace(options, folder.path());
    return static_cast<Status>(status);
}

void add_options(CLI::App* verb, Options& options) {
    verb->add_option("KERNEL", options.kernel.word,
                     "a version (6.12: the newest in /boot or fetched before), a Debian kernel "
                     "package (FILE.deb) or an image (vmlinuz)")
        ->required();
    verb->add_option("-o,--output", options.output,
                     "capture what the command does, and bring the trace here");
    verb->add_flag("--fetch", options.kernel.fetch,
                   "without such a kernel: download Debian's cloud kernel of that version");
    verb->add_option("--modules", options.kernel.modules,
                     "with an image: the folder of its modules, as a rule /lib/modules/VERSION");
    verb->add_option("--load", options.kernel.load, "a further module to load; may be repeated")
        ->expected(-1)
        ->allow_extra_args(false);
    verb->add_option(
            "--with", options.with,
            "a further program or file that the guest shall have, under its own path; may be "
            "repeated")
        ->expected(-1)
        ->allow_extra_args(false);
    verb->add_option("--hash", options.hash, "as of zcv capture")
        ->check(CLI::IsMember({"none", "sampled", "full"}))
        ->capture_default_str();
    verb->add_option("--events", options.events, "as of zcv capture")->capture_default_str();
    verb->add_option("--smp", options.machine.processors, "processors of the guest")
        ->check(CLI::Range(1U, 64U))
        ->capture_default_str();
    verb->add_option("--memory", options.machine.memory_mib, "MiB of memory of the guest")
        ->check(CLI::Range(256U, 65536U))
        ->capture_default_str();
    verb->add_option("--nic", options.machine.nic,
                     "two network cards of this kind with a cable between them that no packet "
                     "leaves, for drive --device nic: vmxnet3, or virtio-net, which cannot sum up "
                     "here, so that the kernel copies datagrams")
        ->check(CLI::IsMember({"none", "vmxnet3", "virtio-net"}))
        ->capture_default_str();
    verb->add_option("--accel", options.machine.accel,
                     "kvm, tcg (emulation) or auto: KVM where it works")
        ->check(CLI::IsMember({"auto", "kvm", "tcg"}))
        ->default_str("auto");
    verb->add_option("--time-max", options.machine.time_max_s, "seconds until the guest is ended")
        ->check(CLI::Range(1.0, 86400.0))
        ->capture_default_str();
    verb->add_option("--console", options.console, "keep what the guest's kernel says here");
    verb->add_option("COMMAND", options.command,
                     "what to run there, after --: a program, or zcv's own verb drive or doctor");
}

}  // namespace

void add_guest_verb(CLI::App& app, Status& status) {
    auto options = std::make_shared<Options>();
    options->machine.accel = "auto";
    CLI::App* verb = app.add_subcommand("guest",
                                        "run a workload under another kernel, in a machine of "
                                        "its own, and bring the trace back");
    add_options(verb, *options);
    verb->footer(
        "\nNeeds qemu-system-x86, no root and no network. The guest has zcv, the command with its\n"
        "libraries, ip and tc; no disk and no network but what the workload makes.\n\n"
        "Examples:\n"
        "  zcv guest 6.12 --fetch -o udp.zct -- drive udp --sends 100\n"
        "  zcv guest 6.1 -o tcp.zct --hash full -- drive tcp --misuse first-cqe\n"
        "  zcv guest ./vmlinuz --modules ./lib/modules/6.15.0 -o own.zct -- ./my-client");
    verb->callback([options, &status] { status = run_guest(*options); });
}

}  // namespace zcv
