#pragma once

#include <array>
#include <string_view>

#include "model/ids.hpp"

// The nouns. Each is written once and used in two stores: K says how a store of that kind holds a
// reference, a set, a queue and a count (fixed_store.hpp in the fewest bits, growing_store.hpp
// without a bound). Each noun lists its fields once, in fields(); packing, printing and diffs all
// follow from that list. A freed object is all zeros, so that equal worlds are equal states.
namespace zcv {

// A part of the model that only some worlds have. The fields of a part are packed only where the
// world models it; elsewhere no step can move them.
enum class Part : std::uint8_t {
    providers,    // more than one kind of ubuf_info
    pages,        // who holds references to a buffer's page
    registered,   // registered buffers and their resource nodes
    links,        // IOSQE_IO_LINK
    stops,        // cancellation and linked timeouts
    drains,       // IOSQE_IO_DRAIN
    waiters,      // DEFER_TASKRUN: an application that sleeps in the kernel for its CQEs
    losses,       // CQEs that find no room, not even on the overflow list
    usage,        // IORING_SEND_ZC_REPORT_USAGE
    delivery,     // what reached the peer, and what the application makes of it
    silence,      // 6.0: notifications that are never posted
    told,         // which requests' own CQEs the application has read
    queue,        // an application that keeps its sends in a queue
    teardown,     // exit, exec and the closing of rings
    accounting,   // RLIMIT_MEMLOCK
    freeing,      // an application that frees buffers at something else than a CQE
    closing,      // a socket that is shut down while its data is under way
    corking,      // datagrams that are kept back for more data
    fast_open,    // connections whose SYN carries data
    sacks,        // selective acknowledgement
    full_skbs,    // skbs that take no more data
    plain_data,   // copied data in the same stream
    in_place,     // who transforms a packet's data where it lies
    calls,        // sends that are calls: sendmsg() and its like, or a ubuf_info handed into one
    errqueue,     // MSG_ZEROCOPY: ids, option memory, ranges in the error queue
    given,        // a socket that is given ubufs
    vhost,        // a guest's descriptors, and what counts those in flight
    packet,       // the transmit ring of a packet socket
    slots,        // tx contexts, notification slots: notifications that cover many requests
    xdp,          // AF_XDP: descriptor rings instead of calls
    xdp_receive,  // ... and the rings by which frames are received
};

// Which completion an application finds in its CQ ring.
enum class CqeKind : std::uint8_t {
    last,
    more,
    notif,
    stop
};  // res without F_MORE, with F_MORE, F_NOTIF; of the cancel or linked timeout that was to end it
inline constexpr std::array cqe_kind_names{"cqe", "cqe+more", "notif", "stop"};

// How far the kernel is with a request. `completed` is on the ring's completion list, `posted`
// means that its CQE was filled.
enum class Phase : std::uint8_t { idle, sqe, prepped, issuing, polled, issued, completed, posted };
inline constexpr std::array phase_names{"idle",   "sqe",    "prepped",   "issuing",
                                        "polled", "issued", "completed", "posted"};

enum class TaskWork : std::uint8_t { none, queued, listed };
inline constexpr std::array task_work_names{"none", "queued", "listed"};

// Of the process: it runs, it waits in execve() for what it has under way, it is gone. After exec
// too it is gone: another program has its place.
enum class TaskState : std::uint8_t { running, execing, gone };
inline constexpr std::array task_state_names{"running", "execing", "gone"};

enum class Loc : std::uint8_t {
    build,
    write_queue,
    rtx_queue,
    qdisc,
    segmented,
    dev,
    dma_done,
    rx,
    rx_copied,
    xdp_ring,
    xdp_done
};
inline constexpr std::array loc_names{"build",     "write-queue", "rtx-queue", "qdisc",
                                      "segmented", "dev",         "dma-done",  "rx",
                                      "rx-copied", "xdp-ring",    "xdp-done"};

// Where a member of a link stands: behind a request that is not done, or behind one that failed.
enum class Link : std::uint8_t { free, waiting, broken };
inline constexpr std::array link_names{"free", "waiting", "broken"};

// What became of the attempt to end a request: none was made, it came too late, it did.
enum class Stop : std::uint8_t { none, missed, hit };
inline constexpr std::array stop_names{"none", "missed", "hit"};

// Where the application is: in its own code, in io_uring_enter, asleep there.
enum class Entered : std::uint8_t { no, running, asleep };
inline constexpr std::array entered_names{"no", "running", "asleep"};

// A piece of the application's memory that it sends from.
template <class K>
struct Buffer {
    bool written = false;        // holds content that was not yet fully sent
    typename K::Count lent = 0;  // sends which the application believes still use it
    // One page stands for the buffer. It goes back to the system, and to other hands, when the
    // process no longer maps it and nothing else refers to it.
    bool unmapped = false;            // the process no longer has it: munmap, exit, exec
    typename K::Count page_refs = 0;  // beyond the process's mapping: frags, the registration's pin
    bool over_put = false;            // a reference was put that nobody held
    bool spoiled = false;             // somebody else wrote into it
    bool registered = false;          // in the ring's table of registered buffers
    typename K::Count node_refs = 0;  // io_rsrc_node: the table's and its users'; it holds the pin

