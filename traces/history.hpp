#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/rules.hpp"

namespace zcv {

// What the addresses of a payload that changed led to at the notification, or before its memory
// left them: the very pages that were sent from, or others.
enum class Pages { unknown, same, other };

// What became of the bytes of a send: the wire had the user's own pages, or a copy of some of them.
enum class Payload { unknown, zero_copied, copied };

// One send as a replay saw it: when each phase began, nanoseconds on the trace's clock. A phase
// that no record and no inference places stays empty.
struct SendHistory {
    std::uint32_t number = 0;  // counts sends of the trace from 1
    std::uint64_t user_data = 0;
    bool is_call = false;  // of sendmsg(MSG_ZEROCOPY): user_data is its id
    std::uint64_t addr = 0;
    std::uint32_t len = 0;
    std::uint32_t tgid = 0;
    std::uint32_t generation = 0;  // as in its records
    std::uint64_t ring = 0;
    std::uint64_t sock = 0;
    std::uint64_t layout = 0;  // of several iovecs, as Gathered has it; addr is the first one's
    std::uint64_t hash = 0;    // of the content at submission; 0 unknown
    std::uint32_t stack = 0;   // of the submission, its number in the trace; 0 not taken
    std::uint64_t submitted_ns = 0;
    std::optional<std::uint64_t> attached_ns;   // first skb known to refer to it
    std::optional<std::uint64_t> on_wire_ns;    // first handed to a device
    std::optional<std::uint64_t> completed_ns;  // the request's own CQE
    std::optional<std::uint64_t> released_ns;   // last reference dropped, at the latest
    std::optional<std::uint64_t> notified_ns;   // the notification CQE
    std::optional<std::uint64_t> reused_ns;     // the application wrote it again, at the latest
    bool counted = false;                       // is part of what the trace as a whole is told by
    bool link_failed = false;                   // completed because of the link it is in
    bool reused_early = false;                  // ... before the notification
    bool copied = false;                        // the kernel reported ZC_COPIED
    bool asked_usage = false;                   // ... and was asked to report it
    Pages pages = Pages::unknown;
    Payload payload = Payload::unknown;  // whatever the kernel reported
    bool eaten = false;       // TCP let go of its data before the peer had acknowledged any of it
    bool more = false;        // its own CQE had F_MORE
    bool fixed = false;       // from a registered buffer
    bool stream = false;      // on TCP
    std::uint8_t opcode = 0;  // IORING_OP_*, 0 for a call
    std::int32_t res = 0;
};

// The life of a send is cut into these, each from its own moment to the next known one.
enum class SendPhase : std::size_t { submitted, attached, on_wire, released };
inline constexpr std::size_t phase_count = 4;

constexpr const char* name_of(SendPhase phase) {
    constexpr const char* names[phase_count] = {"submitted", "attached to an skb", "on the wire",
                                                "released, not yet notified"};
    return names[static_cast<std::size_t>(phase)];
}

struct SendPhaseSpan {
    SendPhase phase;
    std::uint64_t from_ns;
    std::uint64_t to_ns;
};

// Until `end_ns`, which is the notification or where the trace ends. A record may come late
// ("released at or before here"), so each phase begins no earlier than the one before it and none
// outlives the end. Empty phases are left out, all but the first of a send without length.
std::vector<SendPhaseSpan> phases_of(const SendHistory& send, std::uint64_t end_ns);

// The last moment known of a send.
std::uint64_t end_of(const SendHistory& send);

// Which kinds of records a finding rests on.
enum class Evidence {
    content_hash,
    resubmission,
    write_watch,
    allocator,
    page_tracking,
    unmapping,
    pages,
    cqes,
    error_queue,
    skbs,
    references
};

// What came of writing its buffer too early, in words.
// Memory that was freed, and no more than that seen of it, need not have been written yet.
std::string harm_of(const SendHistory& send, const std::vector<Evidence>& seen_by);

// A rule broken, or something worth knowing: what, which, when, how one knows.
struct Violation {
    std::string property;       // "R1-no-reuse-before-release": what the model calls it; may be ""
    std::uint32_t send = 0;     // SendHistory::number
    std::uint64_t request = 0;  // user_data, or a call's id
    std::uint64_t ubuf = 0;
    std::uint64_t time_ns = 0;  // of the record that shows it; of a write, the latest it can be
    std::string evidence;       // what was seen
    std::string explanation;    // what it means for the user
    std::vector<std::string> stack;  // who did it, innermost first; empty when that was not seen
    const Rule* rule = nullptr;      // set by name_findings()
    Severity severity = Severity::error;
    std::vector<Evidence> seen_by = {};
    std::uint32_t again_as = 0;      // number of the send that showed the buffer written; 0 none
    bool before_unmapping = false;   // seen before the pages at that address became others
    std::uint32_t thread = 0;        // that wrote, 0 unknown
    std::uint32_t stack_number = 0;  // of its stack in the trace, 0 none
    std::vector<std::string> sent_by = {};          // who had sent it, likewise
    std::vector<std::string> in_kernel = {};        // where the kernel was, likewise
    std::optional<std::size_t> suppressed_by = {};  // which of ReplayReport::suppressions
};

}  // namespace zcv
