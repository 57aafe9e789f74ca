#include <algorithm>
#include <array>
#include <type_traits>

#include "model/kernel_system.hpp"

// Which steps of the kernel may be taken before all others (checker/reduction.hpp says what that
// needs): those that move an skb to its device. No other step reads whether it waits before a qdisc
// or in one, no property does, and none of its own steps leads back there. Where a packet may be
// dropped instead, that belongs to the same choice, and commutes only if nobody asks how many skbs
// share the data. Left out: what a device does with an skb; it reads memory that may be written.
namespace zcv {
namespace {

// Nothing but the steps below can happen to an skb of this socket while it is at that place.
bool only_moves(const World& world, const SockConfig& sock, Loc at) {
    if (sock.expands) return false;
    if (at == Loc::build) return true;
    return !sock.tapped && !sock.mirrors && !sock.segments && !sock.linear && !sock.duplicates &&
           !world.hazards.device_resets;
}

// Whether dropping it is seen by nobody but who holds the data.
bool drops_unseen(const World& world, const SockConfig& sock) {
    if (!world.hazards.drops) return true;
    if (sock.receives || sock.tun || sock.tapped || sock.mirrors || sock.stamped) return false;
    if (sock.orphans || sock.duplicates || sock.carves || world.hazards.trims) return false;
    return world.defer_taskrun_waits == 0 && std::ranges::all_of(world.apis, notifies_each);
}

bool may_go_alone(const World& world, const SockConfig& sock, Loc at) {
    return (at == Loc::build || at == Loc::qdisc) && only_moves(world, sock, at) &&
           drops_unseen(world, sock);
}

template <class Wanted, class... Step>
constexpr std::uint8_t number_in(StepList<Step...>) {
    const std::array is_wanted{std::is_same_v<Wanted, Step>...};
    return static_cast<std::uint8_t>(std::ranges::find(is_wanted, true) - is_wanted.begin());
}

template <class Step>
void take_if_possible(const FixedStore& state, SkbId k, const KernelSystem::AnyVisit& visit) {
    if (!can<Step>(state, k)) return;
    FixedStore after = state;
    Step::effect(after, k);
    visit({number_in<Step>(Steps{}), {static_cast<std::uint8_t>(index(k))}}, after);
}

}  // namespace

bool KernelSystem::names_alone() const {
    const auto sends_alone = [&](const SockConfig& sock) {
        return may_go_alone(world_, sock, Loc::build) || may_go_alone(world_, sock, Loc::qdisc);
    };
    return std::ranges::any_of(world_.socks, sends_alone);
}

bool KernelSystem::for_each_alone(const State& state, const AnyVisit& visit, unsigned which) const {
    for (std::uint32_t i = 0; i < state.count(SkbId{}); ++i) {
        const SkbId k{i};
        const auto& skb = state[k];
        if (!skb.alive || !may_go_alone(world_, state.config(skb.sock), skb.loc)) continue;
        if (which-- != 0) continue;
        take_if_possible<kernel::dev_queue_xmit>(state, k, visit);
        take_if_possible<kernel::dev_hard_start_xmit>(state, k, visit);
        take_if_possible<kernel::kfree_skb_reason>(state, k, visit);
        return true;
    }
    return false;
}

}  // namespace zcv
