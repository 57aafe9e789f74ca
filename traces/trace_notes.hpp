#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "traces/app_view.hpp"
#include "traces/by_generation.hpp"
#include "traces/flat_map.hpp"
#include "traces/replay.hpp"

// Findings that are not of one early write: what is wrong with a stream, and what is worth knowing
// of a trace as a whole.
namespace zcv {

// How many sends something is true of, and the first of them.
struct SendCount {
    std::uint64_t count = 0;
    SendHistory first = {};
    std::uint64_t first_place = 0;  // in the order that counts

    void add(const SendHistory& send) { add(send, send.number); }
    void add(const SendCount& others) { add(others.first, others.first_place, others.count); }
    void add(const SendHistory& send, std::uint64_t place, std::uint64_t times = 1) {
        if (times == 0) return;
        if (count == 0 || place < first_place) {
            first = send;
            first_place = place;
        }
        count += times;
    }
};

// What is asked of other sends when one is told of: those that are known, else null.
struct OtherSends {
    std::function<const SendHistory*(std::uint32_t)> numbered;
    std::function<const SendHistory*(std::uint32_t)> of_generation;
};

// A note, and the send that it is told of: the report may have given that up.
struct Note {
    Violation finding;
    SendHistory send;
};
void add_note(Note note, ReplayReport& report);

// Holes (D7) and data that is there twice (A17), of sends that were short. What is remembered of a
// stream is bounded: what it sent whole longer ago counts as new.
class StreamWarnings {
  public:
    // A send that is over, or that the trace ends with; as good as in the order of their numbers.
    void count(const SendHistory& send, const OtherSends& others);
    void add(ReplayReport& report);

  private:
    struct Content {
        std::uint64_t addr = 0;
        std::uint32_t len = 0;
        std::uint64_t hash = 0;

        auto operator<=>(const Content&) const = default;
    };
    struct Stream {
        std::map<Content, SendHistory> cut;  // the newest short one of that content
        FlatMap<std::uint64_t, bool> whole;  // by a hash of the content
        std::deque<std::uint64_t> order;     // of these
        bool repeats = false;                // content whole more than once: no progress is lost
        std::vector<Note> holes, again;
    };

    std::map<std::uint64_t, Stream> streams_;  // by socket
};

// Warnings and notes: one of each rule, with how many sends it is about.
class Notes {
  public:
    // The next record in order of time.
    void see(const zcv_event& event);
    // A send that is over, or that the trace ends with. `last` is the number of the newest one.
    void count(const SendHistory& send, std::uint32_t last, const AppView& app,
               const OtherSends& others);
    // After the last one.
    void add(std::uint32_t last, ReplayReport& report);

  private:
    // What the answer of a send to whoever was linked to it was, for as long as those may ask.
    struct Answer {
        bool asked = false, told = false, copied = false;
    };
    struct Queue {
        std::uint64_t since_ns = 0;  // its first range
        bool read = false;
        SendCount unread;  // while nobody has read one
    };

    void count_request(const SendHistory& send, const OtherSends& others);
    void count_result(const SendHistory& send, const AppView& app);
    void count_depth(const SendHistory& send, std::uint32_t last, const OtherSends& others);
    void count_call(const SendHistory& send, const AppView& app);
    Answer answer_of(std::uint32_t generation, const OtherSends& others) const;
    void of_error_queues(ReplayReport& report);

    // What a record said of a send: the how manieth such record, and how often.
    struct Said {
        std::uint64_t place = 0;
        std::uint32_t times = 0;
        std::uint32_t head = 0;  // of a member's chain
    };

    void note_said(FlatMap<std::uint32_t, Said>& of, std::uint32_t generation);

    FlatMap<std::uint32_t, Said> skipping_, deferred_, members_;  // by generation
    std::uint64_t said_ = 0;
    FlatMap<std::uint64_t, std::uint32_t> at_;  // by ubuf, at that time
    ByGeneration<Answer> answers_;
    std::deque<std::uint32_t> answered_;    // those of answers_, oldest first
    FlatMap<std::uint64_t, Queue> queues_;  // by socket
    SendCount all_, skipped_, drained_, linked_, no_memory_, too_large_, waiting_, copied_, unread_,
        closed_;
    std::uint64_t asked_ = 0;
    bool deep_ = false;
    std::uint32_t open_first_ = 0;  // the lowest number without a notification, 0 none
    FlatMap<std::uint64_t, bool> told_rings_;
    std::uint64_t overflows_ = 0, ignored_ = 0;
};

}  // namespace zcv
