#pragma once

#include <array>
#include <cstdint>
#include <string_view>

// What the simulator's time is made of: each cost is one thing that takes time by itself.
namespace zcv::clock {

enum class Cost : std::uint8_t {
    call,          // sendmsg(2): into the kernel, to the protocol, and back
    enter,         // io_uring_enter(2), whatever it carries
    submit,        // ... that does not wait for anything
    poll,          // poll(2) for room in a socket that has some
    request,       // an SQE filled, taken, issued
    cqe,           // a CQE posted and read
    ring_send,     // what a send does beyond that before the protocol sees it
    datagram,      // a packet: built, routed, handed to its device, freed
    device,        // what the device does with its payload
    device_pages,  // ... when that lies in single pages: the application's
    napi,          // a card's interrupt: NAPI scheduled, run, completed, once for a call's packets
    copy,          // the payload into pages of the kernel's own
    copy_warm,     // ... when it lies in the buffer that was copied last
    pin,           // references to the payload's pages, taken and put
    frags,         // the payload's pages into a packet, and out of it, without their references
    notification,  // io_uring: a notification taken from a cache and given back
    task_work,     // ... its completion queued, and run by the ring's task
    work_run,      // ... the ring's task looks for it: once a system call that finds some
    work_item,     // ... or by a worker, which is woken for it
    ubuf,        // MSG_ZEROCOPY: a ubuf_info allocated, put into the error queue as a range, freed
    read_range,  // ... read from there: a recvmsg(2)
    look,        // a recvmsg(2) that finds the error queue empty
    card_range,  // ... what a range that an interrupt puts there costs beyond one put in the call
};
inline constexpr std::size_t cost_count = 23;

struct NamedCost {
    Cost cost;
    std::string_view name;
    std::string_view measured_as;  // in isolation, by `zcv compare --calibrate`; "" if it is not
};
inline constexpr std::array<NamedCost, cost_count> cost_names{{
    {Cost::call, "call", "send(2) of one byte, less `datagram`"},
    {Cost::enter, "enter", "a SEND of one byte a call, beside eight"},
    {Cost::submit, "submit", "a NOP a call beside eight, in calls that only submit"},
    {Cost::poll, "poll", "poll(2) for POLLOUT of a UDP socket"},
    {Cost::request, "request", "a NOP without a CQE (IOSQE_CQE_SKIP_SUCCESS)"},
    {Cost::cqe, "cqe", "a NOP with a CQE beside one without"},
    {Cost::ring_send, "ring-send", "a SEND that is too long, beside a NOP"},
    {Cost::datagram, "datagram", "a SEND of one byte, beside one that is too long, eight a call"},
    {Cost::device, "device", "a raw packet of that size to the device, beside one to the ifb"},
    {Cost::device_pages, "device-pages", "... a packet of AF_XDP's frames"},
    {Cost::napi, "napi", "a datagram to a veth, whose NAPI drops it, beside one to the ifb"},
    {Cost::copy, "copy",
     "a datagram of that size built and thrown away, from eight buffers in turn, beside one byte"},
    {Cost::copy_warm, "copy-warm", "... from one buffer again and again"},
    {Cost::pin, "pin",
     "a page built by SEND_ZC and thrown away, beside a registered one; more pages, beside one"},
    {Cost::frags, "frags", "pages built by SEND_ZC from a registered buffer, beside one page"},
    {Cost::notification, "notification",
     "a page built by SEND_ZC and thrown away, beside a byte by SEND, less frags and the next"},
    {Cost::task_work, "task-work", "a NOP that completes by task work, beside one that does not"},
    {Cost::work_run, "work-run", "what a notification costs more, one a call beside eight"},
    {Cost::work_item, "work-item", "a NOP that a worker runs (IOSQE_ASYNC), beside one without"},
    {Cost::ubuf, "ubuf",
     "a page built by MSG_ZEROCOPY and thrown away, beside a byte by send(2), less pin and frags"},
    {Cost::read_range, "read-range", "... with the error queue read after each, beside without"},
    {Cost::look, "look", "recvmsg(MSG_ERRQUEUE) on an empty queue"},
    {Cost::card_range, "card-range", ""},
}};

constexpr std::string_view name_of(Cost cost) {
    return cost_names[static_cast<std::size_t>(cost)].name;
}

// Nanoseconds of a processor, for one payload size and device.
class Costs {
  public:
    double operator[](Cost cost) const { return ns_[static_cast<std::size_t>(cost)]; }
    double& operator[](Cost cost) { return ns_[static_cast<std::size_t>(cost)]; }

  private:
    std::array<double, cost_count> ns_{};
};

}  // namespace zcv::clock
