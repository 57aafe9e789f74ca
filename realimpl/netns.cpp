#include "realimpl/netns.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "model/outcome.hpp"

namespace zcv::netns {

namespace {

[[noreturn]] void throw_errno(const std::string& what) {
    throw Refusal(Status::internal, fmt::format("{}: {}", what, std::strerror(errno)));
}

bool write_all(int fd, const std::string& text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const ssize_t part = ::write(fd, text.data() + at, text.size() - at);
        if (part < 0) return false;
        at += static_cast<std::size_t>(part);
    }
    return true;
}

bool write_file(const char* path, const std::string& text) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = write_all(fd, text);
    ::close(fd);
    return written;
}

std::string read_all(int fd) {
    std::string text;
    char part[512];
    for (ssize_t n = 0; (n = ::read(fd, part, sizeof part)) > 0 && text.size() < 65536;)
        text.append(part, static_cast<std::size_t>(n));
    return text;
}

// An unprivileged user may become root of a user namespace and owns the networks below it.
std::string isolate_user() {
    const uid_t uid = ::getuid();
    const gid_t gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return fmt::format("no network namespace for this user ({})", std::strerror(errno));
    const bool mapped = write_file("/proc/self/setgroups", "deny") &&
                        write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid)) &&
                        write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid));
    return mapped ? "" : fmt::format("no user namespace ({})", std::strerror(errno));
}

struct Exit {
    int status;
    std::string complaint;
};

// The batch is far smaller than a pipe holds, so it is written before the tool starts reading.
Exit run_tool(const std::string& tool, const std::string& batch) {
    int in[2];
    int err[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) throw_errno("pipe");
    if (!write_all(in[1], batch)) throw_errno("write to a pipe");
    ::close(in[1]);
    const pid_t pid = ::fork();
    if (pid < 0) throw_errno("fork");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(in[0], 0);
        ::dup2(err[1], 1);
        ::dup2(err[1], 2);
        // An ordinary user's PATH often lacks the directories that hold ip and tc.
        const char* const path = std::getenv("PATH");
        ::setenv("PATH", fmt::format("{}:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin").c_str(),
                 1);
        ::execlp(tool.c_str(), tool.c_str(), "-batch", "-", nullptr);
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(err[1]);
    const std::string complaint = read_all(err[0]);
    ::close(err[0]);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, complaint};
}

// The tools' second line only repeats which command failed.
std::string first_line(const std::string& text) {
    const std::string line = text.substr(0, text.find('\n'));
    return line.empty() ? "it says nothing" : line;
}

// An IPv6 address is one to receive at when its route is there, and that is somebody's later work.
bool has_local_route(const std::string& device) {
    constexpr unsigned long local = 0x80000000;
    std::ifstream file("/proc/self/net/ipv6_route");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
        if (fields.size() == 10 && fields[9] == device &&
            (std::stoul(fields[8], nullptr, 16) & local) != 0)
            return true;
    }
    return false;
}

int bpf(int command, union bpf_attr& attributes, std::size_t bytes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, bytes));
}

// In the namespace that this process is in; empty when no device has the address.
std::string device_with(const std::string& link_address) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct if_nameindex* const all = ::if_nameindex();
    std::string name;
    for (const auto* each = all; each != nullptr && each->if_name != nullptr; ++each) {
        ifreq request{};
        const std::string_view device = each->if_name;
        request.ifr_name[device.copy(request.ifr_name, IFNAMSIZ - 1)] = '\0';
        if (::ioctl(socket, SIOCGIFHWADDR, &request) != 0) continue;
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(request.ifr_hwaddr.sa_data);
        if (fmt::format("{:02x}", fmt::join(bytes, bytes + 6, ":")) == link_address) name = device;
    }
    ::if_freenameindex(all);
    ::close(socket);
    return name;
}

int attach_xdp(const std::string& device, int action) {
    bpf_insn program_text[2]{};
    program_text[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    program_text[0].imm = action;
    program_text[1].code = BPF_JMP | BPF_EXIT;
    static const char license[] = "MIT";

    union bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.insns = reinterpret_cast<std::uintptr_t>(program_text);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<std::uintptr_t>(license);
    attributes.prog_flags = BPF_F_XDP_HAS_FRAGS;
    const int program = bpf(BPF_PROG_LOAD, attributes, sizeof attributes);
    if (program < 0) return -errno;

    std::memset(&attributes, 0, sizeof attributes);
    attributes.link_create.prog_fd = static_cast<__u32>(program);
    attributes.link_create.target_ifindex = ::if_nametoindex(device.c_str());
    attributes.link_create.attach_type = BPF_XDP;
    attributes.link_create.flags = XDP_FLAGS_DRV_MODE;
    const int link = bpf(BPF_LINK_CREATE, attributes, sizeof attributes);
    const int error = errno;
    ::close(program);
    return link < 0 ? -error : link;
}

}  // namespace

std::string isolate() {
    return ::unshare(CLONE_NEWNET) == 0 ? "" : isolate_user();
}

void isolate_again() {
    if (::unshare(CLONE_NEWNET) != 0) throw_errno("a network namespace for the peer");
}

void configure(const std::string& tool, const std::vector<std::string>& lines,
               const std::string& remedy) {
    const Exit exit = run_tool(tool, fmt::format("{}\n", fmt::join(lines, "\n")));
    if (exit.status == 0) return;
    if (exit.status == 127)
        throw Refusal(Status::unable,
                      fmt::format("drive: no program '{}': install the package iproute2", tool));
    throw Refusal(Status::unable, fmt::format("drive: {} cannot set up the network ({}): {}", tool,
                                              first_line(exit.complaint), remedy));
}

