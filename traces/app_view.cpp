#include "traces/app_view.hpp"

#include <algorithm>

#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::int32_t ecanceled = 125;
constexpr std::int32_t etime = 62;
constexpr std::uint8_t op_sendmsg = 9, op_async_cancel = 14, op_link_timeout = 15, op_send = 26;
constexpr std::uint8_t unregister_buffers = 1;

template <class Map, class Key>
bool any_between(const Map& map, const Key& key, std::uint64_t from, std::uint64_t until) {
    const auto found = map.find(key);
    if (found == map.end()) return false;
    const auto after = std::ranges::upper_bound(found->second, from);
    return after != found->second.end() && *after <= until;
}

std::size_t up_to(const std::vector<std::uint64_t>& times, std::uint64_t until) {
    return static_cast<std::size_t>(std::ranges::upper_bound(times, until) - times.begin());
}

}  // namespace

void AppView::count_sends() {
    for (std::uint32_t i = 0; i < report_.history.size(); ++i) count(report_.history[i], i);
    for (auto& [key, queue] : queues_)
        for (Times* times : {&queue.announced, &queue.not_cancelled, &queue.not_failed, &queue.told,
                             &queue.told_or_cancelled, &queue.told_at_all, &queue.refused})
            if (!std::ranges::is_sorted(*times)) std::ranges::sort(*times);
}

void AppView::see(const zcv_event& event) {
    const std::uint64_t now = event.time_ns;
    switch (event.kind) {
        case ZCV_CQE_OVERFLOW:
            overflown_[event.ring].push_back(now);
            return;
        case ZCV_FORK:
            forked_[event.tgid].push_back(now);
            return;
        case ZCV_RING_CREATE:
            if ((event.zc_flags & uapi::setup_defer_taskrun) != 0)
                deferred_rings_[event.ring] = true;
            else
                deferred_rings_.erase(event.ring);
            return;
        case ZCV_REGISTER:
            if (event.opcode == unregister_buffers && event.res >= 0)
                unregistered_[event.ring].push_back(now);
            return;
        case ZCV_CLOSE:
        case ZCV_SHUTDOWN:
            closed_[event.sock].push_back(now);
            return;
        case ZCV_RING_CLOSE:
            closed_rings_[event.ring].push_back(now);
            return;
        case ZCV_CQE:
            return see_answer(event);
        case ZCV_UNMAP:
            return see_unmapping(event);
        default:
            return;
    }
}

void AppView::see_unmapping(const zcv_event& event) {
    const std::uint64_t now = event.time_ns;
    if (event.opcode != ZCV_UNMAP_BRK) {
        unmapped_[event.tgid].push_back({now, event.addr, event.addr + event.len});
        return;
    }
    // Only what lies between the old end and the new one is given back; 0 asks where it is.
    std::uint64_t& end = brk_[event.tgid];
    if (event.addr != 0 && event.addr < end)
        unmapped_[event.tgid].push_back({now, event.addr, end});
    if (event.addr != 0) end = event.addr;
}

void AppView::see_answer(const zcv_event& event) {
    const bool sends = event.opcode == op_send || event.opcode == op_sendmsg;
    if (event.opcode == op_async_cancel)
        cancelled_[{event.ring, event.addr}].push_back(event.time_ns);
    if (event.opcode == op_link_timeout && event.res == -etime)
        timed_out_[event.ring].push_back(event.time_ns);
    if (sends && event.res > 0) copied_behind_[event.sock].push_back(event.time_ns);
}

void AppView::count(const SendHistory& send, std::uint32_t place) {
    Queue& queue = queues_[queue_of(send)];
    named_[{queue_of(send), send.user_data}].push_back(place);
    const bool failed = send.res < 0, was_cancelled = send.res == -ecanceled;
    if (send.more && send.completed_ns) {
        queue.announced.push_back(*send.completed_ns);
        if (!was_cancelled) queue.not_cancelled.push_back(*send.completed_ns);
        if (!failed) queue.not_failed.push_back(*send.completed_ns);
    }
    if (!send.notified_ns) return;
    if (send.more) queue.told.push_back(*send.notified_ns);
    if (send.more || was_cancelled) queue.told_or_cancelled.push_back(*send.notified_ns);
    queue.told_at_all.push_back(*send.notified_ns);
    if (failed) queue.refused.push_back(*send.notified_ns);
    if (send.asked_usage) {
        auto& [copied, all] = copied_[send.sock];
        copied += send.copied;
        ++all;
    }
    if (send.more && !failed && !send.reused_early) ++left_alone_[send.tgid];
}

