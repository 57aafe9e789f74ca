#include "traces/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::uint32_t cqe_flags_known = 0x3f;  // those above say how large it is
constexpr std::int32_t ecanceled = 125;
constexpr std::uint8_t op_send_zc = 47;

struct Name {
    const char* words;
    std::uint64_t now;
    std::uint64_t then;
};

bool differs(const Name& name) {
    return name.now != name.then && name.now != 0 && name.then != 0;
}

[[gnu::noinline]] std::string told(std::initializer_list<Name> names) {
    const auto name = std::ranges::find_if(names, differs);
    return fmt::format("it names {} {:#x}, its send was submitted with {:#x}", name->words,
                       name->now, name->then);
}

// Almost none ever does, and there are many to look at.
template <class... Names>
std::optional<std::string> first_that_differs(const Names&... names) {
    if ((differs(names) || ...)) return told({names...});
    return std::nullopt;
}

// What a record is of, and so what it cannot be without.
enum class Of : std::uint8_t { skb, frag, head, request, pages, ring, sock, child, other };

constexpr auto of_kind = [] {
    std::array<Of, ZCV_KIND_COUNT> all{};
    all.fill(Of::other);
    const auto are = [&](Of of, std::initializer_list<zcv_event_kind> kinds) {
        for (const zcv_event_kind kind : kinds) all[kind] = of;
    };
    are(Of::skb,
        {ZCV_DEV_QUEUE, ZCV_DEV_XMIT, ZCV_RX, ZCV_SKB_CONSUME, ZCV_SKB_DROP, ZCV_RETRANSMIT});
    are(Of::frag, {ZCV_FRAG});
    are(Of::head, {ZCV_HEAD_FREE});
    are(Of::request, {ZCV_COMPLETE, ZCV_NOTIF, ZCV_CQE_OVERFLOW, ZCV_POLL_ARM, ZCV_ASYNC, ZCV_LINK,
                      ZCV_DEFER, ZCV_TCP_APPEND, ZCV_LINK_FAIL, ZCV_CONTENT});
    are(Of::pages, {ZCV_PAGES});
    are(Of::ring,
        {ZCV_SUBMIT, ZCV_PREP_FAILED, ZCV_RING_CREATE, ZCV_RING_CLOSE, ZCV_REGISTER, ZCV_CQE});
    are(Of::sock, {ZCV_CALL, ZCV_CALL_DONE, ZCV_ERRQUEUE, ZCV_ERRQUEUE_READ, ZCV_CALL_TOLD, ZCV_ACK,
                   ZCV_SOCK_STATE, ZCV_RESET, ZCV_CLOSE, ZCV_SHUTDOWN});
    are(Of::child, {ZCV_FORK});
    return all;
}();

Of of(const zcv_event& event) {
    return event.kind < of_kind.size() ? of_kind[event.kind] : Of::other;
}

bool is_of_skb(const zcv_event& event) {
    return of(event) <= Of::head;
}

bool is_of_request(const zcv_event& event) {
    return of(event) == Of::request || of(event) == Of::pages;
}

// Null when it has all.
const char* lacking(const zcv_event& event) {
    const bool named = event.head != 0 && event.skb != 0;
    switch (of(event)) {
        case Of::skb:
            return named ? nullptr : event.head == 0 ? "head" : "skb";
        case Of::frag:
            if (!named) return event.head == 0 ? "head" : "skb";
            return event.addr == 0 ? "page" : nullptr;
        case Of::head:
            return event.head == 0 ? "head" : nullptr;
        case Of::pages:
            if (event.ring == 0 && event.sock == 0) return "ring";  // a call has none
            return event.hash == 0 ? "pages" : nullptr;
        case Of::request:
        case Of::ring:
            return event.ring == 0 ? "ring" : nullptr;
        case Of::sock:
            return event.sock == 0 ? "socket" : nullptr;
        case Of::child:
            return event.addr == 0 ? "child" : nullptr;
        case Of::other:
            return nullptr;
    }
    return nullptr;
}

}  // namespace

