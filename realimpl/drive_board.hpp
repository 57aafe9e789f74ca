#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "model/outcome.hpp"
#include "realimpl/drive_message.hpp"

namespace zcv::drive {

// How far the world is. Each stage is entered by one process and awaited by the other.
enum class Stage : std::uint32_t { start, peer_isolated, link_made, listening, all_sent };

struct SenderCounts {
    std::uint64_t requests = 0;   // SQEs or calls; more than messages after a short send
    std::uint64_t completed = 0;  // first CQEs, returned calls
    std::uint64_t announced = 0;  // of those, with a notification to follow
    std::uint64_t notified = 0;   // notifications, by CQE or by the error queue
    std::uint64_t copied = 0;     // of those, that say so
    std::uint64_t abandoned = 0;  // announced, and nobody left who could read it
    std::uint64_t failed = 0;     // requests that were meant to, or whose socket had gone
    std::uint64_t decoys = 0;     // requests that carry no message
    std::uint64_t accepted = 0;   // messages the kernel has taken to their last byte
    std::uint64_t bytes = 0;      // of messages, accepted by the kernel
    std::uint64_t retries = 0;    // EAGAIN, ENOBUFS, ENOMEM, or a broken chain
    std::uint64_t short_sends = 0;
    std::uint64_t refused = 0;          // zero-copy sends, of what was then sent as a copy
    std::uint64_t unannounced = 0;      // notifications although F_MORE was clear
    std::uint64_t overflows = 0;        // times the CQ was full
    std::uint64_t rewrites = 0;         // buffers written again
    std::uint64_t rewrites_early = 0;   // of those, with a notification outstanding
    std::uint64_t event_in_flight = 0;  // notifications outstanding when the event came
    std::uint64_t event_hits = 0;       // cancels and linked timeouts that met their request
    std::uint64_t awaited_in_vain = 0;  // what the application waited for when it gave up
    std::uint64_t mtu_probes = 0;
    double seconds = 0;  // first submission to last notification
};

// The memory that launcher, sender and receiver share. Plain members are written by one process
// before it exits and read by the launcher afterwards.
struct Board {
    std::atomic<Stage> stage{Stage::start};
    std::atomic<std::uint64_t> completed{0};  // the watchdog's evidence of progress
    std::atomic<std::uint64_t> notified{0};
    std::atomic<std::uint64_t> received{0};  // messages; also paces datagrams
    std::atomic<pid_t> receiver{0};
    std::atomic<std::uint64_t> receive_buffer{0};
    std::atomic<std::uint64_t> accepted{0};  // messages, final once all is sent
    std::atomic<std::uint16_t> port{0};
    std::atomic<bool> failed{false};
    SenderCounts sent;
    Tally tally;
    int tap = -1;            // the near tap's descriptor, the same in sender and receiver
    int home = -1;           // the namespace that the cards of a guest are in
    bool xdp = false;        // the veth peer runs XDP_PASS
    bool isolated = false;   // network namespaces of our own
    char note[256] = {};     // one line for stderr: what is less than asked for
    char failure[512] = {};  // first failure of a child, with its status
    int status = 0;

    void fail(Status why, const std::string& what);
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// Waits until the other process entered the stage. Throws Refusal(internal) when a run has failed,
// or when the other is a child (0: it is not) that has died.
void await(const Board& board, Stage stage, pid_t child);
bool has_died(pid_t child);

}  // namespace zcv::drive
