#include "realimpl/compare_datagram.hpp"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <cstring>

namespace zcv::compare {

namespace {

struct [[gnu::packed]] Headers {
    ether_header link;
    iphdr network;
    udphdr transport;
};
static_assert(sizeof(Headers) == header_bytes);

std::uint16_t sum_of(const iphdr& header) {
    std::uint16_t words[sizeof header / 2];
    std::memcpy(words, &header, sizeof header);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words) sum += word;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t network_order(std::size_t value) {
    return htons(static_cast<std::uint16_t>(value));
}

}  // namespace

void write_headers(std::byte* at, std::uint16_t port, std::uint32_t payload_bytes) {
    constexpr std::uint8_t near_link[ETH_ALEN]{0x02, 0x5a, 0x43, 0, 0, 1};
    constexpr std::uint8_t far_link[ETH_ALEN]{0x02, 0x5a, 0x43, 0, 0, 2};
    constexpr in_addr_t near_address = 0x0ac80001;  // 10.200.0.1
    constexpr in_addr_t far_address = 0x0ac80002;
    constexpr std::uint16_t near_port = 9;
    Headers headers{};
    std::memcpy(headers.link.ether_dhost, far_link, sizeof far_link);
    std::memcpy(headers.link.ether_shost, near_link, sizeof near_link);
    headers.link.ether_type = htons(ETHERTYPE_IP);
    iphdr network{};
    network.version = 4;
    network.ihl = sizeof network / 4;
    network.tot_len = network_order(sizeof network + sizeof(udphdr) + payload_bytes);
    network.frag_off = htons(IP_DF);
    network.ttl = IPDEFTTL;
    network.protocol = IPPROTO_UDP;
    network.saddr = htonl(near_address);
    network.daddr = htonl(far_address);
    network.check = sum_of(network);
    headers.network = network;
    headers.transport.source = htons(near_port);
    headers.transport.dest = htons(port);
    headers.transport.len = network_order(sizeof(udphdr) + payload_bytes);
    std::memcpy(at, &headers, sizeof headers);
}

}  // namespace zcv::compare