int attach_xdp_pass(const std::string& device) {
    return attach_xdp(device, XDP_PASS);
}

int attach_xdp_drop(const std::string& device) {
    return attach_xdp(device, XDP_DROP);
}

int open_tap(const std::string& device) {
    const int tap = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    request.ifr_name[device.copy(request.ifr_name, IFNAMSIZ - 1)] = '\0';
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (tap < 0 || ::ioctl(tap, TUNSETIFF, &request) != 0)
        throw Refusal(Status::unable,
                      fmt::format("drive: no tap device ({}): load the tun module (modprobe tun), "
                                  "or use --device veth",
                                  std::strerror(errno)));
    return tap;
}

int open_own() {
    const int own = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0) throw_errno("open a network namespace");
    return own;
}

void take_device(int home, const std::string& link_address, const std::string& name, pid_t to) {
    // In a thread, for `to` may be this process, which must stay where it is.
    auto moved = std::async(std::launch::async, [&] {
        if (::setns(home, CLONE_NEWNET) != 0) throw_errno("enter a network namespace");
        const std::string device = device_with(link_address);
        if (device.empty())
            throw Refusal(Status::unable,
                          fmt::format("drive: no card with the address {} here: run in a machine "
                                      "that has them (zcv guest 6.12 --nic vmxnet3 -- drive ...), "
                                      "or use --device veth",
                                      link_address));
        configure("ip",
                  {fmt::format("link set dev {} name {}", device, name),
                   fmt::format("link set dev {} netns {}", name, to)},
                  "the device does not leave its namespace");
    });
    moved.get();
}

void forward(int one, int other) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)})
        std::thread([from = from, to = to] {
            std::vector<char> frame(1 << 17);
            for (;;) {
                // Fails while the device is down; what cannot be written on is lost.
                const ssize_t n = ::read(from, frame.data(), frame.size());
                if (n < 0 || ::write(to, frame.data(), static_cast<std::size_t>(n)) < 0)
                    ::usleep(1000);
            }
        }).detach();
}

void set(const std::string& name, std::uint64_t value) {
    if (write_file(("/proc/sys/" + name).c_str(), std::to_string(value))) return;
    throw Refusal(Status::unable,
                  fmt::format("drive: cannot set {} to {} in a namespace ({}): this kernel is too "
                              "old, or refuses the value",
                              name, value, std::strerror(errno)));
}

std::uint64_t tcp_counter(const std::string& name) {
    std::ifstream file("/proc/self/net/netstat");
    std::string names;
    std::string values;
    while (std::getline(file, names) && std::getline(file, values)) {
        std::istringstream name_of(names);
        std::istringstream value_of(values);
        std::string one;
        std::string value;
        while (name_of >> one && value_of >> value)
            if (one == name) return std::stoull(value);
    }
    return 0;
}

std::uint64_t packets_given(pid_t process, const std::string& device) {
    std::ifstream file(fmt::format("/proc/{}/net/dev", process));
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        std::istringstream words(line.substr(0, colon) + ' ' + line.substr(colon + 1));
        std::string name;
        std::uint64_t bytes = 0;
        std::uint64_t packets = 0;
        if (words >> name >> bytes >> packets && name == device) return packets;
    }
    return 0;
}

bool udp_is_read(pid_t process, std::uint16_t port) {
    const std::string at_port = fmt::format(":{:04X}", port);
    std::ifstream file(fmt::format("/proc/{}/net/udp", process));
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
        std::istringstream words(line);
        const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
        // The local address, and "tx_queue:rx_queue" in bytes.
        if (fields.size() > 4 && fields[1].ends_with(at_port) && !fields[4].ends_with(":00000000"))
            return false;
    }
    return true;
}

void await_ready(const std::string& device, bool ipv6) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) throw_errno("open a socket");
    ifreq request{};
    request.ifr_name[device.copy(request.ifr_name, IFNAMSIZ - 1)] = '\0';
    bool running = false;
    for (int ms = 0; ms < 10'000 && !running; ++ms, ::usleep(1000)) {
        if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0) throw_errno("read a device's state");
        running = (request.ifr_flags & IFF_RUNNING) != 0 && (!ipv6 || has_local_route(device));
    }
    // The flag is raised just before the queue is, under the lock that any change of the device
    // takes too: so once this change is made, the queue is there. The flags stay what they are; of
    // all changes, this one needs no more than to be root of the namespace.
    const bool locked = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
    ::close(socket);
    if (!locked) throw_errno("set a device's flags");
    if (!running)
        throw Refusal(Status::unable,
                      fmt::format("drive: {} was not ready for 10 s: run again", device));
}

std::string tbf_line(const std::string& device, std::uint64_t bits_per_second) {
    // A packet larger than the burst is dropped, and ours are up to 64 KiB; 2 ms of a fast rate.
    const std::uint64_t burst = std::max<std::uint64_t>(131072, bits_per_second / 8 / 500);
    constexpr std::uint64_t limit = 256U << 20;
    return fmt::format("qdisc add dev {} root tbf rate {}bit burst {} limit {}", device,
                       bits_per_second, burst, limit);
}

std::string netem_line(const std::string& device, const std::string& words) {
    // What does not fit is dropped, and by itself it holds a thousand packets.
    return fmt::format("qdisc add dev {} root netem limit 100000 {}", device, words);
}

}  // namespace zcv::netns
