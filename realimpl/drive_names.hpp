#pragma once

#include <cstdint>
#include <span>
#include <string>

// The named things of `zcv drive`: every table is what the command line accepts and --list prints.
namespace zcv::drive {

enum class Protocol : std::uint8_t { udp, tcp };

// What the bytes cross. sink: straight into an ifb, which frees at transmit: nobody receives.
// ifb_peer: out of a veth through an ifb to a peer that receives. veth_plain: the peer has no XDP
// program, so it copies what it is given. tap: through two tap devices and a process between them.
enum class Device : std::uint8_t { lo, veth, veth_plain, sink, ifb_peer, tap, dummy, nic };

// How a request reaches the kernel.
enum class Api : std::uint8_t { send_zc, sendmsg_zc, io_send, msg_zerocopy, send };

constexpr bool is_ring(Api api) {
    return api == Api::send_zc || api == Api::sendmsg_zc || api == Api::io_send;
}
constexpr bool is_zero_copy(Api api) {
    return api != Api::io_send && api != Api::send;
}

// A request that is bound to fail, put into the middle of a batch now and then.
enum class Fault : std::uint8_t { none, address, descriptor, skip_success };

// What happens once while data is on its way.
enum class Event : std::uint8_t {
    none,
    cancel,
    link_timeout,
    ring_exit,
    unregister,
    close,
    shutdown,
    peer_reset,
    fork,
    remap,
    exit,
    exec,
};

// When the application takes a buffer back although nobody has given it back, or what else it
// gets wrong. `zcv explain A1` and so on tell the stories.
enum class Misuse : std::uint8_t {
    none,
    first_cqe,
    copied_is_safe,
    close,
    shutdown,
    cancel,
    link_timeout,
    ring_exit,
    unregister,
    dropped,
    last_chunk,
    fork,
    remap,
    msghdr_reuse,
    resend,
    expect_two,
    error_no_notif,
    cancelled_no_notif,
    fifo_notifs,
    recycled_names,
    notif_as_result,
    notif_as_delivery,
    peek_only,
    overflow_is_lost,
    unchained,
    counter_desync,
    ipv4_cmsg_only,
    errqueue_unread,
    no_so_zerocopy,
    range_as_one,
};

// What a misuse does to its victim where the kernel really shares the pages.
// bytes: the peer gets what was written later. messages: it gets the wrong ones, although no buffer
// was written too early. The kernel's side of the bargain is broken by the first alone.
enum class Harm : std::uint8_t { bytes, messages, hang, loss, nothing };
const char* name_of(Harm harm);

struct Workload {
    const char* name;
    Protocol value;
    const char* about;
};
struct NamedDevice {
    const char* name;
    Device value;
    const char* about;
};
struct NamedApi {
    const char* name;
    Api value;
    const char* about;
};
struct NamedFault {
    const char* name;
    Fault value;
    const char* about;
};
struct NamedEvent {
    const char* name;
    Event value;
    const char* about;
};
struct NamedMisuse {
    const char* name;
    Misuse value;
    const char* story;  // its number in the catalogue of misuses
    Harm harm;
    const char* arguments;  // of a run that shows it; without the misuse, nothing goes wrong
    const char* about;
};
struct NamedOption {
    const char* name;
    const char* about;
};
std::span<const Workload> workloads();
std::span<const NamedDevice> devices();
std::span<const NamedApi> apis();
std::span<const NamedFault> faults();
std::span<const NamedEvent> events();
std::span<const NamedMisuse> misuses();
// Of the rest of the command line: what changes how a request is sent, or what it meets.
std::span<const NamedOption> options();

std::string name_of(Api api);
std::string example_of(const NamedMisuse& misuse);

// What --list prints.
std::string list_text();
std::string list_json();

}  // namespace zcv::drive
