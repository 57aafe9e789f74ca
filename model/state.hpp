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
    providers,   // more than one kind of ubuf_info
    pages,       // who holds references to a buffer's page
    registered,  // registered buffers and their resource nodes
    closing,     // a socket that is shut down while its data is under way
    corking,     // datagrams that are kept back for more data
    fast_open,   // connections whose SYN carries data
    sacks,       // selective acknowledgement
    full_skbs,   // skbs that take no more data
    plain_data,  // copied data in the same stream
    slots,       // tx contexts, notification slots: notifications that cover many requests
    xdp,         // AF_XDP: descriptor rings instead of calls
};

// Which completion an application finds in its CQ ring.
enum class CqeKind : std::uint8_t {
    last,
    more,
    notif
};  // res without F_MORE, with F_MORE, F_NOTIF
inline constexpr std::array cqe_kind_names{"cqe", "cqe+more", "notif"};

// How far the kernel is with a request. `completed` is on the ring's completion list, `posted`
// means that its CQE was filled.
enum class Phase : std::uint8_t { idle, sqe, prepped, issuing, polled, issued, completed, posted };
inline constexpr std::array phase_names{"idle",   "sqe",    "prepped",   "issuing",
                                        "polled", "issued", "completed", "posted"};

enum class TaskWork : std::uint8_t { none, queued, listed };
inline constexpr std::array task_work_names{"none", "queued", "listed"};

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
    typename K::template Ref<SlotId> slot;  // the slot that its application named
    typename K::Count seq = 0;              // the generation of the slot that it was attached to
    bool counted = false;                   // the application read its CQE

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
        if (f.models(Part::slots)) {
            f.ref("slot", slot);
            f.count("seq", seq, f.seqs());
            f.flag("counted", counted);
        }
    }
};

// Whose ubuf_info it is: the object around it, and what happens when the last reference goes.
enum class Provider : std::uint8_t { io_uring, msg_zerocopy, tx_ctx };
inline constexpr std::array provider_names{"io_uring", "msg_zerocopy", "tx-ctx"};

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
    bool full = false;    // at the tail of its queue it takes no more data
    bool sacked = false;  // TCPCB_SACKED_ACKED: the peer has it, and may still change its mind
    typename K::template Ref<RequestId> desc;  // AF_XDP: the descriptor that it carries

    template <class F>
    void fields(F& f) {
        f.flag("alive", alive);
        f.ref("shinfo", shinfo);
        f.ref("sock", sock);
        f.choice("loc", loc, loc_names);
        if (f.models(Part::full_skbs)) f.flag("full", full);
        if (f.models(Part::sacks)) f.flag("sacked", sacked);
        if (f.models(Part::xdp)) f.ref("desc", desc);
    }
};

template <class K>
struct Sock {
    typename K::template Fifo<typename K::template Ref<SkbId>> write_queue;  // TCP: not sent yet
    typename K::template Fifo<typename K::template Ref<SkbId>>
        rtx_queue;           // TCP: sent, not acknowledged
    bool dead = false;       // reset or given up: nothing more is sent
    bool shut = false;       // SEND_SHUTDOWN: what is queued is still sent, nothing is added
    bool corked = false;     // UDP: the pending datagram waits for more data
    bool connected = false;  // TCP with Fast Open: the SYN is on its way
    // AF_XDP. The completion ring: what is written to it, of which the application sees only as
    // many as were published.
    typename K::template Fifo<typename K::template Ref<RequestId>> tx_ring;
    typename K::template Fifo<typename K::template Ref<RequestId>> completion_ring;
    typename K::Count published = 0;

    template <class F>
    void fields(F& f) {
        f.fifo("write-queue", write_queue, f.skbs());
        f.fifo("rtx-queue", rtx_queue, f.skbs());
        f.flag("dead", dead);
        if (f.models(Part::closing)) f.flag("shut", shut);
        if (f.models(Part::corking)) f.flag("corked", corked);
        if (f.models(Part::fast_open)) f.flag("connected", connected);
        if (f.models(Part::xdp)) {
            f.fifo("tx-ring", tx_ring, f.requests());
            f.fifo("completion-ring", completion_ring, f.requests());
            f.count("published", published, f.requests());
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

}  // namespace zcv
