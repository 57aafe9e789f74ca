#include "traces/lookahead.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace zcv {
namespace {

constexpr std::uint32_t cqe_notif = 8;
constexpr std::uint8_t ipproto_tcp = 6;

class Look {
  public:
    explicit Look(const Trace& trace) : events_(trace.events) {
        all_.order.resize(events_.size());
        std::iota(all_.order.begin(), all_.order.end(), std::size_t{0});
        std::ranges::stable_sort(all_.order, {}, [&](std::size_t i) { return events_[i].time_ns; });
        all_.life_of.resize(events_.size());
        all_.send_of.resize(events_.size());
        all_.lives.emplace_back();
    }

    Lookahead run() {
        for (const std::size_t i : all_.order) look(i);
        return std::move(all_);
    }

  private:
    using Name = std::pair<std::uint64_t, std::uint64_t>;  // ring, user_data

    void look(std::size_t i) {
        const zcv_event& event = events_[i];
        all_.send_of[i] = event.generation;
        switch (event.kind) {
            case ZCV_SUBMIT:
            case ZCV_PREP_FAILED:
                return submitted(i, event);
            case ZCV_COMPLETE:
                return completed(i, event);
            case ZCV_NOTIF:
                return notified(i, event);
            case ZCV_CQE_OVERFLOW:
                return overflowed(i, event);
            case ZCV_TCP_APPEND:
                all_.streams.insert(event.sock);
                all_.last_sent_ns[event.sock] = event.time_ns;
                if (event.head != 0 && event.chain != 0)
                    head_seen(i, event, generation_of(event.chain));
                return;
            case ZCV_DEV_QUEUE:
                all_.last_sent_ns[event.sock] = event.time_ns;
                return head_seen(i, event, event.generation);
            case ZCV_DEV_XMIT:
            case ZCV_RX:
            case ZCV_SKB_CONSUME:
            case ZCV_SKB_DROP:
                return head_seen(i, event, event.generation);
            case ZCV_HEAD_FREE:
                all_.life_of[i] = life_at(event.head, event.generation);
                heads_.erase(event.head);
                return;
            default:
                return;
        }
    }

    void submitted(std::size_t i, const zcv_event& event) {
        if (event.generation == 0) return;
        all_.sends[event.generation].submit = i;
        if (event.ubuf != 0) ubufs_[event.ubuf] = event.generation;
        if (event.protocol == ipproto_tcp) all_.streams.insert(event.sock);
        names_[{event.ring, event.user_data}].push_back(event.generation);
    }

    void completed(std::size_t i, const zcv_event& event) {
        SendFacts* const send = find(event.generation);
        if (send == nullptr || send->complete != no_record) return;
        send->complete = i;
        note_chain(*send, event);
    }

    void notified(std::size_t i, const zcv_event& event) {
        SendFacts* const send = find(event.generation);
        if (send == nullptr || send->notif != no_record) return;
        send->notif = i;
        note_chain(*send, event);
    }

    void note_chain(SendFacts& send, const zcv_event& event) {
        if (event.chain != 0 && event.chain != event.ubuf) send.chain = generation_of(event.chain);
    }

    // The kernel gives no request here: it is the oldest send of that name that still lacks the
    // CQE.
    void overflowed(std::size_t i, const zcv_event& event) {
        const bool notif = (event.cqe_flags & cqe_notif) != 0;
        for (const std::uint32_t generation : names_[{event.ring, event.user_data}]) {
            SendFacts& send = all_.sends[generation];
            std::size_t& slot = notif ? send.notif : send.complete;
            if (slot != no_record || (event.generation != 0 && event.generation != generation))
                continue;
            slot = i;
            all_.send_of[i] = generation;
            return;
        }
    }

    void head_seen(std::size_t i, const zcv_event& event, std::uint32_t owner) {
        if (owner == 0) return;
        std::uint32_t life = life_at(event.head, owner);
        if (life == 0) life = born(i, event, owner);
        all_.life_of[i] = life;
    }

    std::uint32_t born(std::size_t i, const zcv_event& event, std::uint32_t owner) {
        SendFacts* const send = find(owner);
        if (send == nullptr) return 0;
        const auto life = static_cast<std::uint32_t>(all_.lives.size());
        const bool on_its_way = event.kind != ZCV_TCP_APPEND && event.kind != ZCV_DEV_QUEUE;
        all_.lives.push_back({owner, i, on_its_way && !send->lives.empty()});
        // One that shows up only after the notification is no part of the send: it breaks S1.
        if (send->notif == no_record) send->lives.push_back(life);
        heads_[event.head] = life;
        return life;
    }

    std::uint32_t life_at(std::uint64_t head, std::uint32_t owner) const {
        const auto found = heads_.find(head);
        if (found == heads_.end()) return 0;
        return owner == 0 || all_.lives[found->second].owner == owner ? found->second : 0;
    }

    std::uint32_t generation_of(std::uint64_t ubuf) const {
        const auto found = ubufs_.find(ubuf);
        return found == ubufs_.end() ? 0 : found->second;
    }

    SendFacts* find(std::uint32_t generation) {
        const auto found = all_.sends.find(generation);
        return found == all_.sends.end() ? nullptr : &found->second;
    }

    const std::vector<zcv_event>& events_;
    Lookahead all_;
    std::unordered_map<std::uint64_t, std::uint32_t> heads_;  // head -> life
    std::unordered_map<std::uint64_t, std::uint32_t> ubufs_;  // ubuf -> newest generation
    std::map<Name, std::vector<std::uint32_t>> names_;
};

}  // namespace

Lookahead look_ahead(const Trace& trace) {
    return Look(trace).run();
}

}  // namespace zcv
