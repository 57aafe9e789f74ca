#pragma once

#include <string>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"

namespace zcv::drive {

struct Result {
    SenderCounts sent;
    Tally tally;
    bool xdp = false;
    bool isolated = false;
    std::string note;
};

// Makes the network, sends, receives, and waits until all of it is gone again. Throws Refusal when
// this machine cannot, or when nothing moves for stall_ms.
Result run(const Plan& plan);

}  // namespace zcv::drive
