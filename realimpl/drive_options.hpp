#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zcv::drive {

enum class Protocol : std::uint8_t { udp, tcp };

// What the bytes cross. sink: straight into an ifb, which frees at transmit: nobody receives.
// ifb_peer: out of a veth through an ifb to a peer that receives.
enum class Device : std::uint8_t { lo, veth, sink, ifb_peer };

enum class Misuse : std::uint8_t { none, first_cqe };

// The named things of the command line; every table is what --list prints.
struct Workload {
    const char* name;
    Protocol protocol;
    const char* about;
};
struct NamedDevice {
    const char* name;
    const char* about;
};
struct NamedMisuse {
    const char* name;
    Misuse misuse;
    const char* about;
};
const std::vector<Workload>& workloads();
const std::vector<NamedDevice>& devices();
const std::vector<NamedMisuse>& misuses();

struct Options {
    std::string workload;
    std::string device = "veth";
    std::string misuse;
    std::string rate;
    std::uint64_t sends = 1000;
    std::uint64_t size = 4096;
    std::uint64_t batch = 8;
    std::uint64_t buffers = 16;
    std::uint64_t cq_entries = 0;
    std::uint64_t seed = 1;
    std::uint64_t stall_ms = 30000;
    bool fixed = false;
    bool sendmsg = false;
    bool defer_taskrun = false;
    bool sqpoll = false;
    bool report_usage = true;
    bool ipv6 = false;
    std::string format = "text";
};

// Options that were understood and fit together.
struct Plan {
    Options options;
    Protocol protocol = Protocol::udp;
    Device device = Device::veth;
    Misuse misuse = Misuse::none;
    std::uint64_t rate_bits = 0;  // per second; 0: unshaped
    bool has_receiver() const { return device != Device::sink; }
};

// Throws Refusal(usage): one line with what is wrong and what would be right.
Plan plan_of(const Options& options);

// "200mbit" -> 200'000'000; "none" -> 0.
std::uint64_t rate_of(const std::string& text);

// The rate a misuse gets when none is asked for: slow enough that a rewrite meets data in flight.
constexpr const char* misuse_rate = "200mbit";

}  // namespace zcv::drive