    template <class F>
    void fields(F& f) {
        f.flag("written", written);
        f.count("lent", lent, f.requests());
        if (f.models(Part::pages)) {
            f.flag("unmapped", unmapped);
            f.count("page-refs", page_refs, f.page_refs());
            f.flag("over-put", over_put);
        }
        if (f.models(Part::in_place)) f.flag("spoiled", spoiled);
        if (f.models(Part::registered)) {
            f.flag("registered", registered);
            f.count("node-refs", node_refs, f.requests() + f.ubufs() + 1);
        }
    }
};

// One send: the io_kiocb of a SEND_ZC or SENDMSG_ZC, and what its application has seen of it.
template <class K>
struct Request {
    Phase phase = Phase::idle;
    typename K::template Ref<BufferId> buffer;
    typename K::template Ref<RingId> ring;
    typename K::template Ref<SockId> sock;
    typename K::template Ref<UbufId> ubuf;  // until the application is told that it is released
    bool worker = false;                    // issued by io-wq, without uring_lock
    bool failed = false;                    // res < 0
    bool more = false;                      // the CQE carries F_MORE
    bool appended = false;                  // some attempt handed data to the network
    bool notified = false;                  // the notification's CQE was posted
    bool app_done = false;                  // the application expects nothing more of it
    bool stale = false;  // its buffer was written after submission, before the data was attached
    bool freed = false;  // the application took the buffer back before it was told anything
    typename K::template Ref<UbufId> uarg;  // on which sendmsg, while it runs, holds a reference
    typename K::Count id = 0;               // MSG_ZEROCOPY: by which the kernel numbered the call,
    typename K::Count app_id = 0;           // ... and the application's own count of it
    bool range_copied = false;              // when it was notified: some of its data was copied
    bool range_read = false;  // a range with its id was read, whatever the application made of it
    typename K::template Ref<SlotId> slot;  // the slot that its application named
    typename K::Count seq = 0;              // the generation of the slot that it was attached to
    bool counted = false;                   // the application read its CQE

    typename K::template Ref<RequestId> link;  // io_kiocb.link: starts when this one is done
    Link linked = Link::free;                  // as the next of another
    Stop stop = Stop::none;
    bool stop_unread = false;  // the application has not read what became of the attempt
    bool drain = false;        // IOSQE_IO_DRAIN
    typename K::template Set<RequestId> waits_for;  // with that: what has to be over before
    bool deferred = false;                          // ... or it is in ctx->defer_list
    bool poll_woken = false;   // the socket has room again: its retry is queued as task work
    bool told = false;         // the application has read its own CQE
    bool zero_copied = false;  // some packet took its pages as they are
    bool copied = false;       // some packet took a copy
    bool says_copied = false;  // IORING_NOTIF_USAGE_ZC_COPIED in its notification
    bool arrived = false;      // the peer has its data

