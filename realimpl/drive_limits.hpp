#pragma once

#include <optional>

#include "realimpl/drive_options.hpp"
#include "realimpl/drive_socket.hpp"

namespace zcv::drive {

// What --memlock asks for; the privilege that lifts the limit goes too.
void limit_memory(const Plan& plan);

// A packet socket as tcpdump opens one, never read: it takes a clone of every packet. Only while it
// lives, and only if the plan asks for it.
class Sniffer {
  public:
    explicit Sniffer(const Plan& plan);

  private:
    std::optional<Socket> socket_;
};

}  // namespace zcv::drive
