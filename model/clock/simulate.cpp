#include "model/clock/simulate.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "model/ensure.hpp"
#include "model/growing_store.hpp"
#include "model/next.hpp"
#include "model/profiles.hpp"

namespace zcv::clock {

namespace {

bool always(const DataPath&) {
    return true;
}
bool by_call(const DataPath& path) {
    return !is_ring(path.way);
}
bool by_ring(const DataPath& path) {
    return is_ring(path.way);
}
bool from_memory(const DataPath& path) {
    return path.way != Way::send_zc_fixed;
}
bool by_reference(const DataPath& path) {
    return is_zero_copy(path.way);
}
bool by_copy(const DataPath& path) {
    return !is_zero_copy(path.way);
}
// Who sends one at a time has only one buffer in use.
bool from_one_buffer(const DataPath& path) {
    return path.batch == 1;
}
bool from_several(const DataPath& path) {
    return path.batch > 1;
}

// What one processor does, most urgent first. A packet on its way goes on before the call that sent
// it returns; a call returns before the next begins; what is done is completed last of all.
using OnTheWay = StepList<kernel::ifb_xmit, world::device_dma, kernel::consume_skb,
                          kernel::dev_hard_start_xmit, kernel::dev_queue_xmit, kernel::ip_send_skb>;
using Issuing =
    StepList<kernel::io_notif_flush, kernel::io_send_zc_success, kernel::io_sendzc_success,
             kernel::udp_sendmsg, kernel::ip_append_data, kernel::msg_zerocopy_alloc,
             kernel::msg_zerocopy_realloc, kernel::io_send_zc_issue, kernel::io_sendzc,
             kernel::io_send, kernel::io_send_zc_prep>;
using Completing =
    StepList<kernel::io_submit_flush_completions, kernel::io_notif_tw_complete,
             kernel::io_notif_complete_tw, kernel::io_zc_tx_work_callback, kernel::io_cqring_wait>;

Api api_of(const Job& job) {
    const bool slots = job.profile == "rfc-v1" || job.profile == "6.0-rc";
    switch (job.path.way) {
        case Way::send:
        case Way::ring_send:
            return Api::send;
        case Way::msg_zerocopy:
            return Api::msg_zerocopy;
        default:
            break;
    }
    if (job.profile == "rfc-v1") return job.path.notifies_each ? Api::tx_ctx_flush : Api::tx_ctx;
    if (slots) return job.path.notifies_each ? Api::notif_slot_flush : Api::notif_slot;
    return job.path.way == Way::send_zc_fixed ? Api::send_zc_fixed : Api::send_zc;
}

World world_of(const Job& job) {
    World world;
    world.profile = *find_profile(job.profile);
    world.apis = {api_of(job)};
    world.socks = {{.transport = Transport::udp,
                    .dma = job.device != Device::sink,
                    .sink = job.device == Device::sink}};
    // As large as the kernel has them, where the store has no bound of its own.
    world.bounds.ids = 1U << 30;
    world.bounds.omem = 1U << 20;
    world.bounds.calls_per_ubuf = 1U << 20;
    world.bounds.seqs = 200;
    world.bounds.slots = uses_slot(api_of(job)) ? 1 : 0;
    if (is_ring(job.path.way) && !uses_slot(api_of(job))) world.defer_taskrun_waits = 1;
    return world;
}

class Run {
  public:
    Run(const Job& job, const Costs& costs)
        : job_(job), costs_(costs), api_(api_of(job)), store_(world_of(job)) {
        sock_ = store_.add_sock(store_.world().socks.front());
        ring_ = store_.add_ring();
        if (uses_slot(api_)) slot_ = store_.add_slot();
        const std::uint64_t buffers = std::max(16U, 2 * job.path.batch);
        for (std::uint64_t i = 0; i < buffers; ++i) buffers_.push_back(store_.add_buffer());
        if (from_registered_buffer(api_)) take<kernel::io_sqe_buffers_register>(store_, ring_);
    }

    Simulated run() {
        constexpr unsigned warm_up = 4;
        constexpr unsigned rounds = 24;
        for (unsigned i = 0; i < warm_up; ++i) one_round();
        result_ = {};
        const double began = now_;
        idle_ = 0;
        for (unsigned i = 0; i < rounds; ++i) one_round();
        const double requests = static_cast<double>(rounds) * job_.path.batch;
        for (auto& [what, times] : result_.charged) times /= requests;
        result_.requests = requests;
        result_.ns = (now_ - began - idle_) / requests;
        result_.idle_ns = idle_ / requests;
        result_.system_calls /= requests;
        result_.notified /= requests;
        return result_;
    }

  private:
    // --- the model's steps, each with its price ---------------------------------------------

    void charge(std::string_view step, Cost cost, double times = 1) {
        result_.charged[{step, cost}] += times;
        now_ += times * costs_[cost];
    }

