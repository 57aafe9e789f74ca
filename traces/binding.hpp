#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/checker/system.hpp"
#include "model/growing_store.hpp"
#include "traces/agreement.hpp"
#include "traces/by_generation.hpp"
#include "traces/calls.hpp"
#include "traces/gathered.hpp"
#include "traces/histories.hpp"
#include "traces/lookahead.hpp"
#include "traces/ref_account.hpp"
#include "traces/replay.hpp"

// The one place that speaks both vocabularies: which steps of the model a record stands for, and
// which steps nobody can see and are inferred. No step's semantics is repeated here: what a record
// means is said by taking steps, and a step whose guard refuses is a divergence.
namespace zcv {

// What a record of this kind is explained by. `steps` empty: it names an object or a moment of the
// world that no step models, and `note` says why.
struct Binding {
    zcv_event_kind kind;
    std::vector<std::string_view> steps;
    std::string_view note;
};

// A step no probe can see, and from what its having been taken is inferred.
struct Unobserved {
    std::string_view step;
    std::string_view inferred_from;
};

const std::vector<Binding>& bindings();
const std::vector<Unobserved>& unobserved_steps();
// In the order of ReplayReport::steps.
const std::vector<std::string_view>& all_steps();

// What one record could not be explained by.
struct Mismatch {
    std::string why;
    std::vector<std::string> around;
    std::vector<std::string> instead;
    // False on a connection whose skbs were split, refused or retransmitted: which of them a record
    // speaks of was then inferred, and another explanation might have gone on.
    bool certain = true;
};

// One reference of a notification taken or dropped by a step.
struct RefChange {
    std::uint32_t generation;  // the send's
    zcv_ref how;
};

// Who held the references of a notification after a step changed their number.
struct RefHolders {
    std::uint32_t generation;  // the send's
    std::uint64_t time_ns;
    std::uint32_t refs;
    bool issuer;
    bool call;
    struct Skb {
        ShinfoId shinfo;     // the same one until it holds no more
        std::uint32_t life;  // see Lookahead; 0 while no record is known to name it
    };
    std::vector<Skb> skbs;
    std::vector<std::uint32_t> members;  // generations of the sends stacked on it
};

// A step of the kernel that was taken for a send, at the record that shows it.
struct StepTaken {
    std::uint32_t generation;
    std::uint64_t time_ns;
    std::string_view function;
};

// One explanation of a trace, carried from record to record on the growing store.
class Walk {
  public:
    // `about` is the trace without its records, or with them: they come by `records`. It has to
    // outlive the walk.
    Walk(std::unique_ptr<Records> records, const Trace& about, const Profile& profile,
         ReplayReport& report, const Foresight& foresight = {});

    // From here on each change of a notification's count is appended there.
    void note_references(std::vector<RefChange>& changes) { changes_ = &changes; }
    // Likewise, who holds it from then on.
    void note_holders(std::vector<RefHolders>& holders) { holders_ = &holders; }
    void note_steps(std::vector<StepTaken>& steps) { steps_ = &steps; }

    // The next record in order of time, nothing at the end. The one before is done with.
    const KnownRecord* next() {
        ++records_;
        if (!ended_.empty() && ended_.front().at + lag_ <= records_) forget_what_is_over();
        return ahead_.next();
    }
    // From here on what is known of a send is given up some time after its end. It is shown before.
    void forget_sends(std::function<void(SendHistory&)> show) { show_ = std::move(show); }
    Histories& histories() { return histories_; }
    // Takes the steps that explain it. A mismatch leaves the send it is about out of the rest of
    // the walk.
    std::optional<Mismatch> explain(const KnownRecord& record);

    const Lookahead& lookahead() const { return ahead_; }
    // The send a record is about, by generation; 0 when it is about none.
    std::uint32_t send_of(const KnownRecord& record) const;
    // Every field of the objects that stand for this send.
    std::vector<checker::Field> fields_of(std::uint32_t generation) const;
    // After the last record: what was left open.
    void finish();

