#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "traces/zct.hpp"

// Traces made by hand, for tests: no kernel needed.
namespace zcv::test {

// A directory of its own, gone with the object.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "zcv-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
        path_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

// Keeps clock, sequence numbers and addresses, so that a test names only what it is about.
class TraceBuilder {
  public:
    TraceBuilder() {
        trace_.info.tool = "zcv " ZCV_VERSION;
        trace_.info.kernel_release = "6.18.0";
        trace_.info.boot_id = "00000000-0000-4000-8000-000000000000";
        trace_.info.clock = "CLOCK_MONOTONIC";
        trace_.info.started = "2026-01-01T00:00:00Z";
        trace_.info.hash = "sampled";
        trace_.info.command = {"sender", "--count", "8"};
        trace_.info.watched = {4242};
        trace_.info.probes = {"io_uring_submit_req", "io_uring_complete"};
        trace_.info.missing = {{"tcp_sendmsg_locked", "no such tracepoint"}};
    }

    TraceInfo& info() { return trace_.info; }
    TraceBuilder& on_cpu(std::uint16_t cpu) {
        cpu_ = cpu;
        return *this;
    }
    TraceBuilder& after_ns(std::uint64_t ns) {
        now_ns_ += ns;
        return *this;
    }
    // What the ring buffer was too full for: the number is taken, the record is not there.
    TraceBuilder& lose(std::uint32_t records) {
        next_seq_[cpu_] += records;
        trace_.totals.lost += records;
        return *this;
    }

    // The next record; the reference is good until the one after.
    zcv_event& add(zcv_event_kind kind) {
        zcv_event event{};
        event.kind = static_cast<std::uint16_t>(kind);
        event.time_ns = now_ns_;
        event.seq = next_seq_[cpu_]++;
        event.cpu = cpu_;
        event.context = ZCV_CONTEXT_TASK;
        event.tgid = 4242;
        event.pid = 4242;
        event.refs = ZCV_REFS_UNKNOWN;
        now_ns_ += 1000;
        trace_.events.push_back(event);
        ++trace_.totals.records;
        ++trace_.totals.by_kind[name_of(kind)];
        return trace_.events.back();
    }

    // One datagram in one skb, as a quiet machine shows it: sent, freed by the device, notified.
    TraceBuilder& datagram(std::uint64_t user_data, std::uint32_t len = 4096) {
        ++sends_;
        const std::uint64_t req = object(1), ubuf = object(2), skb = object(3), head = object(4);
        const auto of_send = [&](zcv_event_kind kind, std::uint32_t refs) -> zcv_event& {
            zcv_event& event = add(kind);
            event.ubuf = ubuf;
            event.len = len;
            event.refs = refs;
            event.generation = sends_;
            return event;
        };
        const auto of_request = [&](zcv_event_kind kind, std::uint32_t refs) -> zcv_event& {
            zcv_event& event = of_send(kind, refs);
            event.req = kind == ZCV_NOTIF ? ubuf - 0x40 : req;
            event.ring = 0xffff888100001000;
            event.user_data = user_data;
            event.addr = 0x7f0000000000 + user_data * len;
            event.opcode = 47;
            return event;
        };
        const auto of_skb = [&](zcv_event_kind kind, std::uint32_t refs) {
            zcv_event& event = of_send(kind, refs);
            event.skb = skb;
            event.head = head;
            event.owner = ubuf;
            event.sock = 0xffff888100002000;
            event.dataref = 1;
            event.nr_frags = 1;
            event.shinfo_flags = 1;
            event.ifindex = 7;
        };
        of_request(ZCV_SUBMIT, 1).sock = 0xffff888100002000;
        of_skb(ZCV_DEV_QUEUE, 2);
        of_skb(ZCV_DEV_XMIT, 2);
        of_request(ZCV_COMPLETE, 1).res = static_cast<std::int32_t>(len);
        trace_.events.back().cqe_flags = 2;
        of_skb(ZCV_SKB_CONSUME, 1);
        of_send(ZCV_HEAD_FREE, 0).head = head;
        trace_.events.back().owner = ubuf;
        of_request(ZCV_NOTIF, 0).cqe_flags = 8;
        return *this;
    }

    const Trace& trace() const { return trace_; }

    void write(const std::string& path) const {
        TraceWriter writer(path, trace_.info);
        writer.append(trace_.events);
        writer.close(trace_.totals);
    }

  private:
    std::uint64_t object(std::uint64_t which) const {
        return 0xffff888000000000 + (std::uint64_t{sends_} << 12U) + (which << 8U);
    }

    Trace trace_;
    std::map<std::uint16_t, std::uint32_t> next_seq_;
    std::uint64_t now_ns_ = 1'000'000'000;
    std::uint16_t cpu_ = 0;
    std::uint32_t sends_ = 0;
};

inline bool same(const zcv_event& one, const zcv_event& other) {
    return std::memcmp(&one, &other, sizeof one) == 0;
}

// The records of `part` are the first ones of `whole`, bit for bit.
inline bool is_prefix(const std::vector<zcv_event>& part, const std::vector<zcv_event>& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin(), same);
}

inline std::vector<std::byte> bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::byte> bytes(text.size());
    if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

inline void put(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

// The records again, later, of other sends: names of kernel objects are used again, as the kernel
// does.
inline void write_longer(const Trace& trace, const std::string& path, std::uint32_t times) {
    std::uint32_t sends = 0;
    std::uint64_t first = trace.events.front().time_ns;
    std::uint64_t last = first;
    std::vector<std::uint32_t> numbers(1U << 16U);  // records of each CPU
    for (const zcv_event& event : trace.events) {
        sends = std::max(sends, event.generation);
        first = std::min<std::uint64_t>(first, event.time_ns);
        last = std::max<std::uint64_t>(last, event.time_ns);
        numbers[event.cpu] = std::max(numbers[event.cpu], event.seq + 1);
    }
    TraceWriter writer(path, trace.info);
    for (std::uint32_t time = 0; time < times; ++time) {
        std::vector<zcv_event> events = trace.events;
        for (zcv_event& event : events) {
            event.time_ns += time * (last - first + 1'000'000);
            event.seq += time * numbers[event.cpu];
            if (event.generation != 0) event.generation += time * sends;
        }
        writer.append(events);
    }
    Totals totals;
    totals.records = trace.events.size() * times;
    writer.close(totals);
}

}  // namespace zcv::test
