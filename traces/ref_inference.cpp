#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "model/profiles.hpp"
#include "traces/binding.hpp"
#include "traces/ref_history.hpp"

// Who holds the references of a ubuf, by the model's state as a replay walks through a trace.
namespace zcv {
namespace {

// Told of one send, with what is needed to see who holds no longer.
struct Inferred {
    RefLife life;
    std::vector<SendSteps::Step> steps;
    using Key = std::tuple<int, std::uint32_t>;  // kind of holder, and which
    std::map<Key, std::size_t> open;             // to its hold
    std::vector<std::uint32_t> members;          // generations, in the order they came
};

class Inference {
  public:
    Inference(const Trace& trace, const ReplayReport& report) {
        for (const SendHistory& send : report.history) numbers_[send.generation] = send.number;
        const Profile* const profile = find_profile(report.profile);
        if (profile == nullptr) return;
        ReplayReport scratch;
        Walk walk(records_of(trace), trace, *profile, scratch);
        std::vector<RefHolders> seen;
        std::vector<StepTaken> steps;
        walk.note_holders(seen);
        walk.note_steps(steps);
        while (const KnownRecord* const record = walk.next()) walk.explain(*record);
        for (const RefHolders& now : seen) take(now, walk.lookahead());
        for (const StepTaken& step : steps)
            if (const auto one = all_.find(step.generation); one != all_.end())
                one->second.steps.push_back({step.time_ns, step.function});
        for (const std::size_t record : order_by_time(trace)) read(trace.events[record]);
    }

    std::vector<RefLife> family(std::optional<std::uint32_t> send) const {
        const Inferred* chosen = nullptr;
        for (const auto& [generation, one] : all_) {
            if (send ? one.life.send != *send : chosen != nullptr && !is_more(one, *chosen))
                continue;
            chosen = &one;
        }
        if (chosen == nullptr) return {};
        for (const auto& [generation, head] : all_)
            for (const std::uint32_t member : head.members)
                if (&all_.at(member) == chosen) chosen = &head;
        std::vector<RefLife> family{chosen->life};
        for (const std::uint32_t member : chosen->members) family.push_back(all_.at(member).life);
        return family;
    }

    std::vector<SendSteps> all() const {
        std::vector<SendSteps> all;
        for (const auto& [generation, one] : all_) all.push_back({one.steps, one.life});
        std::ranges::sort(all, {}, [](const SendSteps& one) { return one.refs.send; });
        return all;
    }

  private:
    static bool is_more(const Inferred& one, const Inferred& other) {
        return std::pair(one.members.size(), one.life.counts.size()) >
               std::pair(other.members.size(), other.life.counts.size());
    }

    std::string send_named(std::uint32_t generation) const {
        const auto number = numbers_.find(generation);
        return number == numbers_.end() ? "a send" : fmt::format("send #{}", number->second);
    }

    static std::string skb_named(const RefHolders::Skb& skb, const Lookahead& ahead) {
        const Life& life = ahead.lives.at(skb.life);
        return life.seen ? fmt::format("skb {:#x}", life.skb) : "skb, in no record";
    }

    void take(const RefHolders& now, const Lookahead& ahead) {
        Inferred& one = all_[now.generation];
        if (one.life.counts.empty()) {
            const auto number = numbers_.find(now.generation);
            one.life.send = number == numbers_.end() ? 0 : number->second;
            const SendFacts* const facts = ahead.sends.find(now.generation);
            if (facts != nullptr && facts->submitted) one.life.ubuf = facts->ubuf;
        }
        one.life.counts.push_back({now.time_ns, now.refs});
        std::map<Inferred::Key, std::string> holders;
        if (now.issuer) holders[{0, 0}] = "issuer";
        if (now.call) holders[{1, 0}] = "the call itself";
        for (const RefHolders::Skb& skb : now.skbs)
            holders[{2, static_cast<std::uint32_t>(skb.shinfo)}] = skb_named(skb, ahead);
        for (const std::uint32_t member : now.members) {
            if (holders.emplace(Inferred::Key{3, member}, send_named(member)).second &&
                std::ranges::find(one.members, member) == one.members.end() &&
                all_.contains(member))
                one.members.push_back(member);
        }
        hold(one, holders, now.time_ns);
    }

    static void hold(Inferred& one, const std::map<Inferred::Key, std::string>& holders,
                     std::uint64_t time_ns) {
        for (auto open = one.open.begin(); open != one.open.end();) {
            const bool holds = holders.contains(open->first);
            if (!holds) one.life.holds[open->second].to_ns = time_ns;
            open = holds ? std::next(open) : one.open.erase(open);
        }
        for (const auto& [key, name] : holders) {
            if (!one.open.emplace(key, one.life.holds.size()).second) continue;
            one.life.holds.push_back({name, time_ns, std::nullopt});
        }
    }

    // What the kernel's count was when another record was made.
    void read(const zcv_event& event) {
        if (event.refs == ZCV_REFS_UNKNOWN || event.kind == ZCV_UBUF_REF) return;
        const auto at = all_.find(event.generation);
        if (at == all_.end() || event.ubuf == 0 || event.ubuf != at->second.life.ubuf) return;
        at->second.life.read.push_back({event.time_ns, event.refs});
    }

    std::map<std::uint32_t, std::uint32_t> numbers_;  // by generation
    std::map<std::uint32_t, Inferred> all_;           // by generation
};

}  // namespace

std::vector<RefLife> inferred_family_of(const Trace& trace, const ReplayReport& report,
                                        std::optional<std::uint32_t> send) {
    return Inference(trace, report).family(send);
}

std::vector<SendSteps> steps_of(const Trace& trace, const ReplayReport& report) {
    return Inference(trace, report).all();
}

}  // namespace zcv