  private:
    // A send of the trace and what stands for it in the model.
    struct Send {
        std::uint32_t generation = 0;
        RequestId request = none<RequestId>;
        UbufId notif = none<UbufId>;
        BufferId buffer = none<BufferId>;
        SockId sock = none<SockId>;
        RingId ring = none<RingId>;
        std::uint64_t ubuf = 0;
        std::uint64_t hash = 0;
        SendHistory* history = nullptr;
        Some lives;
        bool returned = false;
        bool is_call = false;  // of sendmsg(MSG_ZEROCOPY), with this id
        std::uint32_t id = 0;
        std::uint32_t ubuf_owner = 0;  // generation of the call that its ubuf was made for
        std::uint64_t ubuf_bytes = 0;  // of that call: of all that joined it
        bool linked = false;
        bool deferred = false;
        bool worker = false;
        bool reports_usage = false;
        bool completed = false;
        bool more = false;
        bool notified = false;
        bool lost = false;  // a record of it could not be explained: its later ones are left out
        std::uint64_t rewritten_ns = 0;  // seen with other content before its notification
        std::uint64_t rewritten_hash = 0;
        std::uint32_t rewritten_by = 0;          // number of the send that showed it
        std::shared_ptr<const zcv_event> write;  // the first one seen by a watchpoint before that
        std::uint64_t unacked_ns = 0;            // TCP let go of its data then
        std::uint32_t unacked = 0;               // which begins here in the stream
        std::uint64_t parted_ns = 0;             // its pages left the address then
        std::uint64_t parted_hash = 0;           // with this content
    };
    struct LifeState {
        ShinfoId shinfo = none<ShinfoId>;
        SkbId original = none<SkbId>;                   // the skb that was attached, not its clones
        boost::container::small_vector<SkbId, 4> skbs;  // living
        bool attached = false;
        bool gone = false;  // freed in the model
        std::uint64_t gone_ns = 0;
    };
    struct SkbState {
        std::uint32_t life = 0;
        std::uint64_t address = 0;  // 0 until a record shows it
    };
    struct Span {
        std::uint32_t tgid = 0;
        std::uint64_t addr = 0;
        std::uint32_t len = 0;
        std::uint64_t layout = 0;  // as Gathered has it

        bool operator==(const Span&) const = default;
        friend std::uint64_t spread(const Span& span) {
            const std::uint64_t bytes = std::uint64_t{span.tgid} << 32U | span.len;
            return zcv::spread(std::pair(span.addr, bytes ^ zcv::spread(span.layout)));
        }
    };
    // A send that has its end, and how many records there had been then.
    struct Over {
        std::uint32_t generation;
        std::uint32_t tries;
        std::uint64_t at;
    };
    // A head that is not freed by then is waited for, but not for ever: there may be no record of
    // it.
    static constexpr std::uint32_t tries_max = 64;

    // What the notification will say of the data, where it was asked to.
    enum class Usage { unknown, zero_copied, copied };
    struct MismatchError {
        Mismatch mismatch;
    };

    void explain_by_kind(const KnownRecord& record, const zcv_event& event, Send* send);
    bool may_be_nameless(const zcv_event& event) const;
    Send* send_meant(const KnownRecord& record);
    bool is_certain(const KnownRecord& record) const;
    void note_guess(SockId sock);

    // binding_over.cpp: what is known of a send goes when it is over.
    void note_over(const Send& send) {
        if (show_) ended_.push_back({send.generation, 0, records_});
    }
    void forget_what_is_over();
    bool is_all_freed(const Send& send, bool seen) const;
    bool is_freed(std::uint32_t life, bool is_seen) const;
    void let_go(const Send& send);

    // binding.cpp: requests, completions, the application.
    using Name = std::pair<std::uint64_t, std::uint64_t>;  // ring, user_data
    void forget_name(const Name& name, std::uint32_t generation);
    std::uint32_t notified_without_name(const zcv_event& event, std::uint32_t otherwise) const;
    bool knows_all() const;
    void on_submit(const zcv_event& event, bool prepared);
    void on_complete(const zcv_event& event, Send& send, bool overflow);
    void on_notif(const zcv_event& event, Send& send, bool overflow);
    void on_request_moved(const zcv_event& event, Send& send);
    void on_tcp_append(const KnownRecord& record, const zcv_event& event, Send& send);
    void succeed(Send& send, const zcv_event& event);
    void fail(Send& send, const zcv_event& event);
    void issue(Send& send);
    bool is_issued_by_worker(const Send& send) const;
    void post(Send& send, bool overflow);
    void reap(RingId ring);
    void attach_the_rest(Send& send);
    bool may_link(const Send& send, bool joined) const;
    void link_where_known(Send& send);
    void link(Send& send);
    void release_chain(Send& send);
    std::uint32_t unseen_life(const Send& send);
    std::uint32_t still_held(const Send& send) const;
    void note_unseen_references(Send& send, std::uint32_t observed);
    bool is_at_tail(const Send& send) const;
    void write_and_submit(Send& send, const zcv_event& event);
    void on_memory(const zcv_event& event, Send* send);
    void on_write(const zcv_event& event);
    void on_content(const zcv_event& event, Send& send);
    void on_pages(const zcv_event& event, const Send& send);
    void check_content(const zcv_event& event, Send& send);
    void check_ends(const zcv_event& event, Send& send);
    void report_reuse(Send& send, const zcv_event& event);
    void check_copied(const zcv_event& event, Send& send);
    Send& give_up(Send& send);
    Violation& violation(const Send& send, std::string property, Evidence by, std::uint64_t time_ns,
                         std::string evidence, std::string explanation);
    SockId sock_of(const zcv_event& event);
    RingId ring_of(std::uint64_t address);
    BufferId buffer_of(const zcv_event& event);
    BufferId new_buffer(const Span& span);
    void know_request(const Send& send);

