#include <array>

#include "traces/zct.hpp"

namespace zcv {
namespace {

// In the order of zcv_event_kind. Promised to scripts that read `zcv convert`.
constexpr std::array kind_names{
    "unknown",    "submit",     "complete",      "notif",       "cqe-overflow", "poll-arm",
    "async",      "link",       "defer",         "prep-failed", "tcp-append",   "dev-queue",
    "dev-xmit",   "rx",         "skb-consume",   "skb-drop",    "head-free",    "fork",
    "exec",       "exit",       "ring-create",   "register",    "write",        "call",
    "call-done",  "errqueue",   "errqueue-read", "call-told",   "retransmit",   "ack",
    "sock-state", "reset",      "close",         "shutdown",    "unmap",        "link-fail",
    "task-work",  "ring-close", "cqe",           "content",     "ubuf-ref",     "pages",
    "frag",       "free",       "vector",        "page-write",
};
static_assert(kind_names.size() == ZCV_KIND_COUNT, "every kind needs a name");

}  // namespace

const char* name_of(zcv_event_kind kind) {
    const auto index = static_cast<std::size_t>(kind);
    return index < kind_names.size() ? kind_names[index] : kind_names[0];
}

}  // namespace zcv
