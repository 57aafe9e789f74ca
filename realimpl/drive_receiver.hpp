#pragma once

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"

namespace zcv::drive {

// The whole life of the receiving process after the fork: its namespace, its end of the pair, its
// socket, every message judged as it arrives. Leaves its tally on the board.
void receive_all(const Plan& plan, Board& board);

}  // namespace zcv::drive
