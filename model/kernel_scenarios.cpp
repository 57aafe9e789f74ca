#include "model/scenarios.hpp"

namespace zcv {

std::vector<Scenario> kernel_scenarios() {
    return {};
}

}  // namespace zcv
