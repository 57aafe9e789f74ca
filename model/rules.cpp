#include "model/rules.hpp"

#include <algorithm>

#include "model/ensure.hpp"
#include "model/gallery.hpp"
#include "model/properties.hpp"
#include "model/world/misuses.hpp"

namespace zcv {
namespace {

using enum Severity;

constexpr std::string_view corrupts = "corrupts the stream";
constexpr std::string_view writes =
    "the submission; a write: a watchpoint, page tracking, free(), the content hash at the "
    "notification, or the buffer submitted again with other content";

// clang-format off
const std::vector<Rule> all{
    {"ZC-R1", error, corrupts,
     "A buffer was written before the kernel had let go of it, and nothing else tells why.",
     "SUBMIT < WRITE < NOTIF", writes, "",
     "Write a buffer only after the notification that carries its user_data, or after a CQE "
     "without F_MORE.",
     "io_uring_enter(2), IORING_OP_SEND_ZC"},
    {"ZC-A1", error, corrupts,
     "A buffer was written after the send's own CQE, or the call's return, and before its "
     "notification.",
     "SUBMIT < CQE(F_MORE) < WRITE < NOTIF",
     "the submission, the CQE; a write: a watchpoint, page tracking, free(), the content hash at "
     "the notification, or the buffer submitted again with other content",
     "other pages are at that address by then (A15)",
     "Recycle the buffer at the CQE with F_NOTIF that carries its user_data, not at the first CQE; "
     "after MSG_ZEROCOPY when recvmsg(MSG_ERRQUEUE) names the call's id.",
     "tokio-rs/io-uring #220, #308; io_uring_enter(2)"},
    {"ZC-A2", error, corrupts,
     "A buffer was written after its CQE, or the call's return, on a path where all is copied: the "
     "copy is made on receive, which may come later.",
     "CQE(F_MORE) < WRITE < NOTIF(COPIED)",
     "as A1, and every notification of the socket says COPIED (IORING_SEND_ZC_REPORT_USAGE)", "",
     "COPIED is told with the release, never before: wait for the notification, or the call's id "
     "in the error queue, on loopback too.",
     "Documentation/networking/msg_zerocopy.rst, \"Loopback\""},
    {"ZC-A3", error, corrupts,
     "A buffer was written after its socket was closed or shut down, and before its notification.",
     "SUBMIT < CLOSE|SHUTDOWN < WRITE < NOTIF", "as R1, and the close() or shutdown()", "",
     "close() drops a reference to a file: keep the buffers until their notifications came.",
     "netty #17238, #17358; liburing #643"},
    {"ZC-A4", error, corrupts,
     "A buffer was written when the cancel that looked for its send had its answer, and before its "
     "notification.",
     "SUBMIT < CQE of the cancel < WRITE < NOTIF", "as R1, and the cancel's own CQE", "",
     "A cancel ends the request, not what it has handed over: wait for F_NOTIF where F_MORE says "
     "that it comes.",
     "netty #15692; io_uring_prep_cancel(3)"},
    {"ZC-A5", error, corrupts,
     "A buffer was written when the linked timeout of its send had run out, and before its "
     "notification.",
     "SUBMIT < CQE(-ETIME) of the timeout < WRITE < NOTIF",
     "as R1, a short or cancelled result, and the timeout's own CQE", "",
     "-ETIME says that the rest is not sent; what was accepted is still in flight until F_NOTIF.",
     "io_uring_prep_link_timeout(3)"},
    {"ZC-A6", error, corrupts,
     "A buffer was written after its ring was closed, and before the kernel had let go of it.",
     "SUBMIT < CLOSE of the ring < WRITE < RELEASE", "as R1, and the close()", "",
     "Collect the outstanding notifications first: afterwards nobody can be told.",
     "io_uring_queue_exit(3)"},
    {"ZC-A7", error, corrupts,
     "A registered buffer was written after unregistering returned, and before its notification.",
     "SUBMIT < IORING_UNREGISTER_BUFFERS < WRITE < NOTIF",
     "as R1, IORING_RECVSEND_FIXED_BUF, and the unregistering", "",
     "Since 6.13 unregistering returns at once: wait for the notifications, or the resource tag.",
     "io_uring_registered_buffers(7); liburing #56"},
    {"ZC-A8", error, corrupts,
     "The buffers of some sends were written between their two CQEs, while others of the same "
     "program were waited for, as if an operation were forgotten after its result.",
     "SUBMIT < CQE(F_MORE) < WRITE < NOTIF, of some sends",
     "as A1; the buffer was not submitted again before its notification, and as many sends or "
     "more were left alone",
     "",
     "An operation that nobody waits for any more still owns its buffer until F_NOTIF.",
     "monoio #386; tokio-uring #123"},
    {"ZC-A9", error, corrupts,
     "A buffer was written when a later part of the stream had been copied and was done: the last "
     "part of a message was taken for all of it.",
     "SUBMIT(part 1) < CQE(F_MORE) < CQE(SEND of the last part) < WRITE(part 1) < NOTIF",
     "as A1, and a copying send's CQE on that socket in between", "",
     "A message is done when every part of it is: count the notifications of all of them.",
     "spdk #3610"},
    {"ZC-A10", warning, corrupts,
     "A socket was closed while nobody had read that its MSG_ZEROCOPY calls were released: nobody "
     "ever will, and what is queued may still be sent from their buffers.",
     "CALL < CLOSE, no ERRQUEUE_READ",
     "calls and their ends, close(), and that no range of theirs was read",
     "", "Read MSG_ERRQUEUE for every call before close(), or never touch their buffers again.",
     "ceph #70638; __msg_zerocopy_callback() of a dead socket"},
    {"ZC-A14", error, corrupts,
     "A registered buffer was written after a fork(): its pages are pinned, so the write went into "
     "what is sent.",
     "SUBMIT < FORK < WRITE < NOTIF", "as R1, and the fork()",
     "the buffer is not registered: the first write after fork() moves the writer to a copy of "
     "the page, and what is in flight stays as it was", "Wait for the notification in either "
     "process.", "measured on 6.18"},
    {"ZC-A15", note, "nothing: other pages",
     "The address was written again, but its pages had been given back: what is in flight stays "
     "as it was.",
     "SUBMIT < UNMAP < WRITE < NOTIF",
     "as R1, and munmap(), madvise(), mremap() or brk() over the buffer before the write, or other "
     "pages at its address at the notification",
     "always, unless a watchpoint saw the write before the pages went", "", "measured on 6.18"},
    {"ZC-A17", warning, "sends data twice",
     "A send on a stream was short, and its message was sent again from the start: what was "
     "accepted is in the stream twice.",
     "CQE(0 < res < len) < SUBMIT(same memory, same content)",
     "the short result, and the second submission with the same address, length and hash; on that "
     "socket no content was ever sent whole twice",
     "always: it concerns the bytes of the stream, not the life of a buffer; who sends the same "
     "bytes over and over does it on purpose",
     "Go on at the byte after the last accepted one.", "vitastor #134"},
    {"ZC-B2", error, corrupts,
     "A buffer was written when the notification of a send that had failed came, as if that had "
     "been its own.",
     "CQE(res < 0, F_MORE) < NOTIF of that < WRITE < NOTIF",
     "as R1, and so many notifications before the write that counting them without the failed "
     "sends leads to this buffer", "",
     "F_MORE alone says whether a notification follows, whatever res is.", "netty #15599, #15600"},
    {"ZC-B3", error, corrupts,
     "A buffer was written when the notification of a send that had been cancelled came, as if "
     "that had been its own.",
     "CQE(-ECANCELED) < NOTIF of that < WRITE < NOTIF",
     "as B2, of the cancelled sends alone", "",
     "F_MORE alone says whether a notification follows, -ECANCELED or not.", "netty #15692"},
    {"ZC-B4", error, corrupts,
     "Notifications came in another order than the sends, and the oldest buffer was written at "
     "each.",
     "SUBMIT(a) < SUBMIT(b) < NOTIF(b) < WRITE(a) < NOTIF(a)",
     "as R1, and so many notifications before the write that counting them in the order of the "
     "sends leads to this buffer",
     "",
     "Find the buffer by the user_data of its notification.", "netty #17238"},
    {"ZC-B5", error, corrupts,
     "A user_data was used again before its notification, and the notification of the one send "
     "was taken for that of the other.",
     "SUBMIT(ud) < CQE < SUBMIT(ud) < NOTIF(ud) < WRITE < NOTIF(ud)",
     "as R1, two sends in flight of one user_data, and most times the other's notification before "
     "the write",
     "", "A user_data is free again at the notification that carries it.", "netty #17238"},
    {"ZC-B8", note, "slow",
     "No send was submitted before the notification of the one before.",
     "NOTIF(i) < SUBMIT(i+1), always", "16 sends or more, of which never two were in flight", "",
     "Keep several sends in flight and take notifications as they come.",
     "oferchen/rsync #7600; liburing #801"},
    {"ZC-B9", warning, "hangs",
     "Sends were released and never notified on a ring with DEFER_TASKRUN: nobody entered the "
     "kernel for events.",
     "release < end of the trace, no NOTIF",
     "the last reference's end, the ring's flags, and 50 ms or more without the notification", "",
     "Enter with IORING_ENTER_GETEVENTS now and then: notifications are posted there.",
     "measured on 6.18; io_uring_setup(2)"},
    {"ZC-B10", note, "slow",
     "The CQ ring was full: CQEs waited in the overflow list.",
     "CQE_OVERFLOW", "the overflow records", "",
     "Make room for two CQEs a send (IORING_SETUP_CQSIZE), and enter the kernel when "
     "IORING_SQ_CQ_OVERFLOW is set.",
     "liburing #705, #1055; libuv #3991"},
    {"ZC-B11", error, corrupts,
     "A buffer was written after the CQ ring had overflown, and before its notification, which "
     "was late and not lost.",
     "SUBMIT < CQE_OVERFLOW < WRITE < NOTIF", "as R1, and the overflow", "",
     "What overflows comes late; only what cq.koverflow counts is lost.",
     "run-ai #178; liburing #969"},
    {"ZC-B12", note, "the send is refused",
     "IOSQE_CQE_SKIP_SUCCESS was asked for, which zero-copy sends are refused with.",
     "SUBMIT(CQE_SKIP) < CQE(-EINVAL, no F_MORE)", "the failed preparation", "",
     "Leave the flag out.", "liburing #824"},
    {"ZC-C6", warning, "hangs",
     "Completions were queued to a socket's error queue and nobody ever read one.",
     "ERRQUEUE, no reading of it", "ranges in the queue, none of them read by anybody", "",
     "Read MSG_ERRQUEUE until EAGAIN whenever poll says POLLERR.", "qemu 84005f4a2b; lldpd #215"},
    {"ZC-C8", warning, "hangs",
     "MSG_ZEROCOPY was used on a socket without SO_ZEROCOPY: the data is copied and no completion "
     "ever comes.",
     "CALL without SO_ZEROCOPY", "the call, and the socket's option", "",
     "setsockopt(SOL_SOCKET, SO_ZEROCOPY) first.", "Documentation/networking/msg_zerocopy.rst"},
    {"ZC-C10", error, corrupts,
     "Ranges came in another order than the calls, and the oldest buffers were written at each.",
     "CALL(a) < CALL(b) < RANGE(b) read < WRITE(a) < RANGE(a)",
     "as R1, and so many ids read before the write that counting them in the order of the calls "
     "leads to this buffer", "",
     "A range names its ids: free those.", "Documentation/networking/msg_zerocopy.rst"},
    {"ZC-D1", note, "zero copy gains nothing",
     "Every send that was asked about was copied.",
     "NOTIF(COPIED), all", "IORING_SEND_ZC_REPORT_USAGE, or the error queue's codes", "",
     "Look for what copies: loopback, veth, a tap, a packet socket, no scatter-gather.",
     "liburing discussion 1348; spdk #1340"},
    {"ZC-D6", note, "sends fail",
     "Sends failed for want of memory that may be locked.",
     "CQE(-ENOMEM|-ENOBUFS)", "the result", "",
     "Raise RLIMIT_MEMLOCK, or keep less in flight; root never meets the limit.", "helio #5"},
    {"ZC-D7", warning, "the stream has a hole",
     "A send on a stream was short, and one submitted behind it before that was known was sent "
     "all the same.",
     "SUBMIT(a) < SUBMIT(b) < CQE(a, 0 < res < len), CQE(b, res > 0)",
     "the submissions and results on one TCP socket",
     "always: it concerns the bytes of the stream, not the life of a buffer",
     "One send at a time on a stream, or MSG_WAITALL and IOSQE_IO_LINK.",
     "tokio-rs/io-uring #249; liburing 4dca51bb"},
    {"ZC-D8", note, "sends fail",
     "Datagrams were too large.", "CQE(-EMSGSIZE)", "the result", "", "Send less at once.", ""},

    {"S1", error, "the kernel broke its promise",
     "A notification was posted, and a packet still refers to the buffer.",
     "NOTIF < skb with that ubuf", "the count in the notification, or an skb's shared info", "",
     "skb_zcopy_clear(), io_tx_ubuf_complete(), io_notif_tw_complete()", ""},
    {"S9", error, "the kernel broke its promise",
     "A notification came twice, or before its request's own CQE.",
     "NOTIF < NOTIF, or NOTIF < CQE", "the CQEs, none of them lost", "",
     "io_req_complete_post(), io_submit_flush_completions(), io_notif_flush()", ""},
    {"S10", error, "the kernel broke its promise",
     "A notification followed a CQE without F_MORE.",
     "CQE(no F_MORE) < NOTIF", "the CQEs", "",
     "io_sendrecv_fail(), io_send_zc()", ""},
    {"S14", error, "the kernel broke its promise",
     "An id came back twice from the error queue.", "RANGE(id) < RANGE(id)",
     "the ranges in the error queue", "", "__msg_zerocopy_callback(), skb_zerocopy_notify_extend()",
     ""},
    {"B1", error, "the kernel broke its promise",
     "A notification was posted for data that TCP had let go of without an acknowledgement: an MTU "
     "probe had taken the pages along, and not the reference.",
     "skb freed unacknowledged < NOTIF < ACK",
     "TCP's own skbs as they are freed: where their data stands in the stream, and how far the "
     "peer has acknowledged it",
     "the kernel copies into its probes (before 6.5), or the socket was reset",
     "tcp_mtu_probe(), tcp_clone_payload()", ""},
    {"B24", error, "the kernel broke its promise",
     "A member of a link that failed posted its CQE without F_MORE, and its notification all the "
     "same.",
     "CQE(-ECANCELED, no F_MORE) < NOTIF", "the CQEs, and that the link failed", "",
     "io_req_tw_fail_links(), io_req_task_complete(), io_sendrecv_fail()", ""},
    {"B25", note, "the report is wrong",
     "A send linked to another's notification says COPIED, and the one it shares its packets with "
     "says it was not.",
     "NOTIF(head, not COPIED), NOTIF(member, COPIED)",
     "IORING_SEND_ZC_REPORT_USAGE, and which notifications were linked", "",
     "io_link_skb(), io_tx_ubuf_complete()", ""},
    {"B30", note, "the report is wrong",
     "A range of the error queue was joined to an older one, whose code says something else than "
     "what became of the newer call's packets.",
     "RANGE(code), RANGE(joined, the same code)",
     "the ranges in the error queue, and the skbs of the calls", "",
     "skb_zerocopy_notify_extend()", ""},
    {"B32", warning, "hangs",
     "A send with IOSQE_IO_DRAIN never started: since 6.16 it waits for its own notification, "
     "before that the CQEs of notifications were counted against it.",
     "DEFER, no CQE but -ECANCELED", "the record of the drain, no later one of the request", "",
     "io_drain_req(), io_alloc_notif()", ""},
};

const std::vector<Unseen> unseen{
    {"A11", "pages of files carry no ubuf: nothing is recorded of them"},
    {"A12", "pages of files carry no ubuf: nothing is recorded of them"},
    {"A13", "that it may change is the program's own word: `mutable` in a file of suppressions"},
    {"A16", "what is recorded is what the kernel read from the msghdr; what it should have read "
            "only the program knows, and the same bytes may be sent twice on purpose"},
    {"B1", "waiting for a CQE leaves no record: a program that waits in vain looks idle"},
    {"B6", "the same bytes sent again after their notification are what many programs send on "
           "purpose"},
    {"B7", "a notification is taken for delivery in the program's head alone; what the receiver "
           "lost is not this machine's to see"},
    {"B13", "slots were removed before 6.0 was released: no kernel that can be captured has them"},
    {"C1", "the number that a program waits for is its own; waiting leaves no record"},
    {"C2", "the number that a program waits for is its own; waiting leaves no record"},
    {"C3", "the message is read, and what it is taken for leaves no record"},
    {"C4", "reading an empty error queue leaves no record"},
    {"C5", "polling and getsockopt() leave no record"},
    {"C7", "waiting leaves no record; the ENOBUFS before it is D6"},
    {"C9", "the range is read; a buffer that is never used again may be kept on purpose"},
    {"C11", "the same writes as A1: what the program went by cannot be told"},
    {"C12", "late, never early: which calls share a ubuf does not show in what they are told"},
    {"D2", "a send that is not zero copy is not recorded; a trace without one is INCONCLUSIVE"},
    {"D3", "what a program does instead of a refused call is its own"},
    {"D4", "time per byte is what `zcv compare` measures"},
    {"D5", "only the application can say how long is too long: plot lifecycle shows how long"},
    {"D9", "late, never early: the history shows it"},
    {"E1", "AF_XDP rings are memory, and not recorded"},
    {"E2", "AF_XDP rings are memory, and not recorded"},
    {"E3", "AF_XDP rings are memory, and not recorded"},
    {"E4", "sends of vhost are not captured"},
    {"F1", "the kernel's: its model has it as a bug"},
    {"F2", "the kernel's: its model has it as a bug"},
    {"F3", "the kernel's: its model has it as a bug"},
    {"F4", "the kernel's, and right as long as F_MORE says which: S10 holds it to that"},
    {"F5", "the kernel's, and on purpose: it is replayed"},
    {"F6", "receiving is not captured"},
};
// clang-format on

std::string name_after(std::string_view full) {
    return std::string(full.substr(full.find('-') + 1));
}

}  // namespace

const std::vector<Rule>& rules() {
    return all;
}

const Rule* find_rule(std::string_view id) {
    const auto found = std::ranges::find(all, id, &Rule::id);
    return found == all.end() ? nullptr : &*found;
}

bool is_of_the_kernel(const Rule& rule) {
    return !rule.id.starts_with("ZC-");
}

std::string short_name(const Rule& rule) {
    if (rule.id == "ZC-R1") return "reused-before-release";
    if (!is_of_the_kernel(rule)) {
        const auto misuse = std::ranges::find(misuses(), rule.id.substr(3), &Misuse::id);
        ZCV_CHECK(misuse != misuses().end());
        return std::string(misuse->name);
    }
    for (const KernelProperty& property : kernel_properties())
        if (property.name.substr(0, property.name.find('-')) == rule.id)
            return name_after(property.name);
    const auto bug = std::ranges::find(gallery(), rule.id, &Bug::id);
    ZCV_CHECK(bug != gallery().end());
    return std::string(bug->scenario);
}

std::string full_name(const Rule& rule) {
    return std::string(rule.id) + "-" + short_name(rule);
}

const std::vector<Unseen>& unseen_misuses() {
    return unseen;
}

const char* name_of(Severity severity) {
    switch (severity) {
        case Severity::error:
            return "error";
        case Severity::warning:
            return "warning";
        case Severity::note:
            return "note";
    }
    return "";
}

}  // namespace zcv