    struct Seen {
        std::size_t cqes = 0;
        std::size_t ubufs = 0;     // that exist, cached ones included
        std::size_t numbered = 0;  // of them, MSG_ZEROCOPY's
    };
    Seen seen() const {
        Seen seen;
        seen.cqes = store_[ring_].cq.size() + store_[ring_].overflow.size();
        store_.for_each<UbufId>([&](UbufId u) {
            seen.ubufs += store_[u].alive && !store_[u].cached;
            seen.numbered += store_[u].alive && store_[u].provider == Provider::msg_zerocopy;
        });
        return seen;
    }

    template <class Step, class... Id>
    void step(Id... ids) {
        constexpr std::string_view name = step_name<Step>();
        const Seen before = seen();
        if constexpr (std::is_same_v<Step, kernel::dev_hard_start_xmit>)
            if (job_.device == Device::card)
                flights_.push_back({ids..., now_ + job_.flight_ns, call_});
        take<Step>(store_, ids...);
        for (const Charge& each : charges())
            if (each.step == name && each.applies(job_.path)) charge(name, each.cost);
        constexpr bool runs_work = std::is_same_v<Step, kernel::io_notif_tw_complete> ||
                                   std::is_same_v<Step, kernel::io_notif_complete_tw>;
        if (runs_work && !std::exchange(work_found_, true)) charge(name, Cost::work_run);
        // What a step brings about is charged where it happens, whichever step it is.
        const Seen after = seen();
        if (is_ring(job_.path.way) && after.cqes > before.cqes)
            charge(name, Cost::cqe, static_cast<double>(after.cqes - before.cqes));
        if (after.numbered > before.numbered) charge(name, Cost::ubuf);
        if (after.ubufs > before.ubufs && after.numbered == before.numbered)
            charge(name, Cost::notification);
        if (after.numbered < before.numbered && job_.device == Device::card)
            charge(name, Cost::card_range, static_cast<double>(before.numbered - after.numbered));
    }

    // --- who comes next --------------------------------------------------------------------

    bool is_due(SkbId k) const {
        return std::ranges::none_of(
            flights_, [&](const Flight& each) { return each.skb == k && each.lands_ns > now_; });
    }
    // What one call hands to a card comes back with one interrupt.
    void land(SkbId k) {
        const auto flight = std::ranges::find(flights_, k, &Flight::skb);
        if (flight == flights_.end()) return;
        if (std::exchange(interrupt_of_, flight->call) != flight->call)
            charge(step_name<world::device_dma>(), Cost::napi);
        flights_.erase(flight);
    }
    template <class Step, class Id>
    bool try_one(Ids<Id>) {
        std::optional<Id> found;
        store_.for_each<Id>([&](Id id) {
            if (found || !can<Step>(store_, id)) return;
            if constexpr (std::is_same_v<Step, world::device_dma>)
                if (!is_due(id)) return;
            found = id;
        });
        if (!found) return false;
        if constexpr (std::is_same_v<Step, world::device_dma>) land(*found);
        step<Step>(*found);
        return true;
    }
    template <class Step>
    bool exists() const {
        if constexpr (requires { Step::in(store_.world()); }) return Step::in(store_.world());
        return true;
    }
    template <class... Step>
    bool try_any(StepList<Step...>) {
        return ((exists<Step>() && try_one<Step>(typename Step::Of{})) || ...);
    }
    void run_kernel() {
        while (try_any(OnTheWay{}) || try_any(Issuing{}) || try_any(Completing{})) {
        }
    }

    // --- the application -------------------------------------------------------------------

    bool floods() const { return job_.application == Application::floods; }
    bool waits_for_buffers() const { return job_.path.notifies_each && !floods(); }

    // A buffer to send from; waits for one when all are with the kernel. Nothing that is under way
    // is written again; what is covered by no notification yet is sent again as it is.
    BufferId next_buffer() {
        for (;;) {
            for (const BufferId b : buffers_) {
                if (store_[b].lent > 0) continue;
                if (!store_[b].written) step<world::app_write>(b);
                return b;
            }
            if (!waits_for_buffers()) return buffers_[turn_++ % buffers_.size()];
            ZCV_CHECK(!flights_.empty());
            double first = flights_.front().lands_ns;
            for (const Flight& each : flights_) first = std::min(first, each.lands_ns);
            idle_ += std::max(0.0, first - now_);
            now_ = std::max(now_, first);
            enter();
            read_all();
        }
    }

    void enter() {
        ++result_.system_calls;
        ++call_;
        work_found_ = false;
        if (world::app_enter::in(store_.world()) && can<world::app_enter>(store_, ring_))
            step<world::app_enter>(ring_);
        charge("io_uring_enter", floods() ? Cost::submit : Cost::enter);
        run_kernel();
    }