    template <class F>
    void fields(F& f) {
        f.choice("phase", phase, phase_names);
        f.ref("buffer", buffer);
        f.ref("ring", ring);
        f.ref("sock", sock);
        f.ref("ubuf", ubuf);
        f.flag("worker", worker);
        f.flag("failed", failed);
        f.flag("more", more);
        f.flag("appended", appended);
        f.flag("notified", notified);
        f.flag("app-done", app_done);
        f.flag("stale", stale);
        if (f.models(Part::links)) {
            f.ref("link", link);
            f.choice("linked", linked, link_names);
        }
        if (f.models(Part::stops)) {
            f.choice("stop", stop, stop_names);
            f.flag("stop-unread", stop_unread);
        }
        if (f.models(Part::drains)) {
            f.flag("drain", drain);
            f.set("waits-for", waits_for);
            f.flag("deferred", deferred);
        }
        if (f.models(Part::waiters)) f.flag("poll-woken", poll_woken);
        if (f.models(Part::told)) f.flag("told", told);
        if (f.models(Part::usage)) {
            f.flag("zero-copied", zero_copied);
            f.flag("copied", copied);
            f.flag("says-copied", says_copied);
        }
        if (f.models(Part::delivery)) f.flag("arrived", arrived);
        if (f.models(Part::freeing)) f.flag("freed", freed);
        if (f.models(Part::calls)) f.ref("uarg", uarg);
        if (f.models(Part::errqueue)) {
            f.count("id", id, f.ids());
            f.count("app-id", app_id, f.ids());
            f.flag("range-copied", range_copied);
            f.flag("range-read", range_read);
        }
        if (f.models(Part::slots)) {
            f.ref("slot", slot);
            f.count("seq", seq, f.seqs());
            f.flag("counted", counted);
        }
    }
};

// Whose ubuf_info it is: the object around it, and what happens when the last reference goes.
enum class Provider : std::uint8_t { io_uring, msg_zerocopy, tx_ctx, vhost, packet, rds };
inline constexpr std::array provider_names{"io_uring", "msg_zerocopy", "slot",
                                           "vhost",    "packet",       "rds"};

// struct ubuf_info in the object that carries it: io_notif_data and the io_kiocb around that,
// ubuf_info_msgzc, or the notifier of an RFC tx context.
template <class K>
struct Ubuf {
    bool alive = false;
    Provider provider = Provider::io_uring;
    typename K::template Ref<RequestId> request;  // per-request notifications: whose
    typename K::Count refs = 0;                   // ubuf_info.refcnt
    bool owner_ref = false;                       // its issuer has not given up its own yet
    bool syscall_ref = false;               // 6.1: tcp_sendmsg_locked() holds one while it runs
    typename K::template Ref<UbufId> head;  // first of its chain, itself when alone
    typename K::template Ref<UbufId> next;
    bool zc_used = false;
    bool zc_copied = false;
    TaskWork tw = TaskWork::none;
    bool silent = false;  // REQ_F_CQE_SKIP: it will be released without a CQE
    // Holds a resource node. Before 6.13 that is the ring's, known once it is retired by the buffer
    // that it will free; later it is the buffer's own.
    bool node = false;
    typename K::template Ref<BufferId> node_of;
    typename K::Count account_pages = 0;    // how often it was charged to locked_vm
    typename K::template Ref<SockId> sock;  // MSG_ZEROCOPY: whose error queue gets its range,
    typename K::Count id = 0;               // ... which begins here
    typename K::Count len = 0;              // ... and covers so many calls
    typename K::template Ref<SlotId> slot;  // a generation of a slot covers many requests: whose
    typename K::Count seq = 0;              // ... and which
    bool cached = false;    // RFC v1: in one of the ring's lists of notifiers to use again
    bool ring_ref = false;  // it holds a reference to the ring