    // binding_calls.cpp: sendmsg(MSG_ZEROCOPY), its ids and the error queue.
    void on_call_record(const zcv_event& event, Send* send);
    void on_call(const zcv_event& event);
    void end_calls_before(const zcv_event& event);
    void on_range(const zcv_event& event);
    void on_range_read(const zcv_event& event);
    void note_eaten(Send& send, std::uint64_t time_ns);
    void take_id(Send& send);
    void alloc_ubuf(Send& send);
    void return_from_call(Send& send);
    bool is_thrown_away(std::uint32_t life);
    void abort_call(Send& send);
    void fail_call(Send& send);
    void attach_of_call(std::uint32_t life);
    void attach_copied_datagram(const Send& owner, const Send& adding);
    bool is_of_copied_datagram(std::uint32_t life) const;
    void read_before(SockId sock, std::uint64_t first);
    Send* call_that_begins(const zcv_event& event);
    void end_call(Send& send);
    void forget_call(Send& send);
    Send* call_in_progress(SockId sock);

    // binding_skb.cpp: skbs and the references they hold.
    void issue_what_was_linked(std::uint32_t life);
    void on_dev_queue(std::uint32_t life, const zcv_event& event);
    void on_dev_xmit(std::uint32_t life, const zcv_event& event);
    void on_rx(std::uint32_t life, const zcv_event& event);
    void on_skb_gone(std::uint32_t life, const zcv_event& event, bool dropped);
    void on_head_free(std::uint32_t life, const zcv_event& event);
    void on_skb(std::uint32_t life, const zcv_event& event);
    SkbId skb_named(std::uint32_t life, const zcv_event& event);
    SkbId mirrored(std::uint32_t life, SkbId skb, const zcv_event& event);
    void to_device(SkbId skb);
    void copy_out(SkbId skb);
    void finish_skb(SkbId skb);
    Usage usage_of(const Send& send) const;
    bool still_held_after_notif(std::uint32_t life, const zcv_event& event);
    void note_on_wire(std::uint32_t life, std::uint64_t time_ns);

    // binding_life.cpp: how shared infos come about, which skbs carry them.
    void attach(std::uint32_t life);
    void attach_in_order(std::uint32_t life, Send& adding);
    void attach_in_sendmsg(std::uint32_t life, Send& adding);
    void begin_life(std::uint32_t life, SkbId skb);
    std::uint32_t whole_of(std::uint32_t life) const;
    bool may_be_split(std::uint32_t life);
    bool split_off(std::uint32_t life);
    bool split_one_off(std::uint32_t life);
    bool cut_off(std::uint32_t life);
    void cut_up(std::uint32_t life, SkbId skb, bool consumed);
    bool has_new_head(std::uint32_t life, SkbId skb);
    SkbId adopt(std::uint32_t life, SkbId skb, std::uint64_t address);
    void drop_from_life(SkbId skb);
    void release_life(std::uint32_t life);

    // binding_tcp.cpp: the two queues of a stream.
    void split_before_sending(std::uint32_t life);
    bool was_sent_with(std::uint32_t part, std::uint32_t whole) const;
    void split_before_acknowledging(std::uint32_t life);
    Some parts_of(std::uint32_t life);
    SkbId transmit(std::uint32_t life);
    bool was_reset(SockId sock) const;
    void acknowledge(SkbId skb);
    void make_arrived(SkbId original);
    void purge(SockId sock);
    void note_stream(const KnownRecord& record, Send* send);
    void note_freed_by_tcp(Send* send, const zcv_event& event, bool named);
    bool has_jumped_the_queue(std::uint32_t life, std::uint64_t let_go_ns);
    std::uint64_t notified_ns(std::uint32_t life) const;
    bool eat(std::uint32_t life);
    void check_acknowledged(const Send& send, std::uint64_t time_ns);

    // binding_refs.cpp: the counts of notifications.
    void on_ubuf_ref(const zcv_event& event);
    void note_changes(std::string_view step);
    void note_change(UbufId n, std::uint32_t members_gone, std::string_view step);
    void note_holders_of(UbufId n);
    void name_holder(ShinfoId shinfo, std::uint32_t life);

    void note_releases(std::uint64_t time_ns);
    void touch(UbufId notif) { touched_.push_back(notif); }

