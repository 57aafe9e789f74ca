#pragma once

#include "model/kernel/io_uring/io_uring.hpp"
#include "model/state.hpp"
#include "model/world/world.hpp"

// What an application has to do itself when notifications belong to slots: find out which of its
// sends a notification covers. It counts the flushes that it knows of; a send whose CQE it reads
// belongs to the generation that it has counted up to. It waits for the CQEs of all its sends
// before it flushes a slot by itself, or it could not tell which of them the flush covers.
namespace zcv {

// Numbers of generations begin again after the last.
template <class S>
std::uint8_t next_seq(const S& s, std::uint32_t seq) {
    return static_cast<std::uint8_t>((seq + 1) % s.world().bounds.seqs);
}

namespace world {

template <class S>
void app_takes_back(S& s, BufferId b) {
    if (--s[b].lent == 0) s[b].written = false;
    if (s.world().app == App::first_cqe_munmap) s[b].unmapped = true;
}

// It has nothing to flush when it has sent nothing, unless it thinks that every flush ends a
// generation (users.md B13).
template <class S>
bool app_wants_flush(const S& s, SlotId i) {
    if (s[i].ring == none<RingId>) return false;
    const auto& ring = s[s[i].ring];
    if (ring.quiescing || ring.slots_gone || ring.closed) return false;
    if (!s[i].app_sent && s.world().app != App::counts_flushes) return false;
    return !s.template any<RequestId>(
        [&](RequestId r) { return s[r].slot == i && s[r].phase != Phase::idle && !s[r].counted; });
}

template <class S>
void app_counts_flush(S& s, SlotId i) {
    s[i].app_seq = next_seq(s, s[i].app_seq);
    s[i].app_sent = false;
}

// Reads the CQE of a send. One that was refused was not looked at: its errno tells, and the buffer
// is free. Whatever else failed may have been sent in part.
template <class S>
void app_counts_send(S& s, RequestId r) {
    const bool refused = s[r].ubuf == none<UbufId> && !s[r].notified;
    s[r].counted = true;
    if (refused || s.world().app == App::first_cqe) {
        if (!s[r].app_done) app_takes_back(s, s[r].buffer);
        s[r].app_done = true;
    }
    const SlotId i = s[r].slot;
    if (!refused && i != none<SlotId>) {
        s[i].miscounted = s[i].miscounted || s[r].seq != s[i].app_seq;
        s[i].app_sent = true;
        const bool flushed = !s[r].failed || s.world().app == App::counts_flushes;
        if (asks_flush(s.api_of(r)) && flushed) app_counts_flush(s, i);
    }
    kernel::retire_if_over(s, r);
}

// Reads the notification of a slot.
template <class S>
void app_reads_generation(S& s, SlotId i, std::uint32_t seq) {
    if (s.world().app == App::slots_in_order) {
        seq = s[i].expects;
        s[i].expects = next_seq(s, seq);
    }
    s.template for_each<RequestId>([&](RequestId r) {
        if (s[r].slot != i || s[r].seq != seq || s[r].app_done) return;
        if (s[r].ubuf == none<UbufId> && !s[r].notified) return;
        app_takes_back(s, s[r].buffer);
        s[r].app_done = true;
        kernel::retire_sender_if_over(s, r);
    });
}

}  // namespace world
}  // namespace zcv
