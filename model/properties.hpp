#pragma once

#include <vector>

#include "model/checker/system.hpp"
#include "model/fixed_store.hpp"

namespace zcv {

// A property of the kernel model, and in which worlds it is asked: one whose premise a world cannot
// bring about would be called vacuous there.
struct KernelProperty : checker::Property<FixedStore> {
    bool (*in)(const World&) = nullptr;  // null: in every world
};

// Every property of kernel.md 7.4 that this model can state, each `always` followed by the
// `sometimes` that shows its premise to be reached. Properties look at states, never at a profile.
const std::vector<KernelProperty>& kernel_properties();

}  // namespace zcv