    // The send that a step with these parameters is about, by generation; 0 for no one send. What a
    // ring posts is at the front of its list.
    std::uint32_t about(RequestId r) const {
        return r == none<RequestId> ? 0 : send_of_request_[index(r)];
    }
    std::uint32_t about(UbufId n) const { return about(RequestId{s_[n].request}); }
    std::uint32_t about(SkbId skb) const {
        return index(skb) < skb_states_.size() ? seen_life(skb_states_[index(skb)].life).owner : 0;
    }
    std::uint32_t about(RingId ring) const {
        const auto& list = s_[ring].compl_reqs;
        return list.empty() ? 0 : about(RequestId{list.front().request});
    }
    std::uint32_t about(SockId) const { return 0; }
    // Takes a step that can be taken here; or one that may be, and says whether it was.
    template <class Step, class... Id>
    void go(Id... ids);
    template <class Step, class... Id>
    bool may(Id... ids);
    template <class Step, class... Id>
    void went(Id... ids);
    // Takes a step, or throws what refused it: `what` says in words what the record asks for.
    template <class Step, class... Id>
    void must(std::string_view what, Id... ids);
    template <class Step, class... Id>
    [[noreturn]] void refused(std::string_view what, Id... ids) const;
    [[noreturn]] void mismatch(std::string why, std::vector<std::string> around = {},
                               std::vector<std::string> instead = {}) const;
    std::vector<checker::Field> fields_of(const Send& send) const;
    std::vector<std::string> around(const Send& send) const;
    std::vector<std::string> around(SkbId skb) const;
    std::vector<std::string> enabled_for(const Send& send) const;

    Send& send_at(std::uint32_t generation) { return sends_.at(generation); }
    static SendHistory& history(const Send& send) { return *send.history; }
    SkbState& state_of(SkbId skb);
    const Life& seen_life(std::uint32_t life) const { return ahead_.lives.at(life); }
    bool is_gone(std::uint32_t life) const {
        const LifeState* const state = lives_.find(life);
        return state != nullptr && state->gone;
    }

    const Trace& trace_;  // without its records
    ReplayReport& report_;
    Lookahead ahead_;
    Histories histories_;
    Agreement agreement_;
    Gathered gathered_;
    Calls calls_;
    RefAccount account_;
    bool blind_;  // what happens to skbs was not recorded
    GrowingStore s_;
    ByGeneration<Send> sends_;
    ByGeneration<LifeState> lives_;               // by number, as in Lookahead
    std::vector<SkbState> skb_states_;            // by SkbId
    std::vector<std::uint32_t> send_of_request_;  // by RequestId: generation
    FlatMap<std::uint64_t, SkbId> skb_at_;
    FlatMap<std::uint64_t, SockId> sock_at_;
    std::vector<bool> guessed_;                // by SockId, see Mismatch::certain
    std::vector<std::uint64_t> sock_address_;  // by SockId
    FlatMap<std::uint64_t, RingId> ring_at_;
    FlatMap<Span, BufferId> buffer_at_;
    // What was not notified.
    FlatMap<Name, Some> open_by_name_;
    std::vector<std::vector<std::uint32_t>> users_of_buffer_;  // by BufferId: generations in flight
    std::vector<Span> span_of_buffer_;                         // by BufferId
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> open_calls_;  // by socket
    std::unordered_map<std::uint64_t, std::uint32_t> first_id_;                 // seen, by socket
    std::set<Name> read_early_;  // ranges by socket and last id, whose reading is recorded later
    std::vector<UbufId> touched_;
    std::deque<Over> ended_;
    Forgotten forgotten_;
    std::uint64_t lag_;
    std::function<void(SendHistory&)> show_;
    std::uint64_t records_ = 0;
    std::uint64_t now_ns_ = 0;
    std::uint64_t unknown_resubmissions_ = 0;
    std::uint64_t nameless_ = 0;
    std::uint64_t never_started_ = 0;
    std::uint64_t unhashed_ = 0;
    std::uint64_t unread_ = 0;
    std::unordered_set<std::uint32_t> exited_;                       // by tgid
    std::set<std::pair<std::uint32_t, std::uint64_t>> tails_freed_;  // generation, sequence
    std::unordered_set<std::uint64_t> over_;  // connections that were reset or closed
    std::unordered_map<std::uint32_t, std::uint32_t> acknowledged_;  // by SockId: sequence number
    struct Counted {
        std::uint32_t refs = 0;
        bool owner_ref = false;
        bool syscall_ref = false;
    };
    std::vector<Counted> counted_;  // by UbufId, before the newest step
    std::vector<RefChange>* changes_ = nullptr;
    std::vector<RefHolders>* holders_ = nullptr;
    std::vector<StepTaken>* steps_ = nullptr;
    std::vector<std::uint32_t> life_of_shinfo_;  // by ShinfoId, for holders_
};

}  // namespace zcv
