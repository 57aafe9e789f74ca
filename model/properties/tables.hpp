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
std::vector<KernelProperty> errqueue_properties();

template <class Id, class F>
bool every(const FixedStore& s, F&& f) {
    return !s.any<Id>([&](Id id) { return !f(id); });
}

}  // namespace zcv
