#include "realimpl/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <liburing.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "model/outcome.hpp"
#include "realimpl/capture.hpp"
#include "realimpl/capture_pipe.hpp"
#include "realimpl/doctor_use.hpp"
#include "realimpl/page_tracking.hpp"

namespace zcv {
namespace {

using State = Ailment::State;

// What newer headers call IORING_OP_SEND_ZC and IORING_OP_SENDMSG_ZC.
constexpr unsigned op_send_zc = 47, op_sendmsg_zc = 48;
constexpr const char* observer_name = "observer";

std::optional<std::string> text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return std::nullopt;
    std::string all = text.str();
    while (!all.empty() && all.back() == '\n') all.pop_back();
    return all;
}

std::optional<unsigned long> number_in(const std::string& path) {
    unsigned long value = 0;
    std::ifstream file(path);
    if (!(file >> value)) return std::nullopt;
    return value;
}

Ailment kernel() {
    utsname system{};
    uname(&system);
    int major = 0, minor = 0;
    char dot = 0;
    std::istringstream(system.release) >> major >> dot >> minor;
    Ailment found{"kernel", State::good, fmt::format("Linux {}", system.release), ""};
    if (major < 6 || (major == 6 && minor < 1)) {
        found.state = State::missing;
        found.remedy = "use Linux 6.1 or later";
    }
    return found;
}

Ailment privilege(bool zcv_capture_works) {
    std::uint64_t effective = 0;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:")) effective = std::stoull(line.substr(7), nullptr, 16);
    constexpr int sys_admin = 21, perfmon = 38, bpf = 39;
    const auto has = [&](int capability) { return (effective >> capability & 1) != 0; };
    if (has(sys_admin) || (has(perfmon) && has(bpf)))
        return {"privilege", State::good, "CAP_BPF and CAP_PERFMON", ""};
    if (zcv_capture_works)
        return {"privilege", State::good, "zcv-capture has CAP_BPF and CAP_PERFMON of its own", ""};
    return {"privilege", State::limited, "neither CAP_BPF nor CAP_PERFMON",
            "run as root, or give them to zcv-capture: see observer"};
}

Ailment type_information() {
    constexpr const char* path = "/sys/kernel/btf/vmlinux";
    if (access(path, R_OK) == 0) return {"btf", State::good, path, ""};
    return {"btf", State::missing, fmt::format("{}: {}", path, std::strerror(errno)),
            "use a kernel built with CONFIG_DEBUG_INFO_BTF"};
}

Ailment lockdown() {
    const std::string modes =
        text_of("/sys/kernel/security/lockdown").value_or("[not shown here; see observer]");
    const auto begin = modes.find('['), end = modes.find(']');
    const std::string mode = begin != std::string::npos && end != std::string::npos
                                 ? modes.substr(begin + 1, end - begin - 1)
                                 : "none";
    if (mode != "confidentiality") return {"lockdown", State::good, mode, ""};
    return {"lockdown", State::missing, "confidentiality: BPF may not read kernel memory",
            "boot with lockdown=integrity, or none"};
}

std::string remedy_of(const std::string& probe, const std::string& why) {
    if (probe == "function probes")
        return "replay infers references instead; under zcv guest 6.12 they attach";
    if (why.ends_with(std::strerror(EACCES)))
        return "what it would record is left out; root may: run zcv as root";
    return "what it would record is left out; a newer kernel may have it";
}

// Tried, not guessed: all that zcv-capture says of the observer and of watchpoints.
void add_capture(std::vector<Ailment>& all) {
    CaptureOptions options;
    options.command = {"true"};
    options.write_watch = true;
    options.hash = "sampled";  // which pages changed content is in takes hashes
    options.stacks = options.kernel_stacks = true;
    options.events = "all";
    options.grace_s = 0.1;
    try {
        const CaptureResult result = capture(options, {});
        std::map<std::string, std::string> missing = result.info.missing;
        const std::string watch =
            missing.contains("write-watch") ? missing.at("write-watch") : std::string{};
        missing.erase("write-watch");
        const auto probes = std::ranges::count_if(
            result.info.probes, [](const std::string& probe) { return probe != "write-watch"; });
        all.push_back({observer_name, State::good, fmt::format("{} probes attached", probes), ""});
        for (const auto& [probe, why] : missing)
            all.push_back({"probe " + probe, State::limited, why, remedy_of(probe, why)});
        all.push_back({"watchpoints", watch.empty() ? State::good : State::limited,
                       watch.empty() ? "hardware watchpoints name who writes too early" : watch,
                       watch.empty() ? "" : "without them a write is found, not its source line"});
    } catch (const Refusal& refused) {
        const std::string why = refused.what();
        const auto colon = why.find(": ");
        const bool has_remedy = colon != std::string::npos;
        all.push_back({observer_name, State::missing, has_remedy ? why.substr(0, colon) : why,
                       has_remedy ? why.substr(colon + 2) : ""});
    }
}

Ailment rings() {
    const unsigned long disabled = number_in("/proc/sys/kernel/io_uring_disabled").value_or(0);
    io_uring ring{};
    const int error = io_uring_queue_init(2, &ring, 0);
    if (error < 0)
        return {"io_uring", State::missing, fmt::format("no ring: {}", std::strerror(-error)),
                disabled != 0 ? "sysctl kernel.io_uring_disabled=0"
                              : "a container's seccomp filter may forbid it: allow io_uring_setup"};
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
    const bool has = probe != nullptr &&
                     io_uring_opcode_supported(probe, static_cast<int>(op_send_zc)) != 0 &&
                     io_uring_opcode_supported(probe, static_cast<int>(op_sendmsg_zc)) != 0;
    io_uring_free_probe(probe);
    io_uring_queue_exit(&ring);
    if (!has)
        return {"io_uring", State::missing, "SEND_ZC or SENDMSG_ZC is not supported",
                "use Linux 6.1 or later"};
    if (disabled == 1)
        return {"io_uring", State::limited,
                "kernel.io_uring_disabled is 1: only for its group, and the privileged",
                "sysctl kernel.io_uring_disabled=0, or kernel.io_uring_group"};
    return {"io_uring", State::good, "SEND_ZC and SENDMSG_ZC", ""};
}

Ailment page_tracking() {
    const std::string why_not = PageTracking::why_not();
    if (why_not.empty())
        return {"page tracking", State::good,
                "which pages of a buffer in flight were written (--events default,page-write)", ""};
    return {"page tracking", State::limited, why_not,
            "hashes, watchpoints and page tables are used instead"};
}

Ailment locked_memory() {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    constexpr rlim_t enough = 8u << 20;
    const std::uint64_t used = locked_bytes();
    const std::string in_use = fmt::format("{} KiB in use", used / 1024);
    if (limit.rlim_cur == RLIM_INFINITY)
        return {"memlock", State::good, "unlimited, " + in_use, ""};
    const std::string what = fmt::format("{} KiB a user may be in flight or registered, {}",
                                         static_cast<unsigned long>(limit.rlim_cur / 1024), in_use);
    if (limit.rlim_cur >= enough && used < limit.rlim_cur / 4 * 3)
        return {"memlock", State::good, what, ""};
    return {"memlock", State::limited, what + ": more fails with ENOMEM or ENOBUFS",
            "ulimit -l unlimited, or LimitMEMLOCK= of the service"};
}

Ailment option_memory() {
    const auto bytes = number_in("/proc/sys/net/core/optmem_max");
    if (!bytes) return {"optmem", State::good, "not shown in this network namespace", ""};
    // Each notification of MSG_ZEROCOPY takes an skb from it; 20 KiB was the default until 6.7.
    std::string what = fmt::format("{} bytes a socket for notifications", *bytes);
    const std::optional<OptionMemory> most = most_option_memory();
    what += most ? fmt::format(", at most {} in use ({})", most->bytes, most->socket)
                 : std::string(", none in use");
    const bool scarce = most && most->bytes > *bytes / 4 * 3;
    if (*bytes >= 128 * 1024 && !scarce) return {"optmem", State::good, what, ""};
    return {"optmem", State::limited, what + ": MSG_ZEROCOPY in bursts fails with ENOBUFS",
            "sysctl net.core.optmem_max=1048576"};
}

// A tap on any device makes the stack copy what passes it.
Ailment packet_sockets() {
    std::ifstream file("/proc/net/packet");
    std::set<std::string> devices;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string address, references, type, protocol;
        unsigned index = 0;
        if (!(words >> address >> references >> type >> protocol >> index)) continue;
        std::array<char, IF_NAMESIZE> name{};
        devices.insert(index == 0 || if_indextoname(index, name.data()) == nullptr ? "all devices"
                                                                                   : name.data());
    }
    if (devices.empty()) return {"packet sockets", State::good, "none is open", ""};
    const std::vector<std::string> owners = packet_socket_owners();
    return {"packet sockets", State::limited,
            fmt::format("open on {}: what is sent there is copied", fmt::join(devices, ", ")),
            owners.empty() ? std::string("stop who has them: as root 'ss -0 -p' names them")
                           : fmt::format("stop {}", fmt::join(owners, ", "))};
}