    template <class F>
    void fields(F& f) {
        f.flag("alive", alive);
        if (f.models(Part::providers)) f.choice("provider", provider, provider_names);
        f.ref("request", request);
        f.count("refs", refs, f.refs());
        f.flag("owner-ref", owner_ref);
        f.flag("syscall-ref", syscall_ref);
        f.ref("head", head);
        f.ref("next", next);
        f.flag("zc-used", zc_used);
        f.flag("zc-copied", zc_copied);
        f.choice("tw", tw, task_work_names);
        if (f.models(Part::silence)) f.flag("silent", silent);
        if (f.models(Part::registered)) {
            f.flag("node", node);
            f.ref("node-of", node_of);
        }
        if (f.models(Part::accounting)) f.count("account-pages", account_pages, f.memlock());
        if (f.models(Part::errqueue)) {
            f.ref("sock", sock);
            f.count("id", id, f.ids());
            f.count("len", len, f.ids());
        }
        if (f.models(Part::slots)) {
            f.ref("slot", slot);
            f.count("seq", seq, f.seqs());
            f.flag("cached", cached);
            f.flag("ring-ref", ring_ref);
        }
    }
};

// struct skb_shared_info: what references are counted on. Several skbs (clones) can share one.
template <class K>
struct Shinfo {
    bool alive = false;
    typename K::Count dataref = 0;
    typename K::template Ref<UbufId> uarg;      // destructor_arg while SKBFL_ZEROCOPY_ENABLE is set
    typename K::template Set<RequestId> frags;  // sends whose user pages its frags refer to
    typename K::template Set<BufferId> pages;   // the buffers those pages belong to
    // SKBFL_MANAGED_FRAG_REFS: the frags hold no page references, they live as long as the ubuf.
    bool managed = false;
    bool shared = false;   // SKBFL_SHARED_FRAG: somebody else may change what the frags refer to
    bool mixed = false;    // copied data among the frags: not SKBFL_PURE_ZEROCOPY
    bool stale = false;    // one of those buffers was written since
    bool wrong = false;    // ... and the data was read after that: bytes nobody sent went out
    bool arrived = false;  // the peer has its data

    template <class F>
    void fields(F& f) {
        f.flag("alive", alive);
        f.count("dataref", dataref, f.skbs());
        f.ref("uarg", uarg);
        f.set("frags", frags);
        f.set("pages", pages);
        if (f.models(Part::registered)) f.flag("managed", managed);
        f.flag("shared", shared);
        if (f.models(Part::plain_data)) f.flag("mixed", mixed);
        f.flag("stale", stale);
        f.flag("wrong", wrong);
        f.flag("arrived", arrived);
    }
};

template <class K>
struct Skb {
    bool alive = false;
    typename K::template Ref<ShinfoId> shinfo;
    typename K::template Ref<SockId> sock;
    Loc loc = Loc::build;
    bool full = false;        // at the tail of its queue it takes no more data
    bool sacked = false;      // TCPCB_SACKED_ACKED: the peer has it, and may still change its mind
    bool destructor = false;  // tpacket_destruct_skb() runs when it is freed
    typename K::template Ref<RequestId> desc;  // AF_XDP: the descriptor that it carries

