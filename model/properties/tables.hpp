#pragma once

#include <vector>

#include "model/properties.hpp"

// The properties of the kernel model, a table a subject. Each `always` is followed by its
// `sometimes`: that its premise is reached.
namespace zcv {

std::vector<KernelProperty> buffer_properties();
std::vector<KernelProperty> reference_properties();
std::vector<KernelProperty> page_properties();
std::vector<KernelProperty> completion_properties();
std::vector<KernelProperty> chain_properties();
std::vector<KernelProperty> waiting_properties();
std::vector<KernelProperty> report_properties();
std::vector<KernelProperty> ring_properties();
std::vector<KernelProperty> errqueue_properties();
std::vector<KernelProperty> slot_properties();
std::vector<KernelProperty> xdp_properties();

// Worlds in which memory is lent beyond the call, in which something counts references to it, and
// in which a request has a notification of its own.
inline bool lends_memory(const World& world) {
    return std::ranges::any_of(world.apis, [](Api api) { return api != Api::send; });
}
inline bool has_ubufs(const World& world) {
    return std::ranges::any_of(world.apis,
                               [](Api api) { return api != Api::send && api != Api::af_xdp; });
}
inline bool has_own_notifs(const World& world) {
    return std::ranges::any_of(world.apis, notifies_each);
}
// ... or one that is promised to come after its own CQE all the same.
inline bool orders_notifs(const World& world) {
    return has_own_notifs(world) || world.has(Api::notif_slot) || world.has(Api::notif_slot_flush);
}

template <class Id, class F>
bool every(const FixedStore& s, F&& f) {
    return !s.any<Id>([&](Id id) { return !f(id); });
}

}  // namespace zcv
