#include "traces/ref_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace zcv {
namespace {

enum class By { issuer, call, skb, member };

By holder_of(std::uint8_t how) {
    switch (how) {
        case ZCV_REF_ALLOC:
        case ZCV_REF_EXTEND:
        case ZCV_REF_ISSUER:
        case ZCV_REF_FLUSH:
        case ZCV_REF_ABORT:
            return By::issuer;
        case ZCV_REF_CALL:
        case ZCV_REF_CALL_OVER:
            return By::call;
        case ZCV_REF_MEMBER:
        case ZCV_REF_MEMBER_GONE:
            return By::member;
        default:
            return By::skb;
    }
}

// A life with what is needed to see who drops what.
struct Told {
    RefLife life;
    struct Open {
        By by;
        std::uint64_t who;   // skb or member
        std::uint64_t head;  // of the skb
        std::size_t hold;
    };
    std::vector<Open> open;
    std::vector<std::uint64_t> members;
    std::vector<std::size_t> member_holds;  // of each of them
};

class Telling {
  public:
    Telling(const Trace& trace, const ReplayReport& report) {
        for (const SendHistory& send : report.history) numbers_[send.generation] = send.number;
        std::vector<const zcv_event*> order;
        for (const zcv_event& event : trace.events)
            if (event.kind == ZCV_UBUF_REF || event.kind == ZCV_SUBMIT) order.push_back(&event);
        std::stable_sort(order.begin(), order.end(), [](const auto* one, const auto* other) {
            return one->time_ns < other->time_ns;
        });
        for (const zcv_event* event : order) take(*event);
        for (Told& told : all_)
            for (std::size_t i = 0; i < told.members.size(); ++i)
                if (const Told* member = life_at(told, told.members[i], told.member_holds[i]))
                    if (member->life.send != 0)
                        told.life.holds[told.member_holds[i]].holder =
                            fmt::format("send #{}", member->life.send);
    }

    std::vector<RefLife> family(std::optional<std::uint32_t> send) const {
        const Told* chosen = nullptr;
        for (const Told& told : all_) {
            if (send ? told.life.send != *send : chosen != nullptr && !is_more(told, *chosen))
                continue;
            chosen = &told;
        }
        std::vector<RefLife> family;
        if (chosen == nullptr) return family;
        for (const Told& told : all_)
            for (std::size_t i = 0; i < told.members.size(); ++i)
                if (life_at(told, told.members[i], told.member_holds[i]) == chosen) chosen = &told;
        family.push_back(chosen->life);
        for (std::size_t i = 0; i < chosen->members.size(); ++i)
            if (const Told* member = life_at(*chosen, chosen->members[i], chosen->member_holds[i]))
                family.push_back(member->life);
        return family;
    }

  private:
    static bool is_more(const Told& one, const Told& other) {
        return one.members.size() != other.members.size()
                   ? one.members.size() > other.members.size()
                   : one.life.counts.size() > other.life.counts.size();
    }

    // The life that this ubuf had when it was stacked on `head`.
    const Told* life_at(const Told& head, std::uint64_t ubuf, std::size_t hold) const {
        const std::uint64_t when = head.life.holds[hold].from_ns;
        const Told* found = nullptr;
        for (const Told& told : all_)
            if (told.life.ubuf == ubuf && !told.life.counts.empty() &&
                told.life.counts.front().time_ns <= when)
                found = &told;
        return found;
    }

    void take(const zcv_event& event) {
        if (event.kind == ZCV_SUBMIT) {
            const auto now = alive_.find(event.ubuf);
            const auto number = numbers_.find(event.generation);
            if (now != alive_.end() && number != numbers_.end())
                all_[now->second].life.send = number->second;
            return;
        }
        if (event.opcode == ZCV_REF_ALLOC) {
            alive_[event.ubuf] = all_.size();
            all_.emplace_back().life.ubuf = event.ubuf;
        }
        const auto now = alive_.find(event.ubuf);
        if (now == alive_.end()) return;
        Told& told = all_[now->second];
        told.life.counts.push_back({event.time_ns, event.refs});
        for (std::int32_t i = 0; i < event.res; ++i) hold(told, event);
        for (std::int32_t i = event.res; i < 0; ++i) drop(told, event);
    }

    static void hold(Told& told, const zcv_event& event) {
        const By by = holder_of(event.opcode);
        const std::uint64_t who = by == By::member ? event.owner : event.skb;
        const std::string name = by == By::issuer   ? "issuer"
                                 : by == By::call   ? "the call itself"
                                 : by == By::member ? fmt::format("ubuf {:#x}", who)
                                                    : fmt::format("skb {:#x}", who);
        if (by == By::member) {
            told.members.push_back(who);
            told.member_holds.push_back(told.life.holds.size());
        }
        told.open.push_back({by, who, event.head, told.life.holds.size()});
        told.life.holds.push_back({name, event.time_ns, std::nullopt});
    }

    // The hold that is given up: of the same skb or member, or else of the same head, or else the
    // oldest of that kind.
    static void drop(Told& told, const zcv_event& event) {
        const By by = holder_of(event.opcode);
        const std::uint64_t who = by == By::member ? event.owner : event.skb;
        const auto find = [&](const auto& fits) {
            return std::find_if(told.open.begin(), told.open.end(), fits);
        };
        auto at = find([&](const auto& each) { return each.by == by && each.who == who; });
        if (at == told.open.end())
            at = find([&](const auto& each) { return each.by == by && each.head == event.head; });
        if (at == told.open.end()) at = find([&](const auto& each) { return each.by == by; });
        if (at == told.open.end()) at = told.open.begin();
        if (at == told.open.end()) return;
        told.life.holds[at->hold].to_ns = event.time_ns;
        told.open.erase(at);
    }

    std::map<std::uint32_t, std::uint32_t> numbers_;
    std::map<std::uint64_t, std::size_t> alive_;
    std::vector<Told> all_;
};

}  // namespace

std::vector<RefLife> family_of(const Trace& trace, const ReplayReport& report,
                               std::optional<std::uint32_t> send) {
    if (send && *send > report.history.size())
        throw Refusal(Status::usage, fmt::format("--send {}: the trace has {} sends: name one of "
                                                 "them by its number from 1",
                                                 *send, report.history.size()));
    return Telling(trace, report).family(send);
}

}  // namespace zcv
