#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/functional/hash.hpp>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "traces/flat_map.hpp"
#include "traces/replay.hpp"

namespace zcv {

// What the application did and was told, as far as records show it: what a belief about when a
// buffer is free again can rest on. In order of time.
class AppView {
  public:
    explicit AppView(const ReplayReport& report) : report_(report) {}

    // The next record in order of time.
    void see(const zcv_event& event);
    void see_time(std::uint64_t now) { end_ns_ = std::max(end_ns_, now); }
    // After the last one.
    void count_sends();

    // Whether something of that kind happened after `from` and not after `until`, nanoseconds.
    bool closed(std::uint64_t sock, std::uint64_t from, std::uint64_t until) const;
    bool closed_ring(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const;
    // A cancel that looked for this send's name had its answer.
    bool cancelled(const SendHistory& send, std::uint64_t until) const;
    // It was cut short, and a linked timeout of its ring ran out.
    bool timed_out(const SendHistory& send, std::uint64_t from, std::uint64_t until) const;
    // A send on that socket that copies was done.
    bool copied_behind(std::uint64_t sock, std::uint64_t from, std::uint64_t until) const;
    bool unregistered(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const;
    bool overflown(std::uint64_t ring, std::uint64_t from, std::uint64_t until) const;
    bool forked(std::uint32_t tgid, std::uint64_t from, std::uint64_t until) const;
    // A part of this send's memory was given back to the system.
    bool unmapped(const SendHistory& send, std::uint64_t from, std::uint64_t until) const;

    // Notifications up to `until` that count for whoever takes them in the order of the results:
    // enough of them to reach this send. Failed sends are left out by those who believe that they
    // have none; cancelled ones alone by others.
    enum class LeftOut { nothing, cancelled, failed };
    bool counting_reaches(const SendHistory& send, std::uint64_t until, LeftOut left_out) const;

    // Another send of the same name was in flight together with this one.
    bool shares_name(const SendHistory& send) const;
    // A notification up to `until` of another send in flight with the same name.
    bool namesake_told(const SendHistory& send, std::uint64_t until) const;
    // Every send of that socket that was told of said that it had been copied.
    bool all_copied(std::uint64_t sock) const;
    // Sends of that process that were not touched between their CQE and their notification.
    std::uint64_t left_alone(std::uint32_t tgid) const;

    std::uint64_t end_ns() const { return end_ns_; }
    bool is_deferred_taskrun(std::uint64_t ring) const { return deferred_rings_.contains(ring); }

  private:
    using Times = std::vector<std::uint64_t>;
    // One ring, or one socket of calls: results and notifications in order.
    struct Queue {
        Times announced, not_cancelled, not_failed;           // results
        Times told, told_or_cancelled, told_at_all, refused;  // notifications; of failed sends
    };
    struct Memory {
        std::uint64_t time_ns, begin, end;
    };

    void see_answer(const zcv_event& event);
    void see_unmapping(const zcv_event& event);
    using Sends = boost::container::small_vector<std::uint32_t, 4>;  // places in the history

    void count(const SendHistory& send, std::uint32_t place);
    static std::uint64_t queue_of(const SendHistory& send) {
        return send.is_call ? send.sock : send.ring;
    }

    const ReplayReport& report_;
    std::uint64_t end_ns_ = 0;
    std::unordered_map<std::uint64_t, Times> closed_, closed_rings_, unregistered_, overflown_,
        timed_out_, copied_behind_;
    std::unordered_map<std::uint32_t, Times> forked_;
    std::unordered_map<std::uint32_t, std::vector<Memory>> unmapped_;
    std::unordered_map<std::uint32_t, std::uint64_t> brk_;
    FlatMap<std::uint64_t, bool> deferred_rings_;
    using Name = std::pair<std::uint64_t, std::uint64_t>;  // ring, user_data
    std::unordered_map<Name, Times, boost::hash<Name>> cancelled_;
    std::unordered_map<std::uint64_t, Queue> queues_;
    FlatMap<Name, Sends> named_;
    std::unordered_map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> copied_;
    std::unordered_map<std::uint32_t, std::uint64_t> left_alone_;
};

}  // namespace zcv
