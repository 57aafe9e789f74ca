#include "realimpl/drive_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace zcv::drive {

namespace {

constexpr std::array workload_table{
    Workload{"udp", Protocol::udp, "numbered datagrams, each request on its own"},
    Workload{"tcp", Protocol::tcp,
             "numbered messages on one connection, each batch a linked chain"},
};

constexpr std::array device_table{
    NamedDevice{"lo", Device::lo, "loopback: every send is copied, but only at delivery"},
    NamedDevice{"veth", Device::veth,
                "to a peer with a native XDP_PASS program: zero copy, and the data arrives"},
    NamedDevice{"veth-plain", Device::veth_plain,
                "to a peer without a program: it copies each skb as it takes it"},
    NamedDevice{"ifb", Device::sink,
                "udp: into a sink that nobody reads, zero copy; tcp: as ifb-peer"},
    NamedDevice{"ifb-peer", Device::ifb_peer,
                "as veth, redirected through an ifb that holds the data on its way"},
    NamedDevice{"tap", Device::tap,
                "through two tap devices and a process between them: copied at the first"},
    NamedDevice{"dummy", Device::dummy,
                "udp: into a dummy device, as ifb; many kernels have one of the two"},
    NamedDevice{"nic", Device::nic,
                "between the two cards of a machine that zcv guest --nic made: DMA by a device"},
};

constexpr std::array api_table{
    NamedApi{"send_zc", Api::send_zc, "IORING_OP_SEND_ZC (default)"},
    NamedApi{"sendmsg_zc", Api::sendmsg_zc, "IORING_OP_SENDMSG_ZC; --vectors, also with --fixed"},
    NamedApi{"msg_zerocopy", Api::msg_zerocopy,
             "sendmsg(MSG_ZEROCOPY), notified by the socket's error queue"},
    NamedApi{"io_send", Api::io_send, "IORING_OP_SEND: copies; the base line on a ring"},
    NamedApi{"send", Api::send, "sendmsg(2): copies; the base line without a ring"},
};

constexpr std::array fault_table{
    NamedFault{"address", Fault::address, "an address nobody mapped: fails when it is sent"},
    NamedFault{"descriptor", Fault::descriptor, "a closed descriptor: fails when it is prepared"},
    NamedFault{"skip-success", Fault::skip_success,
               "IOSQE_CQE_SKIP_SUCCESS: refused, the one failure without a notification"},
};

constexpr std::array event_table{
    NamedEvent{"cancel", Event::cancel, "cancel every request whose notification is still to come"},
    NamedEvent{"link-timeout", Event::link_timeout,
               "a linked timeout of 1 ms behind every batch, from then on"},
    NamedEvent{"ring-exit", Event::ring_exit, "io_uring_queue_exit(), then a new ring"},
    NamedEvent{"unregister", Event::unregister,
               "io_uring_unregister_buffers(), then register them again"},
    NamedEvent{"close", Event::close, "close the socket; nothing more is sent"},
    NamedEvent{"shutdown", Event::shutdown, "shut the socket down; nothing more is sent"},
    NamedEvent{"peer-reset", Event::peer_reset, "the receiver closes with RST"},
    NamedEvent{"fork", Event::fork, "fork a child that inherits the buffers and stays"},
    NamedEvent{"remap", Event::remap, "other pages at the address of every buffer in flight"},
    NamedEvent{"exit", Event::exit, "the sending process exits"},
    NamedEvent{"exec", Event::exec, "the sending process executes another program"},
};

constexpr std::array misuse_table{
    NamedMisuse{"first-cqe", Misuse::first_cqe, "A1", Harm::bytes, "udp",
                "takes the first CQE (the call's return) as the release: writes the next message "
                "into the buffer at once"},
    NamedMisuse{"copied-is-safe", Misuse::copied_is_safe, "A2", Harm::bytes, "udp --device lo",
                "has once been told COPIED, and from then on goes by the first CQE"},
    NamedMisuse{"close", Misuse::close, "A3", Harm::bytes, "tcp --buffers 128",
                "writes into every buffer in flight when close() has returned"},
    NamedMisuse{"shutdown", Misuse::shutdown, "A3", Harm::bytes, "tcp --buffers 128",
                "writes into every buffer in flight when shutdown() has returned"},
    NamedMisuse{"cancel", Misuse::cancel, "A4", Harm::bytes,
                "tcp --size 64k --sends 100 --sndbuf 8192 --rcvbuf 8192 --pause-ms 200",
                "writes into every cancelled buffer at the CQE of the cancel"},
    NamedMisuse{"link-timeout", Misuse::link_timeout, "A5", Harm::bytes,
                "tcp --size 64k --sends 100 --sndbuf 8192 --rcvbuf 8192 --pause-ms 200",
                "takes -ETIME of the linked timeout as the end of the request"},
    NamedMisuse{"ring-exit", Misuse::ring_exit, "A6", Harm::bytes, "udp --buffers 128",
                "writes into every buffer in flight when the ring is closed"},
    NamedMisuse{"unregister", Misuse::unregister, "A7", Harm::bytes, "udp --fixed --buffers 128",
                "writes into every buffer in flight when they are unregistered"},
    NamedMisuse{"dropped", Misuse::dropped, "A8", Harm::bytes, "udp --buffers 64",
                "drops every fourth operation between its two CQEs, and the buffer with it"},
    NamedMisuse{"last-chunk", Misuse::last_chunk, "A9", Harm::bytes, "tcp --tail-copy",
                "the last chunk of a message is copied, and its completion frees all of it"},
    NamedMisuse{"fork", Misuse::fork, "A14", Harm::bytes,
                "udp --fixed --buffers 128 --rate 50mbit --sends 400",
                "after fork() takes the buffers for copies of what is in flight; with --fixed they "
                "are not"},
    NamedMisuse{"remap", Misuse::remap, "A15", Harm::nothing, "udp",
                "reuses the addresses, but not the pages: looks wrong and is not"},
    NamedMisuse{"msghdr-reuse", Misuse::msghdr_reuse, "A16", Harm::messages, "udp --api sendmsg_zc",
                "fills one msghdr for the whole batch before any of it is submitted"},
    NamedMisuse{"resend", Misuse::resend, "A17", Harm::messages,
                "tcp --no-waitall --sndbuf 4096 --size 100000 --sends 100",
                "sends a message from its start again after a short send"},
    NamedMisuse{"expect-two", Misuse::expect_two, "B1", Harm::hang, "udp --fault skip-success",
                "waits for a notification whatever F_MORE says"},
    NamedMisuse{"error-no-notif", Misuse::error_no_notif, "B2", Harm::bytes, "udp --fault address",
                "takes an error for the end, and the notification for another's"},
    NamedMisuse{"cancelled-no-notif", Misuse::cancelled_no_notif, "B3", Harm::bytes,
                "udp --link --fault address", "the same for -ECANCELED alone"},
    NamedMisuse{"fifo-notifs", Misuse::fifo_notifs, "B4", Harm::bytes, "udp --decoys",
                "frees the oldest buffer at any notification, while every other send takes a "
                "faster path; C10 with --api msg_zerocopy"},
    NamedMisuse{"recycled-names", Misuse::recycled_names, "B5", Harm::bytes, "udp",
                "gives the user_data to the next request at the first CQE"},
    NamedMisuse{"notif-as-result", Misuse::notif_as_result, "B6", Harm::messages, "udp",
                "reads a notification as a result of 0 bytes, and sends again"},
    NamedMisuse{"notif-as-delivery", Misuse::notif_as_delivery, "B7", Harm::loss,
                "udp --pause-ms 300 --rcvbuf 65536 --rate none",
                "takes notified datagrams for delivered ones, and overruns the receiver"},
    NamedMisuse{"peek-only", Misuse::peek_only, "B9", Harm::hang, "udp --defer-taskrun",
                "looks at the CQ without entering the kernel, on a DEFER_TASKRUN ring"},
    NamedMisuse{"overflow-is-lost", Misuse::overflow_is_lost, "B11", Harm::bytes,
                "udp --cq-entries 8 --buffers 128",
                "takes a full CQ for lost notifications, and every buffer back"},
    NamedMisuse{"counter-desync", Misuse::counter_desync, "C1", Harm::hang,
                "udp --api msg_zerocopy --fault address",
                "counts a failed call too, and waits for a number that never comes"},
    NamedMisuse{"ipv4-cmsg-only", Misuse::ipv4_cmsg_only, "C3", Harm::hang,
                "udp --api msg_zerocopy --ipv6", "knows IP_RECVERR only, and sends over IPv6"},
    NamedMisuse{"errqueue-unread", Misuse::errqueue_unread, "C6", Harm::hang,
                "udp --api msg_zerocopy",
                "never reads the error queue, and so never gets a buffer back"},
    NamedMisuse{"no-so-zerocopy", Misuse::no_so_zerocopy, "C8", Harm::hang,
                "udp --api msg_zerocopy",
                "forgets SO_ZEROCOPY: the flag is ignored and nothing is ever notified"},
    NamedMisuse{"range-as-one", Misuse::range_as_one, "C9", Harm::hang, "udp --api msg_zerocopy",
                "reads a range of the error queue as one notification"},
    NamedMisuse{"unchained", Misuse::unchained, "D7", Harm::messages,
                "tcp --no-waitall --sndbuf 4096 --size 100000 --sends 100",
                "several sends on one stream at once, unlinked and without MSG_WAITALL"},
};

constexpr std::array option_table{
    NamedOption{"--fixed", "registered buffers; their pages stay pinned"},
    NamedOption{"--vectors N", "as many parts in the iovec of a message"},
    NamedOption{"--size SIZES",
                "1 to 16777216 bytes (udp: a datagram); ranges and mixes: 1-64k,1m"},
    NamedOption{"--more", "MSG_MORE on all but the last of a batch: small sends share an skb"},
    NamedOption{"--tail-copy", "the second half of every message is a copying send; --tail-bytes"},
    NamedOption{"--no-waitall", "without MSG_WAITALL: short sends"},
    NamedOption{"--dontwait", "MSG_DONTWAIT: EAGAIN instead of waiting for room"},
    NamedOption{"--poll-first", "IORING_RECVSEND_POLL_FIRST"},
    NamedOption{"--async", "IOSQE_ASYNC: every request by a worker"},
    NamedOption{"--link", "udp: each batch a linked chain too"},
    NamedOption{"--drain", "IOSQE_IO_DRAIN; on 6.18 such a zero-copy send never starts"},
    NamedOption{"--sqpoll", "a submission thread in the kernel"},
    NamedOption{"--defer-taskrun", "DEFER_TASKRUN with SINGLE_ISSUER"},
    NamedOption{"--cq-entries N", "a completion ring that overflows"},
    NamedOption{"--decoys", "between the messages, sends on a faster path to nobody"},
    NamedOption{"--fault NAME", "a request that fails, in the middle of every fourth batch"},
    NamedOption{"--event NAME", "what happens once, with data on its way; --event-at MESSAGE"},
    NamedOption{"--sndbuf N, --rcvbuf N", "bytes of the socket buffers"},
    NamedOption{"--pause-ms N", "the receiver stops reading half-way, for so long"},
    NamedOption{"--rate RATE", "a tbf on the sending device"},
    NamedOption{"--netem WORDS", "delay, loss, reordering on the sending device, as tc has them"},
    NamedOption{"--mtu N", "of the devices: segments, and fragments"},
    NamedOption{"--mtu-probing", "TCP looks for the path's MTU by probes"},
    NamedOption{"--no-tso", "TCP makes every packet itself, none larger than a segment"},
    NamedOption{"--tls", "kTLS: zero copy is refused, and each message sent again as a copy"},
    NamedOption{"--sniffer", "a packet socket on the sending device, as tcpdump opens one"},
    NamedOption{"--memlock N", "RLIMIT_MEMLOCK, without CAP_IPC_LOCK: ENOMEM, ENOBUFS"},
    NamedOption{"--optmem N", "net.core.optmem_max: ENOBUFS of MSG_ZEROCOPY"},
    NamedOption{"--ipv6", "IPv6 instead of IPv4"},
};

template <typename Table>
std::string section(const char* title, const Table& table) {
    std::string text = fmt::format("{}\n", title);
    for (const auto& one : table) text += fmt::format("  {:22} {}\n", one.name, one.about);
    return text;
}

std::string misuse_section() {
    std::string text =
        "misuses (--misuse), with their story (zcv explain) and what comes of them\n";
    for (const NamedMisuse& one : misuse_table)
        text += fmt::format("  {:22} {:4} {:15} {}\n", one.name, one.story, name_of(one.harm),
                            one.about);
    return text;
}

template <typename Table>
nlohmann::ordered_json json_of(const Table& table) {
    auto json = nlohmann::ordered_json::array();
    for (const auto& one : table) json.push_back({{"name", one.name}, {"about", one.about}});
    return json;
}

}  // namespace