    template <class F>
    void fields(F& f) {
        f.flag("alive", alive);
        f.ref("shinfo", shinfo);
        f.ref("sock", sock);
        f.choice("loc", loc, loc_names);
        if (f.models(Part::full_skbs)) f.flag("full", full);
        if (f.models(Part::sacks)) f.flag("sacked", sacked);
        if (f.models(Part::packet)) f.flag("destructor", destructor);
        if (f.models(Part::xdp)) f.ref("desc", desc);
    }
};

// A message of a socket's error queue: these calls are released, ee_info to ee_data.
template <class K>
struct ErrRange {
    typename K::Count lo = 0;
    typename K::Count hi = 0;
    bool copied = false;  // SO_EE_CODE_ZEROCOPY_COPIED
};

template <class K>
struct Sock {
    typename K::template Fifo<typename K::template Ref<SkbId>> write_queue;  // TCP: not sent yet
    typename K::template Fifo<typename K::template Ref<SkbId>>
        rtx_queue;           // TCP: sent, not acknowledged
    bool dead = false;       // reset or given up: nothing more is sent
    bool hole = false;       // the application gave up content that the peer never got
    bool shut = false;       // SEND_SHUTDOWN: what is queued is still sent, nothing is added
    bool corked = false;     // UDP: the pending datagram waits for more data
    bool connected = false;  // TCP with Fast Open: the SYN is on its way
    // AF_XDP. The completion ring: what is written to it, of which the application sees only as
    // many as were published.
    typename K::template Fifo<typename K::template Ref<RequestId>> tx_ring;
    typename K::template Fifo<typename K::template Ref<RequestId>> completion_ring;
    typename K::Count published = 0;
    // Frames that the kernel may receive into, and those that it has.
    typename K::template Fifo<typename K::template Ref<BufferId>> fill_ring;
    typename K::template Fifo<typename K::template Ref<BufferId>> rx_ring;
    typename K::template Fifo<ErrRange<K>> errqueue;  // sk_error_queue
    typename K::Count zckey = 0;                      // sk_zckey: the next call's id,
    typename K::Count app_key = 0;                    // ... as the application counts it
    typename K::Count omem = 0;  // sk_omem_alloc, in skbs: a ubuf's, then its message's
    bool orphaned = false;       // SOCK_DEAD: nobody has it open any more
    bool app_waits = false;      // the application sends nothing until it is told of a release
    bool app_trusts = false;     // ... or takes this path to be one that copies
    typename K::template Ref<UbufId> given;  // the ubuf that a request registered in the socket
    // vhost_net: descriptors that the guest was not told of, in order, and vhost_net_ubuf_ref.
    typename K::template Fifo<typename K::template Ref<RequestId>> vhost_heads;
    typename K::Count vhost_ubufs = 0;
    bool vhost_closing = false;   // the device waits for all that is in flight
    bool vhost_waking = false;    // somebody is about to wake it
    bool vhost_freed = false;     // the object that counted is no more
    bool vhost_over_put = false;  // a reference was put that nobody held

    template <class F>
    void fields(F& f) {
        f.fifo("write-queue", write_queue, f.skbs());
        f.fifo("rtx-queue", rtx_queue, f.skbs());
        f.flag("dead", dead);
        if (f.models(Part::delivery)) f.flag("hole", hole);
        if (f.models(Part::closing)) f.flag("shut", shut);
        if (f.models(Part::corking)) f.flag("corked", corked);
        if (f.models(Part::fast_open)) f.flag("connected", connected);
        if (f.models(Part::errqueue)) {
            f.fifo("errqueue", errqueue, f.omem());
            f.count("zckey", zckey, f.ids());
            f.count("app-key", app_key, f.ids());
            f.count("omem", omem, f.omem());
            f.flag("orphaned", orphaned);
            f.flag("app-waits", app_waits);
            f.flag("app-trusts", app_trusts);
        }
        if (f.models(Part::given)) f.ref("given", given);
        if (f.models(Part::vhost)) {
            f.fifo("heads", vhost_heads, f.requests());
            f.count("ubufs", vhost_ubufs, f.requests());
            f.flag("closing", vhost_closing);
            f.flag("waking", vhost_waking);
            f.flag("freed", vhost_freed);
            f.flag("over-put", vhost_over_put);
        }
        if (f.models(Part::xdp)) {
            f.fifo("tx-ring", tx_ring, f.requests());
            f.fifo("completion-ring", completion_ring, f.requests());
            f.count("published", published, f.requests());
        }
        if (f.models(Part::xdp_receive)) {
            f.fifo("fill-ring", fill_ring, f.buffers());
            f.fifo("rx-ring", rx_ring, f.buffers());
        }
    }
};

// An entry of a completion list, CQ ring or overflow list. The notification of a slot belongs to no
// request: it says which slot, by its tag, and which generation of it.
template <class K>
struct Cqe {
    typename K::template Ref<RequestId> request;
    CqeKind kind = CqeKind::last;
    typename K::template Ref<SlotId> slot = {};
    typename K::Count seq = 0;
};

template <class K>
struct Ring {
    typename K::template Fifo<Cqe<K>>
        compl_reqs;                              // io_submit_state.compl_reqs: done, CQE not filled
    typename K::template Fifo<Cqe<K>> cq;        // visible to the application
    typename K::template Fifo<Cqe<K>> overflow;  // ctx->cq_overflow_list
    bool dropped = false;  // cq_overflow counts up, and the application has not looked at it
    // Notifications whose CQE was posted, which cached_cq_tail is ahead by; no more than there are
    // requests.
    typename K::Count notif_cqes = 0;
    Entered entered = Entered::no;
    typename K::Count wants = 0;  // CQEs it waits for there
    // The application's own list of the sends it waits for, oldest first.
    typename K::template Fifo<typename K::template Ref<RequestId>> queue;
    bool quiesce = false;  // unregister waits for the resource nodes in use
    // rsrc_ref_list: retired nodes, by the buffers they free, which they do in this order
    typename K::template Fifo<typename K::template Ref<BufferId>> retired;
    bool closed = false;  // no file descriptor is left
    bool freed = false;
    bool quiescing = false;   // io_uring_register() waits for all references to the ring
    bool slots_gone = false;  // its slots are unregistered
    // RFC v1: notifiers to use again, under uring_lock and under completion_lock.
    typename K::template Fifo<typename K::template Ref<UbufId>> ubuf_list;
    typename K::template Fifo<typename K::template Ref<UbufId>> ubuf_list_locked;