bool AppView::closed(std::uint64_t sock, std::uint64_t from, std::uint64_t until) const {
    return any_between(closed_, sock, from, until);
}
bool AppView::closed_ring(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const {
    return any_between(closed_rings_, ring, from, until);
}
bool AppView::cancelled(const SendHistory& send, std::uint64_t until) const {
    return any_between(cancelled_, std::pair(send.ring, send.user_data), send.submitted_ns, until);
}
bool AppView::timed_out(const SendHistory& send, std::uint64_t from, std::uint64_t until) const {
    return send.res < static_cast<std::int64_t>(send.len) &&
           any_between(timed_out_, send.ring, from, until);
}
bool AppView::copied_behind(std::uint64_t sock, std::uint64_t from, std::uint64_t until) const {
    return any_between(copied_behind_, sock, from, until);
}
bool AppView::unregistered(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const {
    return any_between(unregistered_, ring, from, until);
}
bool AppView::overflown(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const {
    return any_between(overflown_, ring, from, until);
}
bool AppView::forked(std::uint32_t tgid, std::uint64_t from, std::uint64_t until) const {
    return any_between(forked_, tgid, from, until);
}

bool AppView::unmapped(const SendHistory& send, std::uint64_t from, std::uint64_t until) const {
    const auto found = unmapped_.find(send.tgid);
    if (found == unmapped_.end()) return false;
    const auto first = std::ranges::upper_bound(found->second, from, {}, &Memory::time_ns);
    return std::any_of(first, found->second.end(), [&](const Memory& gone) {
        return gone.time_ns <= until && gone.begin < send.addr + send.len && gone.end > send.addr;
    });
}

bool AppView::counting_reaches(const SendHistory& send, std::uint64_t until,
                               LeftOut left_out) const {
    const auto found = queues_.find(queue_of(send));
    if (found == queues_.end() || !send.completed_ns || !send.more) return false;
    const Queue& queue = found->second;
    const bool all = left_out == LeftOut::nothing;
    const bool some = left_out == LeftOut::cancelled;
    const Times& results = all ? queue.announced : some ? queue.not_cancelled : queue.not_failed;
    const Times& told = all ? queue.told : some ? queue.told_or_cancelled : queue.told_at_all;
    if (!all && up_to(queue.refused, until) == 0) return false;
    // Its own notification, at which it may be written, is no evidence of counting.
    const std::uint64_t before = send.notified_ns ? std::min(until, *send.notified_ns - 1) : until;
    return up_to(told, before) >= up_to(results, *send.completed_ns);
}

bool AppView::shares_name(const SendHistory& send) const {
    const auto found = named_.find({queue_of(send), send.user_data});
    const std::uint64_t until = send.notified_ns.value_or(end_ns_);
    return found != nullptr && std::ranges::any_of(*found, [&](std::uint32_t other) {
               const SendHistory& each = report_.history[other];
               return each.number != send.number && each.submitted_ns < until &&
                      each.notified_ns.value_or(end_ns_) > send.submitted_ns;
           });
}

bool AppView::namesake_told(const SendHistory& send, std::uint64_t until) const {
    const auto found = named_.find({queue_of(send), send.user_data});
    return found != nullptr && std::ranges::any_of(*found, [&](std::uint32_t other) {
               const SendHistory& each = report_.history[other];
               return each.number != send.number && each.notified_ns &&
                      *each.notified_ns > send.submitted_ns && *each.notified_ns <= until;
           });
}

bool AppView::all_copied(std::uint64_t sock) const {
    const auto found = copied_.find(sock);
    return found != copied_.end() && found->second.first == found->second.second;
}

std::uint64_t AppView::left_alone(std::uint32_t tgid) const {
    const auto found = left_alone_.find(tgid);
    return found == left_alone_.end() ? 0 : found->second;
}

}  // namespace zcv
