#pragma once

#include <cstdint>
#include <string>

#include "traces/zct.hpp"

namespace zcv {

// Which kinds of records are wanted: a bit for each zcv_event_kind. `words` is "minimal" (what a
// verdict on the application's writes needs), "default", "all", or names of kinds as `zcv convert`
// prints them, by commas; they may be mixed. Of the records of skbs it is all or none, because some
// of them would tell a wrong story. Throws Refusal(usage).
std::uint64_t event_set(const std::string& words);

// Whether what happens to skbs was recorded. A trace that does not say is one of the first, which
// recorded everything.
bool records_skbs(const TraceInfo& info);

// Whether TCP let go of an skb of its own that the peer had not acknowledged: not even its first
// byte.
bool is_unacknowledged(const zcv_event& event);

}  // namespace zcv