    template <class F>
    void fields(F& f) {
        f.fifo("compl", compl_reqs, f.cqes());
        f.fifo("cq", cq, f.cq_entries());
        f.fifo("overflow", overflow, f.cqes());
        if (f.models(Part::losses)) f.flag("dropped", dropped);
        if (f.models(Part::drains)) f.count("notif-cqes", notif_cqes, f.requests());
        if (f.models(Part::waiters)) {
            f.choice("entered", entered, entered_names);
            f.count("wants", wants, f.cqes());
        }
        if (f.models(Part::queue)) f.fifo("queue", queue, f.requests());
        if (f.models(Part::registered)) {
            f.flag("quiesce", quiesce);
            f.fifo("retired", retired, f.buffers());
        }
        if (f.models(Part::teardown)) {
            f.flag("closed", closed);
            f.flag("freed", freed);
        }
        if (f.models(Part::slots)) {
            f.flag("quiescing", quiescing);
            f.flag("slots-gone", slots_gone);
            f.fifo("ubuf-list", ubuf_list, f.ubufs());
            f.fifo("ubuf-list-locked", ubuf_list_locked, f.ubufs());
        }
    }
};

// A tx context of the first series, a notification slot of 6.0-rc: one notification for all that is
// sent between two flushes. What is between two flushes is a generation, and has a number.
template <class K>
struct Slot {
    typename K::template Ref<RingId> ring;    // from the first send on
    typename K::template Ref<UbufId> active;  // the open generation; none until a send opens it
    typename K::Count seq = 0;                // of the generation to be opened next
    // What the application knows of it: how many generations it has seen closed, whether it has
    // sent anything since, that it once counted a send to another generation than the kernel did,
    // and, when it expects them in order, which notification it expects next.
    typename K::Count app_seq = 0;
    bool app_sent = false;
    bool miscounted = false;
    typename K::Count expects = 0;

    template <class F>
    void fields(F& f) {
        f.ref("ring", ring);
        f.ref("active", active);
        f.count("seq", seq, f.seqs());
        f.count("app-seq", app_seq, f.seqs());
        f.flag("app-sent", app_sent);
        f.flag("miscounted", miscounted);
        f.count("expects", expects, f.seqs());
    }
};

// The process that has the rings and the memory, and its user.
template <class K>
struct Task {
    TaskState life = TaskState::running;
    typename K::Count locked_vm = 0;  // of the user, in sends

    template <class F>
    void fields(F& f) {
        if (f.models(Part::teardown)) f.choice("life", life, task_state_names);
        if (f.models(Part::accounting)) f.count("locked-vm", locked_vm, f.memlock());
    }
};

inline constexpr TaskId the_task{0};

}  // namespace zcv
