#include "model/world/misuses.hpp"

#include <algorithm>

#include "model/world/policies.hpp"

namespace zcv {
namespace {

constexpr std::string_view not_a_lifetime =
    "No buffer's life depends on it: its release comes as ever, and is waited for.";

// clang-format off
const std::vector<Misuse> all{
    {"A1", "reused-after-first-cqe",
     "The buffer is written again, or freed, when the send's own CQE arrives.", "", ""},
    {"A2", "loopback-is-safe",
     "Loopback copies, so the buffer is taken to be free at once; the copy is made on receive.",
     "", ""},
    {"A3", "released-on-close",
     "The buffer is released because its connection was shut down or closed.", "", ""},
    {"A4", "released-on-cancel",
     "The buffer is released at the CQE of a cancel.", "", ""},
    {"A5", "released-on-linked-timeout",
     "The buffer is released at the -ETIME of a linked timeout.", "", ""},
    {"A6", "released-on-ring-exit",
     "The buffer is released when its ring is closed.", "", ""},
    {"A7", "released-on-unregister",
     "A registered buffer is freed when unregister returns.", "", ""},
    {"A8", "dropped-between-the-cqes",
     "An operation is dropped after its result, and its buffer with it.", "", ""},
    {"A9", "last-chunk-decides",
     "A message is taken to be over when its last call is, which was copied.", "", ""},
    {"A10", "closed-before-the-error-queue-was-read",
     "A MSG_ZEROCOPY socket is closed with notifications unread, and its buffers are freed.", "",
     ""},
    {"A11", "file-changes-in-flight",
     "A file that was spliced into a socket is written before its pages have left.",
     "The writer is any process that may write the file, and nobody is ever told that a spliced "
     "page was let go of: there is no belief to be wrong, and no moment to wait for.",
     "gro-spliced"},
    {"A12", "transformed-in-place",
     "A layer below transforms a packet in pages that others share: the file turns into "
     "ciphertext.",
     "It is the kernel that writes, whatever the application does.", "B14"},
    {"A13", "unstable-source",
     "The memory belongs to somebody who may write it at any time; a checksum taken before is "
     "wrong then.",
     "Its owner makes no promise to break: for some the change is by design, and the page is sent "
     "again. Whether it is meant cannot be told from what the kernel does.",
     "first-cqe-wire"},
    {"A14", "fork-in-flight",
     "After fork() it depends on who writes first, and on whether the page is pinned, whether a "
     "write changes what is sent.",
     "One page stands for a buffer and one process maps it. Which of two processes keeps the page "
     "is the memory manager's business; that other memory at the same address is no reuse is what "
     "first-cqe-munmap shows.",
     "same-address-other-page"},
    {"A15", "same-address-other-page",
     "The address is used again and the pages in flight are not: a false alarm.", "", ""},
    {"A16", "descriptor-reused",
     "msghdr, iovec or sockaddr are written before the SQE was taken.", "", ""},
    {"A17", "resent-with-lost-progress",
     "A send fails although part of it was accepted, and is sent again from its start.",
     "The bytes are in the stream twice, each time from a buffer that was not written meanwhile. "
     "Reused buffers are what every policy of A1 to A8 shows.",
     ""},

    {"B1", "always-expect-two",
     "A notification is waited for that the CQE did not announce.", "", ""},
    {"B2", "error-means-no-notif",
     "A send that failed is taken to have no notification.", "", ""},
    {"B3", "cancelled-means-no-notif",
     "The same for -ECANCELED alone.", "", ""},
    {"B4", "notifs-in-order",
     "The oldest buffer is freed at any notification.", "", ""},
    {"B5", "user-data-recycled",
     "A user_data is used again before the notification that carries it.", "", ""},
    {"B6", "notif-as-result",
     "A notification is read as the result of a send: 0 bytes, or an error.", "", ""},
    {"B7", "notif-as-delivery",
     "A notification is taken for an acknowledgement.", "", ""},
    {"B8", "blocks-on-notif",
     "Every send waits for the notification of the one before.",
     "It is slow and nothing else: with one send in flight it sees a part of what `conforming` "
     "sees.",
     "udp-nic"},
    {"B9", "peek-only",
     "The CQ ring is read without entering the kernel, which posts nothing then.", "", ""},
    {"B10", "cq-for-one-cqe",
     "The CQ ring has room for one CQE a send, and the overflow list is never flushed.", "", ""},
    {"B11", "overflow-misread",
     "CQEs that were dropped are taken for late ones.", "", ""},
    {"B12", "skip-success",
     "No CQE at all is wanted: IOSQE_CQE_SKIP_SUCCESS.",
     "The kernel refuses it like any request that it cannot prepare: one CQE, no F_MORE.",
     "prep-failures"},
    {"B13", "slots-as-they-were",
     "Notification slots are used as documents of 6.0-rc have it.", "", ""},

    {"C1", "counter-desync",
     "Calls that failed are counted too.", "", ""},
    {"C2", "wrap-around",
     "The id after the largest is taken to be 1, or a loop over a range never ends there.", "", ""},
    {"C3", "wrong-cmsg-filter",
     "Completions of IPv6 sockets are not recognised.", "", ""},
    {"C4", "eagain-as-failure",
     "EAGAIN from the error queue is taken for a broken connection.",
     "Reading an empty queue changes nothing in the kernel; what the application then gives up is "
     "its own affair.",
     ""},
    {"C5", "epollerr-misread",
     "EPOLLERR means a message in the error queue or an error of the socket; asking for one "
     "clears the other.",
     "Wake-ups of poll are not modelled: who waits for a message here reads it as soon as it is "
     "there.",
     ""},
    {"C6", "error-queue-unread",
     "Nobody reads the error queue, until there is no option memory left.", "", ""},
    {"C7", "enobufs-misread",
     "After ENOBUFS a completion is waited for although none is under way.", "", ""},
    {"C8", "so-zerocopy-forgotten",
     "SO_ZEROCOPY was never set: no completion comes.", "", ""},
    {"C9", "range-as-id",
     "A range is read as one id.", "", ""},
    {"C10", "ranges-in-order",
     "Ranges are taken to come in the order of the calls.", "", ""},
    {"C11", "copied-code-trusted",
     "The code of a range decides whether later calls are waited for.", "", ""},
    {"C12", "release-shared",
     "Small calls share a ubuf: the first is released with the last.",
     "It is late, never early, and the kernel's doing: it shows wherever two calls share a ubuf.",
     "msgzc-all-chunks"},

    {"D1", "silently-copied",
     "The device or the path copies: nothing is gained.", not_a_lifetime, "udp-loopback"},
    {"D2", "never-reached",
     "The zero-copy call is never made, whatever the setting is called.",
     "A plain send is free at its completion.", "copy-send"},
    {"D3", "fallback-bugs",
     "An opcode or protocol is not supported, and the way around it loops or sends nothing.",
     "Such a send fails in preparation or at issue and holds nothing; the loop is the "
     "application's own.",
     "prep-failures"},
    {"D4", "below-break-even",
     "The payload is so small that copying is faster.", not_a_lifetime, ""},
    {"D5", "stalled-peer",
     "A peer that reads nothing keeps the memory pinned.",
     "The application can only wait: nothing that it believes changes it.", "peer-gone"},
    {"D6", "memlock",
     "RLIMIT_MEMLOCK is used up: ENOMEM, or ENOBUFS.",
     "The send fails and holds nothing; what is made of ENOBUFS is C7.", "memlock-limit"},
    {"D7", "short-send-in-flight",
     "A send is short while those behind it are under way: the stream has a hole.",
     "Sends are whole here, or fail; what must stop behind one that fails is asked of links.",
     "failed-send-keeps-link"},
    {"D8", "udp-limits",
     "Datagrams larger than frags and segments allow: EMSGSIZE.",
     "Such a send fails like any other, or is copied.", "udp-failures"},
    {"D9", "slowest-clone",
     "Segments and clones share a ubuf: it is released with the slowest.",
     not_a_lifetime, "segmented"},

    {"E1", "frame-reused-early",
     "An AF_XDP frame is written before the completion ring returned it.", "", ""},
    {"E2", "never-reaped",
     "Completions are not read: no frame is left.", "", ""},
    {"E3", "frame-lost",
     "An invalid descriptor never completes: its frame is lost.", "", ""},
    {"E4", "vhost-in-order",
     "A guest is told in order, and only while it asks: buffers wait for strangers.",
     "The order is the host's, not a belief of the guest's.", "vhost-in-order"},

    {"F1", "node-held-by-request",
     "A registered buffer's node goes with the request and not with its notification.",
     "A mistake of the kernel's.", "B5"},
    {"F2", "async-data-twice",
     "The memory of a request's arguments is freed twice.",
     "A mistake of the kernel's, in memory that holds no payload; a cleanup that runs twice is "
     "shown.",
     "B10"},
    {"F3", "imported-on-retry",
     "A buffer is imported, and charged, once more with every attempt.",
     "A mistake of the kernel's.", "B27b"},
    {"F4", "notif-of-failed-preparation",
     "Whether a send that failed in preparation has a notification depends on where it failed.",
     "The kernel's, and right as long as F_MORE says which; the belief is B1.", "prep-failures"},
    {"F5", "notifs-stacked",
     "Since 6.10 the notifications of one skb complete together.",
     "The kernel's, and on purpose: it is late, never early.", "tcp-stacked-3"},
    {"F6", "zcrx-twice",
     "A received buffer's reference is dropped twice.", "Receiving is not modelled.", ""},
};
// clang-format on

bool is_among(std::string_view id, std::string_view ids) {
    for (std::size_t begin = 0; begin < ids.size();) {
        const std::size_t end = std::min(ids.find(", ", begin), ids.size());
        if (ids.substr(begin, end - begin) == id) return true;
        begin = end + 2;
    }
    return false;
}

}  // namespace

const std::vector<Misuse>& misuses() {
    return all;
}

std::vector<std::string> policies_of(std::string_view id) {
    std::vector<std::string> names;
    for (const PolicyStory& story : policy_stories())
        if (is_among(id, story.id)) names.emplace_back(story.name);
    return names;
}

}  // namespace zcv
