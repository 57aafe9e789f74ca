#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/progress.hpp"
#include "tests/naive.hpp"

// A second answer to what must happen in the end, written to be obviously right: nothing of the
// checker's graph, of its numbering of duties or of its search for lassos is in it.
namespace zcv::naive {

// By the words of the table: a shared name with the first object, or the step with all of them.
inline std::string duty_named(std::string_view step, const checker::Taken& taken, bool sending) {
    const std::string first = " " + std::to_string(taken.ids[0]);
    if (sending && is_sending(step)) return "goes on sending" + first;
    for (const Duty& duty : kernel_duties()) {
        if (duty.step != step) continue;
        if (!duty.duty.empty()) return "duty " + std::string(duty.duty) + first;
        const std::string others =
            " " + std::to_string(taken.ids[1]) + " " + std::to_string(taken.ids[2]);
        return std::string(step) + first + others;
    }
    return "";
}

struct Edge {
    std::uint32_t to;
    checker::Taken taken;
};

template <class State>
struct Everything {
    std::vector<State> states;
    std::vector<std::vector<Edge>> next;
};

template <class S>
Everything<typename S::State> everything(const S& system) {
    Everything<typename S::State> all;
    std::map<Name, std::uint32_t> met;
    const auto meet = [&](const typename S::State& state) {
        const auto number = static_cast<std::uint32_t>(all.states.size());
        const auto [at, fresh] = met.emplace(name_of(system, state), number);
        if (fresh) all.states.push_back(state);
        return at->second;
    };
    meet(system.initial());
    for (std::uint32_t from = 0; from < all.states.size(); ++from) {
        const auto state = all.states[from];
        all.next.emplace_back();
        system.for_each_next(state, [&](checker::Taken taken, const typename S::State& after) {
            all.next[from].push_back({meet(after), taken});
        });
    }
    return all;
}

// The strongly connected parts of what is pending (Kosaraju): 0 is none of them.
inline std::vector<std::uint32_t> parts_of(const std::vector<std::vector<std::uint32_t>>& next,
                                           const std::vector<bool>& pending) {
    std::vector<std::vector<std::uint32_t>> back(next.size());
    for (std::uint32_t from = 0; from < next.size(); ++from)
        for (const std::uint32_t to : next[from]) back[to].push_back(from);
    std::vector<std::uint32_t> part(next.size()), order, open, child(next.size());
    std::vector<bool> seen(next.size());
    for (std::uint32_t root = 0; root < next.size(); ++root) {
        if (!pending[root] || seen[root]) continue;
        for (seen[root] = true, open = {root}; !open.empty();) {
            const std::uint32_t at = open.back();
            if (child[at] == next[at].size()) {
                order.push_back(at);
                open.pop_back();
                continue;
            }
            const std::uint32_t to = next[at][child[at]++];
            if (pending[to] && !seen[to]) open.push_back(to);
            seen[to] = true;
        }
    }
    std::uint32_t parts = 0;
    for (; !order.empty(); order.pop_back()) {
        if (part[order.back()] != 0) continue;
        for (part[order.back()] = ++parts, open = {order.back()}; !open.empty();) {
            const std::uint32_t at = open.back();
            open.pop_back();
            for (const std::uint32_t to : back[at]) {
                if (!pending[to] || part[to] != 0) continue;
                part[to] = parts;
                open.push_back(to);
            }
        }
    }
    return part;
}

// Whether a run can stay in some part for ever, or stop there, and neglect nothing: no duty that is
// possible in all its states goes undone.
template <class State>
bool some_run_stays(const Everything<State>& all, const std::vector<bool>& pending,
                    const std::vector<std::vector<std::string>>& duty) {
    std::vector<std::vector<std::uint32_t>> next(all.next.size());
    for (std::size_t from = 0; from < all.next.size(); ++from)
        for (const Edge& edge : all.next[from]) next[from].push_back(edge.to);
    const std::vector<std::uint32_t> part = parts_of(next, pending);
    std::map<std::uint32_t, std::vector<std::uint32_t>> members;
    for (std::uint32_t s = 0; s < part.size(); ++s)
        if (part[s] != 0) members[part[s]].push_back(s);
    return std::ranges::any_of(members, [&](const auto& each) {
        std::map<std::string, std::size_t> possible;
        std::set<std::string> done;
        for (const std::uint32_t s : each.second) {
            std::set<std::string> here;
            for (std::size_t i = 0; i < next[s].size(); ++i) {
                if (duty[s][i].empty()) continue;
                here.insert(duty[s][i]);
                if (part[next[s][i]] == each.first) done.insert(duty[s][i]);
            }
            for (const std::string& name : here) ++possible[name];
        }
        return std::ranges::none_of(possible, [&](const auto& one) {
            return one.second == each.second.size() && !done.contains(one.first);
        });
    });
}

// The first of the named properties that is broken, "" when all hold.
template <class S>
std::string first_broken(const S& system, const World& world,
                         const std::vector<std::string>& names) {
    const auto all = everything(system);
    for (const std::string& name : names) {
        const auto& known = kernel_eventually();
        const auto property = std::ranges::find_if(known, [&](const KernelEventually& each) {
            return each.name == name || each.name.starts_with(name + "-");
        });
        std::vector<std::vector<std::string>> duty(all.next.size());
        for (std::size_t from = 0; from < all.next.size(); ++from)
            for (const Edge& edge : all.next[from])
                duty[from].push_back(duty_named(system.steps()[edge.taken.step].name, edge.taken,
                                                property->goes_on_sending));
        bool ever = false;
        for (std::uint32_t object = 0; object < property->objects(world); ++object) {
            std::vector<bool> pending;
            for (const auto& state : all.states)
                pending.push_back(property->pending(state, object));
            ever = ever || std::ranges::find(pending, true) != pending.end();
            if (some_run_stays(all, pending, duty)) return std::string(property->name);
        }
        if (!ever) return std::string(property->name) + "-reached";
    }
    return "";
}

}  // namespace zcv::naive