// Whether `len` of its submission is all that it sends.
bool Agreement::knows_length(const Submission& submit) {
    return submit.opcode == op_send_zc && (submit.zc_flags & uapi::send_vectorized) == 0 &&
           submit.len != 0;
}

std::optional<std::string> Agreement::refuses(const zcv_event& event) {
    if (const char* const lacks = lacking(event)) return fmt::format("it names no {}", lacks);
    if (event.kind == ZCV_ERRQUEUE || event.kind == ZCV_ERRQUEUE_READ)
        if (event.addr < event.user_data || event.len != event.addr - event.user_data + 1)
            return fmt::format("a range from id {} to {} has not {} ids", event.user_data,
                               event.addr, event.len);
    if (event.generation == 0) return std::nullopt;
    if (event.kind == ZCV_SUBMIT || event.kind == ZCV_PREP_FAILED || event.kind == ZCV_CALL) {
        // A second one is for the model to refuse.
        if (!sends_.contains(event.generation))
            sends_[event.generation] = {{event.req, event.ring, event.sock, event.ubuf, event.addr,
                                         event.user_data, event.len, event.tgid, event.res,
                                         event.kind, event.zc_flags, event.opcode, event.protocol},
                                        event.kind == ZCV_PREP_FAILED};
        return std::nullopt;
    }
    Named* const found = sends_.find(event.generation);
    if (found == nullptr) return std::nullopt;
    Named& send = *found;
    if (send.submit.kind == ZCV_CALL) return call_differs(event, send);
    if (auto why = names_differ(event, send)) return why;
    const bool notif = (event.cqe_flags & uapi::cqe_f_notif) != 0;
    if (event.kind == ZCV_COMPLETE || (event.kind == ZCV_CQE_OVERFLOW && !notif))
        return result_differs(event, send);
    if (event.kind == ZCV_NOTIF || event.kind == ZCV_CQE_OVERFLOW)
        return notif_differs(event, send);
    if (event.kind != ZCV_TCP_APPEND) return std::nullopt;
    const std::uint32_t most = send.has_turns              ? send.left
                               : knows_length(send.submit) ? send.submit.len
                                                           : event.len;
    if (event.len > most)
        return fmt::format("{} bytes are left to append, of {} before", event.len, most);
    // Others may write to the stream in between.
    const std::uint32_t grown = event.cqe_flags - send.place;
    if (send.has_turns && send.place != 0 && event.cqe_flags != 0 && grown < most - event.len)
        return fmt::format("{} of its bytes were appended, and the stream has grown by {}",
                           most - event.len, grown);
    send.place = event.cqe_flags;
    send.left = event.len;
    send.has_turns = true;
    return std::nullopt;
}

// A call has no ubuf when it begins; its skbs say which one it took, and which ids that covers.
std::optional<std::string> Agreement::call_differs(const zcv_event& event, Named& send) const {
    Submission& call = send.submit;
    const bool of_call =
        event.kind == ZCV_CALL_DONE || event.kind == ZCV_CALL_TOLD || event.kind == ZCV_PAGES;
    if (is_of_skb(event)) {
        if (call.ubuf == 0) call.ubuf = event.owner;
        if (auto why = names_differ(event, send)) return why;
        const bool known = event.kind != ZCV_HEAD_FREE && event.user_data != 0 && event.ubuf != 0;
        if (!known || static_cast<std::uint32_t>(event.user_data) == call.user_data)
            return std::nullopt;
        return fmt::format("its ubuf begins with id {}, its call has {}",
                           static_cast<std::uint32_t>(event.user_data), call.user_data);
    }
    if (!of_call) return fmt::format("its send is a call, which has no such record");
    if (event.user_data != call.user_data)
        return fmt::format("it names id {}, its call has {}", event.user_data, call.user_data);
    if (event.kind == ZCV_CALL_DONE) {
        if (event.res > 0) send.left = static_cast<std::uint32_t>(event.res);
        return first_that_differs(Name{"socket", event.sock, call.sock});
    }
    const std::uint32_t sent = send.left == 0 ? call.len : std::min(call.len, send.left);
    return first_that_differs(
        Name{"socket", event.sock, call.sock}, Name{"process", event.tgid, call.tgid},
        Name{"memory at", event.addr, call.addr}, Name{"bytes", event.len, sent});
}

