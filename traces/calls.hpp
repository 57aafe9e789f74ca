#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "traces/gathered.hpp"
#include "traces/histories.hpp"
#include "traces/replay.hpp"
#include "traces/zct.hpp"

namespace zcv {

// The calls of sendmsg(MSG_ZEROCOPY) in a trace: which id each took, which ranges of ids the error
// queue gave back, and whether the content was still the same when the application read that. The
// kernel's steps in between are not replayed; this holds the promise of both sides against what was
// seen at its ends.
class Calls {
  public:
    Calls(const Trace& trace, const Gathered& gathered, ReplayReport& report, Histories& histories)
        : trace_(trace), gathered_(gathered), report_(report), histories_(histories) {}

    // Takes in a record, if it is of a call or an error queue; what cannot be is a reason in words.
    std::optional<std::string> take(const zcv_event& event) {
        if (event.kind < ZCV_CALL || event.kind > ZCV_CALL_TOLD) return std::nullopt;
        return take_in(event);
    }
    // Whether this generation was given to a call: what is recorded of its skbs is not replayed.
    bool knows(std::uint32_t generation) const { return generations_.contains(generation); }
    // A watchpoint saw a write.
    void see_write(const std::shared_ptr<const zcv_event>& write);
    // No record of this call is to come. Nothing happens when it is none.
    void forget(std::uint32_t generation, const SendHistory& seen);
    // After the last record: what was left open.
    void finish();

  private:
    struct Call {
        std::uint32_t generation = 0;
        std::uint32_t history = 0;                         // its number there
        std::uint64_t hash = 0;                            // of what was taken; 0 unknown
        std::shared_ptr<const zcv_event> write = nullptr;  // the first one seen by a watchpoint
        std::uint64_t rewritten_ns = 0;  // seen with other content before it was told
        std::uint32_t rewritten_by = 0;  // number of the call that showed it
        bool done = false;
        bool reported = false;  // in the error queue
        bool told = false;      // and read from there
    };
    using Name = std::pair<std::uint64_t, std::uint32_t>;  // socket, id

    std::optional<std::string> take_in(const zcv_event& event);
    void begins(const zcv_event& event);
    std::optional<std::string> ends(const zcv_event& event);
    std::optional<std::string> reported(const zcv_event& event);
    std::optional<std::string> read(const zcv_event& event);
    void told(const zcv_event& event);
    void report_reuse(Call& call, const zcv_event& event);
    void give_back(Call& call);
    Call* find(std::uint64_t sock, std::uint32_t id);
    SendHistory& history(const Call& call) { return histories_.at(call.history); }

    const Trace& trace_;
    const Gathered& gathered_;
    ReplayReport& report_;
    Histories& histories_;
    std::map<Name, Call> calls_;
    std::unordered_set<std::uint32_t> generations_;
    // By process, address, length and layout.
    using Memory = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
    std::map<Memory, std::vector<Name>> users_;  // calls that may still be read from there
    std::unordered_map<std::uint64_t, std::uint32_t> ranges_;  // skb on an error queue: ids it had
    std::uint64_t ignored_ = 0;                                // MSG_ZEROCOPY without SO_ZEROCOPY
    std::uint64_t unhashed_ = 0;                               // could not be read at the end
    std::uint64_t discarded_ = 0;                              // ranges that nobody read
};

}  // namespace zcv
