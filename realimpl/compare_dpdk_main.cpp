// zcv-dpdk CHANNEL BUFFERS BYTES: the sender of `zcv compare` on DPDK's null device, in a program
// of its own, because nothing else of zcv is to need DPDK. Needs neither root nor huge pages.
//
// A payload stays in the application's buffer: it is attached to a packet as external memory, and
// is the application's again when the device has freed the packet and DPDK says so.
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "realimpl/compare_datagram.hpp"
#include "realimpl/compare_order.hpp"

namespace {

using zcv::compare::Answer;
using zcv::compare::Order;
using zcv::compare::Slice;

constexpr std::uint16_t device = 0;
constexpr std::uint16_t queue = 0;
constexpr auto any_node = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr std::uint16_t discard_port = 9;

[[noreturn]] void fail(const std::string& what, int error) {
    throw std::runtime_error("cannot " + what + ": " + rte_strerror(error < 0 ? -error : error));
}

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void start_dpdk() {
    std::vector<std::string> words{"zcv-dpdk",       "--no-huge",       "--no-shconf", "--no-pci",
                                   "--no-telemetry", "--iova-mode=va",  "-m",          "64",
                                   "--log-level=1",  "--vdev=net_null0"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
        fail("start DPDK", rte_errno);
}

class Sender {
  public:
    Sender(std::uint32_t buffers, std::uint32_t bytes_max)
        : stride_((std::size_t{bytes_max} + 4095) / 4096 * 4096),
          memory_(
              static_cast<std::byte*>(::mmap(nullptr, stride_ * buffers, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))),
          lent_(buffers) {
        if (memory_ == MAP_FAILED) fail("get memory for the buffers", errno);
        std::memset(memory_, 1, stride_ * buffers);
        for (std::uint32_t i = buffers; i-- > 0;) {
            lent_[i].sender = this;
            lent_[i].shared.free_cb = given_back;
            lent_[i].shared.fcb_opaque = &lent_[i];
            free_.push_back(i);
        }
        constexpr unsigned cached = 64;
        constexpr std::uint16_t room = RTE_PKTMBUF_HEADROOM + 128;
        // A packet is two: its headers, and what the payload is attached to.
        pool_ = rte_pktmbuf_pool_create("packets", 2 * buffers + 4 * cached, cached, 0, room,
                                        SOCKET_ID_ANY);
        if (pool_ == nullptr) fail("make a pool of packets", rte_errno);
        const rte_eth_conf plain{};
        int rc = rte_eth_dev_configure(device, 1, 1, &plain);
        if (rc == 0) rc = rte_eth_rx_queue_setup(device, queue, 64, any_node, nullptr, pool_);
        if (rc == 0) rc = rte_eth_tx_queue_setup(device, queue, 512, any_node, nullptr);
        if (rc == 0) rc = rte_eth_dev_start(device);
        if (rc != 0) fail("set DPDK's null device up", rc);
    }

    Slice run(const Order& order) {
        send_for(order, order.nanoseconds / 8);  // the caches are somebody else's
        slice_ = {};
        const std::uint64_t counted = packets_counted();
        const double processor = processor_seconds();
        const auto began = std::chrono::steady_clock::now();
        send_for(order, order.nanoseconds);
        slice_.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        slice_.processor = processor_seconds() - processor;
        slice_.arrived = packets_counted() - counted;
        return slice_;
    }

  private:
    struct Lent {
        Sender* sender = nullptr;
        rte_mbuf_ext_shared_info shared{};
        bool is_out = false;
    };

    static std::uint64_t packets_counted() {
        rte_eth_stats stats{};
        if (const int rc = rte_eth_stats_get(device, &stats); rc != 0)
            fail("read what the null device counted", rc);
        return stats.opackets;
    }

    static void given_back(void*, void* opaque) {
        Lent& lent = *static_cast<Lent*>(opaque);
        Sender& sender = *lent.sender;
        // Nothing may be thrown through DPDK.
        sender.given_twice_ += std::exchange(lent.is_out, false) ? 0U : 1U;
        ++sender.slice_.notified;
        sender.free_.push_back(static_cast<std::uint32_t>(&lent - sender.lent_.data()));
    }

    void send_for(const Order& order, std::int64_t nanoseconds) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(nanoseconds);
        while (std::chrono::steady_clock::now() < end) send_batch(order);
        if (free_.size() != lent_.size() || given_twice_ > 0)
            throw std::runtime_error(std::to_string(free_.size()) + " of " +
                                     std::to_string(lent_.size()) + " buffers came back, " +
                                     std::to_string(given_twice_) + " twice");
    }

    void send_batch(const Order& order) {
        packets_.clear();
        for (std::uint32_t i = 0; i < order.batch && !free_.empty(); ++i)
            packets_.push_back(packet_of(order.bytes));
        const std::uint16_t sent = rte_eth_tx_burst(device, queue, packets_.data(),
                                                    static_cast<std::uint16_t>(packets_.size()));
        slice_.requests += sent;
        slice_.bytes += std::uint64_t{sent} * order.bytes;
        slice_.failed += packets_.size() - sent;
        for (std::size_t i = sent; i < packets_.size(); ++i) rte_pktmbuf_free(packets_[i]);
    }

    rte_mbuf* packet_of(std::uint32_t bytes) {
        rte_mbuf* parts[2];
        if (rte_pktmbuf_alloc_bulk(pool_, parts, 2) != 0) fail("allocate a packet", ENOMEM);
        const std::uint32_t buffer = free_.back();
        free_.pop_back();
        Lent& lent = lent_[buffer];
        lent.is_out = true;
        constexpr auto headers = static_cast<std::uint16_t>(zcv::compare::header_bytes);
        zcv::compare::write_headers(
            reinterpret_cast<std::byte*>(rte_pktmbuf_append(parts[0], headers)), discard_port,
            bytes);
        std::byte* const payload = memory_ + buffer * stride_;
        rte_mbuf_ext_refcnt_set(&lent.shared, 1);
        const auto length = static_cast<std::uint16_t>(bytes);
        rte_pktmbuf_attach_extbuf(parts[1], payload, reinterpret_cast<rte_iova_t>(payload), length,
                                  &lent.shared);
        parts[1]->data_len = length;
        parts[1]->pkt_len = length;
        rte_pktmbuf_chain(parts[0], parts[1]);
        return parts[0];
    }

    const std::size_t stride_;
    std::byte* const memory_;
    std::vector<Lent> lent_;
    std::vector<std::uint32_t> free_;
    std::vector<rte_mbuf*> packets_;
    std::uint64_t given_twice_ = 0;
    rte_mempool* pool_ = nullptr;
    Slice slice_;
};

void serve(int channel, std::uint32_t buffers, std::uint32_t bytes_max) {
    start_dpdk();
    Sender sender(buffers, bytes_max);
    Answer answer;
    Order order;
    while (::write(channel, &answer, sizeof answer) == sizeof answer &&
           ::read(channel, &order, sizeof order) == sizeof order)
        answer = {sender.run(order)};
}

}  // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::fputs("zcv-dpdk: a part of zcv compare, which starts it\n", stderr);
        return 2;
    }
    const int channel = std::atoi(words[1]);
    try {
        serve(channel, static_cast<std::uint32_t>(std::atol(words[2])),
              static_cast<std::uint32_t>(std::atol(words[3])));
    } catch (const std::exception& error) {
        Answer answer;
        answer.failed = true;
        const std::string why = error.what();
        why.copy(answer.remark, sizeof answer.remark - 1);
        return ::write(channel, &answer, sizeof answer) == sizeof answer ? 4 : 5;
    }
    return 0;
}