const char* name_of(Harm harm) {
    switch (harm) {
        case Harm::bytes:
            return "wrong bytes";
        case Harm::messages:
            return "wrong messages";
        case Harm::hang:
            return "hang";
        case Harm::loss:
            return "loss";
        case Harm::nothing:
            return "nothing";
    }
    return "";
}

std::span<const Workload> workloads() {
    return workload_table;
}
std::span<const NamedDevice> devices() {
    return device_table;
}
std::span<const NamedApi> apis() {
    return api_table;
}
std::span<const NamedFault> faults() {
    return fault_table;
}
std::span<const NamedEvent> events() {
    return event_table;
}
std::span<const NamedMisuse> misuses() {
    return misuse_table;
}
std::span<const NamedOption> options() {
    return option_table;
}

std::string name_of(Api api) {
    return std::ranges::find(api_table, api, &NamedApi::value)->name;
}

std::string example_of(const NamedMisuse& misuse) {
    return fmt::format("zcv drive {} --misuse {}", misuse.arguments, misuse.name);
}

std::string list_text() {
    return section("workloads", workloads()) + section("devices (--device)", devices()) +
           section("interfaces (--api)", apis()) + section("options", options()) +
           section("faults (--fault)", faults()) + section("events (--event)", events()) +
           misuse_section();
}

std::string list_json() {
    nlohmann::ordered_json json{
        {"schema_version", 1},           {"verb", "drive"},
        {"version", ZCV_VERSION},        {"workloads", json_of(workloads())},
        {"devices", json_of(devices())}, {"apis", json_of(apis())},
        {"options", json_of(options())}, {"faults", json_of(faults())},
        {"events", json_of(events())}};
    for (const NamedMisuse& one : misuses())
        json["misuses"].push_back({{"name", one.name},
                                   {"about", one.about},
                                   {"catalogue", one.story},
                                   {"harm", name_of(one.harm)},
                                   {"example", example_of(one)}});
    return json.dump(2) + "\n";
}

}  // namespace zcv::drive
