#pragma once

#include <netinet/in.h>

#include "realimpl/drive_board.hpp"
#include "realimpl/drive_options.hpp"

namespace zcv::drive {

// Where a run takes place: one namespace for lo and the sink, two with a veth pair between them.
// Each half is called by its own process.

// Inside namespaces of our own, names and addresses cannot clash with anything.
inline constexpr const char* near_device = "zcv0";
inline constexpr const char* far_device = "zcv1";

// The sender's namespace. With lo it may be the machine's own, when no other is to be had.
void enter_world(const Plan& plan, Board& board);

// The devices, once the peer (0: none) is in its namespace.
void make_devices(const Plan& plan, const Board& board, pid_t peer);

// The peer's namespace, then its end of the pair.
void enter_peer(const Plan& plan);
void make_peer_end(const Plan& plan, Board& board);

// Last thing before the first send, when both ends are up.
void await_devices(const Plan& plan);

// Where the receiver listens, and the sender sends to. Port 0 lets the kernel choose.
sockaddr_storage address_of(const Plan& plan, std::uint16_t port);
socklen_t address_size(const Plan& plan);

}  // namespace zcv::drive
