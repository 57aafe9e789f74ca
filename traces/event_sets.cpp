#include "traces/event_sets.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <sstream>
#include <vector>

#include "model/nearest.hpp"
#include "model/outcome.hpp"
#include "traces/zct.hpp"

namespace zcv {
namespace {

static_assert(ZCV_KIND_COUNT <= 64, "a bit for each kind");

constexpr std::uint64_t bits(std::initializer_list<zcv_event_kind> kinds) {
    std::uint64_t all = 0;
    for (const zcv_event_kind kind : kinds) all |= std::uint64_t{1} << kind;
    return all;
}

constexpr std::uint64_t every = (std::uint64_t{1} << ZCV_KIND_COUNT) - 2;
// Who sends, and what becomes of it for the application: the rest cannot be told without these.
constexpr std::uint64_t minimal =
    bits({ZCV_SUBMIT, ZCV_COMPLETE, ZCV_NOTIF, ZCV_CQE_OVERFLOW, ZCV_PREP_FAILED, ZCV_CALL,
          ZCV_CALL_DONE, ZCV_ERRQUEUE_READ, ZCV_CALL_TOLD, ZCV_FORK, ZCV_EXEC, ZCV_EXIT,
          ZCV_RING_CREATE, ZCV_REGISTER, ZCV_WRITE, ZCV_VECTOR});
constexpr std::uint64_t of_skbs = bits({ZCV_TCP_APPEND, ZCV_DEV_QUEUE, ZCV_DEV_XMIT, ZCV_RX,
                                        ZCV_SKB_CONSUME, ZCV_SKB_DROP, ZCV_HEAD_FREE});
// Without what comes at the rate of packets and says little of buffers, what needs function probes,
// which not every kernel has, and what makes each free() of the program a trap, or its pages fault.
constexpr std::uint64_t usual =
    every & ~bits({ZCV_ACK, ZCV_TASK_WORK, ZCV_UBUF_REF, ZCV_FRAG, ZCV_FREE, ZCV_PAGE_WRITE});

std::uint64_t set_named(const std::string& word) {
    if (word == "minimal") return minimal;
    if (word == "default") return usual;
    if (word == "all") return every;
    std::vector<std::string> names{"minimal", "default", "all"};
    for (int kind = 1; kind < ZCV_KIND_COUNT; ++kind) {
        names.emplace_back(name_of(static_cast<zcv_event_kind>(kind)));
        if (names.back() == word) return std::uint64_t{1} << kind | minimal;
    }
    throw Refusal(Status::usage,
                  fmt::format("--events {}: no set or kind of event is called that: {}", word,
                              did_you_mean(word, names, "choose minimal, default or all")));
}

}  // namespace

std::uint64_t event_set(const std::string& words) {
    std::istringstream list(words);
    std::uint64_t all = 0;
    for (std::string word; std::getline(list, word, ',');) all |= set_named(word);
    if (all == 0) set_named(words);
    return (all & of_skbs) == 0 ? all : all | of_skbs;
}

bool is_unacknowledged(const zcv_event& event) {
    if (event.addr == 0 || (event.kind != ZCV_HEAD_FREE && event.kind != ZCV_UBUF_REF))
        return false;
    const std::uint32_t beyond = static_cast<std::uint32_t>(event.addr) - event.cqe_flags;
    return static_cast<std::int32_t>(beyond) >= 0;
}

bool records_skbs(const TraceInfo& info) try {
    return info.events.empty() || (event_set(info.events) & of_skbs) != 0;
} catch (const Refusal&) {
    return true;  // words of a later zcv
}

}  // namespace zcv
