#include "traces/binding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "model/next.hpp"
#include "model/packing.hpp"
#include "traces/binding_walk.hpp"
#include "traces/event_sets.hpp"
#include "traces/uapi.hpp"

namespace zcv {
namespace {

constexpr std::int32_t eopnotsupp = 95, ecanceled = 125;

// A record that says something of its stream, whatever it is of besides.
bool is_of_stream(std::uint16_t kind) {
    return kind == ZCV_HEAD_FREE || kind == ZCV_UBUF_REF || kind == ZCV_RESET ||
           kind == ZCV_SOCK_STATE;
}

// MSG_ZEROCOPY's ids are 32 bits; half of them are enough to tell one call from another.
constexpr std::uint32_t ids_told_apart = 1U << 31;
constexpr std::uint32_t no_bound = std::numeric_limits<std::uint32_t>::max();

World world_of(const Profile& profile) {
    World world;
    world.profile = profile;
    world.bounds.ids = ids_told_apart;
    world.bounds.omem = world.bounds.calls_per_ubuf = no_bound;
    // A trace may come from anywhere: everything that can happen to a packet or request is allowed.
    world.hazards = {.prep_fails = true,
                     .issue_fails = true,
                     .again = true,
                     .io_wq = true,
                     .link_cancels = true,
                     .drops = true,
                     .resets = true,
                     .retransmits = true,
                     .refusals = true,
                     .threads = true};
    return world;
}

}  // namespace

Walk::Walk(std::unique_ptr<Records> records, const Trace& about, const Profile& profile,
           ReplayReport& report, const Foresight& foresight)
    : trace_(about),
      report_(report),
      ahead_(std::move(records), foresight),
      calls_(about, gathered_, report, histories_),
      account_(about),
      blind_(!records_skbs(about.info)),
      s_(world_of(profile)),
      lag_(foresight.lag) {
    report_.steps.resize(all_steps().size());
}

std::optional<Mismatch> Walk::explain(const KnownRecord& record) {
    const zcv_event& event = record.event();
    now_ns_ = event.time_ns;
    if (ahead_.calls) s_.add_api(Api::msg_zerocopy);
    Send* const send = send_meant(record);
    if (send == nullptr && forgotten_.contains(record.send))
        return Mismatch{"it belongs to a send that was over long before it", {}, {}, false};
    // Ids, ranges and content are checked whatever becomes of the model.
    const std::optional<std::string> refused = calls_.take(event);
    if (send != nullptr && send->lost) {
        if (!send->is_call) check_ends(event, *send);
        return Mismatch{"it belongs to a send with an unexplained record before it", {}, {}, false};
    }
    try {
        if (const auto why = agreement_.refuses(event)) mismatch(*why);
        if (refused) mismatch(*refused);
        const bool sends = event.kind == ZCV_SUBMIT || event.kind == ZCV_CALL;
        if (const auto why = sends ? gathered_.settle(event) : std::nullopt; why && knows_all())
            mismatch(*why);
        if (is_of_stream(event.kind)) note_stream(record, send);
        explain_by_kind(record, event, send);
    } catch (MismatchError& error) {
        if (send != nullptr) give_up(*send);
        if (send != nullptr && !send->is_call) check_ends(event, *send);
        touched_.clear();
        error.mismatch.certain = is_certain(record);
        return std::move(error.mismatch);
    }
    if (!touched_.empty()) note_releases(event.time_ns);
    return std::nullopt;
}

void Walk::explain_by_kind(const KnownRecord& record, const zcv_event& event, Send* send) {
    const bool of_request =
        (event.kind >= ZCV_COMPLETE && event.kind <= ZCV_DEFER) || event.kind == ZCV_TCP_APPEND;
    if (of_request && send == nullptr) mismatch("no send of that name is in flight");
    switch (event.kind) {
        case ZCV_SUBMIT:
            on_submit(event, true);
            break;
        case ZCV_PREP_FAILED:
            on_submit(event, event.ubuf != 0);
            break;
        case ZCV_COMPLETE:
        case ZCV_NOTIF:
        case ZCV_CQE_OVERFLOW:
            if ((event.cqe_flags & uapi::cqe_f_notif) != 0)
                on_notif(event, *send, event.kind == ZCV_CQE_OVERFLOW);
            else
                on_complete(event, *send, event.kind == ZCV_CQE_OVERFLOW);
            break;
        case ZCV_POLL_ARM:
        case ZCV_ASYNC:
        case ZCV_LINK:
        case ZCV_DEFER:
            on_request_moved(event, *send);
            break;
        case ZCV_TCP_APPEND:
            on_tcp_append(record, event, *send);
            break;
        case ZCV_RING_CREATE:
            ring_at_.erase(event.ring);
            break;
        case ZCV_DEV_QUEUE:
        case ZCV_DEV_XMIT:
        case ZCV_RX:
        case ZCV_SKB_CONSUME:
        case ZCV_SKB_DROP:
        case ZCV_HEAD_FREE:
            if (record.life != 0 || !may_be_nameless(event)) on_skb(record.life, event);
            break;
        case ZCV_CALL:
        case ZCV_CALL_DONE:
        case ZCV_ERRQUEUE:
        case ZCV_ERRQUEUE_READ:
            on_call_record(event, send);
            break;
        case ZCV_LINK_FAIL:
            if (send != nullptr) history(*send).link_failed = true;
            break;
        case ZCV_WRITE:
        case ZCV_FREE:
        case ZCV_PAGE_WRITE:
        case ZCV_VECTOR:
        case ZCV_CONTENT:
        case ZCV_PAGES:
            on_memory(event, send);
            break;
        case ZCV_UBUF_REF:
            on_ubuf_ref(event);
            break;
        case ZCV_EXIT:
            exited_.insert(event.tgid);
            break;
        default:
            if (event.kind < ZCV_KIND_COUNT) break;  // its binding says why it has no step
            mismatch("this kind of record is newer than this zcv");
    }
}

// Whether other records need not name the skb: one of a call, or one that was the tail of TCP's
// queue while others wrote to the socket.
bool Walk::may_be_nameless(const zcv_event& event) const {
    return event.kind == ZCV_HEAD_FREE ? event.addr != 0 : calls_.knows(event.generation);
}

// The send a record is about, or null.
Walk::Send* Walk::send_meant(const KnownRecord& record) {
    const zcv_event& event = record.event();
    const bool nameless = event.kind == ZCV_CQE_OVERFLOW && event.generation == 0;
    nameless_ += nameless;
    return sends_.find(nameless && (event.cqe_flags & uapi::cqe_f_notif) != 0
                           ? notified_without_name(event, record.send)
                           : record.send);
}

void Walk::forget_name(const Name& name, std::uint32_t generation) {
    Some* const open = open_by_name_.find(name);
    if (open == nullptr) return;
    forget(*open, generation);
    if (open->empty()) open_by_name_.erase(name);
}

// Several sends have this name, and the kernel gives no other: it is the one whose notification is
// due. Where none is, a chain's head comes first.
std::uint32_t Walk::notified_without_name(const zcv_event& event, std::uint32_t otherwise) const {
    const Some* const name = open_by_name_.find({event.ring, event.user_data});
    const RingId* const ring = ring_at_.find(event.ring);
    if (name == nullptr || ring == nullptr) return otherwise;
    const auto& due = s_[*ring].compl_reqs;
    if (!due.empty()) {
        const std::uint32_t generation = send_of_request_[index(due.front().request)];
        const bool same = std::ranges::find(*name, generation) != name->end();
        return same ? generation : otherwise;
    }
    for (const std::uint32_t generation : *name) {
        const Send& send = sends_.at(generation);
        if (send.completed && !send.lost && s_[send.notif].head == send.notif) return generation;
    }
    return otherwise;
}

// Whether what was not seen cannot have happened.
bool Walk::knows_all() const {
    return is_whole(trace_) && nameless_ == 0;
}

// Which kernel objects -----------------------------------------------------------------------

SockId Walk::sock_of(const zcv_event& event) {
    const SockId* const found = sock_at_.find(event.sock);
    // A socket that died is not the one that sends now: its memory was used again.
    if (found != nullptr && !s_[*found].dead) return *found;
    SockConfig any;
    any.transport = ahead_.streams.contains(event.sock) ? Transport::tcp : Transport::udp;
    any.dma = any.sink = any.receives = any.copies_at_send = any.fragments = any.unsupported = true;
    any.forwards = any.segments = any.linear = any.splits = any.tapped = any.mirrors = true;
    any.probe = 1;  // skb after skb: how many a probe ate is told by their ends
    const SockId sock = s_.add_sock(any);
    sock_at_[event.sock] = sock;
    sock_address_.resize(std::max<std::size_t>(sock_address_.size(), index(sock) + 1));
    sock_address_[index(sock)] = event.sock;
    return sock;
}

RingId Walk::ring_of(std::uint64_t address) {
    const auto [found, is_new] = ring_at_.insert(address);
    if (is_new) *found = s_.add_ring();
    return *found;
}

BufferId Walk::buffer_of(const zcv_event& event) {
    const Span span{event.tgid, event.addr, event.len, event.owner};
    const auto [found, is_new] = buffer_at_.insert(span);
    if (is_new) *found = new_buffer(span);
    return *found;
}

BufferId Walk::new_buffer(const Span& span) {
    const BufferId b = s_.add_buffer();
    users_of_buffer_.resize(std::max<std::size_t>(users_of_buffer_.size(), index(b) + 1));
    span_of_buffer_.resize(users_of_buffer_.size());
    span_of_buffer_[index(b)] = span;
    return b;
}

void Walk::know_request(const Send& send) {
    const std::size_t at = index(send.request);
    send_of_request_.resize(std::max(send_of_request_.size(), at + 1));
    send_of_request_[at] = send.generation;
}

// Submission ---------------------------------------------------------------------------------

void Walk::on_submit(const zcv_event& event, bool prepared) {
    // Refused before it owned anything, and by an older capture that did not name it: one CQE.
    if (event.generation == 0 && event.kind == ZCV_PREP_FAILED) return;
    if (event.generation == 0) mismatch("a send without a generation");
    if (sends_.contains(event.generation)) mismatch("this send was submitted before");
    if (event.kind == ZCV_SUBMIT && event.refs != ZCV_REFS_UNKNOWN && event.refs != 1)
        mismatch(
            fmt::format("a fresh notification has one reference, this one has {}", event.refs));
    Send& send = sends_[event.generation];
    send.generation = event.generation;
    send.ubuf = event.ubuf;
    send.hash = event.hash;
    send.reports_usage = (event.zc_flags & uapi::send_zc_report_usage) != 0;
    send.ring = ring_of(event.ring);
    send.sock = sock_of(event);
    send.buffer = buffer_of(event);
    send.request = s_.add_request(send.ring);
    know_request(send);

    SendHistory& seen = histories_.add(event.generation, event.time_ns);
    send.history = &seen;
    seen.user_data = event.user_data;
    seen.addr = event.addr;
    seen.len = event.len;
    seen.layout = event.owner;
    seen.tgid = event.tgid;
    seen.ring = event.ring;
    seen.sock = event.sock;
    seen.stack = event.kind == ZCV_SUBMIT ? static_cast<std::uint32_t>(event.res) : 0;
    seen.hash = event.hash;
    seen.asked_usage = send.reports_usage;
    seen.fixed = (event.zc_flags & uapi::recvsend_fixed_buf) != 0;
    seen.stream = ahead_.streams.contains(event.sock);
    seen.opcode = event.opcode;
    ++report_.sends;
    open_by_name_[{event.ring, event.user_data}].push_back(event.generation);
    write_and_submit(send, event);
    users_of_buffer_[index(send.buffer)].push_back(event.generation);
    if (event.kind == ZCV_SUBMIT) {
        must<kernel::io_send_zc_prep>("a prepared request", send.request);
    } else if (prepared) {
        must<kernel::io_send_zc_prep_late_failure>("a failed preparation", send.request);
    }  // else refused before it owned anything: only its CQE says when that was listed
    send.notif = s_[send.request].ubuf;
    // Its CQE may go unseen into an overflow list, where it has no name.
    if (!prepared && !ahead_.sends.at(send.generation).complete.seen) give_up(send);
}

void Walk::on_request_moved(const zcv_event& event, Send& send) {
    const RequestId r = send.request;
    if (r == none<RequestId>) mismatch("the send is over", around(send));
    if (event.kind == ZCV_ASYNC && s_[r].phase == Phase::prepped) send.worker = true;
    if (event.kind == ZCV_DEFER) send.deferred = true;
    if (event.kind != ZCV_POLL_ARM) return;
    issue(send);
    // Data of this attempt that shows up only later is attached at the end: no record tells apart.
    // The tail that it was linked to may be sent by then.
    link_where_known(send);
    if (s_.config(send.sock).transport == Transport::tcp)
        must<kernel::io_arm_poll_handler>("waiting for room in the socket", r);
}

void Walk::issue(Send& send) {
    const Phase phase = s_[send.request].phase;
    if (phase == Phase::issuing) return;
    if (phase == Phase::prepped && is_issued_by_worker(send))
        must<kernel::io_wq_submit_work>("a worker issuing the request", send.request);
    else
        must<kernel::io_send_zc_issue>("the request being issued", send.request);
}

// A request that waited for another may be issued by whoever completed that one, without a word: by
// a worker, if another thread did it than the one that submitted it. Where a worker's CQE is posted
// by task work that does not show; then it did if the owner's reference is still there at that CQE.
bool Walk::is_issued_by_worker(const Send& send) const {
    if (send.worker) return true;
    const SendFacts& facts = ahead_.sends.at(send.generation);
    if (!facts.waited || !facts.complete.seen) return false;
    if (facts.issuer != 0 && facts.issuer != facts.submitter) return true;
    if (facts.issuer != 0 && facts.told_by_issuer) return false;
    return facts.lives.empty() && facts.complete.refs == 1;
}

void Walk::on_tcp_append(const KnownRecord& record, const zcv_event& event, Send& send) {
    if (send.completed) mismatch("data is appended for a request that has completed", around(send));
    issue(send);
    const std::uint32_t life = record.life;
    if (life == 0) return;
    attach(life);
    if (event.chain == 0 || event.chain == send.ubuf || send.linked) return;
    if (send.lives.empty() && !record.turn.idle && may_link(send, record.turn.joined)) link(send);
}

// Whether its data went where the queue's tail is. Nobody says so at that moment; later the chain's
// head is known, or else that no skb of its own carried any.
bool Walk::may_link(const Send& send, bool joined) const {
    const SendFacts& facts = ahead_.sends.at(send.generation);
    if (!facts.chain_known) return facts.lives.empty() || joined;
    if (facts.chain == 0 || s_[send.sock].write_queue.empty()) return false;
    const Send* const head = sends_.find(facts.chain);
    const UbufId tail = s_[s_[SkbId{s_[send.sock].write_queue.back()}].shinfo].uarg;
    return head != nullptr && tail != none<UbufId> && s_[tail].head == head->notif;
}

void Walk::link_where_known(Send& send) {
    if (ahead_.sends.at(send.generation).chain != 0 && !send.linked && send.lives.empty() &&
        may_link(send, false) && can<kernel::io_link_skb>(s_, send.request))
        link(send);
}

void Walk::link(Send& send) {
    must<kernel::io_link_skb>("a notification linked to the tail's", send.request);
    send.linked = true;
}

// Completion ---------------------------------------------------------------------------------

void Walk::on_complete(const zcv_event& event, Send& send, bool overflow) {
    if (send.completed) mismatch("this request has completed before", around(send));
    const bool more = (event.cqe_flags & uapi::cqe_f_more) != 0;
    send.more = more;
    const bool chained = event.chain != 0 && event.chain != send.ubuf;
    if (chained && !s_.world().profile.chains)
        mismatch("its notification is linked to another one, and this kernel has no chains",
                 around(send));
    if (send.deferred && event.res >= 0 && s_.world().profile.drain_counts_notifs)
        mismatch(
            "it was drained and has been sent, and on this kernel it would wait for its own "
            "notification",
            around(send));
    if (send.deferred && s_[send.request].phase == Phase::prepped && event.res == -ecanceled)
        ++never_started_;
    if (event.res > 0 && send.hash == 0) ++unhashed_;
    if (event.res >= 0)
        succeed(send, event);
    else
        fail(send, event);
    const bool model_more = s_[send.request].more;
    if (s_[send.request].phase == Phase::completed) post(send, overflow);
    if (model_more != more)
        mismatch(fmt::format("its CQE came {} F_MORE, the model posts it {}",
                             more ? "with" : "without", model_more ? "with" : "without"));
    send.completed = true;
    history(send).completed_ns = event.time_ns;
    history(send).res = event.res;
    history(send).more = more;
    ++report_.completed;
    touch(send.notif);
    if (more) return;
    std::erase(users_of_buffer_[index(send.buffer)], send.generation);
    note_over(send);
}

void Walk::succeed(Send& send, const zcv_event& event) {
    if (s_[send.request].phase == Phase::issued)
        mismatch("it succeeded after its preparation failed", around(send));
    issue(send);
    attach_the_rest(send);
    const bool tcp = s_.config(send.sock).transport == Transport::tcp;
    if (blind_ && event.res > 0 && !s_[send.request].appended)
        attach_in_sendmsg(unseen_life(send), send);
    if (event.refs != ZCV_REFS_UNKNOWN) note_unseen_references(send, event.refs);
    // Its notification says that skbs had it; an MTU probe ate them before any was sent.
    if (!s_[send.request].appended && send.lives.empty() && tcp && event.res > 0 &&
        s_.world().profile.mtu_probe_moves_frags && usage_of(send) == Usage::zero_copied)
        attach_in_sendmsg(unseen_life(send), send);
    if (!s_[send.request].appended && send.lives.empty()) {
        if (tcp)
            must<kernel::tcp_sendmsg_copy>("data copied in sendmsg", send.request);
        else
            must<kernel::ip_append_data_copy>("data copied in sendmsg", send.request);
    }
    while (!tcp && !s_[send.sock].write_queue.empty())
        must<kernel::ip_send_skb>("the datagram on its way", send.sock);
    must<kernel::io_send_zc_success>("success", send.request);
    if (s_[send.request].worker) {
        must<kernel::io_req_complete_post>("a completion from io-wq", send.request);
        reap(send.ring);
    } else {
        must<kernel::io_notif_flush>("the issuer's reference being dropped", send.request);
    }
}

void Walk::fail(Send& send, const zcv_event& event) {
    const bool more = (event.cqe_flags & uapi::cqe_f_more) != 0;
    const RequestId r = send.request;
    if (s_[r].phase == Phase::sqe) {
        must<kernel::io_send_zc_prep_early_failure>("a failed preparation", r);
        return;
    }
    const bool failed_before = s_[r].phase == Phase::issued;
    if (!more && (failed_before || (s_[r].phase == Phase::prepped && event.res == -ecanceled))) {
        must<kernel::io_req_tw_fail_links>("a cancelled link", r);
        return;
    }
    if (event.res == -eopnotsupp && send.lives.empty() &&
        can<kernel::io_send_zc_unsupported>(s_, r))
        go<kernel::io_send_zc_unsupported>(r);
    if (s_[r].phase != Phase::issued) {
        issue(send);
        attach_the_rest(send);
        while (s_.config(send.sock).transport == Transport::udp &&
               !s_[send.sock].write_queue.empty())
            must<kernel::ip_flush_pending_frames>("a failed send", send.sock);
        if (usage_of(send) == Usage::zero_copied && can<kernel::tcp_remove_empty_skb>(s_, r) &&
            s_.world().profile.chains)
            go<kernel::tcp_remove_empty_skb>(r);
        must<kernel::io_send_zc_failure>("a failed send", r);
    }
    must<kernel::io_sendrecv_fail>("a failed send", r);
}

// Every skb that later records show to carry this send's ubuf was attached before it completed,
// unless it was made out of another one.
void Walk::attach_the_rest(Send& send) {
    const SendFacts& facts = ahead_.sends.at(send.generation);
    link_where_known(send);
    for (const std::uint32_t life : facts.lives)
        if (seen_life(life).birth == Birth::sent) attach(life);
}

// A shared info that no record names.
std::uint32_t Walk::unseen_life(const Send& send) {
    return ahead_.new_life(send.generation);
}

// An skb is recorded as done with before its reference goes, and its head as free after that. A
// count that another CPU reads in between has the reference, the model has not.
std::uint32_t Walk::still_held(const Send& send) const {
    const auto& lives = ahead_.sends.at(send.generation).lives;
    return static_cast<std::uint32_t>(std::ranges::count_if(lives, [&](std::uint32_t life) {
        return is_gone(life) && seen_life(life).freed_ns > now_ns_;
    }));
}

// More references than known shared infos. What later records show to be the rest of another skb
// may be there already. Others no record ever names (they wait for a neighbour's address, say):
// they are real, so they are brought about here.
void Walk::note_unseen_references(Send& send, std::uint32_t observed) {
    const std::uint32_t owner =
        (s_[send.request].worker ? 0U : 1U) + (s_[send.notif].syscall_ref ? 1U : 0U);
    observed -= std::min(observed, still_held(send));
    std::vector<std::uint32_t> later;
    const SendFacts& facts = ahead_.sends.at(send.generation);
    for (const std::uint32_t life : facts.lives)
        if (may_be_split(life)) later.push_back(life);
    for (auto life = later.begin(); observed + owner > s_[send.notif].refs;) {
        std::uint32_t next = 0;
        if (life != later.end()) {
            next = *life++;
        } else {
            next = unseen_life(send);
        }
        try {
            if (lives_[next].attached) continue;
            const bool comes_next = !facts.places_known && is_at_tail(send);
            if (comes_next || !split_off(next)) attach_in_sendmsg(next, send);
        } catch (MismatchError&) {
            mismatch(
                fmt::format("the notification has {} references, the model explains at most {}",
                            observed, s_[send.notif].refs - owner),
                around(send));
        }
    }
}

// Whether more data of this send would follow its own: else it belongs further up in the queue.
bool Walk::is_at_tail(const Send& send) const {
    const auto& queue = s_[send.sock].write_queue;
    if (queue.empty()) return true;
    const UbufId last = s_[s_[SkbId{queue.back()}].shinfo].uarg;
    return last == none<UbufId> || last == send.notif;
}

void Walk::post(Send& send, bool overflow) {
    const RingId ring = send.ring;
    const auto& list = s_[ring].compl_reqs;
    // A send that was given up has no more records, but its place in the list.
    while (!list.empty() && send_at(send_of_request_[index(list.front().request)]).lost) {
        go<kernel::io_submit_flush_completions>(ring);
        reap(ring);
    }
    if (list.empty() || list.front().request != send.request) {
        const Send* const due =
            list.empty() ? nullptr : &send_at(send_of_request_[index(list.front().request)]);
        mismatch("the completion list has another CQE before it", around(send),
                 due == nullptr ? std::vector<std::string>{}
                                : std::vector<std::string>{
                                      fmt::format("the CQE of send #{}", due->history->number)});
    }
    s_.set_cq_full(overflow ? ring : none<RingId>);
    go<kernel::io_submit_flush_completions>(ring);
    s_.set_cq_full(none<RingId>);
    reap(ring);
    if (s_[send.request].phase == Phase::idle) send.request = none<RequestId>;
}

// Reading a CQE is invisible: the application may have done it as soon as the CQE was there.
void Walk::reap(RingId ring) {
    while (may<kernel::io_cqring_overflow_flush>(ring)) {
    }
    while (may<world::app_reap>(ring)) {
    }
}

// Notification -------------------------------------------------------------------------------

void Walk::on_notif(const zcv_event& event, Send& send, bool overflow) {
    if (send.notified && nameless_ == 0) {
        violation(send, "S9-one-notif-after-cqe", Evidence::cqes, event.time_ns,
                  "a second CQE with F_NOTIF",
                  "Clients free the wrong buffer when a notification comes twice.");
    }
    if (send.notified) mismatch("this send was notified before", around(send));
    if (!send.completed) {
        if (knows_all())
            violation(send, "S9-one-notif-after-cqe", Evidence::cqes, event.time_ns,
                      "F_NOTIF was posted and the request's own CQE was not",
                      "Clients free the wrong buffer when a notification overtakes its "
                      "completion.");
        mismatch("its notification came before its completion", around(send));
    }
    if (!send.more && event.generation != 0)
        violation(send, "S10-more-iff-notif", Evidence::cqes, event.time_ns,
                  "F_NOTIF followed a CQE without F_MORE",
                  "The application was told that nothing more would come: the id may be in use "
                  "again, and the wrong send is taken for released (B24).");
    if (event.refs != ZCV_REFS_UNKNOWN && event.refs != 0)
        violation(send, "S1-no-early-release", Evidence::cqes, event.time_ns,
                  fmt::format("the notification was posted with {} references left", event.refs),
                  "The kernel said that it let go of the buffer, and it had not.");
    if (account_.left(send.ubuf).value_or(0) != 0)
        violation(send, "S1-no-early-release", Evidence::references, event.time_ns,
                  fmt::format("the notification was posted with {} references left, of all that "
                              "function probes saw",
                              *account_.left(send.ubuf)),
                  "The kernel said that it let go of the buffer, and it had not.");
    if (account_.is_interrupted(send.ubuf))
        mismatch("its count was ahead of what function probes saw, and no record made up for it");
    check_acknowledged(send, event.time_ns);
    const bool copied = (static_cast<std::uint32_t>(event.res) & uapi::notif_usage_zc_copied) != 0;
    const UbufId n = send.notif;
    if (n == none<UbufId>) mismatch("this send has no notification", around(send));
    if (s_[n].owner_ref) must<kernel::io_send_zc_cleanup>("the request's cleanup", send.request);
    if (s_[n].tw == TaskWork::none) {
        if (s_[n].head != n)
            mismatch("a member of a chain was notified before the chain's head", around(send),
                     enabled_for(send));
        release_chain(send);
    }
    touch(n);
    note_releases(event.time_ns);
    if (s_[n].tw == TaskWork::queued) must<kernel::io_notif_tw_complete>("the task work", n);
    if (s_[n].tw != TaskWork::listed)
        mismatch("its notification was posted while something still refers to the buffer",
                 around(send), enabled_for(send));
    check_copied(event, send);
    post(send, overflow);
    send.notified = true;
    ++report_.notified;
    history(send).notified_ns = event.time_ns;
    history(send).copied = copied;
    report_.copied += copied;
    check_content(event, send);
    std::erase(users_of_buffer_[index(send.buffer)], send.generation);
    forget_name({history(send).ring, event.user_data}, send.generation);
    send.notif = none<UbufId>;
    note_over(send);
}

// The kernel says that nothing refers to the buffer any more. What the model still holds was let go
// of without a record: seen later, seen by another CPU, or not seen at all.
void Walk::release_chain(Send& send) {
    const bool was_held = s_[send.notif].refs > 0;
    for (UbufId n = send.notif; n != none<UbufId>; n = s_[n].next) {
        Send& member = send_at(send_of_request_[index(s_[n].request)]);
        if (s_[n].owner_ref && s_[member.request].phase == Phase::posted)
            must<kernel::io_send_zc_cleanup>("a member's cleanup", member.request);
        for (std::size_t i = 0; i < member.lives.size(); ++i) release_life(member.lives[i]);
    }
    if (was_held && s_[send.notif].tw == TaskWork::queued) ++report_.inferred_releases;
}

void Walk::check_copied(const zcv_event& event, Send& send) {
    if (!send.reports_usage || event.generation == 0 || blind_) return;
    // What became of its packets no record says: the probe is none of a send's.
    if (send.unacked_ns != 0) return;
    const bool said = (static_cast<std::uint32_t>(event.res) & uapi::notif_usage_zc_copied) != 0;
    const bool modelled = s_[send.notif].zc_copied || !s_[send.notif].zc_used;
    if (said == modelled) return;
    mismatch(fmt::format("it says that the data was {}copied, the model says it was {}",
                         said ? "" : "not ", modelled ? "" : "not"),
             around(send));
}

// Nothing more is claimed of a send after a record of it could not be explained.
Walk::Send& Walk::give_up(Send& send) {
    send.lost = true;
    if (send.buffer != none<BufferId>)
        std::erase(users_of_buffer_[index(send.buffer)], send.generation);
    return send;
}

Violation& Walk::violation(const Send& send, std::string property, Evidence by,
                           std::uint64_t time_ns, std::string evidence, std::string explanation) {
    const SendHistory& seen = history(send);
    histories_.keep(seen.number);
    return report_.violations.emplace_back(Violation{.property = std::move(property),
                                                     .send = seen.number,
                                                     .request = seen.user_data,
                                                     .ubuf = send.ubuf,
                                                     .time_ns = time_ns,
                                                     .evidence = std::move(evidence),
                                                     .explanation = std::move(explanation),
                                                     .stack = {},
                                                     .seen_by = {by}});
}

// Every notification whose last reference went with this record.
void Walk::note_releases(std::uint64_t time_ns) {
    for (const UbufId touched : touched_) {
        if (touched == none<UbufId> || !s_[touched].alive) continue;
        const UbufId head = s_[touched].head;
        if (head == none<UbufId> || s_[head].tw != TaskWork::queued) continue;
        for (UbufId n = head; n != none<UbufId>; n = s_[n].next) {
            SendHistory& seen = history(send_at(send_of_request_[index(s_[n].request)]));
            if (seen.released_ns) continue;
            seen.released_ns = time_ns;
            ++report_.released;
        }
    }
    touched_.clear();
}

}  // namespace zcv
