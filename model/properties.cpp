#include "model/properties.hpp"

#include "model/properties/tables.hpp"

namespace zcv {

const std::vector<KernelProperty>& kernel_properties() {
    static const std::vector<KernelProperty> all = [] {
        std::vector<KernelProperty> list;
        for (const auto& group : {buffer_properties(), page_properties(), reference_properties(),
                                  completion_properties(), errqueue_properties(),
                                  chain_properties(), waiting_properties(), report_properties(),
                                  slot_properties(), xdp_properties(), ring_properties()})
            list.insert(list.end(), group.begin(), group.end());
        return list;
    }();
    return all;
}

}  // namespace zcv