std::optional<std::string> Agreement::names_differ(const zcv_event& event,
                                                   const Named& send) const {
    const Submission& submit = send.submit;
    if (is_of_skb(event)) {
        if (event.ubuf != 0 && event.owner != 0 && event.ubuf != event.owner)
            return fmt::format("its skb refers to ubuf {:#x}, its head was first seen with {:#x}",
                               event.ubuf, event.owner);
        // What a socket hands down still belongs to it; further on it may be anybody's.
        const std::uint64_t sock = event.kind == ZCV_DEV_QUEUE ? event.sock : 0;
        return first_that_differs(
            Name{"ubuf", event.owner, submit.ubuf}, Name{"ubuf", event.ubuf, submit.ubuf},
            Name{"process", event.tgid, submit.tgid}, Name{"socket", sock, submit.sock});
    }
    if (!is_of_request(event)) return std::nullopt;
    const bool has_request = event.kind != ZCV_NOTIF;  // a notification is a request of its own
    const bool has_memory =
        event.kind == ZCV_NOTIF || event.kind == ZCV_CONTENT || event.kind == ZCV_PAGES;
    if (event.user_data != submit.user_data)
        return fmt::format("it names user_data {:#x}, its send was submitted with {:#x}",
                           event.user_data, submit.user_data);
    return first_that_differs(
        Name{"request", has_request ? event.req : 0, submit.req},
        Name{"ring", event.ring, submit.ring}, Name{"ubuf", event.ubuf, submit.ubuf},
        Name{"socket", event.sock, submit.sock}, Name{"process", event.tgid, submit.tgid},
        Name{"opcode", event.opcode, submit.opcode},
        Name{"memory at", has_memory ? event.addr : 0, submit.addr},
        Name{"bytes", has_memory ? event.len : 0, submit.len});
}

std::optional<std::string> Agreement::result_differs(const zcv_event& event,
                                                     const Named& send) const {
    const std::int32_t res = event.res;
    if ((event.cqe_flags & cqe_flags_known & ~uapi::cqe_f_more) != 0)
        return fmt::format("its CQE has flags {:#x}: a zero-copy send's has F_MORE or none",
                           event.cqe_flags);
    const Submission& submit = send.submit;
    if (send.refused && res != submit.res && res != -ecanceled)
        return fmt::format("its result is {}, its preparation failed with {}", res, submit.res);
    if (res < 0 || !knows_length(submit)) return std::nullopt;
    const auto sent = static_cast<std::uint32_t>(res);
    if (sent > submit.len)
        return fmt::format("{} bytes were sent, of {} that it had", sent, submit.len);
    if (submit.protocol == uapi::ipproto_udp && sent != submit.len)
        return fmt::format("{} bytes of a datagram of {} were sent", sent, submit.len);
    return std::nullopt;
}

std::optional<std::string> Agreement::notif_differs(const zcv_event& event, const Named& send) {
    const auto res = static_cast<std::uint32_t>(event.res);
    if ((event.cqe_flags & cqe_flags_known) != uapi::cqe_f_notif)
        return fmt::format("its CQE has flags {:#x}: a notification's has F_NOTIF alone",
                           event.cqe_flags);
    const bool asked = (send.submit.zc_flags & uapi::send_zc_report_usage) != 0 || send.refused;
    if (res != 0 && (res != uapi::notif_usage_zc_copied || !asked))
        return fmt::format("a notification's result is 0{}, not {:#x}",
                           asked ? " or IORING_NOTIF_USAGE_ZC_COPIED"
                                 : " unless its usage was "
                                   "asked for",
                           res);
    if (event.kind != ZCV_NOTIF || event.req == 0 || event.ubuf == 0) return std::nullopt;
    const std::uint64_t offset = event.ubuf - event.req;
    if (!ubuf_offset_) ubuf_offset_ = offset;
    if (offset == *ubuf_offset_) return std::nullopt;
    return fmt::format("it names the notification {:#x}, of which ubuf {:#x} is no part", event.req,
                       event.ubuf);
}

}  // namespace zcv
