#include "traces/ref_account.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "traces/lookahead.hpp"

namespace zcv {
namespace {

bool is_dropped(std::uint8_t how) {
    return how >= ZCV_REF_ISSUER && how != ZCV_REF_ABORT;
}

std::optional<std::string> cannot_change_so(const zcv_event& event) {
    if (event.opcode == ZCV_REF_NONE || event.opcode >= ZCV_REF_COUNT)
        return fmt::format("{} is no way to change a count", event.opcode);
    if (event.ubuf == 0) return "it names no ubuf";
    const bool moved = event.opcode == ZCV_REF_DATAGRAM || event.opcode == ZCV_REF_EXTEND ||
                       event.opcode == ZCV_REF_ABORT;
    const bool right = is_dropped(event.opcode) ? event.res == -1
                       : event.opcode == ZCV_REF_ABORT
                           ? event.res == 0
                           : event.res == 1 || (moved && event.res >= 0);
    if (!right) return fmt::format("it changes the count by {}, which it cannot", event.res);
    return std::nullopt;
}

}  // namespace

RefAccount::RefAccount(const Trace& trace)
    : certain_(trace.totals.recursion_misses == 0 && trace.totals.lost == 0 && !trace.cut_off),
      whole_(std::ranges::none_of(trace.info.missing, [](const auto& missing) {
          return missing.first.starts_with("function probes");
      })) {}

std::optional<std::string> RefAccount::refuses(const zcv_event& event) {
    if (auto why = cannot_change_so(event)) return why;
    const bool born = event.opcode == ZCV_REF_ALLOC;
    const auto found = ubufs_.find(event.ubuf);
    if (born) {
        const std::int64_t left = found == ubufs_.end() ? 0 : found->second.sum;
        ubufs_[event.ubuf] = {event.ring, 0, event.time_ns, 1, 0, event.tgid, event.cpu};
        if (event.len != 1) return fmt::format("a new ubuf has {} references", event.len);
        // What the probes missed is left for ever.
        if (left != 0 && certain_)
            return fmt::format("the ubuf is new, and had {} references left", left);
        return std::nullopt;
    }
    if (found == ubufs_.end() || found->second.sum <= 0)
        return "a count changes that is of no ubuf that is alive";
    Ubuf& ubuf = found->second;
    if (event.ring != ubuf.ring || event.tgid != ubuf.tgid)
        return "its ring and process are not those that the ubuf was made for";
    ubuf.sum += event.res;
    const bool elsewhere = event.cpu != ubuf.cpu && event.time_ns < ubuf.time_ns + skew_ns;
    ubuf.time_ns = event.time_ns;
    ubuf.cpu = event.cpu;
    if (static_cast<std::int64_t>(event.len) != ubuf.sum && !elsewhere && !is_nested(ubuf, event))
        return fmt::format("the count is {} by what it says, and {} by all before", event.len,
                           ubuf.sum);
    return member_differs(event);
}

// A softirq came between what a probe added up and its record: what it changed itself is recorded
// first, with a sum that has both. The kernel's own count then goes by the order of the records.
bool RefAccount::is_nested(Ubuf& ubuf, const zcv_event& event) {
    if (static_cast<std::int64_t>(event.refs) != ubuf.sum) return false;
    const std::int64_t ahead = static_cast<std::int64_t>(event.len) - ubuf.sum;
    const bool nested =
        event.context == ZCV_CONTEXT_SOFTIRQ || event.context == ZCV_CONTEXT_HARDIRQ;
    if (nested && (ubuf.interrupted == 0 || ubuf.interrupted == ahead)) {
        ubuf.interrupted = ahead;
        return true;
    }
    return std::exchange(ubuf.interrupted, 0) == event.res;
}

bool RefAccount::is_interrupted(std::uint64_t ubuf) const {
    const auto found = ubufs_.find(ubuf);
    return certain_ && found != ubufs_.end() && found->second.interrupted != 0;
}

// A notification hangs on one other from the moment it is linked until its last reference is gone.
std::optional<std::string> RefAccount::member_differs(const zcv_event& event) {
    const bool linked = event.opcode == ZCV_REF_MEMBER;
    if (!linked && event.opcode != ZCV_REF_MEMBER_GONE) return std::nullopt;
    const auto member = ubufs_.find(event.owner);
    if (member == ubufs_.end()) return "a ubuf that nobody made hangs on it";
    const std::uint64_t before = linked ? 0 : event.ubuf;
    if (member->second.head_of_chain != before || (member->second.sum == 0) == linked)
        return fmt::format("{:#x} is {} it, which it cannot be", event.owner,
                           linked ? "linked to" : "no longer linked to");
    member->second.head_of_chain = linked ? event.ubuf : 0;
    return std::nullopt;
}

std::optional<std::int64_t> RefAccount::left(std::uint64_t ubuf) const {
    const auto found = ubufs_.find(ubuf);
    if (!certain_ || !whole_ || found == ubufs_.end()) return std::nullopt;
    return found->second.sum;
}

}  // namespace zcv
