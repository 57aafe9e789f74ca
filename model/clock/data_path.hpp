#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// The ways from an application's buffer to a device that are set side by side.
namespace zcv::clock {

// How a request is handed in, and how its buffer comes back.
enum class Way : std::uint8_t {
    send,           // send(2): copied
    msg_zerocopy,   // sendmsg(MSG_ZEROCOPY), released by way of the error queue
    ring_send,      // io_uring SEND: copied
    send_zc,        // io_uring SEND_ZC from memory that it pins, released by a notification
    send_zc_fixed,  // the same from a registered buffer
    af_xdp,         // a frame on an AF_XDP transmit ring, in copy mode
    dpdk,           // a packet to DPDK's null device, its payload lent and given back
};

struct NamedWay {
    Way way;
    std::string_view name;
};
inline constexpr std::array ways{
    NamedWay{Way::send, "send"},           NamedWay{Way::msg_zerocopy, "msg_zerocopy"},
    NamedWay{Way::ring_send, "io_send"},   NamedWay{Way::send_zc, "send_zc"},
    NamedWay{Way::send_zc_fixed, "fixed"}, NamedWay{Way::af_xdp, "af_xdp"},
    NamedWay{Way::dpdk, "dpdk"},
};

constexpr std::string_view name_of(Way way) {
    for (const NamedWay& each : ways)
        if (each.way == way) return each.name;
    return "";
}

constexpr bool is_zero_copy(Way way) {
    return way == Way::msg_zerocopy || way == Way::send_zc || way == Way::send_zc_fixed ||
           way == Way::dpdk;
}

// Past the sockets: what can be reached at most, and no way to send through one.
constexpr bool is_bypass(Way way) {
    return way == Way::af_xdp || way == Way::dpdk;
}

constexpr bool is_ring(Way way) {
    return way == Way::ring_send || way == Way::send_zc || way == Way::send_zc_fixed;
}

struct DataPath {
    Way way = Way::send;
    unsigned batch = 1;         // requests handed in, and waited for, at once
    bool notifies_each = true;  // false, tx contexts only: nothing is flushed until the end

    friend bool operator==(const DataPath&, const DataPath&) = default;
};

// "send_zc x8", "fixed x8, no flush".
inline std::string text_of(const DataPath& path) {
    std::string text(name_of(path.way));
    const bool is_call = path.way == Way::send || path.way == Way::msg_zerocopy;
    if (!is_call || path.batch > 1) text += " x" + std::to_string(path.batch);
    return path.notifies_each ? text : text + ", no flush";
}

}  // namespace zcv::clock
