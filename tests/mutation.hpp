#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/any_kernel.hpp"
#include "tests/situations.hpp"

// The model with its kernel changed for the worse: how a change is made, and the small worlds in
// which it must be noticed.
namespace zcv::test {
namespace {

using checker::Taken;

World small(const SockConfig& config, const Hazards& hazards = {},
            const std::string& profile = "6.18") {
    World world = roomy(config, profile);
    world.hazards = hazards;
    world.bounds = {
        .buffers = 1, .requests = 1, .ubufs = 1, .shinfos = 3, .skbs = 3, .cq_entries = 4};
    return world;
}

World two_streamed(const std::string& profile = "6.18") {
    World world = small(tcp_nic, {}, profile);
    world.bounds.requests = 2;
    world.bounds.ubufs = 2;
    world.bounds.shinfos = 2;
    world.bounds.skbs = 2;
    return world;
}

constexpr SockConfig udp_segmented{.transport = Transport::udp, .dma = true, .segments = true};
constexpr SockConfig tcp_split{.transport = Transport::tcp, .dma = true, .splits = true};
constexpr SockConfig udp_tapped{.transport = Transport::udp, .dma = true, .tapped = true};

constexpr SockConfig udp_carved{
    .transport = Transport::udp, .receives = true, .tapped = true, .carves = true};
constexpr SockConfig udp_esp{
    .transport = Transport::udp, .receives = true, .duplicates = true, .decrypts = true};
constexpr SockConfig vsock{.transport = Transport::vsock, .dma = true};

World spliced() {
    World world = small(udp_esp);
    world.apis = {Api::splice};
    return world;
}

// The object that the step brought about.
template <class Id>
Id born(const FixedStore& before, const FixedStore& after) {
    Id found = none<Id>;
    after.for_each<Id>([&](Id id) {
        if (after[id].alive && !before[id].alive) found = id;
    });
    ZCV_CHECK(found != none<Id>);
    return found;
}

using Change = std::function<void(const FixedStore& before, FixedStore& after, const Taken&)>;

AnyKernel::Mutate on(const std::string& wanted, const Change& change) {
    return [=](const FixedStore& before, FixedStore& after, std::string_view step,
               const Taken& taken) {
        if (step == wanted) change(before, after, taken);
        return true;
    };
}

AnyKernel::Mutate without(const std::set<std::string, std::less<>>& steps) {
    return [=](const FixedStore&, FixedStore&, std::string_view step, const Taken&) {
        return !steps.contains(step);
    };
}

// A new shared info that refers to the pages and not to the ubuf, as an MTU probe makes them.
void forget_ubuf(const FixedStore& before, FixedStore& after, const Taken&) {
    const auto h = born<ShinfoId>(before, after);
    if (after[h].uarg == none<UbufId>) return;  // the one it was made from had lost it already
    --after[UbufId{after[h].uarg}].refs;
    after[h].uarg = none<UbufId>;
}

void forget_reference_of_new(const FixedStore& before, FixedStore& after, const Taken&) {
    --after[UbufId{after[born<ShinfoId>(before, after)].uarg}].refs;
}

void forget_dataref(const FixedStore& before, FixedStore& after, const Taken&) {
    --after[after[born<SkbId>(before, after)].shinfo].dataref;
}

void put_again(FixedStore& s, UbufId n) {
    if (s[n].refs == 0) return;
    if (--s[n].refs == 0) s[n].tw = TaskWork::queued;
}

UbufId notif_in(const FixedStore& s, const Taken& taken) {
    const UbufId n = s[RequestId{taken.ids[0]}].ubuf;
    ZCV_CHECK(n != none<UbufId>);
    return n;
}

// Data of a send in another's skb, and neither notification knows of the other.
void forget_link(const FixedStore& before, FixedStore& after, const Taken& taken) {
    const UbufId n = notif_in(after, taken);
    const UbufId head = after[n].head;
    ZCV_CHECK(head != none<UbufId>);
    after[n] = before[n];
    after[head] = before[head];
}

struct Mutation {
    std::string claim;
    World world;
    AnyKernel::Mutate mutate;
    std::string breaks;
    std::vector<std::string> unasked = {};
};

}  // namespace
}  // namespace zcv::test
