#pragma once

#include <vector>

#include "model/checker/system.hpp"
#include "model/fixed_store.hpp"

namespace zcv {

// Every property of kernel.md 7.4 that this model can state, each `always` followed by the
// `sometimes` that shows its premise to be reached.
const std::vector<checker::Property<FixedStore>>& kernel_properties();

}  // namespace zcv