    void one_round() {
        if (is_ring(job_.path.way)) {
            for (unsigned i = 0; i < job_.path.batch; ++i) {
                const BufferId b = next_buffer();
                step<world::app_submit>(b, store_.add_request(ring_, api_, slot_), sock_);
            }
            enter();
        } else {
            for (unsigned i = 0; i < job_.path.batch; ++i) call(next_buffer());
        }
        read_all();
    }

    void call(BufferId b) {
        ++result_.system_calls;
        ++call_;
        if (floods()) {
            ++result_.system_calls;
            charge("poll", Cost::poll);
        }
        const RequestId r = store_.add_request(ring_, api_);
        if (api_ != Api::msg_zerocopy) {
            // The copying send is the same step however it is handed in.
            step<world::app_submit>(b, r, sock_);
            run_kernel();
            return;
        }
        step<world::app_sendmsg>(b, r, sock_);
        run_kernel();
        step<world::app_sendmsg_returns>(r);
    }

    void read_all() {
        while (can<world::app_reap>(store_, ring_)) {
            result_.notified += store_[ring_].cq.front().kind == CqeKind::notif;
            step<world::app_reap>(ring_);
        }
        if (api_ != Api::msg_zerocopy || floods()) return;
        while (can<world::app_read_errqueue>(store_, sock_)) {
            ++result_.system_calls;
            const auto& range = store_[sock_].errqueue.front();
            result_.notified += kernel::ids_in(store_, range.lo, range.hi);
            step<world::app_read_errqueue>(sock_);
        }
        ++result_.system_calls;
        charge("recvmsg(MSG_ERRQUEUE)", Cost::look);
    }

    struct Flight {
        SkbId skb;
        double lands_ns;
        std::uint64_t call;  // that handed it over
    };

    const Job job_;
    const Costs& costs_;
    const Api api_;
    GrowingStore store_;
    SockId sock_ = none<SockId>;
    RingId ring_ = none<RingId>;
    SlotId slot_ = none<SlotId>;
    std::vector<BufferId> buffers_;
    std::vector<Flight> flights_;
    std::size_t turn_ = 0;
    std::uint64_t call_ = 0;          // which sends
    std::uint64_t interrupt_of_ = 0;  // the last one
    bool work_found_ = false;         // in this system call
    double now_ = 0;
    double idle_ = 0;
    Simulated result_;
};

}  // namespace

const std::vector<Charge>& charges() {
    static const std::vector<Charge> all{
        {"app_sendmsg", Cost::call, "", always},
        {"io_send", Cost::call, "send(2)", by_call},
        {"io_send", Cost::request, "io_uring", by_ring},
        {"io_send", Cost::ring_send, "io_uring", by_ring},
        {"io_send", Cost::copy, "several at once", from_several},
        {"io_send", Cost::copy_warm, "one at a time", from_one_buffer},
        {"io_send_zc_prep", Cost::request, "", always},
        {"io_send_zc_issue", Cost::ring_send, "", always},
        {"io_sendzc", Cost::request, "", always},
        {"io_sendzc", Cost::ring_send, "", always},
        {"ip_append_data", Cost::pin, "memory that is not registered", from_memory},
        {"ip_append_data", Cost::frags, "", always},
        {"dev_queue_xmit", Cost::datagram, "", always},
        {"ifb_xmit", Cost::device, "copied", by_copy},
        {"ifb_xmit", Cost::device_pages, "by reference", by_reference},
        {"device_dma", Cost::device, "copied", by_copy},
        {"device_dma", Cost::device_pages, "by reference", by_reference},
        {"io_notif_tw_complete", Cost::task_work, "", always},
        {"io_notif_complete_tw", Cost::task_work, "", always},
        {"io_zc_tx_work_callback", Cost::work_item, "", always},
        {"app_read_errqueue", Cost::read_range, "", always},
    };
    return all;
}

double Simulated::ns_of(Cost cost, const Costs& costs) const {
    return count(cost) * costs[cost];
}

double Simulated::ns_of(std::string_view step, const Costs& costs) const {
    double all = 0;
    for (const auto& [what, times] : charged)
        if (what.first == step) all += times * costs[what.second];
    return all;
}

double Simulated::count(Cost cost) const {
    double times = 0;
    for (const auto& [what, each] : charged) times += what.second == cost ? each : 0;
    return times;
}

bool can_simulate(const Job& job) {
    if (is_bypass(job.path.way) || find_profile(job.profile) == nullptr) return false;
    return job.path.notifies_each || uses_slot(api_of(job));
}

Simulated simulate(const Job& job, const Costs& costs) {
    ZCV_CHECK(can_simulate(job));
    return Run(job, costs).run();
}

}  // namespace zcv::clock