bool has_feature(int socket, const std::string& device, __u32 command) {
    ethtool_value value{};
    value.cmd = command;
    ifreq request{};
    device.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    return ioctl(socket, SIOCETHTOOL, &request) == 0 && value.data != 0;
}

std::string driver_of(int socket, const std::string& device) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    ifreq request{};
    device.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&info);
    return ioctl(socket, SIOCETHTOOL, &request) == 0 ? info.driver : "";
}

Ailment interface(int socket, const std::string& device) {
    Ailment found{"interface " + device, State::good, "", ""};
    const std::string driver = driver_of(socket, device);
    if (device == "lo") {
        found.state = State::limited;
        found.what = "always copies on receive: correct, and never faster";
    } else if (driver == "veth" || driver == "tun") {
        found.state = State::limited;
        found.what = fmt::format("{}: copies where the peer's stack takes it in", driver);
        found.remedy =
            driver == "veth" ? "an XDP program with fragments on the peer keeps zero copy" : "";
    } else if (!has_feature(socket, device, ETHTOOL_GSG)) {
        found.state = State::limited;
        found.what = fmt::format("{}: no scatter-gather: everything is copied before it is sent",
                                 driver.empty() ? "no driver told" : driver);
        found.remedy = fmt::format("ethtool -K {} sg on", device);
    } else {
        const bool sums = has_feature(socket, device, ETHTOOL_GTXCSUM);
        found.what = fmt::format("{}: scatter-gather{}", driver.empty() ? "no driver told" : driver,
                                 sums ? ", checksums in hardware: true zero copy" : "");
        if (!sums) {
            found.state = State::limited;
            found.what += ", but checksums are made by the processor: it reads every byte";
            found.remedy = fmt::format("ethtool -K {} tx on", device);
        }
    }
    return found;
}

void add_interfaces(std::vector<Ailment>& all) {
    const Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct if_nameindex* const names = if_nameindex();
    for (auto* at = names; at != nullptr && at->if_index != 0; ++at)
        all.push_back(interface(socket.get(), at->if_name));
    if (names != nullptr) if_freenameindex(names);
}

}  // namespace

std::vector<Ailment> examine() {
    std::vector<Ailment> observed;
    add_capture(observed);
    std::vector<Ailment> all{kernel(), privilege(can_capture(observed)), type_information(),
                             lockdown()};
    all.insert(all.end(), observed.begin(), observed.end());
    all.push_back(rings());
    all.push_back(page_tracking());
    all.push_back(locked_memory());
    all.push_back(option_memory());
    all.push_back(packet_sockets());
    add_interfaces(all);
    return all;
}

bool can_capture(const std::vector<Ailment>& all) {
    return std::ranges::any_of(all, [](const Ailment& each) {
        return each.name == observer_name && each.state == State::good;
    });
}

const char* name_of(Ailment::State state) {
    switch (state) {
        case State::good:
            return "good";
        case State::limited:
            return "limited";
        case State::missing:
            return "missing";
    }
    return "";
}

}  // namespace zcv
