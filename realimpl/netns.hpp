#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

// Network namespaces without names: they live as long as a process is in them, so a kill at any
// moment leaves nothing behind.
namespace zcv::netns {

// Moves this process into a network namespace of its own; without privilege, into a user namespace
// first. Empty on success, otherwise why not.
std::string isolate();

// A second namespace under the same user namespace: for the peer of a process that is isolated.
void isolate_again();

// Runs `ip -batch` (tool "ip") or `tc -batch` (tool "tc") here. Throws Refusal(unable) with the
// tool's own first complaint and the remedy.
void configure(const std::string& tool, const std::vector<std::string>& lines,
               const std::string& remedy);

// Attaches XDP_PASS, or XDP_DROP, with fragments to the device in native mode: its veth peer then
// hands user pages over without a copy. Returns the link's descriptor, which holds it, or -errno.
int attach_xdp_pass(const std::string& device);
int attach_xdp_drop(const std::string& device);

// A tap device of that name here, which lives as long as the descriptor.
int open_tap(const std::string& device);

// The network namespace this process is in, for take_device(). Throws when it cannot be told.
int open_own();

// Moves the device that has this link address out of the namespace `home` into that of a process,
// under a name. Throws Refusal(unable) when there is none.
void take_device(int home, const std::string& link_address, const std::string& name, pid_t to);

// Carries frames between two taps for as long as this process lives.
void forward(int one, int other);

// Sets a value under /proc/sys that belongs to this namespace. Throws Refusal(unable).
void set(const std::string& name, std::uint64_t value);

// One counter of this namespace's TCP, by its name in /proc/net/netstat; 0 if it has none.
std::uint64_t tcp_counter(const std::string& name);

// Packets that this device of that process's namespace has been given; 0 if there is none.
std::uint64_t packets_given(pid_t process, const std::string& device);

// Whether nothing waits to be read from UDP sockets over IPv4 at this port of that process's
// namespace.
bool udp_is_read(pid_t process, std::uint16_t port);

// Until the kernel has noticed that both ends of a pair are up, it silently drops what they send,
// and what comes for their IPv6 addresses.
void await_ready(const std::string& device, bool ipv6);

// Shapes what leaves the device.
std::string tbf_line(const std::string& device, std::uint64_t bits_per_second);

// Disturbs what leaves the device: `words` as in tc-netem(8).
std::string netem_line(const std::string& device, const std::string& words);

}  // namespace zcv::netns
