#pragma once

#include "realimpl/compare_worker.hpp"

namespace zcv::compare {

// Turns this process into zcv-dpdk, which answers orders on `channel` until it ends. That program
// is one of its own so that zcv needs no DPDK. Throws Refusal(unable) where it is not there.
[[noreturn]] void become_dpdk(const Bench& bench, int channel);

}  // namespace zcv::compare
