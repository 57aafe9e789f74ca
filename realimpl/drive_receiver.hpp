#pragma once

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"
#include "realimpl/drive_socket.hpp"

namespace zcv::drive {

// Enters the peer's world and listens there: a bound socket, for TCP a listening one.
Socket open_receiver(const Plan& plan, Board& board);

// The receiving process: listens, takes what comes until all is there, and judges it.
void receive_all(const Plan& plan, Board& board);

}  // namespace zcv::drive
