#include "model/world/policies.hpp"

#include <algorithm>

namespace zcv {

namespace {

// clang-format off
const std::vector<PolicyStory> all{
    {"conforming", "",
     "The buffer is the kernel's until the notification; when the CQE came without "
     "F_MORE, until that.",
     "That is the contract."},
    {"first-cqe", "A1, A2", "The send's result says that the buffer is free.",
     "With F_MORE the memory stays the kernel's until the notification: what is written "
     "in between may be sent. On loopback too, where the copy happens only on receive "
     "(A2)."},
    {"first-cqe-munmap", "A15", "The send's result says that the buffer can be freed.",
     "free() gave the pages back to the system: what is written at the same address "
     "later is other memory, and the packet keeps the old page. No data is wrong."},
    {"close", "A3", "Closing the socket, or shutting it down, gives the buffer back.",
     "close() drops a reference to the file. After either what is queued is still sent, and "
     "retransmitted, from the same memory."},
    {"cancel", "A4", "The cancel's CQE says that the send is over.",
     "The cancel speaks for itself. The send posts its own CQE and its notification, "
     "and what is in packets is not recalled."},
    {"linked-timeout", "A5", "-ETIME of the linked timeout says that the send is over.",
     "The send completes by itself, maybe with part of its data sent, and its "
     "notification is still to come."},
    {"ring-exit", "A6", "Closing the ring ends everything that was in flight on it.",
     "Teardown is asynchronous, in a kworker, and may take as long as the peer wants. "
     "No CQE will ever tell."},
    {"unregister", "A7", "When unregister returns, the registered buffer is free.",
     "Up to 6.12 the call waits for it; since 6.13 it returns at once and the pages "
     "stay in use until the last notification."},
    {"drop-between", "A8", "Whoever is no longer interested in the result may free the buffer.",
     "Between the result and the notification the memory is still the kernel's, whether "
     "anybody waits or not."},
    {"last-chunk-decides", "A9",
     "When the last call of a message is done, the whole message is done.",
     "The last chunk was copied; the earlier ones, zero copy, are still in flight."},
    {"close-before-errqueue", "A10", "The connection is closed, so its buffers are free.",
     "A dead socket is told nothing more, but what is queued is still sent from those "
     "pages."},
    {"descriptor-reused", "A16", "msghdr and iovec may be reused when the SQE is filled.",
     "They are read when the kernel takes the SQE. Then they are free, but the payload "
     "is not."},
    {"always-expect-two", "B1", "Every zero-copy send has two completions.",
     "Without F_MORE there is no second one: it waits for ever."},
    {"err-means-no-notif", "B2", "A send that failed has no notification.",
     "With F_MORE it has: the notification is taken for that of another send."},
    {"cancelled-means-no-notif", "B3", "A send that was cancelled has no notification.",
     "With F_MORE it has: the notification is taken for that of another send."},
    {"fifo-notifs", "B4", "Notifications come in the order of submission.",
     "They come in the order of release, and of a chain the newest members first: the "
     "wrong buffer is freed."},
    {"user-data-recycled", "B5", "A user_data is free again at the send's own CQE.",
     "Its notification carries it as well: two sends of one name cannot be told apart."},
    {"notif-as-result", "B6", "Every CQE is the result of a send.",
     "A notification has res 0, which is read as a peer that closed."},
    {"notif-as-delivery", "B7", "The notification says that the peer has the data.",
     "It says that the kernel let go, for whatever reason: a dropped packet lets go too."},
    {"peek-only", "B9, B10", "Completions appear in the ring by themselves.",
     "What waits as task work, or overflowed, appears only when the application enters "
     "the kernel for events."},
    {"misread-overflow", "B11", "The overflow counter counts completions that come late.",
     "It counts those that are lost: a lost notification never comes, and its buffer is "
     "never free."},
    {"slots-in-order", "B13", "The notifications of a slot come in the order of its generations.",
     "They come in the order of release."},
    {"counts-flushes", "B13", "Every flush gives one notification.",
     "A slot to which nothing was attached is skipped."},
    {"counter-desync", "C1", "Every call has an id.",
     "Calls that fail or send nothing have none: it waits for an id that never comes."},
    {"wrap-special-case", "C2", "After the largest id comes 1.",
     "After 0xffffffff comes 0: one buffer is lost with every wrap."},
    {"wrong-cmsg-filter", "C3", "A completion is an IP_RECVERR.",
     "On IPv6 it is an IPV6_RECVERR: no completion is ever recognised."},
    {"errqueue-unread", "C6", "Whoever does not care about completions need not read them.",
     "Each takes option memory of the socket until it is read: then ENOBUFS."},
    {"enobufs-deadlock", "C7", "After ENOBUFS a completion will come and say when to go on.",
     "The cause may be another, with nothing in flight: nothing ever comes."},
    {"so-zerocopy-forgotten", "C8", "MSG_ZEROCOPY is enough.",
     "Without SO_ZEROCOPY the flag is ignored: the data is copied and no completion "
     "comes."},
    {"range-as-single-id", "C9", "A completion is of one call.",
     "It is a range, both ends included: the others are never freed."},
    {"in-order-ranges", "C10", "Ranges come in the order of the calls.",
     "Mostly, but not always: the wrong buffers are freed."},
    {"trusts-copied-code", "C11",
     "Where data was copied once, the buffer is free when the call returns.",
     "The copy may happen on receive, and a merged range keeps the code of its oldest "
     "part."},
    {"frame-early", "E1", "A frame is free once the kernel was told to send it.",
     "It is free when the completion ring returns it."},
    {"never-reaps", "E2", "Frames come back by themselves.",
     "They come back in the completion ring, which somebody must read."},
    {"descriptor-lost", "E3", "Every descriptor comes back.",
     "An invalid one is skipped and never completes: its frame is lost."},
};
// clang-format on

}  // namespace

const std::vector<PolicyStory>& policy_stories() {
    return all;
}

const PolicyStory* find_policy(std::string_view name) {
    const auto found = std::ranges::find(all, name, &PolicyStory::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace zcv
