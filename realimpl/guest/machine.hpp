#pragma once

#include <string>

// A machine of qemu's for one command: no disk, and no network but two cards that lead to each
// other; words, trace and status come out by virtio ports.
namespace zcv::guest {

struct MachineOptions {
    std::string image;        // the kernel
    std::string initramfs;    // what it begins with
    std::string accel;        // "auto", "kvm" or "tcg"
    unsigned processors = 2;  // 1 to 64
    unsigned memory_mib = 1024;
    std::string nic = "none";  // the kind of the two network cards: "vmxnet3" or "virtio-net"
    double time_max_s = 300;
    std::string folder;  // for what comes out: console.log, status, trace.zct
};

// Runs the machine until its command has ended; what the command prints goes to stdout. Returns the
// command's exit status. Throws Refusal(unable) without qemu or when the guest does not come up,
// Refusal(inconclusive) when it is stopped by the clock or by a signal.
int run_machine(const MachineOptions& options);

// The last lines that the kernel and init have said.
std::string last_of_console(const std::string& folder);

}  // namespace zcv::guest
