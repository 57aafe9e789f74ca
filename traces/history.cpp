#include "traces/history.hpp"

#include <algorithm>

namespace zcv {

std::vector<SendPhaseSpan> phases_of(const SendHistory& send, std::uint64_t end_ns) {
    std::vector<SendPhaseSpan> spans{{SendPhase::submitted, send.submitted_ns, end_ns}};
    const auto next = [&](SendPhase phase, const std::optional<std::uint64_t>& at) {
        if (!at) return;
        const std::uint64_t from = std::clamp(*at, spans.back().from_ns, end_ns);
        spans.back().to_ns = from;
        spans.push_back({phase, from, end_ns});
    };
    next(SendPhase::attached, send.attached_ns);
    next(SendPhase::on_wire, send.on_wire_ns);
    next(SendPhase::released, send.released_ns);
    const bool no_length = end_ns == send.submitted_ns;
    std::erase_if(spans, [&](const SendPhaseSpan& span) {
        return span.from_ns == span.to_ns && !(no_length && span.phase == SendPhase::submitted);
    });
    return spans;
}

std::string harm_of(const SendHistory& send, const std::vector<Evidence>& seen_by) {
    const bool lucky = send.released_ns && send.completed_ns && send.reused_ns &&
                       *send.released_ns <= *send.completed_ns &&
                       *send.completed_ns <= *send.reused_ns;
    if (!lucky && seen_by == std::vector{Evidence::allocator})
        return "whoever gets that memory next writes into what is being sent";
    if (!lucky) return "the peer may have received the later bytes";
    return std::string("this time the kernel had let go when ") +
           (send.is_call ? "the call returned" : "its own CQE came") +
           ", which the program could not know";
}

std::uint64_t end_of(const SendHistory& send) {
    std::uint64_t end = send.submitted_ns;
    for (const auto& moment : {send.attached_ns, send.on_wire_ns, send.completed_ns,
                               send.released_ns, send.notified_ns, send.reused_ns}) {
        if (moment) end = std::max(end, *moment);
    }
    return end;
}

}  // namespace zcv
