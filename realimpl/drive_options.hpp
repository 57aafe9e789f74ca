#pragma once

#include <cstdint>
#include <string>

#include "realimpl/drive_names.hpp"
#include "realimpl/drive_sizes.hpp"

namespace zcv::drive {

struct Options {
    std::string workload;
    std::string api = "send_zc";
    std::string device = "veth";
    std::string misuse;
    std::string fault;
    std::string event;
    std::string rate;
    std::string netem;
    std::string size = "4096";
    std::uint64_t sends = 1000;
    std::uint64_t batch = 8;
    std::uint64_t buffers = 16;
    std::uint64_t vectors = 1;
    std::uint64_t cq_entries = 0;
    std::uint64_t event_at = 0;  // message; 0: half-way
    std::uint64_t sndbuf = 0;    // 0: large enough
    std::uint64_t rcvbuf = 0;
    std::uint64_t pause_ms = 0;
    std::uint64_t mtu = 65535;
    std::uint64_t tail_bytes = 0;  // of a message, copied; 0: half of it
    std::uint64_t memlock = 0;     // 0: as it is
    std::uint64_t optmem = 0;
    std::uint64_t seed = 1;
    std::uint64_t stall_ms = 30000;
    bool fixed = false;
    bool sendmsg = false;  // the older name of --api sendmsg_zc
    bool more = false;
    bool tail_copy = false;
    bool waitall = true;
    bool dontwait = false;
    bool poll_first = false;
    bool async = false;
    bool link = false;
    bool drain = false;
    bool decoys = false;
    bool defer_taskrun = false;
    bool sqpoll = false;
    bool report_usage = true;
    bool sniffer = false;
    bool mtu_probing = false;
    bool no_tso = false;
    bool tls = false;
    bool ipv6 = false;
    std::string format = "text";
};

// Options that were understood and fit together.
struct Plan {
    Options options;
    Protocol protocol = Protocol::udp;
    Api api = Api::send_zc;
    Device device = Device::veth;
    Fault fault = Fault::none;
    Event event = Event::none;
    Misuse misuse = Misuse::none;
    Harm harm = Harm::nothing;  // of the misuse
    Sizes sizes;
    std::uint64_t event_at = 0;   // message at which it happens, or the receiver pauses
    std::uint64_t rate_bits = 0;  // per second; 0: unshaped
    bool peer_drops = false;      // veth: its peer's program drops what arrives
    bool stream() const { return protocol == Protocol::tcp; }
    bool has_receiver() const { return device != Device::sink && device != Device::dummy; }
};

// Throws Refusal(usage): one line with what is wrong and what would be right.
Plan plan_of(const Options& options);

// "200mbit" -> 200'000'000; "none" -> 0.
std::uint64_t rate_of(const std::string& text);

// The rate a misuse or an event gets when none is asked for: slow enough that it meets data in
// flight.
constexpr const char* flight_rate = "200mbit";

}  // namespace zcv::drive
